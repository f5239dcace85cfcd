/**
 * Verify before sign (design D7, reliability rule R3): after a commit, everything that the batch
 * wrote is read again and must lead to the head that is about to be signed. The root is computed a
 * second time, from the re-read entries and by other code than the one that wrote the tiles.
 */
import { equalBytes } from '../bytes/bytes.ts'
import { leafIndex } from '../bytes/integers.ts'
import { encodeHex } from '../bytes/hex.ts'
import { assertInvariant } from '../errors.ts'
import type { TileWrite } from '../merkle/edge.ts'
import type { TreeHasher } from '../merkle/hasher.ts'
import type { TreeHead } from '../merkle/tree-head.ts'
import type { CompactRange } from './compact-range.ts'
import { checkTiles } from './grow-tree.ts'
import type { LogStore, NewCollateral } from './store.ts'

/** What is read again. */
export type ReadBackStore = Pick<
  LogStore,
  'readEntries' | 'readTiles' | 'findCollateral' | 'shared'
>

export interface StoredBatch {
  /** The tree before the batch, as it was re-read. */
  readonly range: CompactRange
  readonly entriesCount: number
  readonly tiles: readonly TileWrite[]
  /** What the store was told that the head is. */
  readonly treeHead: TreeHead
  readonly collateral?: readonly NewCollateral[]
}

/**
 * Returns the tree after the batch, computed from what the store holds.
 * @throws InvariantError when the store does not hold what it was given.
 */
export async function verifyStored(
  { store, hasher }: { readonly store: ReadBackStore; readonly hasher: TreeHasher },
  { range, entriesCount, tiles, treeHead, collateral = [] }: StoredBatch,
): Promise<CompactRange> {
  const { treeSize, rootHash } = treeHead
  const first = range.treeSize
  // Both at once: where the store is elsewhere, each is a round trip.
  const [entries] = await Promise.all([
    store.readEntries(leafIndex(first), entriesCount),
    checkTiles({ store }, tiles),
  ])
  assertInvariant(
    first + entries.length === treeSize,
    `${entries.length} entries were read back of ${entriesCount} that were stored at ${first}`,
  )
  const stored = range.clone()
  entries.forEach(({ entry, leafIndex: index }, offset) => {
    assertInvariant(index === first + offset, `entry ${first + offset} was read back as ${index}`)
    stored.append(hasher.leaf(entry))
  })
  const root = stored.rootHash()
  assertInvariant(
    equalBytes(root, rootHash),
    `the stored entries of tree size ${treeSize} have the root ${encodeHex(root)}, ` +
      `the committed head says ${encodeHex(rootHash)}`,
  )
  for (const { digest, bytes, kind } of collateral) {
    const found = await store.findCollateral(digest)
    assertInvariant(
      found !== undefined && equalBytes(found.bytes, bytes),
      `${kind} collateral was not read back as it was stored`,
    )
  }
  return stored
}
