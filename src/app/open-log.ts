/**
 * Opens an existing log with its adapters: store and guard wherever they are (`stores.ts`), keys in
 * files or a token, node:crypto.
 */
import type { Pkcs11Uri } from '../keys/pkcs11-uri.ts'
import { nativeHasher } from '../keys/native-hash.ts'
import { promptVerifier } from '../keys/node-verifier.ts'
import type { Clock } from '../log/clock.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import type { UnavailableError } from '../errors.ts'
import type { Guard } from '../log/guard.ts'
import { Log } from '../log/log.ts'
import type { LogObserver, ReachObserver } from '../log/observer.ts'
import type { ServiceKey } from '../registry/ports.ts'
import type { DataPaths } from './data-directory.ts'
import type { LogNames } from './identity.ts'
import { loadCheckpointKeys, loadReceiptSigner, readReceiptKeys } from './service-signers.ts'
import type { CheckpointKeys } from './service-signers.ts'
import { recordLocation } from './store-location.ts'
import { assertApart, openGuard, openStoreToRegister } from './stores.ts'

/** A log that may be appended to, and what belongs to it. */
export interface OpenedLog {
  readonly log: Log
  readonly names: LogNames
  /** Every receipt key that this log has signed with. */
  readonly serviceKeys: readonly ServiceKey[]
  readonly checkpointKeys: CheckpointKeys
  /** What the guard holds; for whoever asks whether it still does. */
  readonly readGuard: () => Promise<SignedTreeHead | undefined>
}

/**
 * Opens the log of a data directory for writing; closing the log closes everything.
 * @throws StartError that says why this copy of the log must not be signed with, and what to do.
 */
export async function openLog(
  paths: DataPaths,
  parts: {
    readonly clock: Clock
    readonly onFatal: (error: Error) => void
    /** Where the receipt key is, unless in the key directory. */
    readonly receiptKey?: Pkcs11Uri | undefined
    readonly observer?: LogObserver | undefined
    readonly onReach?: ReachObserver
    /** Why nothing but journals is stored now. */
    readonly refusal?: () => UnavailableError | undefined
  },
): Promise<OpenedLog> {
  await assertApart(paths)
  const { store, writePath } = await openStoreToRegister(paths, parts.receiptKey)
  let guard: Guard | undefined
  try {
    const { origin, issuer, receiptKeyId } = await store.readState()
    const signer = await loadReceiptSigner(paths, receiptKeyId, parts.receiptKey)
    // Before anything is signed: a log with a wrong key of any kind does not start.
    const checkpointKeys = await loadCheckpointKeys(store, paths, origin)
    const held = await openGuard(paths)
    guard = held
    const adapters = { store, guard: held, signer, hasher: nativeHasher, verifier: promptVerifier }
    const log = await Log.open({ ...adapters, writePath, ...parts, origin, issuer })
    const serviceKeys = await readReceiptKeys(store)
    await recordLocation(paths)
    const readGuard: OpenedLog['readGuard'] = () => held.read()
    return { log, names: { origin, issuer }, serviceKeys, checkpointKeys, readGuard }
  } catch (error) {
    await store.close()
    await guard?.close()
    throw error
  }
}
