/**
 * What is released of the log, as the registry reads it. Where there are several nodes, a reader may have been
 * told of more by another one: then this node looks first at what the others released.
 */
import type { LeafIndex, TreeSize } from '../bytes/integers.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import type { ConsistencyProof, InclusionProof } from '../merkle/proofs.ts'
import { TILE_WIDTH } from '../merkle/tiles.ts'
import type { OpenTile } from '../merkle/tiles.ts'
import type { GovernanceKind } from '../payload/media-types.ts'
import type { LogPorts } from './ports.ts'
import type { ReleasedTree } from './released-tree.ts'
import type { Sequencer } from './sequencer.ts'
import type { EntryCollateral } from './store.ts'

/** Nobody who asks for an entry waits longer for other nodes. */
const LOOK_MS = 250

export class ReleasedLog {
  protected readonly ports: LogPorts
  protected readonly sequencer: Sequencer

  protected constructor(ports: LogPorts, sequencer: Sequencer) {
    this.ports = ports
    this.sequencer = sequencer
  }

  /** Where an entry is; `released` once its head is signed. Undefined until it is durable. */
  async findEntry(
    entryId: Uint8Array,
  ): Promise<{ leafIndex: LeafIndex; released: boolean } | undefined> {
    const [leafIndex] = await this.ports.store.findLeafIndexes([entryId])
    if (leafIndex === undefined) return undefined
    // What another node has answered already is found here, too.
    if (leafIndex >= this.#released.treeSize) await this.look()
    return { leafIndex, released: leafIndex < this.#released.treeSize }
  }

  /**
   * The bytes of a released entry, hashed again against its leaf.
   * @throws NotFoundError `ERR_ENTRY_UNKNOWN` beyond the released head.
   * @throws InvariantError when the stored bytes are not what was logged: they are not served.
   */
  async readEntry(leafIndex: LeafIndex): Promise<Uint8Array> {
    return (await this.#upTo(leafIndex + 1)).readEntry(leafIndex)
  }

  /**
   * @throws NotFoundError when the head is not released or does not cover the leaf.
   * @throws InvariantError when the stored path does not lead to the head.
   */
  async inclusionProof(leafIndex: LeafIndex, head: SignedTreeHead): Promise<InclusionProof> {
    return (await this.#upTo(head.treeHead.treeSize)).inclusionProof(leafIndex, head)
  }

  /**
   * Proves that the signed head of `treeSize1` is a prefix of the one of `treeSize2`.
   * @throws NotFoundError `ERR_HEAD_UNKNOWN` unless both are released heads.
   * @throws InputError `ERR_MERKLE_RANGE` when the first is the larger one.
   */
  async consistencyProof(treeSize1: TreeSize, treeSize2: TreeSize): Promise<ConsistencyProof> {
    return (await this.#upTo(treeSize2)).consistencyProof(treeSize1, treeSize2)
  }

  /** The newest released head. */
  currentHead(): SignedTreeHead {
    return this.#released.state.signed
  }

  /** The released head of exactly this size. */
  async headAt(treeSize: TreeSize): Promise<SignedTreeHead | undefined> {
    return (await this.#upTo(treeSize)).headAt(treeSize)
  }

  /** The first released head whose tree holds the entry: it proves how early it was registered. */
  async firstHeadCovering(leafIndex: LeafIndex): Promise<SignedTreeHead | undefined> {
    return (await this.#upTo(leafIndex + 1)).firstHeadCovering(leafIndex)
  }

  /**
   * The first `width` hashes of a tile of the released tree, checked against its root.
   * @throws NotFoundError `ERR_TILE_UNKNOWN` for what reaches beyond the released head.
   * @throws InvariantError when stored hashes do not lead to the root: they are not served.
   */
  async readTile(tile: OpenTile): Promise<Uint8Array> {
    return (await this.#upTo(leavesUnder(tile))).readTile(tile)
  }

  /** The first `width` entries of a bundle, each checked against its leaf. Throws as {@link readTile}. */
  async readBundle(bundle: Omit<OpenTile, 'level'>): Promise<readonly Uint8Array[]> {
    return (await this.#upTo(leavesUnder({ ...bundle, level: 0 }))).readBundle(bundle)
  }

  /**
   * All signed heads of sizes above `after` and up to `upTo`, ascending.
   * @throws NotFoundError `ERR_HEAD_UNKNOWN` when `upTo` is beyond the released head.
   */
  async signedHeads(after: number, upTo: number): Promise<readonly SignedTreeHead[]> {
    return (await this.#upTo(upTo)).signedHeads(after, upTo)
  }

  /** Index of the last entry that changed how others are decided. */
  get policyIndex(): LeafIndex {
    return this.#released.state.stored.policyIndex
  }

  /** A piece of collateral of a released entry. Throws as {@link ReleasedTree.readCollateral}. */
  readCollateral(digest: Uint8Array): Promise<Uint8Array> {
    return this.#released.readCollateral(digest)
  }

  /** What the released entries [start, end) were admitted with beside the statements. */
  async entryCollateral(start: number, end: number): Promise<readonly EntryCollateral[]> {
    return (await this.#upTo(end)).entryCollateral(start, end)
  }

  /** Released entries of a kind from `from` on, ascending. */
  listGovernance(kind: GovernanceKind, from = 0): Promise<readonly LeafIndex[]> {
    return this.#released.listGovernance(kind, from)
  }

  /** The last released entry of a kind. */
  async findLastGovernance(kind: GovernanceKind): Promise<LeafIndex | undefined> {
    const last = await this.ports.store.findLastGovernance(kind)
    if (last === undefined || last < this.#released.treeSize) return last
    return (await this.listGovernance(kind)).at(-1)
  }

  /**
   * Looks once at what other nodes released, where there may be any, and resolves after it, or after
   * a moment when they cannot be reached.
   * @param when `soon` where anybody may ask: such looks keep a distance from each other.
   */
  async look(when: 'now' | 'soon' = 'now'): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, LOOK_MS)))
    await Promise.race([this.sequencer.others?.looks.next(when), late])
    clearTimeout(timer)
  }

  get #released(): ReleasedTree {
    return this.sequencer.releases.tree
  }

  /** The released tree. A client that reads beyond it may have been told of more by another node. */
  async #upTo(treeSize: number): Promise<ReleasedTree> {
    const isShared = this.ports.store.shared === true
    if (isShared && treeSize > this.#released.treeSize) await this.look('soon')
    return this.#released
  }
}

/** The smallest tree that has all of these hashes. */
function leavesUnder({ level, index, width }: OpenTile): number {
  return (index * TILE_WIDTH + width) * TILE_WIDTH ** level
}
