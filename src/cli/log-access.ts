/**
 * How `audit`, `mirror` and `monitor` are told which log to read and by which keys it is known: a
 * trust file or single keys at first, what the state file pinned afterwards. The log's own word
 * counts for its checkpoint key only, and only together with a head signed by a pinned key.
 */
import type { Command } from 'commander'
import { setTimeout as wait } from 'node:timers/promises'
import { parseCoseKeySet } from '../cose/public-key.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { InputError } from '../errors.ts'
import { nativeHasher, nativeSha256 } from '../keys/native-hash.ts'
import { nodeVerifier } from '../keys/node-verifier.ts'
import type { TreeHasher } from '../merkle/hasher.ts'
import { AuditFault } from '../monitor/audit-fault.ts'
import type { LogPin } from '../monitor/audit-state.ts'
import type { KnownLog } from '../monitor/follow-tree.ts'
import { createHttpReader } from '../monitor/http-reader.ts'
import { LogSource } from '../monitor/log-source.ts'
import type { ResourceReader } from '../monitor/resource-reader.ts'
import { parseCheckpoint } from '../note/checkpoint.ts'
import { parseTlogPolicy } from '../note/tlog-policy.ts'
import type { TlogPolicy } from '../note/tlog-policy.ts'
import { parseVerifierKey } from '../note/verifier-key.ts'
import type { VerifierKey } from '../note/verifier-key.ts'
import { anchorFromFile } from '../statement/anchor-file.ts'
import type { TrustedLog } from '../verify/trust-policy.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import type { Sha256 } from '../bytes/digest.ts'
import { CliError } from './cli-error.ts'
import { parseFile, readInput } from './files.ts'
import { collect, parseUrl } from './option-values.ts'
import { readTrustFile } from './trust-file.ts'

export interface LogAccessOptions {
  readonly trust?: string
  readonly logKey?: readonly string[]
  readonly receiptKey?: readonly string[]
  readonly tlogPolicy?: string
}

/** Adds the options that name a log's keys. */
export function addLogAccess(command: Command): Command {
  return command
    .option('--trust <trust>', 'trust file that pins the log (attestry trust fetch)')
    .option('--log-key <vkey>', 'key of its checkpoints (repeatable)', collect)
    .option('--receipt-key <file>', 'key of its tree heads: COSE_Key(Set) or PEM', collect)
    .option('--tlog-policy <file>', 'demand the quorum of witnesses of this tlog-policy')
}

/** A log that can be read, and what is known of it. */
export interface LogAccess {
  readonly reader: ResourceReader
  readonly source: LogSource
  readonly known: KnownLog
  readonly tlogPolicy?: TlogPolicy
  readonly verifier: SignatureVerifier
  readonly hasher: TreeHasher
  readonly sha256: Sha256
}

/** Opens a log by URL or directory. */
export async function openReader(from: string): Promise<ResourceReader> {
  if (/^https?:\/\//i.test(from)) {
    const pause = async (milliseconds: number): Promise<void> => wait(milliseconds)
    return createHttpReader({ url: parseUrl(from), fetch, wait: pause })
  }
  const { isDataDirectory, isDirectory, LogDirectory } = await import('../app/log-directory.ts')
  if (await isDataDirectory(from)) {
    throw new CliError(
      'ERR_USAGE',
      `${from} is the data directory of a log, and no export or mirror`,
      {
        hint: 'name the address of its registry, or write an export: attestry log export',
      },
    )
  }
  if (await isDirectory(from)) return new LogDirectory(from)
  throw new CliError('ERR_USAGE', `${from} is neither an http: or https: URL nor a directory`)
}

/**
 * Opens a log and finds out by which keys it is known.
 * @throws CliError `ERR_USAGE` when nothing pins it; InputError for files that do not parse.
 */
