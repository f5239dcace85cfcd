/**
 * The append-only log as the registry sees it: append, and read what is released (`released-log.ts`).
 * Batches are made by `sequencer.ts` and written by `sequence-batch.ts`. Who may register, and what a
 * Receipt looks like, is the registry's.
 */
import { assertInvariant } from '../errors.ts'
import type { UnavailableErrorCode } from '../errors.ts'
import { ENTRY_BYTES_MAX, LOG_LIMITS } from './limits.ts'
import type { LogLimits } from './limits.ts'
import { OtherNodes } from './other-nodes.ts'
import type { LogPorts } from './ports.ts'
import type { Candidate } from './queue.ts'
import { recoverNode } from './recover-node.ts'
import { readReceiptKeys, recoverTree } from './recover.ts'
import type { GovernanceEntry, Registered } from './registered.ts'
import { ReleasedLog } from './released-log.ts'
import { ReleasedTree } from './released-tree.ts'
import type { TreeState } from './tree-state.ts'
import { Sequencer } from './sequencer.ts'
import type { SequencerOptions } from './sequencer.ts'

export interface LogOptions extends LogPorts {
  /** Called once when the log has stopped for good; the process should end. */
  readonly onFatal: (error: Error) => void
  readonly limits?: Partial<LogLimits>
}

export class Log extends ReleasedLog {
  #closing: Promise<void> | undefined

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
      this.sequencer.push({ candidate, resolve, reject })
    })
  }

  /** What waits for the next batch. */
  get queued(): { readonly entries: number; readonly bytes: number } {
    return this.sequencer.queue.load
  }

  /** How long the batch under way has taken so far with all its tries, in seconds; 0 while nothing waits. */
  get batchSeconds(): number {
    return this.sequencer.batchSeconds
  }

  /**
   * Tells `follow` of every governance statement once it is released, before anything that waits is
   * decided again and before its own registration is answered. A `follow` that throws stops the log:
   * what it decides by would not be what the tree says.
   */
  followGovernance(follow: (entry: GovernanceEntry) => void): void {
    this.sequencer.releases.follow(follow)
  }

  /**
   * Stops for good because of what was learned outside, from a witness that is ahead for example:
   * what waits is failed, and no further batch is begun. `onFatal` is told, as for a failure inside.
   */
  stop(cause: Error): void {
    this.sequencer.stop(cause)
  }

  /** Code of what keeps this node of several from signing at present: others may go on. */
  get failure(): UnavailableErrorCode | undefined {
    return this.sequencer.others?.failure
  }

  /** Answers what has been accepted, saves the last head, then closes store and guard. */
  close(): Promise<void> {
    this.#closing ??= this.#drain()
    return this.#closing
  }

  async #drain(): Promise<void> {
    await this.sequencer.drain()
    await this.ports.store.close()
    await this.ports.guard.close()
  }
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
