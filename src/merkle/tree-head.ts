/**
 * A tree head: a size and the one root the tree had at that size (RFC 9162 §4.10 without time and
 * signature). Who signed it, and when, belongs to `cose/` and `note/`.
 */
import type { TreeSize } from '../bytes/integers.ts'
import type { RootHash } from './hasher.ts'

/** The state of a tree, unsigned. */
export interface TreeHead {
  readonly treeSize: TreeSize
  readonly rootHash: RootHash
}
