/**
 * The one loop that changes the log: takes what waits, batch by batch, hands each to the write path
 * (`sequence-batch.ts`) and answers. There is no timer in front of a commit: a batch is whatever
 * arrived while the previous one was being committed. Of several nodes it also follows the others, in
 * the same loop, so that nothing is decided, stored or answered while that happens.
 */
import type { LeafIndex, UnixSeconds } from '../bytes/integers.ts'
import { assertInvariant, UnavailableError } from '../errors.ts'
import { answerReleased, answerStored, failAll, refuseNew, refuseStale } from './answer-batch.ts'
import type { LogWaiting } from './answer-batch.ts'
import { clockBehind, decisionStale, logClosing, logStopped } from './answers.ts'
import type { CaughtUp } from './catch-up.ts'
import type { LogLimits } from './limits.ts'
import type { OtherNodes } from './other-nodes.ts'
import type { LogPorts } from './ports.ts'
import { CandidateQueue } from './queue.ts'
import type { Waiter } from './queue.ts'
import type { GovernanceEntry, Registered } from './registered.ts'
import type { ReleasedTree } from './released-tree.ts'
import { sequenceBatch } from './sequence-batch.ts'

type LogWaiter = Waiter<Registered>

export interface SequencerOptions {
  readonly ports: LogPorts
  readonly limits: LogLimits
  readonly onFatal: (error: Error) => void
  /** What is released at the start. */
  readonly released: ReleasedTree
  /** Makes what follows the other nodes, when there may be any; told how to wake the loop. */
  readonly others?: (onDue: () => void) => OtherNodes
}

/** Turns of the event loop that a batch is gathered for at most. */
const GATHER_TURNS_MAX = 32

export class Sequencer {
  readonly queue: CandidateQueue<Registered>
  readonly #ports: LogPorts
  readonly #limits: LogLimits
  readonly #onFatal: (error: Error) => void
  readonly #others: OtherNodes | undefined
  readonly #followers: ((entry: GovernanceEntry) => void)[] = []
  // Replaced by the loop alone, after the guard holds the new head.
  #released: ReleasedTree
  #looked: (() => void)[] = []
  #running: Promise<void> | undefined
  #idleTimer: NodeJS.Timeout | undefined
  #isClosing = false
  #fatal: Error | undefined
  /**
   * When the first entry of the batch under way could have been taken, by the monotonic clock. Tries that
   * came second to another node, and the looks between them, belong to one batch: nobody is answered by them.
   */
  #batchBegan: number | undefined

  constructor({ ports, limits, onFatal, released, others }: SequencerOptions) {
    this.#ports = ports
    this.#limits = limits
    this.#onFatal = onFatal
    this.queue = new CandidateQueue(limits)
    this.#released = released
    this.#others = others?.(() => this.#wake())
    this.#others?.start()
  }

  get released(): ReleasedTree {
    return this.#released
  }

  /** How long the batch under way has taken so far, with all its tries; 0 while nothing waits. */
  get batchSeconds(): number {
    return this.#batchBegan === undefined ? 0 : (performance.now() - this.#batchBegan) / 1000
  }

  /** Code of what keeps a node of several from signing at present. */
  get failure(): UnavailableError['code'] | undefined {
    return this.#others?.failure
  }

