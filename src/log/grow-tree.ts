/**
 * Extends a tree by entries that another node stored. Nothing of what that node computed is believed:
 * leaves are hashed from the entries as they are read, the root is computed twice, by `merkle/edge.ts`
 * and by the compact range, and stored tiles must hold the hashes that follow.
 */
import { equalBytes } from '../bytes/bytes.ts'
import { leafIndex } from '../bytes/integers.ts'
import { assertInvariant } from '../errors.ts'
import type { TileWrite, TreeEdge } from '../merkle/edge.ts'
import { HASH_BYTES } from '../merkle/hasher.ts'
import type { RootHash } from '../merkle/hasher.ts'
import { TILE_WIDTH } from '../merkle/tiles.ts'
import type { CompactRange } from './compact-range.ts'
import { LOG_LIMITS } from './limits.ts'
import type { CheckingPorts } from './ports.ts'
import type { LogStore } from './store.ts'

/** However far it grows, no more tiles are kept in memory than are cached. */
const TILES_MAX = LOG_LIMITS.cacheTilesMax
/** Entries that are read at a time at most. */
const PAGE_ENTRIES = 4 * TILE_WIDTH

export interface Tree {
  readonly edge: TreeEdge
  readonly range: CompactRange
}

export interface GrownTree extends Tree {
  readonly rootHash: RootHash
  /** The last ones of the tiles that became full. */
  readonly tiles: readonly TileWrite[]
  /** Bytes of the entries that were asked for. */
  readonly kept: ReadonlyMap<number, Uint8Array>
}

type GrowPorts = Pick<CheckingPorts, 'store' | 'hasher'>

/**
 * The tree of size `treeSize`, which the store has; the caller compares the root.
 * @throws InvariantError when entries are missing, or tiles are not those of the entries.
 */
export async function growTree(
  ports: GrowPorts,
  from: Tree,
  { treeSize, keep }: { readonly treeSize: number; readonly keep: ReadonlySet<number> },
): Promise<GrownTree> {
  const { store, hasher } = ports
  let { edge } = from
  const range = from.range.clone()
  let tiles: TileWrite[] = []
  const kept = new Map<number, Uint8Array>()
  while (edge.treeSize < treeSize) {
    const first = edge.treeSize
    const count = Math.min(PAGE_ENTRIES - (first % TILE_WIDTH), treeSize - first)
    const entries = await store.readEntries(leafIndex(first), count)
    assertInvariant(entries.length === count, `entries are missing from ${first} on`)
    const leafHashes = entries.map(({ entry, leafIndex: index }, offset) => {
      assertInvariant(index === first + offset, `entry ${first + offset} was read as ${index}`)
      if (keep.has(index)) kept.set(index, entry)
      return hasher.leaf(entry)
    })
    for (const leafHash of leafHashes) range.append(leafHash)
    const appended = edge.append(leafHashes)
    await checkTiles(ports, appended.tiles)
    const full = appended.tiles.filter(({ hashes }) => hashes.length === TILE_WIDTH * HASH_BYTES)
    tiles = [...tiles, ...full].slice(-TILES_MAX)
    edge = appended.edge
  }
  const rootHash = range.rootHash()
  assertInvariant(equalBytes(edge.rootHash(), rootHash), `two roots for tree size ${treeSize}`)
  return { edge, range, rootHash, tiles, kept }
}

/**
 * Compares stored tiles with what they must hold. Where several nodes commit, another one may have
 * extended them already; what a tile held before never changes.
 * @throws InvariantError for the first one that differs.
 */
export async function checkTiles(
  { store }: { readonly store: Pick<LogStore, 'readTiles' | 'shared'> },
  tiles: readonly TileWrite[],
): Promise<void> {
  const stored = await store.readTiles(tiles)
  for (const [at, { level, index, hashes }] of tiles.entries()) {
    const found = stored[at] ?? new Uint8Array(0)
    const begun = store.shared === true ? found.subarray(0, hashes.length) : found
    assertInvariant(
      equalBytes(begun, hashes),
      `tile ${index} of level ${level} was not read back as it was stored`,
    )
  }
}
