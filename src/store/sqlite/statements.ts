/** The SQL of the log store, in one place; tables are described in `migrations/sqlite`. */
import type { SqliteDatabase, SqliteStatement } from './database.ts'

const HEAD_COLUMNS = 'tree_size, root_hash, registration_time'

type WriteName =
  | 'insertLog'
  | 'advanceLog'
  | 'insertEntry'
  | 'insertEntryId'
  | 'writeTile'
  | 'insertBatch'
  | 'saveSignedHead'
  | 'insertServiceKey'
type ReadName =
  | 'readLog'
  | 'findLeafIndex'
  | 'readEntries'
  | 'readTile'
  | 'findBatch'
  | 'listBatches'
  | 'findSignedHead'
  | 'listSignedHeads'
  | 'listServiceKeys'

const WRITES: Readonly<Record<WriteName, string>> = {
  insertLog: 'INSERT INTO log VALUES (1, ?, ?, ?, ?, ?, ?, ?)',
  // The compare-and-swap: exactly the expected head, or no row.
  advanceLog: `UPDATE log SET tree_size = ?, root_hash = ?, registration_time = ?, policy_index = ?
    WHERE id = 1 AND tree_size = ? AND root_hash = ? AND registration_time = ? AND policy_index = ?`,
  insertEntry: 'INSERT INTO entry VALUES (?, ?)',
  insertEntryId: 'INSERT INTO entry_id VALUES (?, ?)',
  // A tile is only ever extended: other stored hashes leave no row changed.
  writeTile: `INSERT INTO tile VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET hashes = excluded.hashes
    WHERE substr(excluded.hashes, 1, length(tile.hashes)) = tile.hashes`,
  insertBatch: 'INSERT INTO batch VALUES (?, ?, ?)',
  // Saving a head again changes nothing; another root for its size leaves no row changed.
  saveSignedHead: `INSERT INTO signed_head VALUES (?, ?, ?, ?)
    ON CONFLICT (tree_size) DO UPDATE SET bytes = signed_head.bytes
    WHERE signed_head.root_hash = excluded.root_hash`,
  insertServiceKey: 'INSERT INTO service_key VALUES (?, ?, ?, ?, ?)',
}

const READS: Readonly<Record<ReadName, string>> = {
  readLog: `SELECT origin, issuer, receipt_key_id, ${HEAD_COLUMNS}, policy_index FROM log`,
  findLeafIndex: 'SELECT leaf_index FROM entry_id WHERE id = ?',
  readEntries: `SELECT leaf_index, bytes FROM entry
    WHERE leaf_index >= ? AND leaf_index < ? ORDER BY leaf_index`,
  readTile: 'SELECT hashes FROM tile WHERE key = ?',
  findBatch: `SELECT ${HEAD_COLUMNS} FROM batch WHERE tree_size = ?`,
  listBatches: `SELECT ${HEAD_COLUMNS} FROM batch WHERE tree_size > ? ORDER BY tree_size LIMIT ?`,
  findSignedHead: `SELECT ${HEAD_COLUMNS}, bytes FROM signed_head WHERE tree_size = ?`,
  listSignedHeads: `SELECT ${HEAD_COLUMNS}, bytes FROM signed_head
    WHERE tree_size > ? ORDER BY tree_size LIMIT ?`,
  listServiceKeys: `SELECT key_id, purpose, cose_key, added_at, retired_at FROM service_key
    ORDER BY added_at, key_id`,
}

export type WriteStatements = Readonly<Record<WriteName, SqliteStatement>>
export type ReadStatements = Readonly<Record<ReadName, SqliteStatement>>

export function prepareWrites(database: SqliteDatabase): WriteStatements {
  return prepareAll(database, WRITES)
}

export function prepareReads(database: SqliteDatabase): ReadStatements {
  return prepareAll(database, READS)
}

function prepareAll<Name extends string>(
  database: SqliteDatabase,
  texts: Readonly<Record<Name, string>>,
): Readonly<Record<Name, SqliteStatement>> {
  const prepared = Object.entries<string>(texts).map(([name, sql]) => [name, database.prepare(sql)])
  return Object.fromEntries(prepared) as Record<Name, SqliteStatement>
}
