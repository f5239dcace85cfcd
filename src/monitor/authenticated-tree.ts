/**
 * The tree of one signed head, read tile by tile and authenticated from the root down: the open tiles
 * of the right edge must hash to the root, and every full tile to its slot in the tile above. So a
 * tile is known to be what the log signed before anything is compared with it, and a flipped byte is
 * told from a fork. A few tiles are kept; memory does not grow with the log.
 */
import { equalBytes } from '../bytes/bytes.ts'
import { TreeEdge } from '../merkle/edge.ts'
import type { NodeHash, RootHash, TreeHasher } from '../merkle/hasher.ts'
import { inclusionPathNodes, foldNodes, rootNodes } from '../merkle/nodes.ts'
import type { NodeId } from '../merkle/nodes.ts'
import { expandTile, openTiles, TILE_HEIGHT, TILE_WIDTH, tileOfNode } from '../merkle/tiles.ts'
import type { ExpandedTile } from '../merkle/tiles.ts'
import type { TreeHead } from '../merkle/tree-head.ts'
import { encodeTilePath } from '../note/tile-path.ts'
import { AuditFault } from './audit-fault.ts'
import type { LogSource } from './log-source.ts'

/** Tiles kept expanded, 16 KiB each: a path from a leaf to the root has eight at most. */
const TILES_MAX = 64

export interface AuthenticatedTreeOptions {
  readonly source: LogSource
  /** From a checkpoint whose signature holds. */
  readonly head: TreeHead
  readonly hasher: TreeHasher
}

export class AuthenticatedTree {
  readonly head: TreeHead
  readonly #source: LogSource
  readonly #hasher: TreeHasher
  readonly #open: readonly ExpandedTile[]
  readonly #tiles = new Map<string, Promise<ExpandedTile>>()

  private constructor({ source, head, hasher }: AuthenticatedTreeOptions, open: ExpandedTile[]) {
    this.head = head
    this.#source = source
    this.#hasher = hasher
    this.#open = open
  }

  /** Reads the right edge. @throws AuditFault `tile` unless it hashes to the root of the head. */
  static async open(options: AuthenticatedTreeOptions): Promise<AuthenticatedTree> {
    const { source, head, hasher } = options
    const ids = openTiles(head.treeSize)
    const contents = await Promise.all(
      ids.map(async ({ level, index, width }) =>
        width === 0 ? new Uint8Array(0) : source.tile(level, index, width),
      ),
    )
    const stored = { treeSize: head.treeSize, openTiles: contents }
    if (!equalBytes(TreeEdge.fromTiles(stored, hasher).rootHash(), head.rootHash)) {
      const paths = ids
        .filter(({ width }) => width > 0)
        .map((id) => encodeTilePath({ kind: 'hashes', ...id }))
      throw new AuditFault(
        'tile',
        `the right edge of the tree (${paths.join(', ')}) does not hash to the signed root`,
        { treeSize: head.treeSize, ...(paths.length === 1 ? { tile: paths[0]! } : {}) },
      )
    }
    return new AuthenticatedTree(
      options,
      contents.map((content) => expandTile(content, hasher)),
    )
  }

  /** A tile of the tree, with its inner nodes. @throws AuditFault `tile`. */
  async tile(level: number, index: number): Promise<ExpandedTile> {
    const open = this.#open[level]
    if (open !== undefined && index === this.#openIndex(level)) return open
    const name = `${level}/${index}`
    let tile = this.#tiles.get(name)
    // The tile that was used last stays longest.
    this.#tiles.delete(name)
    tile ??= this.#readTile(level, index)
    this.#tiles.set(name, tile)
    if (this.#tiles.size > TILES_MAX) this.#tiles.delete(this.#tiles.keys().next().value!)
    return tile
  }

  /** The hash of a perfect node. */
  async node(id: NodeId): Promise<NodeHash> {
    const { level, index } = tileOfNode(id)
    const height = id.level % TILE_HEIGHT
    const tile = await this.tile(level, index)
    return tile.node(height, id.index - index * 2 ** (TILE_HEIGHT - height))
  }

  /** The root that this tree had at an earlier size. */
  async rootAt(treeSize: number): Promise<RootHash> {
    if (treeSize === 0) return this.#hasher.emptyRoot
    const nodes = await Promise.all(rootNodes(treeSize).map((id) => this.node(id)))
    return foldNodes(nodes, this.#hasher) as RootHash
  }

  /** The path from a leaf to the root, or to the one that the tree had at an earlier size. */
  async inclusionPath(
    leafIndex: number,
    treeSize: number = this.head.treeSize,
  ): Promise<NodeHash[]> {
    return Promise.all(
      inclusionPathNodes(leafIndex, treeSize).map(async (ids) =>
        foldNodes(await Promise.all(ids.map((id) => this.node(id))), this.#hasher),
      ),
    )
  }

  /** The edge that leaves from `treeSize` on are appended to. */
  async edgeAt(treeSize: number): Promise<TreeEdge> {
    const tiles = await Promise.all(
      openTiles(treeSize).map(async ({ level, index, width }) =>
        width === 0
          ? new Uint8Array(0)
          : (await this.tile(level, index)).hashes().subarray(0, width * 32),
      ),
    )
    return TreeEdge.fromTiles({ treeSize, openTiles: tiles }, this.#hasher)
  }

  #openIndex(level: number): number {
    return Math.floor(this.head.treeSize / TILE_WIDTH ** (level + 1))
  }

  async #readTile(level: number, index: number): Promise<ExpandedTile> {
    const [hashes, above] = await Promise.all([
      this.#source.tile(level, index, TILE_WIDTH),
      this.tile(level + 1, Math.floor(index / TILE_WIDTH)),
    ])
    const tile = expandTile(hashes, this.#hasher)
    if (!equalBytes(tile.rootHash(this.#hasher), above.node(0, index % TILE_WIDTH))) {
      const path = encodeTilePath({ kind: 'hashes', level, index, width: TILE_WIDTH })
      throw new AuditFault('tile', `${path} does not hash to the signed root`, {
        tile: path,
        leafIndex: index * TILE_WIDTH ** (level + 1),
      })
    }
    return tile
  }
}
