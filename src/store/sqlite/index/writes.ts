/** What is written to the index, in SQL. */
import type { SqliteDatabase, SqliteStatement } from '../database.ts'
import { prepareAll } from '../statements.ts'

/** Rows of one call that inserts many (`row-batch.ts`). */
export const INSERT_ROWS = 32

type WriteName =
  | 'setTreeSize'
  | 'setLogId'
  | 'insertField'
  | 'insertSharedValue'
  | 'insertRun'
  | 'deleteRun'
  | 'insertPage'
  | 'insertPageStart'
  | 'updatePage'
  | 'deletePage'
  | 'deletePageStart'
  | 'deletePages'
  | 'deletePageStarts'
  | 'deleteStatement'
  | 'deleteNumbers'
  | 'deleteSvns'
  | 'insertSecond'

/** Tables of which many rows are inserted together, and how many columns they have. */
const COLUMNS = {
  statement: 6,
  number: 3,
  svn: 3,
} as const

const INDEX_WRITES: Readonly<Record<WriteName, string>> = {
  setTreeSize: 'UPDATE progress SET tree_size = ? WHERE id = 1 AND tree_size = ?',
  setLogId: 'UPDATE progress SET log_id = ? WHERE id = 1',
  insertField: 'INSERT INTO field (name) VALUES (?)',
  insertSharedValue: 'INSERT INTO shared_value (value) VALUES (?)',
  insertRun: 'INSERT INTO run (first_index, end_index, run_id, postings) VALUES (?, ?, ?, ?)',
  deleteRun: 'DELETE FROM run WHERE first_index = ?',
  insertPage: 'INSERT INTO posting_page (postings) VALUES (?)',
  insertPageStart: 'INSERT INTO page_start VALUES (?, ?, ?, ?)',
  updatePage: `UPDATE posting_page SET postings = ? WHERE page_id =
    (SELECT page_id FROM page_start WHERE run_id = ? AND first_key = ? AND first_index = ?)`,
  deletePage: `DELETE FROM posting_page WHERE page_id =
    (SELECT page_id FROM page_start WHERE run_id = ? AND first_key = ? AND first_index = ?)`,
  deletePageStart: 'DELETE FROM page_start WHERE run_id = ? AND first_key = ? AND first_index = ?',
  deletePages: `DELETE FROM posting_page WHERE page_id IN
    (SELECT page_id FROM page_start WHERE run_id = ?)`,
  deletePageStarts: 'DELETE FROM page_start WHERE run_id = ?',
  deleteStatement: 'DELETE FROM statement WHERE leaf_index = ?',
  deleteNumbers: 'DELETE FROM number WHERE field_id = ? AND leaf_index = ?',
  deleteSvns: 'DELETE FROM svn WHERE field_id = ? AND leaf_index = ?',
  insertSecond: 'INSERT INTO second VALUES (?, ?)',
}

export type IndexWrites = Readonly<Record<WriteName, SqliteStatement>> & {
  readonly rowsOf: Readonly<Record<keyof typeof COLUMNS, RowInserts>>
}

/** How rows of one table are inserted. */
export interface RowInserts {
  readonly columns: number
  readonly one: SqliteStatement
  readonly many: SqliteStatement
}

/**
 * Rows are inserted OR FAIL: what fails is not taken back row by row but with its transaction, and
 * SQLite keeps no copy of every page that the statement touches, which took longer than the rows.
 */
export function prepareIndexWrites(database: SqliteDatabase): IndexWrites {
  const inserts = (table: string, columns: number): RowInserts => {
    const row = `(${Array(columns).fill('?').join(', ')})`
    const insert = (rows: number): SqliteStatement =>
      database.prepare(`INSERT OR FAIL INTO ${table} VALUES ${Array(rows).fill(row).join(', ')}`)
    return { columns, one: insert(1), many: insert(INSERT_ROWS) }
  }
  const rowsOf = Object.entries(COLUMNS).map(([table, columns]) => [table, inserts(table, columns)])
  return {
    ...prepareAll(database, INDEX_WRITES),
    rowsOf: Object.fromEntries(rowsOf) as IndexWrites['rowsOf'],
  }
}
