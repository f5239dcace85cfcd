/**
 * The append-only log as the registry sees it: append, and read what is released. Batches are made by
 * `sequencer.ts` and written by `sequence-batch.ts`. Who may register, and what a Receipt looks like,
 * is the registry's.
 */
import type { LeafIndex, TreeSize } from '../bytes/integers.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import { assertInvariant } from '../errors.ts'
import type { UnavailableErrorCode } from '../errors.ts'
import type { ConsistencyProof, InclusionProof } from '../merkle/proofs.ts'
import { TILE_WIDTH } from '../merkle/tiles.ts'
import type { OpenTile } from '../merkle/tiles.ts'
import type { GovernanceKind } from '../payload/media-types.ts'
import { ENTRY_BYTES_MAX, LOG_LIMITS } from './limits.ts'
import type { LogLimits } from './limits.ts'
import { OtherNodes } from './other-nodes.ts'
import type { LogPorts } from './ports.ts'
import type { Candidate } from './queue.ts'
import { recoverNode } from './recover-node.ts'
import { readReceiptKeys, recoverTree } from './recover.ts'
import type { GovernanceEntry, Registered } from './registered.ts'
import { ReleasedTree } from './released-tree.ts'
import type { TreeState } from './tree-state.ts'
import { Sequencer } from './sequencer.ts'
import type { SequencerOptions } from './sequencer.ts'
import type { EntryCollateral } from './store.ts'

export interface LogOptions extends LogPorts {
  /** Called once when the log has stopped for good; the process should end. */
  readonly onFatal: (error: Error) => void
  readonly limits?: Partial<LogLimits>
}

/** Nobody who asks for an entry waits longer for other nodes. */
const LOOK_MS = 250

export class Log {
  readonly #ports: LogPorts
  readonly #sequencer: Sequencer
  #closing: Promise<void> | undefined

  private constructor(ports: LogPorts, sequencer: Sequencer) {
    this.#ports = ports
    this.#sequencer = sequencer
  }

  /**
   * Opens a log; where its store is shared, as one of several nodes.
   * @throws StartError when this copy of the log must not be signed with (`recover.ts`).
   */
  static async open(options: LogOptions): Promise<Log> {
    const limits = { ...LOG_LIMITS, ...options.limits }
    const { state, ...others } = await openState(options, limits)
    const released = ReleasedTree.open(options, state, limits.cacheTilesMax)
    const { onFatal } = options
    const parts = { ports: options, limits, onFatal, released, ...others }
    const sequencer = new Sequencer(parts)
    return new Log(options, sequencer)
  }

  /**
   * Appends an admitted entry, or finds it. Resolves once a signed head that covers it is in the
   * guard. One candidate's failure is its own.
   * @throws UnavailableError `ERR_QUEUE_FULL`, `ERR_DECISION_STALE`, `ERR_CLOCK_BEHIND`,
   *   `ERR_STORE_BUSY`: nothing was stored, try again; `ERR_LOG_STOPPED`: the outcome is unknown,
   *   and a retry after the restart finds the entry or stores it; `ERR_LOG_CLOSING`.
   */
  append(candidate: Candidate): Promise<Registered> {
    const { length } = candidate.entry
    return new Promise((resolve, reject) => {
      assertInvariant(length <= ENTRY_BYTES_MAX, `an entry of ${length} bytes reached the log`)
      this.#sequencer.push({ candidate, resolve, reject })
    })
  }

  /** Where an entry is; `released` once its head is signed. Undefined until it is durable. */
  async findEntry(
    entryId: Uint8Array,
  ): Promise<{ leafIndex: LeafIndex; released: boolean } | undefined> {
    const [leafIndex] = await this.#ports.store.findLeafIndexes([entryId])
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

  /** What waits for the next batch. */
  get queued(): { readonly entries: number; readonly bytes: number } {
    return this.#sequencer.queue.load
  }

  /** How long the batch under way has taken so far with all its tries, in seconds; 0 while nothing waits. */
  get batchSeconds(): number {
    return this.#sequencer.batchSeconds
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
    const last = await this.#ports.store.findLastGovernance(kind)
    if (last === undefined || last < this.#released.treeSize) return last
    return (await this.listGovernance(kind)).at(-1)
  }

  /**
   * Tells `follow` of every governance statement once it is released, before anything that waits is
   * decided again and before its own registration is answered. A `follow` that throws stops the log:
   * what it decides by would not be what the tree says.
   */
  followGovernance(follow: (entry: GovernanceEntry) => void): void {
    this.#sequencer.follow(follow)
  }

  /**
   * Stops for good because of what was learned outside, from a witness that is ahead for example:
   * what waits is failed, and no further batch is begun. `onFatal` is told, as for a failure inside.
   */
  stop(cause: Error): void {
    this.#sequencer.stop(cause)
  }

  /**
   * Looks once at what other nodes released, where there may be any, and resolves after it, or after
   * a moment when they cannot be reached.
   * @param when `soon` where anybody may ask: such looks keep a distance from each other.
   */
  async look(when: 'now' | 'soon' = 'now'): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, LOOK_MS)))
    await Promise.race([this.#sequencer.look(when), late])
    clearTimeout(timer)
  }

  /** Code of what keeps this node of several from signing at present: others may go on. */
  get failure(): UnavailableErrorCode | undefined {
    return this.#sequencer.failure
  }

  /** Answers what has been accepted, saves the last head, then closes store and guard. */
  close(): Promise<void> {
    this.#closing ??= this.#drain()
    return this.#closing
  }

  async #drain(): Promise<void> {
    await this.#sequencer.drain()
    await this.#ports.store.close()
    await this.#ports.guard.close()
  }

  get #released(): ReleasedTree {
    return this.#sequencer.released
  }

  /** The released tree. A client that reads beyond it may have been told of more by another node. */
  async #upTo(treeSize: number): Promise<ReleasedTree> {
    const isShared = this.#ports.store.shared === true
    if (isShared && treeSize > this.#released.treeSize) await this.look('soon')
    return this.#released
  }
}

/** The smallest tree that has all of these hashes. */
function leavesUnder({ level, index, width }: OpenTile): number {
  return (index * TILE_WIDTH + width) * TILE_WIDTH ** level
}

/** Where appending goes on from, and what follows the other nodes if there may be any. */
async function openState(
  options: LogOptions,
  { clockBehindSecondsMax }: LogLimits,
): Promise<Pick<SequencerOptions, 'others'> & { readonly state: TreeState }> {
  if (options.store.shared !== true) {
    return { state: await recoverTree(options, clockBehindSecondsMax) }
  }
  const ports = { ...options, receiptKeys: await readReceiptKeys(options.store) }
  const recovered = await recoverNode(ports, clockBehindSecondsMax)
  const state = await new OtherNodes(ports, () => undefined).settle(recovered)
  return { state, others: (onDue) => new OtherNodes(ports, onDue) }
}
