/**
 * Tiles of C2SP tlog-tiles: 256 hashes of one level, from which the seven levels above them within
 * the tile are computed. Positions, widths and the expansion in memory; their paths in the read API
 * belong to the surfaces.
 */
import { powerOfTwo } from '../bytes/integers.ts'
import { assertInvariant } from '../errors.ts'
import { HASH_BYTES } from './hasher.ts'
import type { NodeHash, TreeHasher } from './hasher.ts'
import type { NodeId } from './nodes.ts'

/** Tree levels in a tile. */
export const TILE_HEIGHT = 8
/** Hashes in a full tile. */
export const TILE_WIDTH = 256

/** Tile `index` of tile level `level`; its hashes are the nodes of tree level `level` · 8. */
export interface TileId {
  readonly level: number
  readonly index: number
}

/** A tile at the right edge of a tree, with the number of hashes it has there. */
export interface OpenTile extends TileId {
  readonly width: number
}

/** The tile that a node lies in. */
export function tileOfNode(id: NodeId): TileId {
  const level = Math.floor(id.level / TILE_HEIGHT)
  const nodesPerTile = powerOfTwo(TILE_HEIGHT - (id.level % TILE_HEIGHT))
  return { level, index: Math.floor(id.index / nodesPerTile) }
}

/** How many hashes a tile has in a tree of this size: 0 where it does not exist, at most 256. */
export function tileWidth(level: number, index: number, treeSize: number): number {
  const hashes = Math.floor(treeSize / TILE_WIDTH ** level)
  return Math.max(0, Math.min(TILE_WIDTH, hashes - index * TILE_WIDTH))
}

/** The rightmost, not full tile of every level that has hashes; the width may be 0. */
export function openTiles(treeSize: number): OpenTile[] {
  const tiles: OpenTile[] = []
  for (let level = 0, hashes = treeSize; hashes > 0; level += 1) {
    const index = Math.floor(hashes / TILE_WIDTH)
    tiles.push({ level, index, width: hashes - index * TILE_WIDTH })
    hashes = index
  }
  return tiles
}

// Row h holds the 256 / 2^h nodes of height h; rows follow each other in one buffer.
const ROW_START: readonly number[] = Array.from(
  { length: TILE_HEIGHT },
  (_, height) => 2 * TILE_WIDTH - 2 ** (TILE_HEIGHT + 1 - height),
)
const NODES_IN_TILE = 2 * TILE_WIDTH - 2

/**
 * A tile with its inner nodes, immutable from outside. Extensions of one tile share a buffer as long
 * as they follow each other, because a written node never changes; a second extension of the same
 * tile finds the buffer used further than its own width and takes a copy.
 */
export class ExpandedTile {
  /** The number of hashes, 0..256. */
  readonly width: number
  readonly #buffer: { readonly nodes: Uint8Array; used: number }

  private constructor(width: number, buffer: { readonly nodes: Uint8Array; used: number }) {
    this.width = width
    this.#buffer = buffer
  }

  /** A tile without hashes. */
  static empty(): ExpandedTile {
    const nodes = new Uint8Array(NODES_IN_TILE * HASH_BYTES)
    return new ExpandedTile(0, { nodes, used: 0 })
  }

  /**
   * This tile and the given hashes after its own.
   * @throws InvariantError when they do not fit, or one of them is not 32 bytes.
   */
  extend(hashes: readonly Uint8Array[], hasher: TreeHasher): ExpandedTile {
    const width = this.width + hashes.length
    assertInvariant(width <= TILE_WIDTH, `a tile has no room for ${width} hashes`)
    assertInvariant(
      hashes.every((hash) => hash.length === HASH_BYTES),
      'a tile holds hashes of 32 bytes',
    )
    const isLatest = this.#buffer.used === this.width
    const buffer = isLatest ? this.#buffer : { nodes: this.#buffer.nodes.slice(), used: this.width }
    hashes.forEach((hash, offset) => {
      writeHash(buffer.nodes, { position: this.width + offset, hash, hasher })
    })
    buffer.used = width
    return new ExpandedTile(width, buffer)
  }

  /**
   * The node `heightInTile` levels above the tile's hashes, 0..7.
   * @throws InvariantError when it is not complete in this tile.
   */
  node(heightInTile: number, indexInTile: number): NodeHash {
    const end = (indexInTile + 1) * powerOfTwo(heightInTile)
    assertInvariant(
      heightInTile >= 0 && heightInTile < TILE_HEIGHT && indexInTile >= 0 && end <= this.width,
      `tile of width ${this.width} has no node ${indexInTile} at height ${heightInTile}`,
    )
    const at = nodeOffset(heightInTile, indexInTile)
    return this.#buffer.nodes.slice(at, at + HASH_BYTES) as NodeHash
  }

  /** A copy of the tile as it is stored and served: its hashes, one after the other. */
  hashes(): Uint8Array {
    return this.#buffer.nodes.slice(0, this.width * HASH_BYTES)
  }

  /**
   * The hash that a full tile contributes to the level above.
   * @throws InvariantError while the tile is not full.
   */
  rootHash(hasher: TreeHasher): NodeHash {
    return hasher.node(this.node(TILE_HEIGHT - 1, 0), this.node(TILE_HEIGHT - 1, 1))
  }
}

/**
 * A stored tile with its inner nodes.
 * @throws InvariantError unless `hashes` is 0 to 256 whole hashes.
 */
export function expandTile(hashes: Uint8Array, hasher: TreeHasher): ExpandedTile {
  assertInvariant(
    hashes.length % HASH_BYTES === 0 && hashes.length <= TILE_WIDTH * HASH_BYTES,
    `a tile of ${hashes.length} bytes is not 0 to 256 whole hashes`,
  )
  const list = Array.from({ length: hashes.length / HASH_BYTES }, (_, position) =>
    hashes.subarray(position * HASH_BYTES, (position + 1) * HASH_BYTES),
  )
  return ExpandedTile.empty().extend(list, hasher)
}

function writeHash(
  nodes: Uint8Array,
  { position, hash, hasher }: { position: number; hash: Uint8Array; hasher: TreeHasher },
): void {
  nodes.set(hash, nodeOffset(0, position))
  // A right child completes its parent, which may complete its own.
  let index = position
  for (let height = 1; height < TILE_HEIGHT && index % 2 === 1; height += 1) {
    const left = nodeOffset(height - 1, index - 1)
    const middle = left + HASH_BYTES
    const parent = hasher.node(
      nodes.subarray(left, middle),
      nodes.subarray(middle, middle + HASH_BYTES),
    )
    index = (index - 1) / 2
    nodes.set(parent, nodeOffset(height, index))
  }
}

function nodeOffset(height: number, index: number): number {
  return (ROW_START[height]! + index) * HASH_BYTES
}
