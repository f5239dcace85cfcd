/**
 * What is to be appraised: an entry of a log, or a file that holds a statement, a container or evidence
 * as its platform made it. For what is registered, when and after which head is found out too, so that
 * the appraisal of the registration can be repeated.
 */
import { encodeHex } from '../../bytes/hex.ts'
import type { UnixSeconds } from '../../bytes/integers.ts'
import { InputError } from '../../errors.ts'
import { nodeVerifier } from '../../keys/node-verifier.ts'
import { openCheckpoint } from '../../monitor/open-checkpoint.ts'
import { SignedHeads } from '../../monitor/signed-heads.ts'
import { payloadMediaType } from '../../payload/payload-content.ts'
import { parseTeeEvidence } from '../../payload/tee/evidence-container.ts'
import type { TeeEvidence } from '../../payload/tee/evidence-container.ts'
import { findCutQuote, findEvidenceFormat } from '../../payload/tee/evidence-format.ts'
import { isEvidenceMediaType, readTeeEvidence } from '../../payload/tee/evidence-media-types.ts'
import { signerThumbprint } from '../../policy/tee-evidence.ts'
import { matchPayload } from '../../statement/hash-envelope.ts'
import { parseSignedStatement } from '../../statement/signed-statement.ts'
import type { SignedStatement } from '../../statement/signed-statement.ts'
import { verifyTransparentStatement } from '../../verify/index.ts'
import type { VerifiedStatement } from '../../verify/index.ts'
import { contentOf } from '../attest/log-reference.ts'
import { CliError } from '../cli-error.ts'
import { exists, nameOf, PAYLOAD_BYTES_MAX, readInput } from '../files.ts'
import { tryRead } from '../inspect/try-read.ts'
import type { LogAccess } from '../log-access.ts'
import { readTrustFile } from '../trust-file.ts'

/** When something was registered, as far as that is proven. */
export interface Registration {
  readonly log: string
  readonly leafIndex?: number
  /** Signed time of the first head that holds it, or of the Receipt's head, which may be later. */
  readonly registeredAt: UnixSeconds
  /** True where `registeredAt` is that of the first head. */
  readonly isFirstHead: boolean
  /** Size of that head: the evidence was made before it. */
  readonly treeSize?: number
}

/** Evidence, and what is known about it. */
export interface Appraised {
  readonly name: string
  readonly evidence: TeeEvidence
  readonly statement?: SignedStatement
  /** RFC 9679 thumbprint of the key that signed the statement, as its header names it. */
  readonly signer?: Uint8Array
  readonly registration?: Registration
}

export interface AppraisedOptions {
  readonly trust?: string
  readonly payload?: string
}

const ENTRY_ID = /^[0-9a-f]{64}$/i

/**
 * Reads what was named, from the log or from a file.
 * @throws CliError for what holds no evidence; VerificationError where a Receipt does not hold.
 */
export async function readAppraised(
  name: string,
  options: AppraisedOptions,
  access: LogAccess | undefined,
): Promise<Appraised> {
  const isHex = /^[0-9a-f]+…?$/i.test(name) && !(await exists(name))
  const isEntry = isHex && ENTRY_ID.test(name)
  if (isHex && !isEntry) {
    throw new CliError('ERR_FILE', `${name}: no such file, and an entry id has 64 hex digits`)
  }
  if (!isEntry) return readFileAppraised(name, options, access)
  if (access === undefined) {
    throw new CliError('ERR_USAGE', 'an entry id needs the log that holds it', {
      hint: 'add --url URL --trust TRUST, or name a file',
    })
  }
  const bytes = await access.source.statement(name.toLowerCase())
  if (bytes === undefined) throw new CliError('ERR_FILE', `the log has no entry ${name}`)
  const statement = parseSignedStatement(bytes)
  if (statement.entryId !== name.toLowerCase()) {
    throw new InputError('ERR_RESPONSE', 'the log gives another statement under this id')
  }
  return readStatement({ name, bytes, statement }, options, access)
}

