/**
 * The SQL that reads the index, in one place; tables are described in `migrations/sqlite-index`. Every read
 * is a range of a key that begins where it is told to and ends at its `LIMIT`:
 * test/store/index-plans.test.ts holds each of them to that.
 */
import { blob } from '../database.ts'
import type { SqliteDatabase, SqliteStatement } from '../database.ts'
import { prepareAll } from '../statements.ts'
import { hashValue, readHashKey } from './value-hash.ts'

type ReadName =
  | 'readProgress'
  | 'findField'
  | 'readField'
  | 'readStatement'
  | 'readSharedValue'
  | 'readEntryId'
  | 'runs'
  | 'pageUp'
  | 'pageDown'
  | 'numbersUp'
  | 'numbersDown'
  | 'numbersBetween'
  | 'svnsUp'
  | 'svnsDown'
  | 'numberFields'
  | 'svnFields'
  | 'readNumbers'
  | 'firstSince'
  | 'absentPreimages'
  | 'lastSecond'

export const INDEX_READS: Readonly<Record<ReadName, string>> = {
  readProgress: 'SELECT log_id, made_by, tree_size, hash_key FROM progress WHERE id = 1',
  findField: 'SELECT field_id FROM field WHERE name = ?',
  readField: 'SELECT name FROM field WHERE field_id = ?',
  readStatement: `SELECT entry_id, registration_time, absent_preimage, facts, findings FROM statement
    WHERE leaf_index = ?`,
  readSharedValue: 'SELECT value FROM shared_value WHERE value_id = ?',
  readEntryId: 'SELECT entry_id FROM statement WHERE leaf_index = ?',
  runs: `SELECT run_id, first_index, end_index, postings FROM run WHERE first_index >= ?
    ORDER BY first_index`,
  // The first page that begins at a posting or after it, and the last one that begins there or before.
  pageUp: `SELECT first_key, first_index, postings FROM page_start JOIN posting_page USING (page_id)
    WHERE run_id = ? AND (first_key, first_index) >= (?, ?)
    ORDER BY first_key, first_index LIMIT 1`,
  pageDown: `SELECT first_key, first_index, postings FROM page_start JOIN posting_page USING (page_id)
    WHERE run_id = ? AND (first_key, first_index) <= (?, ?)
    ORDER BY first_key DESC, first_index DESC LIMIT 1`,
  // Values of one statement are judged together: `passed` says whether any is in the range.
  numbersUp: `SELECT leaf_index, max(value >= ? AND value <= ?) AS passed, count(*) AS found
    FROM number WHERE field_id = ? AND leaf_index >= ?
    GROUP BY leaf_index ORDER BY leaf_index LIMIT ?`,
  numbersDown: `SELECT leaf_index, max(value >= ? AND value <= ?) AS passed, count(*) AS found
    FROM number WHERE field_id = ? AND leaf_index <= ?
    GROUP BY leaf_index ORDER BY leaf_index DESC LIMIT ?`,
  numbersBetween: `SELECT leaf_index FROM number WHERE field_id = ? AND value >= ? AND value <= ?
    LIMIT ?`,
  // Whether a version is below another is judged outside; values of one statement come together.
  svnsUp: `SELECT leaf_index, group_concat(hex(value)) AS hexes, count(*) AS found
    FROM svn WHERE field_id = ? AND leaf_index >= ?
    GROUP BY leaf_index ORDER BY leaf_index LIMIT ?`,
  svnsDown: `SELECT leaf_index, group_concat(hex(value)) AS hexes, count(*) AS found
    FROM svn WHERE field_id = ? AND leaf_index <= ?
    GROUP BY leaf_index ORDER BY leaf_index DESC LIMIT ?`,
  // ';' follows ':'.
  numberFields: "SELECT field_id, name FROM field WHERE name >= 'number:' AND name < 'number;'",
  svnFields: "SELECT field_id, name FROM field WHERE name >= 'svn:' AND name < 'svn;'",
  readNumbers: 'SELECT value FROM number WHERE field_id = ? AND leaf_index = ? ORDER BY value',
  firstSince: `SELECT leaf_index FROM second WHERE registration_time >= ?
    ORDER BY registration_time LIMIT 1`,
  absentPreimages: `SELECT DISTINCT absent_preimage FROM statement WHERE absent_preimage > ?
    ORDER BY absent_preimage LIMIT ?`,
  lastSecond: 'SELECT max(registration_time) FROM second',
}

export type IndexReads = Readonly<Record<ReadName, SqliteStatement>> & {
  /** Of a value of a field: what keys of postings are made of. */
  readonly hashOf: (fieldId: number, text: string) => number
}

/** Statements of one column that give values instead of rows. */
const VALUES: readonly ReadName[] = [
  ...(['findField', 'readField', 'readSharedValue', 'readEntryId', 'numbersBetween'] as const),
  ...(['readNumbers', 'firstSince', 'lastSecond', 'absentPreimages'] as const),
]

export function prepareIndexReads(database: SqliteDatabase): IndexReads {
  const reads = prepareAll(database, INDEX_READS)
  for (const name of VALUES) reads[name].pluck()
  for (const name of ['pageUp', 'pageDown'] as const) reads[name].raw()
  const { hash_key: bytes } = reads.readProgress.get() as { readonly hash_key: unknown }
  const key = readHashKey(blob(bytes))
  return { ...reads, hashOf: (fieldId, text) => hashValue(key, fieldId, text) }
}
