/**
 * `attestry log check` and `attestry guard adopt` on a data directory: gives the log's own checks
 * their adapters. Checking reads only, so it may run beside a serving process.
 */
import { nativeHasher, nativeSha256 } from '../keys/native-hash.ts'
import { nodeVerifier } from '../keys/node-verifier.ts'
import { parsePkcs11Uri } from '../keys/pkcs11-uri.ts'
import { adoptGuard as adoptLogGuard } from '../log/adopt-guard.ts'
import { checkLog as checkStoredLog } from '../log/check-log.ts'
import type { CheckLogOptions, CheckReport } from '../log/check-log.ts'
import type { Guard } from '../log/guard.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import type { GovernanceKind } from '../payload/media-types.ts'
import { governanceOf } from '../policy/rules-in-force.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import { systemClock } from './config.ts'
import { dataPaths } from './data-directory.ts'
import { prunedIn } from './pruned-payloads.ts'
import { loadReceiptSigner } from './service-signers.ts'
import { assertApart, openGuard, openStoreReader, openStoreWriter } from './stores.ts'

export interface CheckLogRequest extends Pick<CheckLogOptions, 'onProgress' | 'knownHeads'> {
  readonly data: string
  readonly guard?: string | undefined
  readonly store?: string | undefined
}

/**
 * Re-derives everything that is stored.
 * @throws StartError `ERR_LOG_CORRUPT`, `ERR_GUARD_AHEAD`, `ERR_GUARD_FORK`, `ERR_LOG_MISSING`.
 */
export async function checkLog(request: CheckLogRequest): Promise<CheckReport> {
  const { data, guard: guardPath, store: storeUrl, ...options } = request
  const paths = dataPaths(data, guardPath, storeUrl)
  const store = await openStoreReader(paths)
  let guard: Guard | undefined
  try {
    guard = await openGuard(paths)
    const adapters = { store, guard, hasher: nativeHasher, verifier: nodeVerifier }
    const isPruned = prunedIn(store)
    return await checkStoredLog({ ...adapters, sha256: nativeSha256, kindOf, isPruned, ...options })
  } finally {
    await guard?.close()
    await store.close()
  }
}

/** Entries are canonical statements; one that is not has no kind, and its leaf is checked anyway. */
export function kindOf(entry: Uint8Array): GovernanceKind | undefined {
  return governanceOf(parseSignedStatement(entry, { sha256: nativeSha256 }))
}

/**
 * Checks the log and makes a new guard for it: the explicit word that this is its newest copy.
 * @throws StartError as {@link checkLog}, and `ERR_LOG_EXISTS` when there is a guard.
 */
export async function adoptGuard(
  request: CheckLogRequest & { readonly receiptKey?: string | undefined },
): Promise<{ readonly head: SignedTreeHead; readonly report: CheckReport }> {
  const { data, guard: guardPath, store: storeUrl, onProgress, knownHeads, receiptKey } = request
  const token = receiptKey === undefined ? undefined : parsePkcs11Uri(receiptKey)
  const paths = dataPaths(data, guardPath, storeUrl)
  await assertApart(paths)
  const store = await openStoreWriter(paths)
  let guard: Guard | undefined
  try {
    guard = await openGuard(paths)
    const { origin, issuer, receiptKeyId } = await store.readState()
    const signer = await loadReceiptSigner(paths, receiptKeyId, token)
    return await adoptLogGuard({
      ...{ store, guard, signer, clock: systemClock, origin, issuer },
      ...{ hasher: nativeHasher, verifier: nodeVerifier, sha256: nativeSha256, kindOf },
      isPruned: prunedIn(store),
      ...(onProgress === undefined ? {} : { onProgress }),
      ...(knownHeads === undefined ? {} : { seenHeads: knownHeads }),
    })
  } finally {
    await guard?.close()
    await store.close()
  }
}
