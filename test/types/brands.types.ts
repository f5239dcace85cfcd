/**
 * What must not compile. Not run: `npm run types` checks this file, and a line below
 * `@ts-expect-error` that does compile is an error there.
 */
import { leafIndex, treeSize } from '../../src/bytes/integers.ts'
import type { LeafIndex, TreeSize } from '../../src/bytes/integers.ts'
import { portableHasher } from '../../src/merkle/hasher.ts'
import type { LeafHash, NodeHash, RootHash } from '../../src/merkle/hasher.ts'
import type { TreeHead } from '../../src/merkle/tree-head.ts'

declare function takesIndex(index: LeafIndex): void
declare function takesSize(size: TreeSize): void
declare function takesLeafHash(hash: LeafHash): void
declare function takesRootHash(hash: RootHash): void

export function positionsAreNotSizes(): void {
  takesIndex(leafIndex(1))
  takesSize(treeSize(1))
  // @ts-expect-error a size is not an index
  takesIndex(treeSize(1))
  // @ts-expect-error an index is not a size
  takesSize(leafIndex(1))
  // @ts-expect-error a plain number is neither
  takesIndex(1)
  // @ts-expect-error arithmetic loses the brand: check again
  takesSize(treeSize(1) + 1)
}

export function hashesAreNotInterchangeable(node: NodeHash, root: RootHash): void {
  const leaf = portableHasher.leaf(new Uint8Array())
  takesLeafHash(leaf)
  takesRootHash(root)
  // @ts-expect-error a leaf hash is not a root
  takesRootHash(leaf)
  // @ts-expect-error a root is not a leaf hash
  takesLeafHash(root)
  // @ts-expect-error the hash of an inner node is not a leaf hash
  takesLeafHash(portableHasher.node(node, node))
  // @ts-expect-error any 32 bytes are not a root
  takesRootHash(new Uint8Array(32))
}

export function headsAreReadonly(head: TreeHead): void {
  // @ts-expect-error a tree head does not change
  head.treeSize = treeSize(1)
}
