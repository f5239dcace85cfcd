/**
 * Inclusion, RFC 9162 §2.1.3.2, step by step. What it proves: the leaf hash is in a tree with this
 * root. What it leaves open: several (leafIndex, treeSize) pairs share one path shape, so a proof
 * that holds for one of them holds for all (leaf 0 of 3 is also "leaf 0 of 4"). Size and index are
 * authentic only if something signed says so; the root is never in doubt.
 */
import { equalBytes } from '../bytes/bytes.ts'
import { InputError, VerificationError } from '../errors.ts'
import { portableHasher } from './hasher.ts'
import type { LeafHash, NodeHash, RootHash, TreeHasher } from './hasher.ts'
import { requireHashes, wireInteger } from './proofs.ts'

/** Most hashes in an inclusion path: the height of a tree of 2^64−1 leaves. */
export const INCLUSION_PATH_MAX = 64

/** An inclusion proof as received, with the leaf it is about. */
export interface InclusionClaim {
  readonly leafHash: LeafHash
  readonly leafIndex: number | bigint
  readonly treeSize: number | bigint
  readonly inclusionPath: readonly Uint8Array[]
}

/**
 * The root that the path leads to from the leaf. Nothing is verified until that root is.
 * @throws InputError `ERR_MERKLE_RANGE` unless 0 ≤ leafIndex < treeSize ≤ 2^64−1.
 * @throws VerificationError `ERR_RECEIPT_PROOF` for a path that is too long or too short, and for
 *   any hash that is not 32 bytes. An empty path is right for size 1 only.
 */
export function rootFromInclusion(
  claim: InclusionClaim,
  hasher: TreeHasher = portableHasher,
): RootHash {
  const { leafHash, inclusionPath } = claim
  const index = wireInteger(claim.leafIndex, 'leaf index')
  const size = wireInteger(claim.treeSize, 'tree size')
  // Step 1.
  if (index >= size) {
    throw new InputError('ERR_MERKLE_RANGE', `leaf index ${index} is outside tree size ${size}`)
  }
  if (inclusionPath.length > INCLUSION_PATH_MAX) throw surplus(inclusionPath.length, size)
  requireHashes([leafHash, ...inclusionPath], 'ERR_RECEIPT_PROOF')
  // Steps 2 and 3. BigInt arithmetic, because bit operators on numbers end at 2^31.
  let fn = index
  let sn = size - 1n
  let hash: NodeHash = leafHash
  // Step 4.
  for (const sibling of inclusionPath) {
    if (sn === 0n) throw surplus(inclusionPath.length, size)
    if (fn % 2n === 1n || fn === sn) {
      hash = hasher.node(sibling, hash)
      while (fn % 2n === 0n && fn !== 0n) {
        fn /= 2n
        sn /= 2n
      }
    } else {
      hash = hasher.node(hash, sibling)
    }
    fn /= 2n
    sn /= 2n
  }
  // Step 5, except for the comparison.
  if (sn !== 0n) {
    throw new VerificationError(
      'ERR_RECEIPT_PROOF',
      `inclusion path of ${inclusionPath.length} hashes is too short for leaf ${index} of ${size}`,
    )
  }
  return hash as RootHash
}

/**
 * Returns when the path leads from the leaf to exactly this root.
 * @throws InputError | VerificationError as {@link rootFromInclusion}, and `ERR_RECEIPT_PROOF` for
 *   another root.
 */
export function verifyInclusion(
  claim: InclusionClaim & { readonly rootHash: RootHash },
  hasher: TreeHasher = portableHasher,
): void {
  requireHashes([claim.rootHash], 'ERR_RECEIPT_PROOF')
  if (!equalBytes(rootFromInclusion(claim, hasher), claim.rootHash)) {
    throw new VerificationError(
      'ERR_RECEIPT_PROOF',
      `inclusion path of leaf ${claim.leafIndex} of ${claim.treeSize} leads to another root`,
    )
  }
}

function surplus(length: number, size: bigint): VerificationError {
  return new VerificationError(
    'ERR_RECEIPT_PROOF',
    `inclusion path of ${length} hashes is too long for tree size ${size}`,
  )
}
