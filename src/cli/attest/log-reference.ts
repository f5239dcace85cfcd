/**
 * What evidence refers to in its log, for the commands that appraise it here: the keys that sign
 * checkpoints, the head that a nonce was made of, and collateral that was registered before. A registry
 * reads the same from its own store.
 */
import { decodeHex, encodeHex } from '../../bytes/hex.ts'
import { nodeVerifier } from '../../keys/node-verifier.ts'
import { AuditFault } from '../../monitor/audit-fault.ts'
import { SignedHeads } from '../../monitor/signed-heads.ts'
import { parseCheckpoint, verifyCheckpoint } from '../../note/checkpoint.ts'
import type { SignedCheckpoint } from '../../note/checkpoint.ts'
import { parseVerifierKey } from '../../note/verifier-key.ts'
import type { NonceLog } from '../../payload/tee/appraise-evidence.ts'
import { payloadContent, payloadMediaType } from '../../payload/payload-content.ts'
import { COLLATERAL_MEDIA_TYPE } from '../../payload/tee/collateral-bundle.ts'
import { matchPayload } from '../../statement/hash-envelope.ts'
import { formatPayloadName, payloadNameOf } from '../../statement/payload-name.ts'
import { parseSignedStatement } from '../../statement/signed-statement.ts'
import type { SignedStatement } from '../../statement/signed-statement.ts'
import { InputError } from '../../errors.ts'
import { CliError } from '../cli-error.ts'
import { exists, nameOf, readInput } from '../files.ts'
import { openLogAccess } from '../log-access.ts'
import type { LogAccess } from '../log-access.ts'

export interface LogReferenceOptions {
  readonly url?: string
  readonly trust?: string
  readonly logKey?: readonly string[]
}

/**
 * What a log says counts only under keys that pin it.
 * @throws CliError `ERR_USAGE` unless the address and the trust file come together.
 */
export function assertLogNamed({ url, trust }: LogReferenceOptions): void {
  if ((url === undefined) === (trust === undefined)) return
  throw new CliError('ERR_USAGE', '--url URL and --trust TRUST belong together', {
    hint: 'write one: attestry trust fetch --url URL -o TRUST',
  })
}

/** Opens the log that the options name, if they name one. */
export async function openReferencedLog(
  options: LogReferenceOptions,
): Promise<LogAccess | undefined> {
  const { url, trust, logKey } = options
  if (url === undefined || trust === undefined) return undefined
  return openLogAccess(url, { trust, ...(logKey === undefined ? {} : { logKey }) })
}

/** @throws CliError `ERR_FILE` that names a file which is no checkpoint. */
export function parseCheckpointFile(path: string, note: Uint8Array): SignedCheckpoint {
  try {
    return parseCheckpoint(note)
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    throw new CliError('ERR_FILE', `${nameOf(path)} is no checkpoint: ${cause.message}`, { cause })
  }
}

/**
 * The log that a checkpoint is of, with the keys that were named or pinned.
 * @throws CliError `ERR_USAGE` when nothing says by which key the log is known; InputError or
 * VerificationError when the note is none, or none of this log.
 */
export async function findNonceLog(
  note: Uint8Array,
  options: LogReferenceOptions,
  access: LogAccess | undefined,
): Promise<NonceLog> {
  const checkpoint = parseCheckpoint(note)
  const keys = access?.known.checkpointKeys ?? (options.logKey ?? []).map(parseVerifierKey)
  const origin = access?.known.origin ?? keys[0]?.name
  if (origin === undefined) {
    throw new CliError('ERR_USAGE', 'nothing says by which key the log signs its checkpoints', {
      hint: 'name it: --log-key VKEY (attestry log vkey), or --url URL --trust TRUST',
    })
  }
  await verifyCheckpoint({ checkpoint, origin, keys, verifier: nodeVerifier })
  return { origin, checkpointKeys: keys, head: await headOf(checkpoint, access) }
}

/** The log's own head of this size; without the log, the checkpoint stands for it. */
async function headOf(
  checkpoint: SignedCheckpoint,
  access: LogAccess | undefined,
): Promise<NonceLog['head']> {
  const treeSize = Number(checkpoint.treeSize)
  const { rootHash } = checkpoint
  if (access === undefined) return { treeSize, rootHash, registrationTime: 0 }
  const { source, known, verifier } = access
  const heads = new SignedHeads({ ...known, treeSize, keys: known.receiptKeys, source, verifier })
  try {
    return await heads.at(treeSize)
  } catch (error) {
    if (error instanceof AuditFault && error.kind === 'evidence') return 'none'
    throw error
  }
}

/** A collateral bundle that was registered, by the id of its entry. */
export interface RegisteredBundle {
  readonly entryId: Uint8Array
  readonly bundle: Uint8Array
}

/**
 * Registered collateral: each name is a file of the registered statement, or the id of its entry, which
 * the log is asked for.
 * @throws CliError `ERR_USAGE` for an id without a log, or a statement of something else.
 */
export async function readRegistered(
  names: readonly string[],
  access: LogAccess | undefined,
): Promise<readonly RegisteredBundle[]> {
  const bundles: RegisteredBundle[] = []
  for (const name of names) bundles.push(await readOne(name, access))
  return bundles
}

async function readOne(name: string, access: LogAccess | undefined): Promise<RegisteredBundle> {
  const statement = parseSignedStatement(await readStatement(name, access))
  const bundle = await contentOf(statement, access)
  if (payloadMediaType(statement).name !== COLLATERAL_MEDIA_TYPE || bundle === undefined) {
    throw new CliError('ERR_USAGE', `${name} is no statement of collateral whose content is here`)
  }
  return { entryId: decodeHex(statement.entryId), bundle }
}

async function readStatement(name: string, access: LogAccess | undefined): Promise<Uint8Array> {
  if (!/^[0-9a-f]{64}$/i.test(name) || (await exists(name))) return readInput(name)
  if (access === undefined) {
    throw new CliError('ERR_USAGE', 'an entry id needs the log that holds it', {
      hint: 'add --url URL --trust TRUST, or name the file of the registered statement',
    })
  }
  const bytes = await access.source.statement(name.toLowerCase())
  if (bytes === undefined) throw new CliError('ERR_FILE', `the log has no entry ${name}`)
  if (parseSignedStatement(bytes).entryId === name.toLowerCase()) return bytes
  throw new CliError('ERR_FILE', `the log gives another statement under the id ${name}`)
}

/** The content of a statement, from the log's payload store where only a digest was signed. */
export async function contentOf(
  statement: SignedStatement,
  access: Pick<LogAccess, 'source'> | undefined,
): Promise<Uint8Array | undefined> {
  const name = payloadNameOf(statement)
  if (name === undefined) return payloadContent(statement, undefined)
  const content = await access?.source.payload(formatPayloadName(name))
  if (content !== undefined) matchPayload(statement, content)
  return content
}

/** The bundles as an appraisal wants them. */
export function bundlesById(bundles: readonly RegisteredBundle[]): ReadonlyMap<string, Uint8Array> {
  return new Map(bundles.map(({ entryId, bundle }) => [encodeHex(entryId), bundle]))
}
