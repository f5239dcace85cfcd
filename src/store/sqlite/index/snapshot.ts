/** What one answer is made from, all of one moment: valid while its transaction is open. */
import type { IndexFields } from './fields.ts'
import { IndexRows } from './rows.ts'
import type { IndexReads } from './reads.ts'
import { PostingRuns, readRuns } from './posting-runs.ts'

export interface IndexSnapshot {
  readonly reads: IndexReads
  readonly fields: IndexFields
  readonly rows: IndexRows
  readonly postings: PostingRuns
  /** Entries that are indexed. */
  readonly treeSize: number
}

export function takeSnapshot(
  reads: IndexReads,
  fields: IndexFields,
  treeSize: number,
): IndexSnapshot {
  const postings = new PostingRuns(reads, readRuns(reads, treeSize))
  return { reads, fields, rows: new IndexRows(reads, fields), postings, treeSize }
}