export async function openLogAccess(
  from: string,
  options: LogAccessOptions,
  pin?: LogPin,
): Promise<LogAccess> {
  const reader = await openReader(from)
  const source = new LogSource(reader)
  const tlogPolicy =
    options.tlogPolicy === undefined
      ? undefined
      : parseTlogPolicy(await readInput(options.tlogPolicy))
  const known = await findKnownLog({ source, options, pin, tlogPolicy })
  return {
    ...{ reader, source, known, verifier: nodeVerifier, sha256: nativeSha256 },
    hasher: nativeHasher,
    ...(tlogPolicy === undefined ? {} : { tlogPolicy }),
  }
}

interface KnownLogRequest {
  readonly source: LogSource
  readonly options: LogAccessOptions
  readonly pin: LogPin | undefined
  readonly tlogPolicy: TlogPolicy | undefined
}

async function findKnownLog(request: KnownLogRequest): Promise<KnownLog> {
  const { source, options, pin, tlogPolicy } = request
  const logKeys = (options.logKey ?? []).map(parseVerifierKey)
  const origin = pin?.origin ?? logKeys[0]?.name ?? (await readOrigin(source))
  if (logKeys.some(({ name }) => name !== origin)) {
    throw new CliError('ERR_USAGE', `--log-key names another log than ${origin}`)
  }
  const receipts = await readReceiptKeys(options)
  const trusted = options.trust === undefined ? undefined : await findTrusted(options.trust, origin)
  const receiptKeys = [...receipts, ...(trusted?.keys ?? [])]
  const issuer = pin?.issuer ?? trusted?.issuer
  if (receiptKeys.length === 0 && pin === undefined) {
    throw new CliError('ERR_USAGE', 'nothing says by which keys the log is known', {
      hint: 'pin it: --trust TRUST (attestry trust fetch), or --log-key VKEY --receipt-key FILE',
    })
  }
  const policyKeys = (tlogPolicy?.logs ?? []).map(({ key }) => key)
  const checkpointKeys = [...logKeys, ...policyKeys.filter(({ name }) => name === origin)]
  return {
    origin,
    ...(issuer === undefined ? {} : { issuer }),
    receiptKeys: receiptKeys.length > 0 ? receiptKeys : pin!.receiptKeys,
    checkpointKeys:
      checkpointKeys.length > 0
        ? checkpointKeys
        : (pin?.checkpointKeys ?? (await askForLogKey(source, origin))),
  }
}

/** What the log calls itself. @throws AuditFault `checkpoint`, as for one that is read later. */
async function readOrigin(source: LogSource): Promise<string> {
  const bytes = await source.checkpoint()
  try {
    return parseCheckpoint(bytes).origin
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    const why = `${source.name} serves no checkpoint that can be read: ${cause.message}`
    throw new AuditFault('checkpoint', why, {}, { cause })
  }
}

async function findTrusted(path: string, origin: string): Promise<TrustedLog> {
  const { logs } = await readTrustFile(path)
  const found = logs.find((log) => log.profile === 'attestry' && log.origin === origin)
  if (found !== undefined) return found
  throw new CliError('ERR_USAGE', `${path} does not pin the log ${origin}`)
}

/** The log's own word; the heads that the pinned key signed have to bear it out. */
async function askForLogKey(source: LogSource, origin: string): Promise<VerifierKey[]> {
  const text = await source.logKey()
  if (text === undefined) {
    throw new CliError('ERR_USAGE', 'the log does not say its checkpoint key', {
      hint: 'name it: --log-key VKEY',
    })
  }
  const key = parseVerifierKey(text)
  if (key.name === origin) return [key]
  throw new InputError('ERR_NOTE_KEY', `the log names a key of ${key.name}`)
}

async function readReceiptKeys({ receiptKey = [] }: LogAccessOptions): Promise<PublicKey[]> {
  const keys: PublicKey[] = []
  for (const path of receiptKey) keys.push(...readKeys(await readInput(path), path))
  return keys
}

function readKeys(bytes: Uint8Array, path: string): readonly PublicKey[] {
  try {
    return parseCoseKeySet(bytes)
  } catch (error) {
    if (!(error instanceof InputError)) throw error
  }
  const anchor = parseFile(path, () => anchorFromFile(bytes, ['*']))
  if (anchor.kind === 'cose-key') return [anchor.key]
  throw new CliError('ERR_USAGE', `${path} is a certificate; a log is known by its key`)
}
