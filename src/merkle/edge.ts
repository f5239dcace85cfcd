/**
 * The right edge of the tree: per level the one tile that is not full yet (C2SP tlog-tiles), enough
 * to append and to know the root without reading anything. Immutable from outside: an append returns
 * a new edge, so that memory can follow the disk and a failed commit simply keeps the old one.
 */
import { powerOfTwo, treeSize as checkedTreeSize } from '../bytes/integers.ts'
import type { TreeSize } from '../bytes/integers.ts'
import { assertInvariant } from '../errors.ts'
import { HASH_BYTES } from './hasher.ts'
import type { LeafHash, NodeHash, RootHash, TreeHasher } from './hasher.ts'
import { foldNodes, rootNodes } from './nodes.ts'
import type { NodeId } from './nodes.ts'
import {
  ExpandedTile,
  expandTile,
  openTiles,
  TILE_HEIGHT,
  TILE_WIDTH,
  tileOfNode,
} from './tiles.ts'
import type { TileId } from './tiles.ts'

/** The new content of a tile, whole: it replaces what is stored under the same id. */
export interface TileWrite extends TileId {
  /** 32 bytes for each of the 1..256 hashes, from the tile's start. */
  readonly hashes: Uint8Array
}

/** The right edge of a tree of a given size. */
export class TreeEdge {
  readonly treeSize: TreeSize
  readonly #tiles: readonly ExpandedTile[]
  readonly #hasher: TreeHasher
  #rootHash: RootHash | undefined

  private constructor(
    treeSize: TreeSize,
    { tiles, hasher }: { tiles: readonly ExpandedTile[]; hasher: TreeHasher },
  ) {
    this.treeSize = treeSize
    this.#tiles = tiles
    this.#hasher = hasher
  }

  /** The edge of the tree without leaves. */
  static empty(hasher: TreeHasher): TreeEdge {
    return new TreeEdge(checkedTreeSize(0), { tiles: [], hasher })
  }

  /**
   * The edge from storage: `openTiles[level]` is the content of the tile that `openTiles(treeSize)`
   * names, of length 0 where the level is just full. The caller compares the root.
   * @throws InvariantError when a tile has another width than the size demands.
   */
  static fromTiles(
    stored: { readonly treeSize: number; readonly openTiles: readonly Uint8Array[] },
    hasher: TreeHasher,
  ): TreeEdge {
    const treeSize = checkedTreeSize(stored.treeSize)
    const expected = openTiles(treeSize)
    assertInvariant(
      stored.openTiles.slice(expected.length).every((tile) => tile.length === 0),
      `a tree of size ${treeSize} has ${expected.length} levels of tiles`,
    )
    const tiles = expected.map(({ level, index, width }) => {
      const hashes = stored.openTiles[level] ?? new Uint8Array(0)
      assertInvariant(
        hashes.length === width * HASH_BYTES,
        `tile ${index} of level ${level} is not ${width} hashes wide at tree size ${treeSize}`,
      )
      return expandTile(hashes, hasher)
    })
    return new TreeEdge(treeSize, { tiles, hasher })
  }

  /**
   * The edge after these leaves and every tile that they touch, lowest level first. This edge stays
   * as it was.
   * @throws InputError `ERR_MERKLE_RANGE` when the tree would outgrow 2^53−1 leaves.
   */
  append(leafHashes: readonly LeafHash[]): { edge: TreeEdge; tiles: TileWrite[] } {
    const treeSize = checkedTreeSize(this.treeSize + leafHashes.length)
    const open = [...this.#tiles]
    const writes: TileWrite[] = []
    let pending: readonly Uint8Array[] = leafHashes
    for (let level = 0; pending.length > 0; level += 1) {
      const appended = this.#appendToLevel(level, pending)
      open[level] = appended.tile
      writes.push(...appended.writes)
      pending = appended.carry
    }
    return { edge: new TreeEdge(treeSize, { tiles: open, hasher: this.#hasher }), tiles: writes }
  }

  /** The root hash; computed once, about one hash per set bit of the size. */
  rootHash(): RootHash {
    this.#rootHash ??=
      this.treeSize === 0
        ? this.#hasher.emptyRoot
        : (foldNodes(
            rootNodes(this.treeSize).map((id) => {
              const hash = this.findNode(id)
              assertInvariant(hash !== undefined, 'every node of the root lies in an open tile')
              return hash
            }),
            this.#hasher,
          ) as RootHash)
    return new Uint8Array(this.#rootHash) as RootHash
  }

  /** The hash of a complete node in an open tile; `undefined` for all others. */
  findNode(id: NodeId): NodeHash | undefined {
    const { level, index } = tileOfNode(id)
    const tile = this.#tiles[level]
    if (tile === undefined || index !== this.#openIndex(level)) return undefined
    const height = id.level % TILE_HEIGHT
    const indexInTile = id.index - index * powerOfTwo(TILE_HEIGHT - height)
    if ((indexInTile + 1) * powerOfTwo(height) > tile.width) return undefined
    return tile.node(height, indexInTile)
  }

  #openIndex(level: number): number {
    return Math.floor(this.treeSize / TILE_WIDTH ** (level + 1))
  }

  #appendToLevel(
    level: number,
    hashes: readonly Uint8Array[],
  ): { tile: ExpandedTile; writes: TileWrite[]; carry: NodeHash[] } {
    const writes: TileWrite[] = []
    const carry: NodeHash[] = []
    let tile = this.#tiles[level] ?? ExpandedTile.empty()
    let index = this.#openIndex(level)
    let taken = 0
    while (taken < hashes.length) {
      const next = taken + Math.min(TILE_WIDTH - tile.width, hashes.length - taken)
      tile = tile.extend(hashes.slice(taken, next), this.#hasher)
      taken = next
      writes.push({ level, index, hashes: tile.hashes() })
      if (tile.width === TILE_WIDTH) {
        // Only full tiles are hashed into the level above (C2SP tlog-tiles).
        carry.push(tile.rootHash(this.#hasher))
        tile = ExpandedTile.empty()
        index += 1
      }
    }
    return { tile, writes, carry }
  }
}
