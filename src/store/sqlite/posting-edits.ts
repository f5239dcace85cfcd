/**
 * Takes postings out of runs that are written, and puts others in: when the content of a hash envelope
 * came later, its statement is found by other values than before. Changes of one page are made together.
 */
import type { IndexReads } from './index-sql.ts'
import type { IndexWrites } from './index-writes.ts'
import { readPage } from './posting-page.ts'
import type { Run } from './posting-runs.ts'
import { pagesOf } from './run-merge.ts'

interface Posting {
  readonly key: number
  readonly leafIndex: number
}

interface Edit extends Posting {
  readonly isThere: boolean
}

export class PostingEdits {
  readonly #reads: IndexReads
  readonly #writes: IndexWrites
  readonly #edits: Edit[] = []

  constructor(reads: IndexReads, writes: IndexWrites) {
    this.#reads = reads
    this.#writes = writes
  }

  /** A statement is found by these keys, and by those before. */
  change(leafIndex: number, before: ReadonlySet<number>, after: ReadonlySet<number>): void {
    for (const key of before) {
      if (!after.has(key)) this.#edits.push({ key, leafIndex, isThere: false })
    }
    for (const key of after) {
      if (!before.has(key)) this.#edits.push({ key, leafIndex, isThere: true })
    }
  }

  /** Makes all changes. */
  apply(runs: readonly Run[]): void {
    for (const run of runs) {
      const edits = this.#edits
        .filter(({ leafIndex: at }) => run.first_index <= at && at < run.end_index)
        .sort(compare)
      for (let at = 0; at < edits.length;) at += this.#editPage(run, edits.slice(at))
    }
  }

  /** Writes the page of the first change anew, with all that are of it; returns how many they are. */
  #editPage(run: Run, edits: readonly Edit[]): number {
    const { pageDown, pageUp } = this.#reads
    const { key, leafIndex } = edits[0]!
    const id = run.run_id
    const stored = pageDown.get(id, key, leafIndex) ?? pageUp.get(id, key, leafIndex)
    const postings = stored === undefined ? [] : postingsOf(stored, run)
    const first = postings[0]
    const next = first && pageUp.get(id, first.key, first.leafIndex + 1)
    const following = next === undefined ? undefined : postingsOf(next, run)[0]!
    const isOfPage = (edit: Edit): boolean =>
      following === undefined || compare(edit, following) < 0
    const ofPage = edits.filter(isOfPage)
    if (first !== undefined) {
      this.#writes.deletePage.run(id, first.key, first.leafIndex)
      this.#writes.deletePageStart.run(id, first.key, first.leafIndex)
    }
    const builder = pagesOf(run, this.#writes)
    for (const each of changed(postings, ofPage)) {
      builder.add(each.key, each.leafIndex - run.first_index)
    }
    builder.end()
    return ofPage.length
  }
}

function postingsOf(stored: unknown, run: Run): Posting[] {
  const { keys, offsets } = readPage(stored)
  return Array.from(keys, (key, at) => ({ key, leafIndex: run.first_index + offsets[at]! }))
}

function changed(postings: readonly Posting[], edits: readonly Edit[]): readonly Posting[] {
  const named = (posting: Posting): string => `${posting.key} ${posting.leafIndex}`
  const all = new Map(postings.map((posting) => [named(posting), posting]))
  for (const edit of edits) {
    if (edit.isThere) all.set(named(edit), edit)
    else all.delete(named(edit))
  }
  return [...all.values()].sort(compare)
}

function compare(a: Posting, b: Posting): number {
  return a.key - b.key || a.leafIndex - b.leafIndex
}
