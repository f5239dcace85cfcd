/**
 * The bounded queue in front of the log: admitted candidates that wait for the next batch. Copies of
 * one entry share one place but keep their own waiter, decision and fate, so that a bad copy never
 * fails a good one (I7). Knows nothing of trees or stores.
 */
import type { LeafIndex, UnixSeconds } from '../bytes/integers.ts'
import { UnavailableError } from '../errors.ts'
import type { LeafHash } from '../merkle/hasher.ts'
import type { GovernanceKind } from '../payload/media-types.ts'
import { idKey } from './id-key.ts'
import type { LogLimits } from './limits.ts'
import type { NewCollateral } from './store.ts'

/** An entry that was admitted and is to be appended. */
export interface Candidate {
  /** Canonical bytes of the statement (design D1). */
  readonly entry: Uint8Array
  /** Full SHA-256 of `entry`. */
  readonly entryId: Uint8Array
  readonly leafHash: LeafHash
  /** The registration times for which the decision to admit it stands, both included. */
  readonly standsFrom: UnixSeconds
  readonly standsUntil: UnixSeconds
  /** It changes how others are decided: it closes its batch (design D4). */
  readonly governance?: boolean
  /** What it does to the log; absent for ordinary entries. */
  readonly kind?: GovernanceKind
  /** What its decision used beside the statement; stored with the entry (design D5). */
  readonly collateral?: readonly NewCollateral[]
  /** Index of the governance statement that it was decided under; not compared when absent. */
  readonly policyIndex?: LeafIndex
  /** Of a journal of the log's own: the journal before it, none when it is the first. */
  readonly follows?: LeafIndex | 'none'
}

/** All bytes that a candidate keeps in memory and brings to the disk. */
function bytesOf({ entry, collateral = [] }: Candidate): number {
  return collateral.reduce((sum, { bytes }) => sum + bytes.length, entry.length)
}

/** One caller of `append`, to be answered once. */
export interface Waiter<Answer> {
  readonly candidate: Candidate
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: Error) => void
}

/** All callers that wait for one entry. */
export interface Waiting<Answer> {
  readonly key: string
  readonly entryId: Uint8Array
  /** Never empty; the first one's candidate is stored: copies differ in their collateral only. */
  readonly waiters: Waiter<Answer>[]
}

/** Nothing comes after it in its batch. */
function isClosing<Answer>({ waiters }: Waiting<Answer>): boolean {
  return waiters.some(
    ({ candidate: { governance, follows } }) => governance === true || follows !== undefined,
  )
}

/** Turns of the event loop that a batch is gathered for at most. */
const GATHER_TURNS_MAX = 32

export class CandidateQueue<Answer> {
  readonly #limits: LogLimits
  // In order of arrival: a Map iterates in order of insertion.
  readonly #waiting = new Map<string, Waiting<Answer>>()
  #entries = 0
  #bytes = 0

  constructor(limits: LogLimits) {
    this.#limits = limits
  }

  get length(): number {
    return this.#waiting.size
  }

  /** What waits: how many callers, and how many bytes they brought. */
  get load(): { readonly entries: number; readonly bytes: number } {
    return { entries: this.#entries, bytes: this.#bytes }
  }

  /** @throws UnavailableError `ERR_QUEUE_FULL`; the queue is unchanged then. */
  push(waiter: Waiter<Answer>): void {
    const { queueEntriesMax, queueBytesMax } = this.#limits
    const bytes = bytesOf(waiter.candidate)
    if (this.#entries >= queueEntriesMax || this.#bytes + bytes > queueBytesMax) {
      throw new UnavailableError(
        'ERR_QUEUE_FULL',
        `${this.#entries} registrations are waiting already`,
        { retryAfterSeconds: 2 },
      )
    }
    this.#add(waiter)
  }

  /**
   * Lets everything that this turn of the event loop brings join the batch, and goes on while turns
   * bring more: what is on its way costs the next batch a commit of its own. A turn that brings
   * nothing ends it, so a lone entry waits for nobody and there is no timer.
   */
  async gather(): Promise<void> {
    for (let turns = 0, known = -1; turns < GATHER_TURNS_MAX; turns++) {
      if (this.length === known) return
      known = this.length
      await new Promise(setImmediate)
    }
  }

  /**
   * Takes the next batch: the oldest ordinary entries up to the limits of a batch, then the oldest
   * governance statement, which closes it (D4). Ordinary ones go first because what is left behind
   * is decided again: a flood of delegations would otherwise starve everybody else. A journal closes
   * its batch like them, because the next one follows it.
   */
  takeBatch(): Waiting<Answer>[] {
    const { batchEntriesMax, batchBytesMax } = this.#limits
    const batch: Waiting<Answer>[] = []
    let bytes = 0
    let closing: Waiting<Answer> | undefined
    for (const waiting of this.#waiting.values()) {
      const { waiters } = waiting
      if (isClosing(waiting)) {
        closing ??= waiting
        continue
      }
      const length = bytesOf(waiters[0]!.candidate)
      const isFull = batch.length >= batchEntriesMax || bytes + length > batchBytesMax
      if (batch.length > 0 && isFull) break
      batch.push(waiting)
      bytes += length
    }
    if (closing !== undefined) batch.push(closing)
    for (const waiting of batch) this.#remove(waiting)
    return batch
  }

  /** Puts a batch back in front of everything else, as if it had never been taken. */
  putBack(batch: readonly Waiting<Answer>[]): void {
    const later = this.takeAll()
    for (const { waiters } of [...batch, ...later]) for (const waiter of waiters) this.#add(waiter)
  }

  /** Empties the queue. */
  takeAll(): Waiting<Answer>[] {
    const all = [...this.#waiting.values()]
    for (const waiting of all) this.#remove(waiting)
    return all
  }

  #add(waiter: Waiter<Answer>): void {
    const { entryId } = waiter.candidate
    const key = idKey(entryId)
    const same = this.#waiting.get(key)
    if (same === undefined) this.#waiting.set(key, { key, entryId, waiters: [waiter] })
    else same.waiters.push(waiter)
    this.#entries += 1
    this.#bytes += bytesOf(waiter.candidate)
  }

  #remove({ key, waiters }: Waiting<Answer>): void {
    this.#waiting.delete(key)
    this.#entries -= waiters.length
    for (const { candidate } of waiters) this.#bytes -= bytesOf(candidate)
  }
}
