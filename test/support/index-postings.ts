/** What leads from values to statements in the tables of an index: told one by one, taken out, put in. */
import type Database from 'better-sqlite3'
import type { Fact } from '../../src/store/sqlite/index/facts.ts'
import { searchedBy } from '../../src/store/sqlite/index/facts.ts'
import { IndexFields } from '../../src/store/sqlite/index/fields.ts'
import { IndexRows } from '../../src/store/sqlite/index/rows.ts'
import { prepareIndexReads } from '../../src/store/sqlite/index/reads.ts'
import { prepareIndexWrites } from '../../src/store/sqlite/index/writes.ts'
import { PostingEdits } from '../../src/store/sqlite/index/posting-edits.ts'
import { PostingRuns, readRuns } from '../../src/store/sqlite/index/posting-runs.ts'

export interface Posting {
  readonly leafIndex: number
  readonly key: number
  readonly fact: Fact
}

/** Every posting that the rows of statements ask for, those of one key and statement once. */
export function listPostings(database: Database.Database): Posting[] {
  const reads = prepareIndexReads(database)
  const fields = new IndexFields(reads)
  const rows = new IndexRows(reads, fields)
  const indexes = database.prepare('SELECT leaf_index FROM statement').pluck().all() as number[]
  const postings = indexes.flatMap((leafIndex) =>
    rows
      .read(leafIndex)!
      .facts.flatMap(searchedBy)
      .map((fact) => ({ leafIndex, key: fields.keyOf(fact)!, fact })),
  )
  return [...new Map(postings.map((each) => [`${each.leafIndex} ${each.key}`, each])).values()]
}

/** Postings that are stored, whatever the rows say. */
export function countPostings(database: Database.Database): number {
  const bytes = database.prepare('SELECT sum(length(postings)) FROM posting_page').pluck().get()
  return (bytes as number) / 12
}

/** Those that are not where a look-up would find them. */
export function hiddenOf(database: Database.Database, postings: readonly Posting[]): Posting[] {
  const reads = prepareIndexReads(database)
  const runs = new PostingRuns(reads, readRuns(reads, sizeOf(database)))
  return postings.filter(({ key, leafIndex }) => !runs.has(key, leafIndex))
}

/** Takes a posting out, or puts it in. */
export function setPosting(
  database: Database.Database,
  { key, leafIndex }: Pick<Posting, 'key' | 'leafIndex'>,
  isThere: boolean,
): void {
  const reads = prepareIndexReads(database)
  const edits = new PostingEdits(reads, prepareIndexWrites(database))
  const [none, one] = [new Set<number>(), new Set([key])]
  edits.change(leafIndex, isThere ? none : one, isThere ? one : none)
  edits.apply(readRuns(reads, sizeOf(database)))
}

function sizeOf(database: Database.Database): number {
  return database.prepare('SELECT tree_size FROM progress').pluck().get() as number
}
