/**
 * Consistency, RFC 9162 §2.1.4.2, step by step, plus the two cases the RFC leaves to the caller:
 * equal sizes (an empty path and one root) and the empty tree (an error: everything extends it, so
 * a proof from it would say nothing). As with inclusion, sizes are only as authentic as their source.
 */
import { equalBytes } from '../bytes/bytes.ts'
import { InputError, VerificationError } from '../errors.ts'
import { portableHasher } from './hasher.ts'
import type { NodeHash, RootHash, TreeHasher } from './hasher.ts'
import { requireHashes, wireInteger } from './proofs.ts'

/** Most hashes in a consistency path: the height of the largest tree, and the node it starts from. */
export const CONSISTENCY_PATH_MAX = 65

/** A consistency proof as received, with the root that is already trusted. */
export interface ConsistencyClaim {
  readonly treeSize1: number | bigint
  readonly treeSize2: number | bigint
  readonly rootHash1: RootHash
  readonly consistencyPath: readonly Uint8Array[]
}

/**
 * The root at `treeSize2`, after checking that the path also leads to `rootHash1` at `treeSize1`.
 * @throws InputError `ERR_MERKLE_RANGE` unless 1 ≤ treeSize1 ≤ treeSize2 ≤ 2^64−1.
 * @throws VerificationError `ERR_CONSISTENCY` for a path of the wrong length, a hash that is not 32
 *   bytes, or another first root.
 */
export function rootFromConsistency(
  claim: ConsistencyClaim,
  hasher: TreeHasher = portableHasher,
): RootHash {
  const { rootHash1, consistencyPath } = claim
  const size1 = wireInteger(claim.treeSize1, 'tree size 1')
  const size2 = wireInteger(claim.treeSize2, 'tree size 2')
  if (size1 === 0n || size1 > size2) {
    throw new InputError('ERR_MERKLE_RANGE', `no consistency proof leads from ${size1} to ${size2}`)
  }
  if (consistencyPath.length > CONSISTENCY_PATH_MAX) throw wrongLength(claim)
  requireHashes([rootHash1, ...consistencyPath], 'ERR_CONSISTENCY')
  if (size1 === size2) {
    if (consistencyPath.length !== 0) throw wrongLength(claim)
    return rootHash1
  }
  // Step 1.
  if (consistencyPath.length === 0) throw wrongLength(claim)
  // Steps 3 and 4. BigInt arithmetic, because bit operators on numbers end at 2^31.
  let fn = size1 - 1n
  let sn = size2 - 1n
  while (fn % 2n === 1n) {
    fn /= 2n
    sn /= 2n
  }
  // Step 2: the old tree is one perfect subtree exactly if nothing is left of its last one.
  const path = fn === 0n ? [rootHash1, ...consistencyPath] : consistencyPath
  // Step 5.
  let hash1 = path[0] as NodeHash
  let hash2 = hash1
  // Step 6.
  for (const hash of path.slice(1)) {
    if (sn === 0n) throw wrongLength(claim)
    if (fn % 2n === 1n || fn === sn) {
      hash1 = hasher.node(hash, hash1)
      hash2 = hasher.node(hash, hash2)
      while (fn % 2n === 0n && fn !== 0n) {
        fn /= 2n
        sn /= 2n
      }
    } else {
      hash2 = hasher.node(hash2, hash)
    }
    fn /= 2n
    sn /= 2n
  }
  // Step 7, except for the second root.
  if (sn !== 0n) throw wrongLength(claim)
  if (!equalBytes(hash1, rootHash1)) {
    throw new VerificationError(
      'ERR_CONSISTENCY',
      `consistency path leads to another root at tree size ${size1}`,
    )
  }
  return hash2 as RootHash
}

/**
 * Returns when the first tree is a prefix of the second.
 * @throws InputError | VerificationError as {@link rootFromConsistency}, and `ERR_CONSISTENCY` for
 *   another second root.
 */
export function verifyConsistency(
  claim: ConsistencyClaim & { readonly rootHash2: RootHash },
  hasher: TreeHasher = portableHasher,
): void {
  requireHashes([claim.rootHash2], 'ERR_CONSISTENCY')
  if (!equalBytes(rootFromConsistency(claim, hasher), claim.rootHash2)) {
    throw new VerificationError(
      'ERR_CONSISTENCY',
      `tree sizes ${claim.treeSize1} and ${claim.treeSize2} are not consistent: another root`,
    )
  }
}

function wrongLength(claim: ConsistencyClaim): VerificationError {
  return new VerificationError(
    'ERR_CONSISTENCY',
    `consistency path of ${claim.consistencyPath.length} hashes has the wrong length for ` +
      `${claim.treeSize1} to ${claim.treeSize2}`,
  )
}
