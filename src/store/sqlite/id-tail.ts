/**
 * Entry ids on their way into the table `entry_id`. Ids are random, so each one inserted as it comes
 * dirties a page of its own, and those pages were most of what a commit wrote (measured: 36 pages for
 * 19 entries, 15 in key order). The newest ids are therefore kept in memory, where every look-up sees
 * them, and go into the table in sorted runs, a slice with each commit. Nothing is lost in a crash: an
 * id is the hash of a stored entry, and opening the store hashes what the table does not cover yet.
 */
import type { LeafIndex } from '../../bytes/integers.ts'
import { IdTable } from './id-table.ts'

/** Ids in a run. Memory and start-up hold two runs at most. */
export const ID_RUN_LENGTH = 16_384
/** Ids that are remembered as absent: more than can be on their way at a time. */
const ABSENT_MAX = 8192
/** Rows that a commit drains at least; twice its own entries, so that a run ends before the next. */
const DRAIN_MIN = 64

/** A row of `entry_id`. */
export interface IdRow {
  readonly id: Uint8Array
  readonly leafIndex: LeafIndex
}

interface Run {
  readonly ids: IdTable
  /** Positions in `ids`, in key order. */
  readonly order: Uint32Array
  /** All ids of entries below this index are in the table once the run is. */
  readonly end: number
  drained: number
}

/** What `absent` says of an id that was added since. */
const ABSENT = 1
const ADDED = 0

/** What one commit takes along; applied to the tail only after the commit. */
export interface IdSlice {
  readonly rows: readonly IdRow[]
  /** Set when the slice ends its run: the table then covers all entries below. */
  readonly indexedBelow: number | undefined
}

export class IdTail {
  readonly #runLength: number
  #fresh: IdTable
  #run: Run | undefined
  #end: number
  // Looked for and found nowhere. All that is stored later comes by here first.
  readonly #absent = new IdTable(ABSENT_MAX)

  /** `end` is the index up to which the table, or what is added at once, covers the entries. */
  constructor(end: number, runLength: number = ID_RUN_LENGTH) {
    this.#end = end
    this.#runLength = runLength
    this.#fresh = new IdTable(runLength)
  }

  find(id: Uint8Array): LeafIndex | undefined {
    return (this.#fresh.get(id) ?? this.#run?.ids.get(id)) as LeafIndex | undefined
  }

  /** Whether it was noted that this id is stored nowhere, and nothing with it was added since. */
  isAbsent(id: Uint8Array): boolean {
    return this.#absent.get(id) === ABSENT
  }

  /** An id is neither here nor in the table; told by whoever sees everything that is stored. */
  noteAbsent(id: Uint8Array): void {
    if (this.#absent.size >= ABSENT_MAX) this.#absent.clear()
    this.#absent.set(id, ABSENT)
  }

  /** True when an id is there already, or twice among these: the log never lets that happen. */
  holdsAny(ids: readonly Uint8Array[]): boolean {
    const these = new IdTable(ids.length)
    for (const id of ids) these.set(id, 0)
    return these.size !== ids.length || ids.some((id) => this.find(id) !== undefined)
  }

  /** Adds the ids of entries that are durable. */
  add(ids: readonly Uint8Array[], firstIndex: number): void {
    for (const [at, id] of ids.entries()) {
      if (this.isAbsent(id)) this.#absent.set(id, ADDED)
      this.#fresh.set(id, firstIndex + at)
    }
    this.#end = firstIndex + ids.length
    if (this.#run === undefined && this.#fresh.size >= this.#runLength) this.#cutRun()
  }

  /** The rows that go along with a commit of so many entries, in key order. */
  slice(entriesCount: number): IdSlice {
    const run = this.#run
    if (run === undefined) return { rows: [], indexedBelow: undefined }
    const end = run.drained + Math.max(DRAIN_MIN, 2 * entriesCount)
    const rows = Array.from(run.order.subarray(run.drained, end), (position) => ({
      id: run.ids.idAt(position),
      leafIndex: run.ids.valueAt(position) as LeafIndex,
    }))
    return { rows, indexedBelow: end >= run.order.length ? run.end : undefined }
  }

  /** Takes note that a slice is durable. */
  drained({ rows, indexedBelow }: IdSlice): void {
    if (this.#run === undefined) return
    this.#run.drained += rows.length
    if (indexedBelow !== undefined) this.#run = undefined
  }

  #cutRun(): void {
    const ids = this.#fresh
    this.#run = { ids, order: ids.sortedPositions(), end: this.#end, drained: 0 }
    this.#fresh = new IdTable(this.#runLength)
  }
}