  /** @throws UnavailableError `ERR_LOG_STOPPED`, `ERR_LOG_CLOSING` or `ERR_QUEUE_FULL`. */
  push(waiter: LogWaiter): void {
    if (this.#fatal !== undefined) throw logStopped(this.#fatal)
    if (this.#isClosing) throw logClosing()
    this.queue.push(waiter)
    this.#wake()
  }

  follow(follower: (entry: GovernanceEntry) => void): void {
    this.#followers.push(follower)
  }

  /** Resolves after one look at the other nodes, whatever it brought. */
  look(when: 'now' | 'soon'): Promise<void> {
    if (this.#others === undefined || this.#fatal !== undefined || this.#isClosing) {
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      this.#looked.push(resolve)
      if (when === 'now') this.#others?.due()
      else this.#others?.dueSoon()
    })
  }

  /** The outcome of something is unknown: nothing is retried here, the next start decides. */
  stop(cause: Error, batch: readonly LogWaiting[] = []): void {
    const isFirst = this.#fatal === undefined
    this.#fatal ??= cause
    this.#others?.close()
    // Waiters of this batch that were answered already ignore it.
    for (const waiting of batch) failAll(waiting, logStopped(cause))
    this.#failQueue(logStopped(cause))
    this.#endLooks()
    if (isFirst) this.#onFatal(cause)
  }

  /** Answers what waits and saves the last head. */
  async drain(): Promise<void> {
    this.#isClosing = true
    this.#others?.close()
    await this.#running
    this.#endLooks()
    clearTimeout(this.#idleTimer)
    await this.#saveHead()
  }

  #wake(): void {
    if (this.#fatal === undefined) this.#running ??= this.#run()
  }

  async #run(): Promise<void> {
    while (this.#fatal === undefined) {
      this.#batchBegan = this.queue.length > 0 ? (this.#batchBegan ?? performance.now()) : undefined
      if (this.#others?.isDue === true) {
        await this.#followOthers(this.#others)
      } else if (this.queue.length > 0) {
        if ((await this.#others?.yieldTurn()) === true) continue
        await this.#gather()
        await this.#runBatch()
      } else break
    }
    this.#running = undefined
    if (this.#released.state.isSaved) return
    this.#idleTimer ??= setTimeout(() => {
      this.#idleTimer = undefined
      void this.#saveHead()
    }, this.#limits.idleSaveMs).unref()
  }

  /**
   * Lets everything that this turn of the event loop brings join the batch, and goes on while turns
   * bring more: what is on its way costs the next batch a commit of its own. A turn that brings
   * nothing ends it, so a lone entry waits for nobody and there is no timer.
   */
  async #gather(): Promise<void> {
    for (let turns = 0, known = -1; turns < GATHER_TURNS_MAX; turns++) {
      if (this.queue.length === known) return
      known = this.queue.length
      await new Promise(setImmediate)
    }
  }

  /** Never rejects: whatever goes wrong is told to the waiters, survived, or stops the log. */
  async #runBatch(): Promise<void> {
    clearTimeout(this.#idleTimer)
    this.#idleTimer = undefined
    let batch: readonly LogWaiting[] = []
    try {
      const now = this.#ports.clock.now()
      const last = this.#released.state.stored.registrationTime
      if (last - now > this.#limits.clockBehindSecondsMax) {
        this.#failQueue(clockBehind(last - now))
        return
      }
      batch = this.queue.takeBatch()
      const { store } = this.#ports
      const elsewhere = (leafIndex: LeafIndex): Error => this.#storedElsewhere(leafIndex)
      batch = await answerStored(batch, { store, released: this.#released, elsewhere })
      batch = refuseNew(batch, this.#ports.refusal?.())
      const registrationTime = Math.max(now, last)
      const { policyIndex } = this.#released.state.stored
      batch = await refuseStale(batch, { store, registrationTime, policyIndex })
      if (batch.length > 0) await this.#sequence(batch, registrationTime)
      this.#batchBegan = undefined
    } catch (cause) {
      // Nobody is failed because another node was faster: after a look the batch is tried again, and
      // whatever of it is stored by then is found.
      const isAlive = this.#fatal === undefined
      if (isAlive && this.#others?.survives(cause) === true) this.queue.putBack(batch)
      else this.stop(cause as Error, batch)
    }
  }

  /** An entry above the released head is another node's. */
  #storedElsewhere(leafIndex: LeafIndex): Error {
    assertInvariant(
      this.#others !== undefined,
      `entry ${leafIndex} is stored and not released: somebody else writes`,
    )
    return new UnavailableError('ERR_HEAD_MOVED', 'another node stored this entry')
  }

  async #sequence(batch: readonly LogWaiting[], registrationTime: UnixSeconds): Promise<void> {
    const { state } = this.#released
    const entries = batch.map(({ waiters }) => (waiters[0] as LogWaiter).candidate)
    const result = await sequenceBatch(this.#ports, state, { entries, registrationTime })
    if (result.kind === 'not-stored') {
      this.#notStored(batch, result.error)
      return
    }
    this.#others?.won()
    const first = state.stored.treeHead.treeSize
    const last = entries.at(-1)
    const leafIndex = (first + entries.length - 1) as LeafIndex
    const governance = last?.governance === true ? [{ ...last, leafIndex, registrationTime }] : []
    this.#release({ ...result, governance })
    answerReleased(batch, first, this.#released)
  }

  /** A freeze that this node has not heard of refuses a whole batch: the journal in it is tried again, alone. */
  #notStored(batch: readonly LogWaiting[], error: UnavailableError): void {
    const left = error.code === 'ERR_LOG_FROZEN' ? refuseNew(batch, error) : batch
    if (left.length < batch.length) this.queue.putBack(left)
    else for (const waiting of left) failAll(waiting, error)
  }

  async #followOthers(others: OtherNodes): Promise<void> {
    const looked = this.#looked.splice(0)
    try {
      const found = await others.look(this.#released.state, this.queue.length > 0)
      if (found !== undefined && found.state !== this.#released.state) this.#release(found)
      for (const resolve of looked) resolve()
      if (found === undefined && this.#isClosing) {
        // Nobody waits for a store that may not come back; what became of the last batch is unknown.
        this.#failQueue(logStopped(new Error('closed while store or guard could not be reached')))
      }
    } catch (cause) {
      for (const resolve of looked) resolve()
      this.stop(cause as Error)
    }
  }

  #release({ state, tiles, governance }: CaughtUp): void {
    this.#released = this.#released.after(state, tiles)
    for (const entry of governance) for (const follow of this.#followers) follow(entry)
    // What still waits was decided under the rules before.
    if (governance.length > 0) this.#failQueue(decisionStale())
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
      if (!(cause instanceof UnavailableError)) this.stop(cause as Error)
    }
  }

  #failQueue(error: Error): void {
    for (const waiting of this.queue.takeAll()) failAll(waiting, error)
  }

  #endLooks(): void {
    for (const resolve of this.#looked.splice(0)) resolve()
  }
}
