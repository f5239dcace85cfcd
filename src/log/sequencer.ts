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
import type { Registered } from './registered.ts'
import type { ReleasedTree } from './released-tree.ts'
import { Releases } from './releases.ts'
import { sequenceBatch } from './sequence-batch.ts'

export interface SequencerOptions {
  readonly ports: LogPorts
  readonly limits: LogLimits
  readonly onFatal: (error: Error) => void
  /** What is released at the start. */
  readonly released: ReleasedTree
  /** Makes what follows the other nodes, when there may be any; told how to wake the loop. */
  readonly others?: (onDue: () => void) => OtherNodes
}

export class Sequencer {
  readonly queue: CandidateQueue<Registered>
  readonly releases: Releases
  readonly others: OtherNodes | undefined
  readonly #ports: LogPorts
  readonly #limits: LogLimits
  readonly #onFatal: (error: Error) => void
  #running: Promise<void> | undefined
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
    this.releases = new Releases(released, ports.store, (cause) => this.stop(cause))
    this.others = others?.(() => this.#wake())
    this.others?.start()
  }

  /** How long the batch under way has taken so far, with all its tries; 0 while nothing waits. */
  get batchSeconds(): number {
    return this.#batchBegan === undefined ? 0 : (performance.now() - this.#batchBegan) / 1000
  }

  /** @throws UnavailableError `ERR_LOG_STOPPED`, `ERR_LOG_CLOSING` or `ERR_QUEUE_FULL`. */
  push(waiter: Waiter<Registered>): void {
    if (this.#fatal !== undefined) throw logStopped(this.#fatal)
    if (this.#isClosing) throw logClosing()
    this.queue.push(waiter)
    this.#wake()
  }

  /** The outcome of something is unknown: nothing is retried here, the next start decides. */
  stop(cause: Error, batch: readonly LogWaiting[] = []): void {
    const isFirst = this.#fatal === undefined
    this.#fatal ??= cause
    this.releases.stop()
    this.others?.close()
    // Waiters of this batch that were answered already ignore it.
    for (const waiting of batch) failAll(waiting, logStopped(cause))
    this.#failQueue(logStopped(cause))
    this.others?.looks.endWaiting()
    if (isFirst) this.#onFatal(cause)
  }

  /** Answers what waits and saves the last head. */
  async drain(): Promise<void> {
    this.#isClosing = true
    this.others?.close()
    await this.#running
    this.others?.looks.endWaiting()
    await this.releases.save()
  }

  #wake(): void {
    if (this.#fatal === undefined) this.#running ??= this.#run()
  }

  async #run(): Promise<void> {
    while (this.#fatal === undefined) {
      this.#batchBegan = this.queue.length > 0 ? (this.#batchBegan ?? performance.now()) : undefined
      if (this.others?.looks.isDue === true) {
        await this.#followOthers(this.others)
      } else if (this.queue.length > 0) {
        if ((await this.others?.yieldTurn()) === true) continue
        await this.queue.gather()
        await this.#runBatch()
      } else break
    }
    this.#running = undefined
    this.releases.saveWhenIdle(this.#limits.idleSaveMs)
  }

  /** Never rejects: whatever goes wrong is told to the waiters, survived, or stops the log. */
  async #runBatch(): Promise<void> {
    this.releases.saveLater()
    let batch: readonly LogWaiting[] = []
    try {
      const now = this.#ports.clock.now()
      const last = this.releases.tree.state.stored.registrationTime
      if (last - now > this.#limits.clockBehindSecondsMax) {
        this.#failQueue(clockBehind(last - now))
        return
      }
      batch = this.queue.takeBatch()
      const { store } = this.#ports
      const elsewhere = (leafIndex: LeafIndex): Error => this.#storedElsewhere(leafIndex)
      batch = await answerStored(batch, { store, released: this.releases.tree, elsewhere })
      batch = refuseNew(batch, this.#ports.refusal?.())
      const registrationTime = Math.max(now, last)
      const { policyIndex } = this.releases.tree.state.stored
      batch = await refuseStale(batch, { store, registrationTime, policyIndex })
      if (batch.length > 0) await this.#sequence(batch, registrationTime)
      this.#batchBegan = undefined
    } catch (cause) {
      // Nobody is failed because another node was faster: after a look the batch is tried again, and
      // whatever of it is stored by then is found.
      const isAlive = this.#fatal === undefined
      if (isAlive && this.others?.survives(cause) === true) this.queue.putBack(batch)
      else this.stop(cause as Error, batch)
    }
  }

  /** An entry above the released head is another node's. */
  #storedElsewhere(leafIndex: LeafIndex): Error {
    assertInvariant(
      this.others !== undefined,
      `entry ${leafIndex} is stored and not released: somebody else writes`,
    )
    return new UnavailableError('ERR_HEAD_MOVED', 'another node stored this entry')
  }

  async #sequence(batch: readonly LogWaiting[], registrationTime: UnixSeconds): Promise<void> {
    const { state } = this.releases.tree
    const entries = batch.map(({ waiters }) => waiters[0]!.candidate)
    const result = await sequenceBatch(this.#ports, state, { entries, registrationTime })
    if (result.kind === 'not-stored') {
      this.#notStored(batch, result.error)
      return
    }
    this.others?.won()
    const first = state.stored.treeHead.treeSize
    const last = entries.at(-1)
    const leafIndex = (first + entries.length - 1) as LeafIndex
    const governance = last?.governance === true ? [{ ...last, leafIndex, registrationTime }] : []
    this.#release({ ...result, governance })
    answerReleased(batch, first, this.releases.tree)
  }

  /** A freeze that this node has not heard of refuses a whole batch: the journal in it is tried again, alone. */
  #notStored(batch: readonly LogWaiting[], error: UnavailableError): void {
    const left = error.code === 'ERR_LOG_FROZEN' ? refuseNew(batch, error) : batch
    if (left.length < batch.length) this.queue.putBack(left)
    else for (const waiting of left) failAll(waiting, error)
  }

  async #followOthers(others: OtherNodes): Promise<void> {
    const looked = others.looks.takeWaiting()
    try {
      const found = await others.look(this.releases.tree.state, this.queue.length > 0)
      if (found !== undefined && found.state !== this.releases.tree.state) this.#release(found)
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

  #release(found: CaughtUp): void {
    this.releases.add(found)
    // What still waits was decided under the rules before.
    if (found.governance.length > 0) this.#failQueue(decisionStale())
  }

  #failQueue(error: Error): void {
    for (const waiting of this.queue.takeAll()) failAll(waiting, error)
  }
}
