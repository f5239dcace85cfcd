/**
 * Reads the nodes that `nodes.ts` plans: from the right edge in memory, else from full tiles through a
 * small cache (full tiles never change). Synchronous; whoever stores tiles behind promises asks
 * `missingTiles` first and hands them in. A reader belongs to one tree head; the cache outlives it.
 */
import { powerOfTwo } from '../bytes/integers.ts'
import { assertInvariant } from '../errors.ts'
import type { TileWrite, TreeEdge } from './edge.ts'
import { HASH_BYTES } from './hasher.ts'
import type { NodeHash, TreeHasher } from './hasher.ts'
import type { NodeId } from './nodes.ts'
import { expandTile, TILE_HEIGHT, TILE_WIDTH, tileOfNode } from './tiles.ts'
import type { ExpandedTile, TileId } from './tiles.ts'

/** What a {@link TileNodeReader} reads from. */
export interface TileNodeReaderOptions {
  readonly edge: TreeEdge
  /** The content of a tile that is full at the edge's size, as stored. */
  readonly readTile: (level: number, index: number) => Uint8Array
  readonly hasher: TreeHasher
  /** Full tiles kept expanded, 16 KiB each. */
  readonly cacheTiles?: number
}

/** Nodes of one level that a reader keeps: more than a batch has. */
const SHARED_NODES_MAX = 512

/** Reads nodes of the tree that ends at one edge. */
export class TileNodeReader {
  readonly #options: TileNodeReaderOptions
  readonly #cache: TileCache
  // Subtrees cut by this head's right edge, by first leaf: every path of a batch ends in the same few.
  readonly #cutSubtrees = new Map<number, NodeHash>()
  // Perfect nodes of paths, by level and index.
  readonly #shared: Map<number, NodeHash>[] = []

  constructor(options: TileNodeReaderOptions, cache?: TileCache) {
    this.#options = options
    this.#cache = cache ?? new TileCache(options.cacheTiles ?? 256)
  }

  /**
   * A reader for a later edge of the same tree, on the same cache. The tiles that the append wrote
   * are cached if full, so that the paths of new leaves need no storage at all.
   */
  forEdge(edge: TreeEdge, written: readonly TileWrite[] = []): TileNodeReader {
    for (const tile of written) {
      if (tile.hashes.length === TILE_WIDTH * HASH_BYTES) this.addTile(tile, tile.hashes)
    }
    return new TileNodeReader({ ...this.#options, edge }, this.#cache)
  }

  /**
   * The hash of a perfect node.
   * @throws InvariantError when the tree has no such node or a stored tile is not full.
   */
  node(id: NodeId): NodeHash {
    const open = this.#options.edge.findNode(id)
    if (open !== undefined) return open
    const { edge, readTile } = this.#options
    assertInvariant(
      (id.index + 1) * powerOfTwo(id.level) <= edge.treeSize,
      `node ${id.index} of level ${id.level} is not complete at tree size ${edge.treeSize}`,
    )
    const tileId = tileOfNode(id)
    const tile =
      this.#cache.find(tileId) ?? this.addTile(tileId, readTile(tileId.level, tileId.index))
    const height = id.level % TILE_HEIGHT
    return tile.node(height, id.index - tileId.index * powerOfTwo(TILE_HEIGHT - height))
  }

  /** The hash of one path element: its nodes from `at` on, left to right, folded; not to be changed: paths share it. */
  subtree(nodes: readonly NodeId[], at = 0): NodeHash {
    const first = nodes[at]
    assertInvariant(first !== undefined, 'a path element has nodes')
    if (at === nodes.length - 1) return this.#pathNode(first)
    const last = nodes[nodes.length - 1]!
    // An element of an older head ends elsewhere and must not meet this head's subtrees.
    const isAtEdge = (last.index + 1) * powerOfTwo(last.level) === this.#options.edge.treeSize
    const start = first.index * powerOfTwo(first.level)
    const known = isAtEdge ? this.#cutSubtrees.get(start) : undefined
    if (known !== undefined) return known
    const hash = this.#options.hasher.node(this.node(first), this.subtree(nodes, at + 1))
    if (isAtEdge) this.#cutSubtrees.set(start, hash)
    return hash
  }

  /** The paths of a batch differ near their leaves only: what they share is taken out of its tile once. */
  #pathNode(id: NodeId): NodeHash {
    if (id.level === 0) return this.node(id)
    const row = (this.#shared[id.level] ??= new Map<number, NodeHash>())
    const known = row.get(id.index)
    if (known !== undefined) return known
    if (row.size >= SHARED_NODES_MAX) row.clear()
    const hash = this.node(id)
    row.set(id.index, hash)
    return hash
  }

  /** The full tiles that these elements need and that are not in memory. */
  missingTiles(elements: readonly (readonly NodeId[])[]): TileId[] {
    const missing = new Map<number, TileId>()
    for (const id of elements.flat()) {
      if (this.#options.edge.findNode(id) !== undefined) continue
      const tileId = tileOfNode(id)
      if (this.#cache.find(tileId) === undefined) missing.set(tileKey(tileId), tileId)
    }
    return [...missing.values()]
  }

  /**
   * Puts a full tile into the cache.
   * @throws InvariantError unless it has 256 hashes.
   */
  addTile(id: TileId, hashes: Uint8Array): ExpandedTile {
    assertInvariant(
      hashes.length === TILE_WIDTH * HASH_BYTES,
      `tile ${id.index} of level ${id.level} is full in the tree and ${hashes.length} bytes stored`,
    )
    const tile = expandTile(hashes, this.#options.hasher)
    this.#cache.put(id, tile)
    return tile
  }
}

/**
 * The hashes of a planned path, the caller's own.
 * @throws InvariantError when the tree has no such node or a stored tile is not full.
 */
export function resolvePath(
  elements: readonly (readonly NodeId[])[],
  reader: TileNodeReader,
): NodeHash[] {
  return sharedPath(elements, reader).map((hash) => new Uint8Array(hash) as NodeHash)
}

/** The same for whoever only reads them: what several paths of a tree have is one object. */
export function sharedPath(
  elements: readonly (readonly NodeId[])[],
  reader: TileNodeReader,
): readonly NodeHash[] {
  return elements.map((nodes) => reader.subtree(nodes))
}

/** The most recently used full tiles; shared by the readers of one tree. */
class TileCache {
  readonly #tilesMax: number
  readonly #tiles = new Map<number, ExpandedTile>()

  constructor(tilesMax: number) {
    this.#tilesMax = tilesMax
  }

  find(id: TileId): ExpandedTile | undefined {
    const key = tileKey(id)
    const tile = this.#tiles.get(key)
    if (tile === undefined) return undefined
    // A Map iterates in order of insertion: inserting again makes it the youngest.
    this.#tiles.delete(key)
    this.#tiles.set(key, tile)
    return tile
  }

  put(id: TileId, tile: ExpandedTile): void {
    const key = tileKey(id)
    this.#tiles.delete(key)
    this.#tiles.set(key, tile)
    for (const oldest of this.#tiles.keys()) {
      if (this.#tiles.size <= this.#tilesMax) break
      this.#tiles.delete(oldest)
    }
  }
}

/** Tile indexes stay below 2^45 and levels below 7, so that one safe integer names both. */
function tileKey(id: TileId): number {
  return id.level * 2 ** 45 + id.index
}
