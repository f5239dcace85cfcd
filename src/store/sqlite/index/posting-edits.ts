/**
 * Takes postings out of runs that are written, and puts others in: when the content of a hash envelope
 * came later, its statement is found by other values than before. Changes of one page are made together.
 */
import { insertPage, readPageRow, startOf } from './page-rows.ts'
import type { IndexReads } from './reads.ts'
import type { IndexWrites } from './writes.ts'
import { findPlace, PAGE_POSTINGS, PageBuilder } from './posting-page.ts'
import type { PostingPage } from './posting-page.ts'
import type { Run } from './posting-runs.ts'

interface Edit {
  readonly key: number
  readonly leafIndex: number
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
        .sort((a, b) => a.key - b.key || a.leafIndex - b.leafIndex)
      for (let at = 0; at < edits.length;) at = this.#editPage(run, edits, at)
    }
  }

  /** Writes the page of a change anew, with all that are of it; returns the place of the next one. */
  #editPage(run: Run, edits: readonly Edit[], start: number): number {
    const { pageDown, pageUp } = this.#reads
    const { run_id: id, first_index: first } = run
    const { key, leafIndex } = edits[start]!
    const row = pageDown.get(id, key, leafIndex) ?? pageUp.get(id, key, leafIndex)
    const page = readPageRow(row, run)
    const changed = new ChangedPage(page)
    let at = start
    do {
      const edit = edits[at++]!
      changed.set(edit.key, edit.leafIndex - first, edit.isThere)
      // Behind the last posting of the page may be the next page: that one is looked for anew.
    } while (at < edits.length && isWithin(page, edits[at]!, first))
    this.#write(run, page, changed)
    return at
  }

  #write(run: Run, page: PostingPage | undefined, changed: ChangedPage): void {
    const writes = this.#writes
    const old = page && startOf(run, page)
    const written = new Set<string>()
    const builder = new PageBuilder((made, bytes) => {
      const start = startOf(run, made)
      written.add(start.join())
      if (start.join() === old?.join()) writes.updatePage.run(bytes, ...start)
      else insertPage(start, bytes, writes)
    })
    changed.write(builder)
    if (old === undefined || written.has(old.join())) return
    writes.deletePage.run(...old)
    writes.deletePageStart.run(...old)
  }
}

function isWithin(page: PostingPage | undefined, { key, leafIndex }: Edit, first: number): boolean {
  return page !== undefined && findPlace(page, key, leafIndex - first) < page.keys.length
}

/** The postings of a page as they are to be. */
class ChangedPage {
  readonly #page: PostingPage
  readonly #keys: number[] = []
  readonly #offsets: number[] = []
  /** Postings of the page that were taken over, or not. */
  #place = 0

  constructor(page: PostingPage = { keys: new Float64Array(), offsets: new Uint32Array() }) {
    this.#page = page
  }

  /** Called in order. */
  set(key: number, offset: number, isThere: boolean): void {
    const { keys, offsets } = this.#page
    const place = findPlace(this.#page, key, offset)
    this.#takeUntil(place)
    if (keys[place] === key && offsets[place] === offset) this.#place++
    if (isThere) this.#add(key, offset)
  }

  /** In pages of about one length, so that there is room for the next ones. */
  write(builder: PageBuilder): void {
    this.#takeUntil(this.#page.keys.length)
    const count = this.#keys.length
    const length = Math.ceil(count / Math.ceil(count / PAGE_POSTINGS))
    for (const [at, key] of this.#keys.entries()) {
      if (at % length === 0) builder.end()
      builder.add(key, this.#offsets[at]!)
    }
    builder.end()
  }

  #takeUntil(end: number): void {
    const { keys, offsets } = this.#page
    while (this.#place < end) this.#add(keys[this.#place]!, offsets[this.#place++]!)
  }

  #add(key: number, offset: number): void {
    this.#keys.push(key)
    this.#offsets.push(offset)
  }
}
