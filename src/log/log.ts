/**
 * The append-only log: joins what arrives into batches, hands each batch to the write path
 * (`sequence-batch.ts`), answers, and serves what is released. There is no timer in front of a
 * commit: a batch is whatever arrived while the previous one was being committed. Who may register,
 * and what a Receipt looks like, is the registry's.
 */
import type { LeafIndex, TreeSize, UnixSeconds } from '../bytes/integers.ts'
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import { assertInvariant, UnavailableError } from '../errors.ts'
import type { NodeHash } from '../merkle/hasher.ts'
import type { ConsistencyProof, InclusionProof } from '../merkle/proofs.ts'
import type { OpenTile } from '../merkle/tiles.ts'
import type { GovernanceKind } from '../payload/media-types.ts'
import { clockBehind, decisionStale, logClosing, logStopped } from './answers.ts'
import { ENTRY_BYTES_MAX, LOG_LIMITS } from './limits.ts'
import type { LogLimits } from './limits.ts'
import type { LogPorts } from './ports.ts'
import { CandidateQueue } from './queue.ts'
import type { Candidate, Waiter, Waiting } from './queue.ts'
import { recoverTree } from './recover.ts'
import { ReleasedTree } from './released-tree.ts'
import { sequenceBatch } from './sequence-batch.ts'
import type { TreeState } from './sequence-batch.ts'
import type { EntryCollateral } from './store.ts'

/** The answer to an append: where the entry is, and the path from it to a signed head. */
export interface Registered {
  readonly leafIndex: LeafIndex
  /** The head of the batch that stored the entry: the same for every copy, whenever it comes. */
  readonly head: SignedTreeHead
  readonly inclusionPath: readonly NodeHash[]
  readonly duplicate: boolean
}

/** A statement that changes how others are decided, as it was released. */
export interface GovernanceEntry extends Pick<Candidate, 'entry' | 'collateral'> {
  readonly leafIndex: LeafIndex
  readonly registrationTime: UnixSeconds
}

export interface LogOptions extends LogPorts {
  /** Called once when the log has stopped for good; the process should end. */
  readonly onFatal: (error: Error) => void
  readonly limits?: Partial<LogLimits>
}

type LogWaiter = Waiter<Registered>
type LogWaiting = Waiting<Registered>

/** Turns of the event loop that a batch is gathered for at most. */
const GATHER_TURNS_MAX = 32

export class Log {
  readonly #ports: LogPorts
  readonly #limits: LogLimits
  readonly #onFatal: (error: Error) => void
  readonly #queue: CandidateQueue<Registered>
  readonly #followers: ((entry: GovernanceEntry) => void)[] = []
  // Replaced by #sequence() alone, after the guard holds the new head.
  #released: ReleasedTree
  #running: Promise<void> | undefined
  #idleTimer: NodeJS.Timeout | undefined
  #closing: Promise<void> | undefined
  #fatal: Error | undefined

  private constructor(options: LogOptions, state: TreeState, limits: LogLimits) {
    this.#ports = options
    this.#limits = limits
    this.#onFatal = options.onFatal
    this.#queue = new CandidateQueue(limits)
    this.#released = ReleasedTree.open(options, state, limits.cacheTilesMax)
  }

  /** @throws StartError when this copy of the log must not be signed with (`recover.ts`). */
  static async open(options: LogOptions): Promise<Log> {
    const limits = { ...LOG_LIMITS, ...options.limits }
    return new Log(options, await recoverTree(options, limits.clockBehindSecondsMax), limits)
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
      if (this.#fatal !== undefined) throw logStopped(this.#fatal)
      if (this.#closing !== undefined) throw logClosing()
      assertInvariant(length <= ENTRY_BYTES_MAX, `an entry of ${length} bytes reached the log`)
      this.#queue.push({ candidate, resolve, reject })
      this.#running ??= this.#run()
    })
  }

