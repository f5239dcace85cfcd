/**
 * What the log serves: the tree up to the head that the guard holds, and nothing above it (design
 * D7). One instance is one moment; the log replaces it when a batch is released, so that a reader
 * never mixes two heads.
 */
import { equalBytes } from '../bytes/bytes.ts'
import { sha256 } from '../bytes/digest.ts'
import { encodeHex } from '../bytes/hex.ts'
import type { LeafIndex, TreeSize } from '../bytes/integers.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import { assertInvariant } from '../errors.ts'
import type { TileWrite, TreeEdge } from '../merkle/edge.ts'
import type { NodeHash } from '../merkle/hasher.ts'
import type { ConsistencyProof, InclusionProof } from '../merkle/proofs.ts'
import type { OpenTile } from '../merkle/tiles.ts'
import type { GovernanceKind } from '../payload/media-types.ts'
import { collateralUnknown, entryUnknown, headUnknown } from './answers.ts'
import type { CheckingPorts } from './ports.ts'
import type { TreeState } from './tree-state.ts'
import type { EntryCollateral } from './store.ts'
import { readBundle, readTile } from './tile-reader.ts'
import { TreeReader } from './tree-reader.ts'

/** What reading needs to know of the moment. */
export interface ReleasedState {
  readonly edge: TreeEdge
  readonly signed: SignedTreeHead
}

export class ReleasedTree<State extends ReleasedState = TreeState> {
  readonly state: State
  readonly #ports: CheckingPorts
  readonly #reader: TreeReader

  private constructor(ports: CheckingPorts, state: State, reader: TreeReader) {
    this.#ports = ports
    this.state = state
    this.#reader = reader
  }

  static open<State extends ReleasedState>(
    ports: CheckingPorts,
    state: State,
    cacheTiles: number,
  ): ReleasedTree<State> {
    return new ReleasedTree(ports, state, TreeReader.open(ports, state.edge, cacheTiles))
  }

  /** The tree after a batch. */
  after(state: State, tiles: readonly TileWrite[]): ReleasedTree<State> {
    return new ReleasedTree(this.#ports, state, this.#reader.after(state.edge, tiles))
  }

  get treeSize(): number {
    return this.state.signed.treeHead.treeSize
  }

  /** Path of a leaf of the newest batch to the current head; reads nothing. */
  newestPath(leafIndex: LeafIndex): readonly NodeHash[] {
    return this.#reader.newestPath(leafIndex, this.state.signed.treeHead.treeSize)
  }

  /** @throws NotFoundError | InvariantError when it is not released, or not what was logged. */
  async readEntry(leafIndex: LeafIndex): Promise<Uint8Array> {
    if (leafIndex >= this.treeSize) throw entryUnknown(leafIndex)
    const [stored] = await this.#ports.store.readEntries(leafIndex, 1)
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
    return treeSize > this.treeSize ? undefined : this.#ports.store.findSignedHead(treeSize)
  }

  /** The first signed head whose tree holds the entry. */
  async firstHeadCovering(leafIndex: LeafIndex): Promise<SignedTreeHead | undefined> {
    if (leafIndex >= this.treeSize) return undefined
    // Only the current head can be missing in the store.
    return (await this.#ports.store.findSignedHeadCovering(leafIndex)) ?? this.state.signed
  }

  /**
   * A piece of collateral of a released entry, hashed again against its digest.
   * @throws NotFoundError `ERR_COLLATERAL_UNKNOWN` | InvariantError.
   */
  async readCollateral(digest: Uint8Array): Promise<Uint8Array> {
    const stored = await this.#ports.store.findCollateral(digest)
    const name = `sha256:${encodeHex(digest)}`
    if (stored === undefined || stored.leafIndex >= this.treeSize) throw collateralUnknown(name)
    assertInvariant(
      equalBytes(sha256(stored.bytes), digest),
      `the stored collateral ${name} has another digest`,
    )
    return stored.bytes
  }

  /** What the released entries [start, end) were admitted with beside the statements. */
  async entryCollateral(start: number, end: number): Promise<readonly EntryCollateral[]> {
    if (end > this.treeSize) throw entryUnknown(end - 1)
    return this.#ports.store.listEntryCollateral(start, end)
  }

  /** Released entries of a kind from `from` on, ascending. */
  async listGovernance(kind: GovernanceKind, from: number): Promise<readonly LeafIndex[]> {
    const found = await this.#ports.store.listGovernance(kind, from)
    return found.filter((leafIndex) => leafIndex < this.treeSize)
  }

  /** The first hashes of a tile (`tile-reader.ts`). */
  readTile(tile: OpenTile): Promise<Uint8Array> {
    return readTile({ ...this.#ports, edge: this.state.edge }, tile)
  }

  /** The first entries of a bundle (`tile-reader.ts`). */
  readBundle(bundle: Omit<OpenTile, 'level'>): Promise<readonly Uint8Array[]> {
    return readBundle({ ...this.#ports, edge: this.state.edge }, bundle)
  }

  /** All signed heads of sizes above `after` and up to `upTo`, ascending. */
  async signedHeads(after: number, upTo: number): Promise<readonly SignedTreeHead[]> {
    const { signed } = this.state
    if (upTo > this.treeSize) throw headUnknown(upTo)
    // No more heads than sizes lie in between.
    const saved = await this.#ports.store.listSignedHeads(after, upTo - after)
    const heads = saved.filter(({ treeHead }) => treeHead.treeSize <= upTo)
    // Only the current head can be missing in the store.
    const isAsked = after < upTo && upTo === this.treeSize
    const isMissing = isAsked && heads.at(-1)?.treeHead.treeSize !== upTo
    return isMissing ? [...heads, signed] : heads
  }
}
