/**
 * `attestry register`: hands a Signed Statement to a transparency service and says yes only when the
 * Receipt that came back verifies (standards.md IS-17).
 */
import type { Command } from 'commander'
import { ScrapiClient } from '../client/scrapi-client.ts'
import { attachReceipts } from '../statement/transparent-statement.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import { verifyTransparentStatement } from '../verify/index.ts'
import type { TrustPolicy, VerifiedStatement } from '../verify/index.ts'
import { addCommand, run } from './command.ts'
import type { Report } from './command.ts'
import { bearerFetch, readToken } from './bearer-token.ts'
import { nameOf, readInput, writeOutput } from './files.ts'
import { offerPayload, readContent, STORED, storePayload } from './payload-upload.ts'
import type { NamedContent, StoredPayload } from './payload-upload.ts'
import { parseUrl } from './option-values.ts'
import { assertOneOutput } from './outputs.ts'
import { fetchLogOfReceipt } from './service-trust.ts'
import { fields, formatNumber, formatTime } from './terminal.ts'
import { readTrustFile } from './trust-file.ts'

const HELP = `
Registering the same statement again is safe: it keeps its entry and index. Without
--trust the Receipt is verified with the keys that the service itself presents.
Speaks every generation of SCRAPI, so it works with other services too. A service that wants
to know who submits gets a bearer token from --token-file, or from ATTESTRY_TOKEN.

With --payload the content of a hash envelope is compared with the statement and stored by an
Attestry service, where anybody can read it.

Examples:
  $ attestry register sbom.cose --url https://log.example.org -o sbom.transparent.cose
  $ attestry register sbom.cose --url https://log.example.org --trust trust.json --json
  $ attestry register image.cose --payload image.json --url https://log.example.org
`

interface RegisterOptions {
  readonly url: string
  readonly output?: string
  readonly trust?: string
  readonly tokenFile?: string
  readonly payload?: string
  readonly json?: boolean
}

export function addRegister(program: Command): void {
  addCommand(program, 'register', { description: 'register a Signed Statement', help: HELP })
    .argument('FILE', 'Signed Statement, or - for standard input')
    .requiredOption('--url <url>', 'address of the transparency service', parseUrl)
    .option('--trust <trust>', "trust file to verify the Receipt with, not the service's own keys")
    .option('--token-file <file>', 'bearer token: an API token or an OIDC token of your CI')
    .option('--payload <file>', 'content of a hash envelope, to be stored by the service, too')
    .option('-o, --output <file>', 'Transparent Statement to write, - for standard output')
    .action(run(register))
}

async function register(file: string, options: RegisterOptions): Promise<Report> {
  assertOneOutput(options)
  const statementBytes = await readInput(file)
  // Refuse what is not a statement before anything goes over the network.
  const statement = parseSignedStatement(statementBytes)
  const content = await readContent(statement, options.payload)
  const trust = options.trust === undefined ? undefined : await readTrustFile(options.trust)
  const token = await readToken(options.tokenFile)
  const request = { url: options.url, statementBytes, trust, token }
  const { registered, stored } = await registerWithContent(request, content)
  if (options.output !== undefined) {
    await writeOutput(options.output, registered.transparentStatement)
  }
  return report(nameOf(file), registered, { options, stored })
}

/** What a registration yielded, verified. */
export interface VerifiedRegistration {
  readonly statement: VerifiedStatement
  readonly transparentStatement: Uint8Array
  readonly location: string
  readonly entryId: string
}

export interface RegistrationRequest {
  readonly url: string
  readonly statementBytes: Uint8Array
  readonly trust: TrustPolicy | undefined
  readonly token?: string | undefined
}

/**
 * Registers, and hands over the content of a hash envelope, where there is some. Throws as
 * {@link registerAndVerify} and {@link storePayload}.
 */
export async function registerWithContent(
  request: RegistrationRequest,
  content: NamedContent | undefined,
): Promise<{
  readonly registered: VerifiedRegistration
  readonly stored: StoredPayload | undefined
}> {
  const { url, token } = request
  const upload = content && { ...content, url, token }
  // First, where it is let in: then the service reads it when it decides.
  const offered = upload && (await offerPayload(upload))
  const registered = await registerAndVerify(request)
  const isLate = upload !== undefined && offered === 'not-yet'
  return { registered, stored: isLate ? await storePayload(upload) : offered }
}

/**
 * Registers, attaches the Receipt and verifies it.
 * @throws UnavailableError, PolicyError or InputError as the service answered.
 * @throws VerificationError when the service's Receipt does not hold.
 */
export async function registerAndVerify(
  request: RegistrationRequest,
): Promise<VerifiedRegistration> {
  const { url, statementBytes, token } = request
  const client = new ScrapiClient(
    token === undefined ? { url } : { url, fetch: bearerFetch(token) },
  )
  const { location, entryId, receipt } = await client.register(statementBytes)
  const trust = request.trust ?? {
    version: 1,
    logs: [await fetchLogOfReceipt(url, receipt)],
    issuers: [],
  }
  const outcome = await verifyTransparentStatement({
    // The new Receipt alone is in question; earlier ones stay in the file that is written.
    transparentStatement: attachReceipts(parseSignedStatement(statementBytes).entry, [receipt]),
    trust,
    at: Math.floor(Date.now() / 1000),
    receiptOnly: true,
  })
  if (outcome.kind !== 'verified') throw outcome.error
  const transparentStatement = attachReceipts(statementBytes, [receipt])
  return { statement: outcome.statement, transparentStatement, location, entryId }
}

interface ReportContext {
  readonly options: RegisterOptions
  readonly stored: StoredPayload | undefined
}

function report(
  name: string,
  registered: VerifiedRegistration,
  { options, stored }: ReportContext,
): Report {
  const { statement, location, entryId, transparentStatement } = registered
  const { leafIndex, treeSize, registrationTime, log } = statement
  const keys = options.trust ?? 'the keys that the service presents'
  return {
    json: {
      entryId,
      entryDigest: statement.entryId,
      leafIndex: leafIndex ?? null,
      treeSize: treeSize ?? null,
      positionAuthenticated: statement.positionAuthenticated,
      registrationTime: registrationTime ?? null,
      location,
      log: log.issuer,
      receiptVerifiedWith: options.trust ?? 'service',
      output: options.output ?? null,
      payload: stored ?? null,
    },
    lines: [
      { text: `${name}: registered, Receipt verified with ${keys}`, tone: 'good' },
      ...fields([
        ['log', log.issuer],
        ['entry id', entryId],
        ['index', leafIndex === undefined ? undefined : formatNumber(leafIndex)],
        ['tree size', treeSize === undefined ? undefined : formatNumber(treeSize)],
        ['registered', registrationTime === undefined ? undefined : formatTime(registrationTime)],
        ['location', location],
        ['payload', stored === undefined ? undefined : STORED[stored]],
        [
          'written',
          options.output === undefined || options.output === '-'
            ? undefined
            : `${options.output} (${transparentStatement.length} bytes)`,
        ],
      ]),
    ],
    outputIsBytes: options.output === '-',
  }
}
