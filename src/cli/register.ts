/**
 * `attestry register`: hands a Signed Statement to a transparency service and says yes only when the
 * Receipt that came back verifies (standards.md IS-17).
 */
import type { Command } from 'commander'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import { addCommand, run } from './command.ts'
import type { Report } from './command.ts'
import { readToken } from './bearer-token.ts'
import { nameOf, parseFile, readInput, writeOutput } from './files.ts'
import { readContent, STORED } from './payload-upload.ts'
import type { StoredPayload } from './payload-upload.ts'
import { parseUrl } from './option-values.ts'
import { assertOneOutput } from './outputs.ts'
import { fields, formatNumber, formatTime } from './terminal.ts'
import { registerMany } from './register-many.ts'
import type { RegisterOptions } from './register-many.ts'
import { readTrustFile } from './trust-file.ts'
import { registerWithContent } from './verified-registration.ts'
import type { VerifiedRegistration } from './verified-registration.ts'

const HELP = `
Registering the same statement again is safe: it keeps its entry and index. Without
--trust the Receipt is verified with the keys that the service itself presents.
Speaks every generation of SCRAPI, so it works with other services too. A service that wants
to know who submits gets a bearer token from --token-file, or from ATTESTRY_TOKEN.

Several files go in batches, where the service takes them; -o names a directory then, and the
exit status is 0 only when all of them are registered.

With --payload the content of a hash envelope is compared with the statement and stored by an
Attestry service, where anybody can read it.

Examples:
  $ attestry register sbom.cose --url https://log.example.org -o sbom.transparent.cose
  $ attestry register sbom.cose --url https://log.example.org --trust trust.json --json
  $ attestry register image.cose --payload image.json --url https://log.example.org
  $ attestry register *.cose --url https://log.example.org -o transparent/
`

export function addRegister(program: Command): void {
  addCommand(program, 'register', { description: 'register a Signed Statement', help: HELP })
    .argument('FILE...', 'Signed Statements, or - for standard input')
    .requiredOption('--url <url>', 'address of the transparency service', parseUrl)
    .option('--trust <trust>', "trust file to verify the Receipt with, not the service's own keys")
    .option('--token-file <file>', 'bearer token: an API token or an OIDC token of your CI')
    .option('--payload <file>', 'content of a hash envelope, to be stored by the service, too')
    .option('-o, --output <file>', 'Transparent Statement to write, - for standard output')
    .action(
      run((files: string[], options: RegisterOptions) => {
        const [file, ...more] = files
        return more.length === 0 ? register(file!, options) : registerMany(files, options)
      }),
    )
}

async function register(file: string, options: RegisterOptions): Promise<Report> {
  assertOneOutput(options)
  const statementBytes = await readInput(file)
  // Refuse what is not a statement before anything goes over the network.
  const statement = parseFile(file, () => parseSignedStatement(statementBytes))
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