async function readFileAppraised(
  name: string,
  options: AppraisedOptions,
  access: LogAccess | undefined,
): Promise<Appraised> {
  const bytes = await readInput(name)
  const statement = tryRead(() => parseSignedStatement(bytes))
  // A Nitro document is a COSE_Sign1, too: what names no issuer is no statement.
  if (statement?.headers.issuer !== undefined) {
    return readStatement({ name: nameOf(name), bytes, statement }, options, access)
  }
  const container = tryRead(() => parseTeeEvidence(bytes))
  const found = container === undefined ? findEvidenceFormat(bytes) : undefined
  const evidence = container ?? (found && { format: found.format, evidence: bytes })
  if (evidence !== undefined) return { name: nameOf(name), evidence }
  const cut = findCutQuote(bytes)
  if (cut !== undefined) {
    throw new CliError('ERR_FILE', `${nameOf(name)} holds a quote that is cut short: ${cut}`)
  }
  throw new CliError('ERR_FILE', `${nameOf(name)} holds no evidence`, {
    hint: '`attestry inspect FILE` shows what it holds',
  })
}

interface ReadStatement {
  readonly name: string
  readonly bytes: Uint8Array
  readonly statement: SignedStatement
}

async function readStatement(
  { name, bytes, statement }: ReadStatement,
  options: AppraisedOptions,
  access: LogAccess | undefined,
): Promise<Appraised> {
  const mediaType = payloadMediaType(statement)
  if (!isEvidenceMediaType(mediaType)) {
    throw new CliError('ERR_FILE', `${name} is a statement of ${mediaType.name}, not of evidence`)
  }
  const content =
    options.payload === undefined
      ? await contentOf(statement, access)
      : await readInput(options.payload, PAYLOAD_BYTES_MAX)
  if (content === undefined) {
    throw new CliError('ERR_FILE', `${name} holds only a digest of the evidence`, {
      hint: 'name its content: --payload FILE, or the log that has it: --url URL --trust TRUST',
    })
  }
  matchPayload(statement, content)
  const evidence = readTeeEvidence(mediaType, content)!
  const signer = signerThumbprint(statement)
  const verified = await verifyRegistered(bytes, options)
  const registration = verified === undefined ? undefined : await findRegistration(verified, access)
  return {
    ...{ name, evidence, statement },
    ...(signer === undefined ? {} : { signer }),
    ...(registration === undefined ? {} : { registration }),
  }
}

/** The Receipt, under the trust file; who issued the statement is `attestry verify`'s question. */
async function verifyRegistered(
  transparentStatement: Uint8Array,
  { trust }: AppraisedOptions,
): Promise<VerifiedStatement | undefined> {
  if (trust === undefined) return undefined
  const outcome = await verifyTransparentStatement({
    transparentStatement,
    trust: await readTrustFile(trust),
    at: Math.floor(Date.now() / 1000),
    receiptOnly: true,
    verifier: nodeVerifier,
  })
  if (outcome.kind === 'verified') return outcome.statement
  throw outcome.error
}

async function findRegistration(
  { log, leafIndex, treeSize, registrationTime, positionAuthenticated }: VerifiedStatement,
  access: LogAccess | undefined,
): Promise<Registration | undefined> {
  if (registrationTime === undefined || leafIndex === undefined) return undefined
  const index = Number(leafIndex)
  const receipt = {
    ...{ log: log.issuer, leafIndex: index, registeredAt: registrationTime, isFirstHead: false },
    ...(treeSize === undefined ? {} : { treeSize: Number(treeSize) }),
  }
  if (access === undefined || !positionAuthenticated || log.origin !== access.known.origin) {
    return receipt
  }
  // A Receipt that is fetched today is of today's head: the first one says when it was registered.
  const { source, known, verifier } = access
  const { head } = await openCheckpoint({ ...access, ...known })
  const keys = known.receiptKeys
  const heads = new SignedHeads({ ...known, treeSize: head.treeSize, keys, source, verifier })
  const first = (await heads.spanning(index, index + 1))[0]!
  const { treeSize: size, registrationTime: registeredAt } = first
  return { ...receipt, registeredAt, isFirstHead: true, treeSize: size }
}

/** Ids of the entries that evidence names, in hex. */
export function namedEntries({ registered = [] }: TeeEvidence): readonly string[] {
  return registered.map(encodeHex)
}
