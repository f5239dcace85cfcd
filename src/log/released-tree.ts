/**
 * What the log serves: the tree up to the head that the guard holds, and nothing above it (design
 * D7). One instance is one moment; the log replaces it when a batch is released, so that a reader
 * never mixes two heads.
 */
import type { LeafIndex, TreeSize } from '../bytes/integers.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import { assertInvariant } from '../errors.ts'
import type { TileWrite } from '../merkle/edge.ts'
import type { NodeHash } from '../merkle/hasher.ts'
import type { ConsistencyProof, InclusionProof } from '../merkle/proofs.ts'
import { entryUnknown, headUnknown } from './answers.ts'
import type { CheckingPorts } from './ports.ts'
import type { TreeState } from './sequence-batch.ts'
import type { LogStore } from './store.ts'
import { TreeReader } from './tree-reader.ts'

export class ReleasedTree {
  readonly state: TreeState
  readonly #store: LogStore
  readonly #reader: TreeReader

  private constructor(store: LogStore, state: TreeState, reader: TreeReader) {
    this.#store = store
    this.state = state
    this.#reader = reader
  }

  static open(ports: CheckingPorts, state: TreeState, cacheTiles: number): ReleasedTree {
    return new ReleasedTree(ports.store, state, TreeReader.open(ports, state.edge, cacheTiles))
  }

  /** The tree after a batch. */
  after(state: TreeState, tiles: readonly TileWrite[]): ReleasedTree {
    return new ReleasedTree(this.#store, state, this.#reader.after(state.edge, tiles))
  }

  get treeSize(): number {
    return this.state.signed.treeHead.treeSize
  }

  /** Path of a leaf of the newest batch to the current head; reads nothing. */
  newestPath(leafIndex: LeafIndex): NodeHash[] {
    return this.#reader.newestPath(leafIndex, this.state.signed.treeHead.treeSize)
  }

  /** @throws NotFoundError | InvariantError when it is not released, or not what was logged. */
  async readEntry(leafIndex: LeafIndex): Promise<Uint8Array> {
    if (leafIndex >= this.treeSize) throw entryUnknown(leafIndex)
    const [stored] = await this.#store.readEntries(leafIndex, 1)
    assertInvariant(stored?.leafIndex === leafIndex, `entry ${leafIndex} is not stored`)
    await this.#reader.checkLeaf(leafIndex, stored.entry)
    return stored.entry
  }

  /** @throws NotFoundError when the head is not released or does not cover the leaf. */
  async inclusionProof(
    leafIndex: LeafIndex,
    { treeHead }: SignedTreeHead,
  ): Promise<InclusionProof> {
    if (treeHead.treeSize > this.treeSize) throw headUnknown(treeHead.treeSize)
    if (leafIndex >= treeHead.treeSize) throw entryUnknown(leafIndex)
    return this.#reader.inclusionProof(leafIndex, treeHead)
  }

  /** @throws NotFoundError `ERR_HEAD_UNKNOWN` unless both are released heads. */
  async consistencyProof(treeSize1: TreeSize, treeSize2: TreeSize): Promise<ConsistencyProof> {
    const [head1, head2] = [await this.headAt(treeSize1), await this.headAt(treeSize2)]
    if (head1 === undefined) throw headUnknown(treeSize1)
    if (head2 === undefined) throw headUnknown(treeSize2)
    return this.#reader.consistencyProof(head1.treeHead, head2.treeHead)
  }

  /** The signed head of exactly this size. */
  async headAt(treeSize: TreeSize): Promise<SignedTreeHead | undefined> {
    if (treeSize === this.treeSize) return this.state.signed
    return treeSize > this.treeSize ? undefined : this.#store.findSignedHead(treeSize)
  }

  /** The first signed head whose tree holds the entry. */
  async firstHeadCovering(leafIndex: LeafIndex): Promise<SignedTreeHead | undefined> {
    if (leafIndex >= this.treeSize) return undefined
    // Only the current head can be missing in the store.
    return (await this.#store.findSignedHeadCovering(leafIndex)) ?? this.state.signed
  }
}
