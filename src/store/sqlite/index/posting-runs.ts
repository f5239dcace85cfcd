/**
 * Looks for postings in the runs of the index. Runs are of statements that follow each other, so the
 * statements that have a key are those of one run, then those of the next: nothing has to be merged.
 */
import { assertInvariant } from '../../../errors.ts'
import { CALL_COST } from './cursors.ts'
import type { Direction, IndexBlock } from './cursors.ts'
import { hashOf } from './fields.ts'
import { readPageRow, startOf } from './page-rows.ts'
import type { RunPlace } from './page-rows.ts'
import type { IndexReads } from './reads.ts'
import { findPlace } from './posting-page.ts'
import type { PostingPage } from './posting-page.ts'

/** Values of which a page is remembered: more than statements have in common. */
const KNOWN_MAX = 64

/** Statements that follow each other, and the postings of all of them. */
export interface Run extends RunPlace {
  readonly end_index: number
  readonly postings: number
}

/** All runs, in order, of an index of that many entries. */
export function readRuns(reads: IndexReads, treeSize: number): readonly Run[] {
  const runs = reads.runs.all(0) as Run[]
  let end = 0
  for (const run of runs) {
    assertInvariant(run.first_index === end, `postings of statement ${end} are missing`)
    end = run.end_index
  }
  assertInvariant(end === treeSize, `postings end at ${end}, and the index at ${treeSize}`)
  return runs
}

export class PostingRuns {
  readonly #reads: IndexReads
  readonly #runs: readonly Run[]
  /** What was read last of a value: its roles follow each other, and statements have it in common. */
  readonly #known = new Map<number, { readonly runId: number; readonly page: PostingPage }>()
  #pagesRead = 0

  /** @param runs of the snapshot that is open, and for as long as nothing is changed in it. */
  constructor(reads: IndexReads, runs: readonly Run[]) {
    this.#reads = reads
    this.#runs = runs
  }

  /** Statements that have any of these keys: at most `count` from `from` on, each once. */
  read(
    keys: readonly number[],
    { step }: Direction,
    { from, count }: { readonly from: number; readonly count: number },
  ): IndexBlock {
    const pagesBefore = this.#pagesRead
    const indexes: number[] = []
    let at = this.#placeOf(from)
    for (; at >= 0 && at < this.#runs.length && indexes.length < count; at += step) {
      const run = this.#runs[at]!
      const found: number[] = []
      for (const key of keys) this.#collect(run, key, { step, from, most: count, found })
      const ordered = keys.length === 1 ? found : [...new Set(found)].sort((a, b) => (a - b) * step)
      indexes.push(...ordered.slice(0, count - indexes.length))
    }
    return { indexes, rows: indexes.length + (this.#pagesRead - pagesBefore) * CALL_COST }
  }

  /** Whether a statement has a key. */
  has(key: number, leafIndex: number): boolean {
    const run = this.#runs[this.#placeOf(leafIndex)]
    if (run === undefined) return false
    const page = this.#pageOf(run, key, leafIndex)
    if (page === undefined) return false
    const offset = leafIndex - run.first_index
    const place = findPlace(page, key, offset)
    return page.keys[place] === key && page.offsets[place] === offset
  }

  /** The last run that begins at an index or before it. */
  #placeOf(index: number): number {
    let [low, high] = [0, this.#runs.length]
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if (this.#runs[middle]!.first_index <= index) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  #collect(
    run: Run,
    key: number,
    to: {
      readonly step: 1 | -1
      /** Perhaps of another run. */
      readonly from: number
      readonly most: number
      readonly found: number[]
    },
  ): void {
    const { step, from, found } = to
    const end = found.length + to.most
    const first = run.first_index
    let page = this.#pageOf(run, key, from)
    if (page === undefined && step === 1) page = this.#read(run, this.#reads.pageUp, key, from)
    while (page !== undefined) {
      const { keys, offsets } = page
      let place = findPlace(page, key, from - first + (step === 1 ? 0 : 1))
      if (step === -1) place--
      for (; keys[place] === key && found.length < end; place += step) {
        found.push(first + offsets[place]!)
      }
      // Another key, or enough of this one.
      if (place >= 0 && place < keys.length) return
      const [, pageKey, pageIndex] = startOf(run, page)
      page =
        step === 1
          ? this.#read(run, this.#reads.pageUp, pageKey, pageIndex + 1)
          : this.#read(run, this.#reads.pageDown, pageKey, pageIndex - 1)
    }
  }

  /** The page in which a posting is, if there is one. */
  #pageOf(run: Run, key: number, index: number): PostingPage | undefined {
    const known = this.#known.get(hashOf(key))
    if (known?.runId === run.run_id) {
      const place = findPlace(known.page, key, index - run.first_index)
      if (place > 0 && place < known.page.keys.length) return known.page
    }
    const page = this.#read(run, this.#reads.pageDown, key, index)
    if (page === undefined) return undefined
    if (known !== undefined || this.#known.size < KNOWN_MAX) {
      this.#known.set(hashOf(key), { runId: run.run_id, page })
    }
    return page
  }

  #read(
    run: Run,
    statement: IndexReads['pageUp'],
    key: number,
    index: number,
  ): PostingPage | undefined {
    this.#pagesRead++
    return readPageRow(statement.get(run.run_id, key, index), run)
  }
}
