/**
 * The hashes of the tree, RFC 9162 §2.1.1: one domain byte apart, so that a leaf can never be
 * passed off as a node. Synchronous; SHA-256 itself is injected. What a leaf's bytes are (the entry,
 * or its digest in other logs) is the caller's business.
 */
import type { Branded } from '../bytes/integers.ts'
import { sha256 as portableSha256 } from '../bytes/digest.ts'
import type { Sha256 } from '../bytes/digest.ts'
import { InputError } from '../errors.ts'

/** Bytes of every hash in the tree. */
export const HASH_BYTES = 32

/** Entries of up to this are hashed in a block that is kept. */
const LEAF_BLOCK_ENTRY_MAX = 4096

/** Hash of a leaf. */
export type LeafHash = Branded<Uint8Array, 'LeafHash'>
/** Hash of a whole tree. */
export type RootHash = Branded<Uint8Array, 'RootHash'>
/** Hash of any node; a leaf and a root are nodes, a node is not known to be either. */
export type NodeHash = Branded<Uint8Array, 'NodeHash' | 'LeafHash' | 'RootHash'>

/** The three hashes that a tree is made of. */
export interface TreeHasher {
  /** SHA-256(0x00 ‖ entry). */
  leaf(entry: Uint8Array): LeafHash
  /** SHA-256(0x01 ‖ left ‖ right). */
  node(left: Uint8Array, right: Uint8Array): NodeHash
  /** SHA-256 of nothing: the root of the tree of size 0. */
  readonly emptyRoot: RootHash
}

/** Tree hashes over the given SHA-256, which must not keep its argument. */
export function createTreeHasher(sha256: Sha256): TreeHasher {
  // Blocks are reused: hashing is synchronous and dominates appends.
  const nodeBlock = new Uint8Array(1 + 2 * HASH_BYTES)
  nodeBlock[0] = 1
  const leafBlock = new Uint8Array(1 + LEAF_BLOCK_ENTRY_MAX)
  return {
    leaf(entry: Uint8Array): LeafHash {
      const isSmall = entry.length <= LEAF_BLOCK_ENTRY_MAX
      const block = isSmall
        ? leafBlock.subarray(0, 1 + entry.length)
        : new Uint8Array(1 + entry.length)
      block.set(entry, 1)
      return sha256(block) as LeafHash
    },
    node(left: Uint8Array, right: Uint8Array): NodeHash {
      // A short operand would leave the previous call's bytes in the block.
      if (left.length !== HASH_BYTES || right.length !== HASH_BYTES) {
        throw new InputError('ERR_RECEIPT_MALFORMED', 'a node is hashed from two 32-byte hashes')
      }
      nodeBlock.set(left, 1)
      nodeBlock.set(right, 1 + HASH_BYTES)
      return sha256(nodeBlock) as NodeHash
    },
    emptyRoot: sha256(new Uint8Array(0)) as RootHash,
  }
}

/** Tree hashes that run anywhere. */
export const portableHasher: TreeHasher = createTreeHasher(portableSha256)

/**
 * The same bytes, known to be a hash by their length.
 * @throws InputError `ERR_RECEIPT_MALFORMED` unless there are exactly 32 bytes.
 */
export function parseHash(bytes: Uint8Array): NodeHash {
  if (!(bytes instanceof Uint8Array) || bytes.length !== HASH_BYTES) {
    throw new InputError('ERR_RECEIPT_MALFORMED', `expected a hash of ${HASH_BYTES} bytes`)
  }
  return bytes as NodeHash
}
