/**
 * Opens an existing log with the adapters of the embedded default: SQLite store and guard, keys in
 * files, node:crypto. The one place where a serving registry meets its adapters.
 */
import { loadSigner } from '../keys/file-signer.ts'
import { nativeSha256 } from '../keys/native-hash.ts'
import { nodeVerifier } from '../keys/node-verifier.ts'
import type { Clock } from '../log/clock.ts'
import { Log } from '../log/log.ts'
import { createTreeHasher } from '../merkle/hasher.ts'
import type { TreeHasher } from '../merkle/hasher.ts'
import { parseCoseKey } from '../cose/public-key.ts'
import type { ServiceKey } from '../registry/ports.ts'
import { SqliteGuard } from '../store/sqlite/sqlite-guard.ts'
import { SqliteLogStore } from '../store/sqlite/sqlite-log-store.ts'
import type { DataPaths } from './data-directory.ts'
import type { LogNames } from './identity.ts'

/** Tree hashes over node:crypto. */
export const nativeHasher: TreeHasher = createTreeHasher(nativeSha256)

/** A log that may be appended to, and what belongs to it. */
export interface OpenedLog {
  readonly log: Log
  readonly names: LogNames
  /** Every receipt key that this log has signed with. */
  readonly serviceKeys: readonly ServiceKey[]
}

/**
 * Opens the log of a data directory for writing; closing the log closes everything.
 * @throws StartError that says why this copy of the log must not be signed with, and what to do.
 */
export async function openLog(
  paths: DataPaths,
  parts: { readonly clock: Clock; readonly onFatal: (error: Error) => void },
): Promise<OpenedLog> {
  const store = SqliteLogStore.open(paths.store, { mode: 'existing' })
  let guard: SqliteGuard | undefined
  try {
    const signer = await loadSigner(paths.receiptKey, { algorithm: 'ES256' })
    const { origin, issuer } = await store.readState()
    guard = SqliteGuard.open(paths.guard)
    const adapters = { store, guard, signer, hasher: nativeHasher, verifier: nodeVerifier }
    const log = await Log.open({ ...adapters, ...parts, origin, issuer })
    const keys = await store.listServiceKeys()
    return {
      log,
      names: { origin, issuer },
      serviceKeys: keys
        .filter(({ purpose }) => purpose === 'receipt')
        .map(({ coseKey, keyId, retiredAt }) => ({
          // Clients bind the algorithm to the key; ours are only ever used with this one.
          key: { algorithm: signer.algorithm, ...parseCoseKey(coseKey), kid: keyId },
          retired: retiredAt !== undefined,
        })),
    }
  } catch (error) {
    await store.close()
    await guard?.close()
    throw error
  }
}
