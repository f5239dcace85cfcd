/** The SQL of the log store, in one place; tables are described in `migrations/sqlite`. */
import type { SqliteDatabase, SqliteStatement } from './database.ts'

const HEAD_COLUMNS = 'tree_size, root_hash, registration_time'

type WriteName =
  | 'insertLog'
  | 'advanceLog'
  | 'insertEntry'
  | 'insertEntryId'
  | 'insertIdProgress'
  | 'setIdProgress'
  | 'writeTile'
  | 'insertBatch'
  | 'saveSignedHead'
  | 'insertGovernance'
  | 'insertCollateral'
  | 'insertEntryCollateral'
  | 'insertServiceKey'
  | 'retireServiceKey'
  | 'setReceiptKey'
type ReadName =
  | 'readLog'
  | 'findLeafIndex'
  | 'readIdProgress'
  | 'readEntries'
  | 'readTile'
  | 'findBatch'
  | 'listBatches'
  | 'findSignedHead'
  | 'listSignedHeads'
  | 'listServiceKeys'
  | 'listGovernance'
  | 'lastGovernance'
  | 'findCollateral'
  | 'listEntryCollateral'

const WRITES: Readonly<Record<WriteName, string>> = {
  insertLog: 'INSERT INTO log VALUES (1, ?, ?, ?, ?, ?, ?, ?)',
  // The compare-and-swap: exactly the expected head, or no row.
  advanceLog: `UPDATE log SET tree_size = ?, root_hash = ?, registration_time = ?, policy_index = ?
    WHERE id = 1 AND tree_size = ? AND root_hash = ? AND registration_time = ? AND policy_index = ?`,
  insertEntry: 'INSERT INTO entry VALUES (?, ?)',
  // The same row again changes it to itself; another index for the id leaves no row changed.
  insertEntryId: `INSERT INTO entry_id VALUES (?, ?)
    ON CONFLICT (id) DO UPDATE SET leaf_index = excluded.leaf_index
    WHERE entry_id.leaf_index = excluded.leaf_index`,
  insertIdProgress: 'INSERT INTO entry_id_progress VALUES (1, 0)',
  setIdProgress: 'UPDATE entry_id_progress SET indexed_below = ?',
  // A tile is only ever extended: other stored hashes leave no row changed.
  writeTile: `INSERT INTO tile VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET hashes = excluded.hashes
    WHERE substr(excluded.hashes, 1, length(tile.hashes)) = tile.hashes`,
  insertBatch: 'INSERT INTO batch VALUES (?, ?, ?)',
  // Saving a head again changes nothing; another root for its size leaves no row changed.
  saveSignedHead: `INSERT INTO signed_head VALUES (?, ?, ?, ?)
    ON CONFLICT (tree_size) DO UPDATE SET bytes = signed_head.bytes
    WHERE signed_head.root_hash = excluded.root_hash`,
  insertGovernance: 'INSERT INTO governance VALUES (?, ?)',
  // Equal pieces are stored once; other bytes under their digest leave no row changed.
  insertCollateral: `INSERT INTO collateral VALUES (?, ?, ?)
    ON CONFLICT (digest) DO UPDATE SET bytes = collateral.bytes
    WHERE collateral.bytes = excluded.bytes`,
  insertEntryCollateral: 'INSERT INTO entry_collateral VALUES (?, ?, ?)',
  insertServiceKey: 'INSERT INTO service_key VALUES (?, ?, ?, ?, ?)',
  retireServiceKey: `UPDATE service_key SET retired_at = ?
    WHERE key_id = ? AND purpose = ? AND retired_at IS NULL`,
  setReceiptKey: 'UPDATE log SET receipt_key_id = ? WHERE id = 1',
}

const READS: Readonly<Record<ReadName, string>> = {
  readLog: `SELECT origin, issuer, receipt_key_id, ${HEAD_COLUMNS}, policy_index FROM log`,
  readIdProgress: 'SELECT indexed_below FROM entry_id_progress',
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
  listGovernance: `SELECT leaf_index FROM governance WHERE kind = ? AND leaf_index >= ?
    ORDER BY leaf_index`,
  lastGovernance: `SELECT leaf_index FROM governance WHERE kind = ?
    ORDER BY leaf_index DESC LIMIT 1`,
  findCollateral: 'SELECT first_entry, bytes FROM collateral WHERE digest = ?',
  listEntryCollateral: `SELECT leaf_index, kind, digest FROM entry_collateral
    WHERE leaf_index >= ? AND leaf_index < ? ORDER BY leaf_index, kind`,
}

export type WriteStatements = Readonly<Record<WriteName, SqliteStatement>>
export type ReadStatements = Readonly<Record<ReadName, SqliteStatement>>

export function prepareWrites(database: SqliteDatabase): WriteStatements {
  return prepareAll(database, WRITES)
}

export function prepareReads(database: SqliteDatabase): ReadStatements {
  return prepareAll(database, READS)
}

/** Prepares every text under its name. */
export function prepareAll<Name extends string>(
  database: SqliteDatabase,
  texts: Readonly<Record<Name, string>>,
): Readonly<Record<Name, SqliteStatement>> {
  const prepared = Object.entries<string>(texts).map(([name, sql]) => [name, database.prepare(sql)])
  return Object.fromEntries(prepared) as Record<Name, SqliteStatement>
}
