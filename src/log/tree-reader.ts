/**
 * Proofs from the stored tree (RFC 9162 §2.1.3.1, §2.1.4.1): nodes come from the right edge in
 * memory, from cached full tiles, else from the store. Every proof is checked against the root that
 * it is for before it is handed out, so that storage that lost a bit cannot make a wrong one (I4).
 */
import { equalBytes } from '../bytes/bytes.ts'
import type { LeafIndex, TreeSize } from '../bytes/integers.ts'
import { InvariantError } from '../errors.ts'
import type { TileWrite, TreeEdge } from '../merkle/edge.ts'
import type { LeafHash, NodeHash, RootHash, TreeHasher } from '../merkle/hasher.ts'
import { resolvePath, sharedPath, TileNodeReader } from '../merkle/node-reader.ts'
import { consistencyPathNodes, foldNodes, inclusionPathNodes, rootNodes } from '../merkle/nodes.ts'
import type { NodeId } from '../merkle/nodes.ts'
import type { ConsistencyProof, InclusionProof } from '../merkle/proofs.ts'
import type { TreeHead } from '../merkle/tree-head.ts'
import { verifyConsistency } from '../merkle/verify-consistency.ts'
import { verifyInclusion } from '../merkle/verify-inclusion.ts'
import type { LogStore } from './store.ts'

interface ReaderSource {
  readonly store: Pick<LogStore, 'readTiles'>
  readonly hasher: TreeHasher
}

/** Reads one state of the tree; {@link TreeReader.after} gives the reader of the next. */
export class TreeReader {
  readonly #source: ReaderSource
  readonly #nodes: TileNodeReader

  private constructor(source: ReaderSource, nodes: TileNodeReader) {
    this.#source = source
    this.#nodes = nodes
  }

  static open(source: ReaderSource, edge: TreeEdge, cacheTiles: number): TreeReader {
    const readTile = (level: number, index: number): never => {
      throw new InvariantError(`tile ${index} of level ${level} was not loaded before it was used`)
    }
    const { hasher } = source
    return new TreeReader(source, new TileNodeReader({ edge, readTile, hasher, cacheTiles }))
  }

  /** The reader after an append; it shares the cache, so paths of new leaves read nothing. */
  after(edge: TreeEdge, tiles: readonly TileWrite[]): TreeReader {
    return new TreeReader(this.#source, this.#nodes.forEdge(edge, tiles))
  }

  /** @throws InvariantError when the stored path does not lead from the stored leaf to the root. */
  async inclusionProof(leafIndex: LeafIndex, treeHead: TreeHead): Promise<InclusionProof> {
    const { treeSize, rootHash } = treeHead
    const elements = inclusionPathNodes(leafIndex, treeSize)
    const [leafHash, ...inclusionPath] = await this.#resolve([[leafNode(leafIndex)], ...elements])
    checkStored(`leaf ${leafIndex} of tree size ${treeSize}`, () => {
      const claim = { leafHash: leafHash as LeafHash, leafIndex, treeSize, inclusionPath, rootHash }
      verifyInclusion(claim, this.#source.hasher)
    })
    return { leafIndex, treeSize, inclusionPath }
  }

  /** The path of a leaf of the newest batch, whose root was computed from re-read bytes just now. */
  newestPath(leafIndex: LeafIndex, treeSize: TreeSize): readonly NodeHash[] {
    return sharedPath(inclusionPathNodes(leafIndex, treeSize), this.#nodes)
  }

  /** @throws InvariantError when the stored path does not lead from the one root to the other. */
  async consistencyProof(head1: TreeHead, head2: TreeHead): Promise<ConsistencyProof> {
    const sizes = { treeSize1: head1.treeSize, treeSize2: head2.treeSize }
    const elements = consistencyPathNodes(sizes.treeSize1, sizes.treeSize2)
    const consistencyPath = await this.#resolve(elements)
    checkStored(`sizes ${sizes.treeSize1} and ${sizes.treeSize2}`, () => {
      const roots = { rootHash1: head1.rootHash, rootHash2: head2.rootHash }
      verifyConsistency({ ...sizes, ...roots, consistencyPath }, this.#source.hasher)
    })
    return { ...sizes, consistencyPath }
  }

  /** The root that the stored tree had at an earlier size. */
  async rootAt(treeSize: number): Promise<RootHash> {
    const { hasher } = this.#source
    if (treeSize === 0) return hasher.emptyRoot
    const peaks = await this.#resolve(rootNodes(treeSize).map((node) => [node]))
    return foldNodes(peaks, hasher) as RootHash
  }

  /** @throws InvariantError unless the entry hashes to the leaf that the tree has at `leafIndex`. */
  async checkLeaf(leafIndex: LeafIndex, entry: Uint8Array): Promise<void> {
    const [stored] = await this.#resolve([[leafNode(leafIndex)]])
    if (stored === undefined || !equalBytes(stored, this.#source.hasher.leaf(entry))) {
      throw new InvariantError(`the stored entry ${leafIndex} does not hash to its leaf`)
    }
  }

  async #resolve(elements: readonly (readonly NodeId[])[]): Promise<NodeHash[]> {
    // While one request waits for the store, others may push its tiles out of the cache again.
    for (;;) {
      const missing = this.#nodes.missingTiles(elements)
      if (missing.length === 0) return resolvePath(elements, this.#nodes)
      const tiles = await this.#source.store.readTiles(missing)
      missing.forEach((tile, at) => this.#nodes.addTile(tile, tiles[at] ?? new Uint8Array(0)))
    }
  }
}

function leafNode(leafIndex: LeafIndex): NodeId {
  return { level: 0, index: leafIndex }
}

function checkStored(what: string, check: () => void): void {
  try {
    check()
  } catch (cause) {
    throw new InvariantError(`the stored tree does not hash to its head: ${what}`, { cause })
  }
}