  /** Where an entry is; `released` once its head is signed. Undefined until it is durable. */
  async findEntry(
    entryId: Uint8Array,
  ): Promise<{ leafIndex: LeafIndex; released: boolean } | undefined> {
    const [leafIndex] = await this.#ports.store.findLeafIndexes([entryId])
    if (leafIndex === undefined) return undefined
    return { leafIndex, released: leafIndex < this.#released.treeSize }
  }

  /**
   * The bytes of a released entry, hashed again against its leaf.
   * @throws NotFoundError `ERR_ENTRY_UNKNOWN` beyond the released head.
   * @throws InvariantError when the stored bytes are not what was logged: they are not served.
   */
  readEntry(leafIndex: LeafIndex): Promise<Uint8Array> {
    return this.#released.readEntry(leafIndex)
  }

  /**
   * @throws NotFoundError when the head is not released or does not cover the leaf.
   * @throws InvariantError when the stored path does not lead to the head.
   */
  inclusionProof(leafIndex: LeafIndex, head: SignedTreeHead): Promise<InclusionProof> {
    return this.#released.inclusionProof(leafIndex, head)
  }

  /**
   * Proves that the signed head of `treeSize1` is a prefix of the one of `treeSize2`.
   * @throws NotFoundError `ERR_HEAD_UNKNOWN` unless both are released heads.
   * @throws InputError `ERR_MERKLE_RANGE` when the first is the larger one.
   */
  consistencyProof(treeSize1: TreeSize, treeSize2: TreeSize): Promise<ConsistencyProof> {
    return this.#released.consistencyProof(treeSize1, treeSize2)
  }

  /** What waits for the next batch. */
  get queued(): { readonly entries: number; readonly bytes: number } {
    return this.#queue.load
  }

  /** The newest released head. */
  currentHead(): SignedTreeHead {
    return this.#released.state.signed
  }

  /** The released head of exactly this size. */
  headAt(treeSize: TreeSize): Promise<SignedTreeHead | undefined> {
    return this.#released.headAt(treeSize)
  }

  /** The first released head whose tree holds the entry: it proves how early it was registered. */
  firstHeadCovering(leafIndex: LeafIndex): Promise<SignedTreeHead | undefined> {
    return this.#released.firstHeadCovering(leafIndex)
  }

  /**
   * The first `width` hashes of a tile of the released tree, checked against its root.
   * @throws NotFoundError `ERR_TILE_UNKNOWN` for what reaches beyond the released head.
   * @throws InvariantError when stored hashes do not lead to the root: they are not served.
   */
  readTile(tile: OpenTile): Promise<Uint8Array> {
    return this.#released.readTile(tile)
  }

  /** The first `width` entries of a bundle, each checked against its leaf. Throws as {@link readTile}. */
  readBundle(bundle: Omit<OpenTile, 'level'>): Promise<readonly Uint8Array[]> {
    return this.#released.readBundle(bundle)
  }

  /**
   * All signed heads of sizes above `after` and up to `upTo`, ascending.
   * @throws NotFoundError `ERR_HEAD_UNKNOWN` when `upTo` is beyond the released head.
   */
  signedHeads(after: number, upTo: number): Promise<readonly SignedTreeHead[]> {
    return this.#released.signedHeads(after, upTo)
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
  entryCollateral(start: number, end: number): Promise<readonly EntryCollateral[]> {
    return this.#released.entryCollateral(start, end)
  }

  /** Released entries of a kind from `from` on, ascending. */
  listGovernance(kind: GovernanceKind, from = 0): Promise<readonly LeafIndex[]> {
    return this.#released.listGovernance(kind, from)
  }

  /** The last entry of a kind; at a start everything that is stored is released. */
  findLastGovernance(kind: GovernanceKind): Promise<LeafIndex | undefined> {
    return this.#ports.store.findLastGovernance(kind)
  }

  /**
   * Tells `follow` of every governance statement once it is released, before anything that waits is
   * decided again and before its own registration is answered. A `follow` that throws stops the log:
   * what it decides by would not be what the tree says.
   */
  followGovernance(follow: (entry: GovernanceEntry) => void): void {
    this.#followers.push(follow)
  }

  /**
   * Stops for good because of what was learned outside, from a witness that is ahead for example:
   * what waits is failed, and no further batch is begun. `onFatal` is told, as for a failure inside.
   */
  stop(cause: Error): void {
    this.#stop(cause, [])
  }

  /** Answers what has been accepted, saves the last head, then closes store and guard. */
  close(): Promise<void> {
    this.#closing ??= this.#drain()
    return this.#closing
  }

  async #drain(): Promise<void> {
    await this.#running
    clearTimeout(this.#idleTimer)
    await this.#saveHead()
    await this.#ports.store.close()
    await this.#ports.guard.close()
  }

  async #run(): Promise<void> {
    clearTimeout(this.#idleTimer)
    while (this.#queue.length > 0 && this.#fatal === undefined) {
      await this.#gather()
      await this.#runBatch()
    }
    this.#running = undefined
    const save = (): void => void this.#saveHead()
    this.#idleTimer = setTimeout(save, this.#limits.idleSaveMs).unref()
  }

  /**
   * Lets everything that this turn of the event loop brings join the batch, and goes on while turns
   * bring more: what is on its way costs the next batch a commit of its own. A turn that brings
   * nothing ends it, so a lone entry waits for nobody and there is no timer.
   */
  async #gather(): Promise<void> {
    for (let turns = 0, known = -1; turns < GATHER_TURNS_MAX; turns++) {
      if (this.#queue.length === known) return
      known = this.#queue.length
      await new Promise(setImmediate)
    }
  }

  /** Never rejects: whatever goes wrong is told to the waiters, or stops the log. */
  async #runBatch(): Promise<void> {
    let batch: LogWaiting[] = []
    try {
      const now = this.#ports.clock.now()
      const last = this.#released.state.stored.registrationTime
      if (last - now > this.#limits.clockBehindSecondsMax) {
        this.#failQueue(clockBehind(last - now))
        return
      }
      const registrationTime = Math.max(now, last)
      batch = this.#queue.takeBatch((waiter) => this.#isStanding(waiter, registrationTime))
      const fresh = await this.#answerStored(batch)
      if (fresh.length > 0) await this.#sequence(fresh, registrationTime)
    } catch (cause) {
      this.#stop(cause as Error, batch)
    }
  }

  /** Hands a waiter back whose decision was made for another time or under another policy. */
  #isStanding({ candidate, reject }: LogWaiter, registrationTime: UnixSeconds): boolean {
    const { standsFrom, standsUntil, policyIndex } = candidate
    const { stored } = this.#released.state
    const isStanding =
      standsFrom <= registrationTime &&
      registrationTime <= standsUntil &&
      (policyIndex ?? stored.policyIndex) === stored.policyIndex
    if (!isStanding) reject(decisionStale())
    return isStanding
  }

