/**
 * The two proofs of RFC 9162 §2.1.3 and §2.1.4, and the limits on their fields when they come from
 * outside: 64-bit integers (COSE Receipts CDDL) and hashes of exactly 32 bytes. Their CBOR form is
 * `cose/`'s, their checking is `verify-inclusion.ts` and `verify-consistency.ts`.
 */
import type { LeafIndex, TreeSize } from '../bytes/integers.ts'
import { InputError, VerificationError } from '../errors.ts'
import type { VerificationErrorCode } from '../errors.ts'
import { HASH_BYTES } from './hasher.ts'
import type { NodeHash } from './hasher.ts'

/** Proof that a leaf is in the tree of this size; the path runs from the leaf to the root. */
export interface InclusionProof {
  readonly leafIndex: LeafIndex
  readonly treeSize: TreeSize
  readonly inclusionPath: readonly NodeHash[]
}

/** Proof that the tree of `treeSize1` is a prefix of the tree of `treeSize2`. */
export interface ConsistencyProof {
  readonly treeSize1: TreeSize
  readonly treeSize2: TreeSize
  readonly consistencyPath: readonly NodeHash[]
}

const WIRE_INTEGER_MAX = 2n ** 64n - 1n

/**
 * An index or size as received, widened. The log's own are below 2^53; foreign ones may not be.
 * @throws InputError `ERR_MERKLE_RANGE` unless it is an integer in 0..2^64−1; a number must be safe.
 */
export function wireInteger(value: number | bigint, name: string): bigint {
  const isExact = typeof value === 'bigint' || Number.isSafeInteger(value)
  const wide = isExact ? BigInt(value) : -1n
  if (wide < 0n || wide > WIRE_INTEGER_MAX) {
    throw new InputError('ERR_MERKLE_RANGE', `${name} ${value} is not an integer in 0..2^64-1`)
  }
  return wide
}

/**
 * Returns when every hash has 32 bytes. An empty hash would make an empty root match an empty leaf.
 * @throws VerificationError with the given code otherwise.
 */
export function requireHashes(hashes: readonly Uint8Array[], code: VerificationErrorCode): void {
  for (const hash of hashes) {
    if (!(hash instanceof Uint8Array) || hash.length !== HASH_BYTES) {
      throw new VerificationError(code, `a hash of the proof is not ${HASH_BYTES} bytes long`)
    }
  }
}
