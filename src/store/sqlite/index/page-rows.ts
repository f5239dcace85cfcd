/** Pages of postings as rows: the page in one table, and in another where it begins. */
import { assertInvariant } from '../../../errors.ts'
import { readPage } from './posting-page.ts'
import type { PostingPage } from './posting-page.ts'
import type { IndexWrites } from './writes.ts'

/** The run that a page is of. */
export interface RunPlace {
  readonly run_id: number
  readonly first_index: number
}

/** What a row of `page_start` says of a page. */
export type PageStart = readonly [runId: number, firstKey: number, firstIndex: number]

export function startOf(run: RunPlace, { keys, offsets }: PostingPage): PageStart {
  return [run.run_id, keys[0]!, run.first_index + offsets[0]!]
}

/**
 * A row of `pageUp` or `pageDown`. A page that begins elsewhere than its row says would be met again by
 * whoever asks for the next one.
 */
export function readPageRow(row: unknown, run: RunPlace): PostingPage | undefined {
  if (row === undefined) return undefined
  const [key, index, postings] = row as readonly [number, number, unknown]
  const page = readPage(postings)
  const isThere = page.keys[0] === key && page.offsets[0] === index - run.first_index
  assertInvariant(isThere, 'a page of postings begins elsewhere')
  return page
}

export function insertPage(start: PageStart, bytes: Uint8Array, writes: IndexWrites): void {
  const { lastInsertRowid: pageId } = writes.insertPage.run(bytes)
  writes.insertPageStart.run(...start, pageId)
}