  /** Answers duplicates of stored entries; returns what is new. */
  async #answerStored(batch: readonly LogWaiting[]): Promise<LogWaiting[]> {
    const found = await this.#ports.store.findLeafIndexes(batch.map(({ entryId }) => entryId))
    const fresh: LogWaiting[] = []
    for (const [at, waiting] of batch.entries()) {
      const leafIndex = found[at]
      if (leafIndex === undefined) {
        fresh.push(waiting)
        continue
      }
      const head = await this.firstHeadCovering(leafIndex)
      assertInvariant(head !== undefined, `entry ${leafIndex} is stored and not released`)
      const { inclusionPath } = await this.inclusionProof(leafIndex, head)
      const answer = { leafIndex, head, inclusionPath, duplicate: true }
      for (const { resolve } of waiting.waiters) resolve(answer)
    }
    return fresh
  }

  async #sequence(batch: readonly LogWaiting[], registrationTime: UnixSeconds): Promise<void> {
    const { state } = this.#released
    const entries = batch.map(({ waiters }) => (waiters[0] as LogWaiter).candidate)
    const result = await sequenceBatch(this.#ports, state, { entries, registrationTime })
    if (result.kind === 'not-stored') {
      for (const waiting of batch) failAll(waiting, result.error)
      return
    }
    this.#released = this.#released.after(result.state, result.tiles)
    const first = state.stored.treeHead.treeSize
    const last = entries.at(-1)
    if (last?.governance === true) {
      const leafIndex = (first + entries.length - 1) as LeafIndex
      for (const follow of this.#followers) follow({ ...last, leafIndex, registrationTime })
      // What still waits was decided under the rules before.
      this.#failQueue(decisionStale())
    }
    this.#answerReleased(batch, first)
  }

  #answerReleased(batch: readonly LogWaiting[], firstIndex: number): void {
    const head = this.currentHead()
    for (const [at, { waiters }] of batch.entries()) {
      const leafIndex = (firstIndex + at) as LeafIndex
      const inclusionPath = this.#released.newestPath(leafIndex)
      for (const [copy, { resolve }] of waiters.entries()) {
        resolve({ leafIndex, head, inclusionPath, duplicate: copy > 0 })
      }
    }
  }

  /** Copies the newest head from the guard into the store. Never rejects. */
  async #saveHead(): Promise<void> {
    const released = this.#released
    if (released.state.isSaved || this.#fatal !== undefined) return
    try {
      await this.#ports.store.saveSignedHead(released.state.signed)
      // A batch may have been released meanwhile; it has saved this head, too.
      if (this.#released === released) {
        this.#released = released.after({ ...released.state, isSaved: true }, [])
      }
    } catch (cause) {
      // A busy store gets the head with the next batch; until then the guard has it, durably.
      if (!(cause instanceof UnavailableError)) this.#stop(cause as Error, [])
    }
  }

  /** The outcome of something is unknown: nothing is retried here, the next start decides. */
  #stop(cause: Error, batch: readonly LogWaiting[]): void {
    const isFirst = this.#fatal === undefined
    this.#fatal ??= cause
    // Waiters of this batch that were answered already ignore it.
    for (const waiting of batch) failAll(waiting, logStopped(cause))
    this.#failQueue(logStopped(cause))
    if (isFirst) this.#onFatal(cause)
  }

  #failQueue(error: Error): void {
    for (const waiting of this.#queue.takeAll()) failAll(waiting, error)
  }
}

function failAll({ waiters }: LogWaiting, error: Error): void {
  for (const { reject } of waiters) reject(error)
}
