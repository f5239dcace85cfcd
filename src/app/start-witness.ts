/**
 * Starts a witness for other logs: one directory with its records and a lock, one key, one name. The
 * first start makes the records; a directory that has something else in it, or the records of
 * another key, is refused, because a witness that forgot what it cosigned can be shown a fork.
 */
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { equalBytes } from '../bytes/bytes.ts'
import { InputError, InvariantError, StartError } from '../errors.ts'
import { drainServer } from '../http/drain.ts'
import { createWitnessServer } from '../http/witness-server.ts'
import { nodeVerifier } from '../keys/node-verifier.ts'
import { verifierKeyOf } from '../note/note-signer.ts'
import type { NoteSigner } from '../note/note-signer.ts'
import { parseKeyName } from '../note/signed-note.ts'
import { encodeVerifierKey, parseVerifierKey } from '../note/verifier-key.ts'
import type { VerifierKey } from '../note/verifier-key.ts'
import type { KnownLogs } from '../registry/cosign-checkpoint.ts'
import { ProcessLock } from '../store/sqlite/process-lock.ts'
import { SqliteWitnessRecords } from '../store/sqlite/sqlite-witness-records.ts'
import { systemClock } from './config.ts'
import type { ServiceEvent } from './config.ts'
import { makeDirectory } from './make-directory.ts'
import { loadNoteSigner } from './note-signer.ts'

/** Flags of `attestry witness`. */
export interface WitnessConfig {
  readonly data: string
  readonly keyPath: string
  /** Key name: usually the witness's URL without scheme. */
  readonly name: string
  /** `VKEY`, or `VKEY=ORIGIN` where the log's origin is not its key's name. */
  readonly logs: readonly string[]
  readonly host: string
  readonly port: number
  readonly report: (event: ServiceEvent) => void
}

/** A witness that answers requests. */
export interface RunningWitness {
  readonly url: string
  /** What goes into a tlog-policy file. */
  readonly vkey: string
  /** Origins that it cosigns for. */
  readonly origins: readonly string[]
  close(): Promise<void>
  /** Resolves when it ended; with an error when it ended by itself. */
  readonly closed: Promise<Error | undefined>
}

const DRAIN_MS = 5000

/** @throws StartError that says what is wrong with the configuration, the key or the records. */
export async function startWitness(config: WitnessConfig): Promise<RunningWitness> {
  const logs = readKnownLogs(config.logs)
  const signer = await loadNoteSigner(config.keyPath, readName(config.name))
  assertOwnKey(signer, logs)
  const vkey = encodeVerifierKey(verifierKeyOf(signer, 'cosignature/v1'))
  const { records, lock } = openRecords(resolve(config.data), vkey, config.report)
  let settle: (error: Error | undefined) => void = () => undefined
  const closed = new Promise<Error | undefined>((done) => (settle = done))
  let closing: Promise<void> | undefined
  const end = (error?: Error): Promise<void> => {
    closing ??= (async () => {
      await drainServer(server, error === undefined ? DRAIN_MS : 0)
      await records.close()
      lock.release()
      settle(error)
    })()
    return closing
  }
  const server = createWitnessServer({
    witness: { logs, records, signer, clock: systemClock, verifier: nodeVerifier },
    onFailure: (error, requestId) => {
      const { stack } = error instanceof Error ? error : new Error(String(error))
      config.report({ level: 'error', event: 'request-failed', requestId, stack })
      // Records that broke their promise are not built upon.
      if (error instanceof InvariantError) void end(error)
    },
  })
  try {
    const url = await listen(server, config)
    config.report({ level: 'info', event: 'witness-started', url, vkey })
    return { url, vkey, origins: [...logs.keys()], close: () => end(), closed }
  } catch (error) {
    await end()
    throw error
  }
}

/** Keys by origin. @throws StartError `ERR_CONFIGURATION`. */
export function readKnownLogs(specs: readonly string[]): KnownLogs {
  const logs = new Map<string, VerifierKey[]>()
  if (specs.length === 0) throw misconfigured('a witness needs at least one --log VKEY[=ORIGIN]')
  for (const spec of specs) {
    // The base64 of an Ed25519 vkey has no padding, so the first = ends it.
    const [vkey = '', ...rest] = spec.split('=')
    const key = readLogKey(vkey)
    const origin = rest.length === 0 ? key.name : rest.join('=')
    if (origin === '' || origin.includes('\n')) throw misconfigured(`--log ${spec}: no origin`)
    logs.set(origin, [...(logs.get(origin) ?? []), key])
  }
  return logs
}

function readLogKey(vkey: string): VerifierKey {
  let key: VerifierKey
  try {
    key = parseVerifierKey(vkey)
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    throw misconfigured(`--log ${vkey}: ${cause.message}`, cause)
  }
  if (key.kind === 'ed25519') return key
  throw misconfigured(`--log ${vkey}: this is the key of a witness, not of a log`)
}

function readName(name: string): string {
  try {
    return parseKeyName(name)
  } catch (cause) {
    throw misconfigured(`--name "${name}" has a space or a plus sign, or is empty`, cause)
  }
}

/** One key, one purpose (design D3): note and cosignature must never come from the same key. */
function assertOwnKey({ publicKey }: NoteSigner, logs: KnownLogs): void {
  for (const [origin, keys] of logs) {
    if (keys.some((key) => equalBytes(key.publicKey, publicKey))) {
      throw misconfigured(`the witness's key is the key of ${origin}: make one for the witness`)
    }
  }
}

function openRecords(
  directory: string,
  vkey: string,
  report: WitnessConfig['report'],
): { readonly records: SqliteWitnessRecords; readonly lock: ProcessLock } {
  const path = join(directory, 'witness.sqlite')
  const isNew = !existsSync(path)
  if (isNew && existsSync(directory) && readdirSync(directory).some((file) => file !== LOCK)) {
    throw misconfigured(
      `${directory} is not empty and holds no witness: name a new directory. If this witness had ` +
        'records, find them: with a new file it would cosign forks of what it cosigned before',
    )
  }
  makeDirectory(directory, 0o700)
  const lock = ProcessLock.acquire(join(directory, LOCK))
  try {
    const records = SqliteWitnessRecords.open(path, { vkey, create: true })
    if (isNew) report({ level: 'info', event: 'witness-created', directory, vkey })
    return { records, lock }
  } catch (error) {
    lock.release()
    throw error
  }
}

const LOCK = 'lock.sqlite'

async function listen(server: Server, { host, port }: WitnessConfig): Promise<string> {
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (cause) {
    const { message } = cause as Error
    throw misconfigured(`cannot listen on ${host}:${port}: ${message}`, cause)
  }
  const { address, family, port: actual } = server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${actual}`
}

function misconfigured(message: string, cause?: unknown): StartError {
  return new StartError('ERR_CONFIGURATION', message, { cause })
}
