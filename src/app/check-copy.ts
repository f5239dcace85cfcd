/** Checks a log's file that nobody serves, whole: a backup that was made, or is being restored. */
import { equalBytes } from '../bytes/bytes.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import { StartError } from '../errors.ts'
import { nativeHasher, nativeSha256 } from '../keys/native-hash.ts'
import { nodeVerifier } from '../keys/node-verifier.ts'
import { checkLog } from '../log/check-log.ts'
import type { CheckLogOptions, CheckReport } from '../log/check-log.ts'
import type { LogStore } from '../log/store.ts'
import { SqliteLogStore } from '../store/sqlite/sqlite-log-store.ts'
import { kindOf } from './check-log.ts'
import { prunedIn } from './pruned-payloads.ts'

export interface CheckCopyOptions extends Pick<CheckLogOptions, 'guard' | 'onProgress'> {
  /** What the copy has to end with, byte for byte. */
  readonly head: SignedTreeHead
}

/**
 * @throws StartError `ERR_BACKUP_DAMAGED` when the file ends with another head, else as `checkLog`.
 */
export async function checkCopy(
  path: string,
  { head, ...options }: CheckCopyOptions,
): Promise<CheckReport> {
  const store = SqliteLogStore.open(path, { mode: 'existing', readonly: true })
  try {
    await checkLastHead(store, head)
    const ports = { store, hasher: nativeHasher, verifier: nodeVerifier, sha256: nativeSha256 }
    return await checkLog({ ...ports, kindOf, isPruned: prunedIn(store), ...options })
  } finally {
    await store.close()
  }
}

async function checkLastHead(store: LogStore, head: SignedTreeHead): Promise<void> {
  const { treeHead } = await store.readState()
  const { treeSize, rootHash } = head.treeHead
  const signed = await store.findSignedHead(treeSize)
  const isSame =
    treeHead.treeSize === treeSize &&
    equalBytes(treeHead.rootHash, rootHash) &&
    signed !== undefined &&
    equalBytes(signed.bytes, head.bytes)
  if (isSame) return
  throw new StartError(
    'ERR_BACKUP_DAMAGED',
    `the copy does not end with the signed head of size ${treeSize} that it was made for`,
  )
}
