/**
 * Runs of postings become fewer: as soon as several of about one length, or shorter ones, stand at the
 * end, one takes their place. So a posting is written again a few times in all, each time beside its
 * neighbours, and a look-up finds few runs, however many transactions there were.
 */
import { assertInvariant } from '../../../errors.ts'
import type { IndexReads } from './reads.ts'
import type { IndexWrites } from './writes.ts'
import type { PostingBatch } from './posting-batch.ts'
import { insertPage, readPageRow, startOf } from './page-rows.ts'
import type { RunPlace } from './page-rows.ts'
import { PageBuilder } from './posting-page.ts'
import type { PostingPage } from './posting-page.ts'
import { readRuns } from './posting-runs.ts'
import type { Run } from './posting-runs.ts'

/** Runs that are merged, at least, unless they are a full one together. */
const MERGED_MIN = 8
/** A run with so many postings stays, and none is twice as long: no transaction takes seconds. */
const FULL = 2 ** 20

/** How long a run is, in steps of eight times. */
function lengthClass(postings: number): number {
  if (postings >= FULL) return Number.POSITIVE_INFINITY
  return Math.floor(Math.log2(Math.max(1, postings)) / Math.log2(MERGED_MIN))
}

/** The runs at the end that are to be one now. */
export function runsToMerge(runs: readonly Run[]): readonly Run[] {
  let start = runs.length - 1
  let postings = runs[start]?.postings ?? FULL
  // Those that make one run may make a longer one with those before: it is written at once.
  while (postings < FULL) {
    let [first, sum] = [start, postings]
    while (first > 0 && lengthClass(runs[first - 1]!.postings) <= lengthClass(postings)) {
      sum += runs[--first]!.postings
    }
    if (first === start || (start + 1 - first < MERGED_MIN && sum < FULL)) break
    ;[start, postings] = [first, sum]
  }
  return start === runs.length - 1 ? [] : runs.slice(start)
}

/** The postings of one run, in order. */
class RunCursor {
  readonly #pageUp: IndexReads['pageUp']
  readonly #run: Run
  /** What its offsets are added to. */
  readonly #shift: number
  #page: PostingPage | undefined
  #place = 0

  constructor(pageUp: IndexReads['pageUp'], run: Run, firstIndex: number) {
    this.#pageUp = pageUp
    this.#run = run
    this.#shift = run.first_index - firstIndex
    this.#turn(-1, 0)
  }

  /** Key of the next posting; infinite when there is none. */
  get key(): number {
    return this.#page?.keys[this.#place] ?? Number.POSITIVE_INFINITY
  }

  /** Moves all postings of the next key; returns the key that follows. */
  moveTo(builder: PageBuilder): number {
    const { key } = this
    while (this.#page !== undefined) {
      const { keys, offsets } = this.#page
      let place = this.#place
      while (keys[place] === key) builder.add(key, offsets[place++]! + this.#shift)
      this.#place = place
      if (place < keys.length) break
      const [, pageKey, pageIndex] = startOf(this.#run, this.#page)
      this.#turn(pageKey, pageIndex + 1)
    }
    const next = this.key
    const isEnd = next === Number.POSITIVE_INFINITY
    assertInvariant(next > key && isEnd === (this.#page === undefined), 'postings are not in order')
    return next
  }

  #turn(key: number, index: number): void {
    const row = this.#pageUp.get(this.#run.run_id, key, index)
    this.#page = readPageRow(row, this.#run)
    this.#place = 0
  }
}

/** Writes the postings of statements that follow all others as a run of their own, and merges. */
export function appendRun(
  reads: IndexReads,
  writes: IndexWrites,
  { first, end }: { readonly first: number; readonly end: number },
  batch: PostingBatch,
): void {
  const runs = [...readRuns(reads, first)]
  const runId = (runs.at(-1)?.run_id ?? 0) + 1
  const place = { run_id: runId, first_index: first, end_index: end }
  const builder = pagesOf(place, writes)
  const run = { ...place, postings: batch.drain((key, offset) => builder.add(key, offset)) }
  builder.end()
  insertRun(run, writes)
  runs.push(run)
  const old = runsToMerge(runs)
  if (old.length > 0) mergeRuns(reads, writes, old)
}

/** Writes one run in the place of those, which follow each other. */
function mergeRuns(reads: IndexReads, writes: IndexWrites, runs: readonly Run[]): void {
  const run = {
    run_id: Math.max(...runs.map(({ run_id: id }) => id)) + 1,
    first_index: runs[0]!.first_index,
    end_index: runs.at(-1)!.end_index,
    postings: runs.reduce((sum, { postings }) => sum + postings, 0),
  }
  const builder = pagesOf(run, writes)
  const cursors = runs.map((each) => new RunCursor(reads.pageUp, each, run.first_index))
  const keys = Float64Array.from(cursors, ({ key }) => key)
  for (;;) {
    // The first of those with the least key: runs are in the order of their statements.
    let least = 0
    for (let at = 1; at < keys.length; at++) if (keys[at]! < keys[least]!) least = at
    if (keys[least] === Number.POSITIVE_INFINITY) break
    keys[least] = cursors[least]!.moveTo(builder)
  }
  builder.end()
  for (const each of runs) {
    writes.deletePages.run(each.run_id)
    writes.deletePageStarts.run(each.run_id)
    writes.deleteRun.run(each.first_index)
  }
  insertRun(run, writes)
}

function insertRun(run: Run, writes: IndexWrites): void {
  writes.insertRun.run(run.first_index, run.end_index, run.run_id, run.postings)
}

/** Makes the rows of a run. */
function pagesOf(run: RunPlace, writes: IndexWrites): PageBuilder {
  return new PageBuilder((page, bytes) => insertPage(startOf(run, page), bytes, writes))
}
