/**
 * The SQL of the log store beside the commit, in one place; tables are described in
 * `migrations/postgres`. The names are those by which a connection keeps them prepared.
 */
import { CHANNEL } from './commit-statement.ts'
import type { Statement } from './connection.ts'

const HEAD_COLUMNS = 'tree_size, root_hash, registration_time'

type StatementName =
  | 'insertLog'
  | 'raiseEpoch'
  | 'saveSignedHead'
  | 'insertServiceKey'
  | 'retireServiceKey'
  | 'askTurn'
  | 'setReceiptKey'
  | 'readLog'
  | 'findLeafIndexes'
  | 'readEntries'
  | 'readTiles'
  | 'findBatch'
  | 'listBatches'
  | 'findSignedHead'
  | 'listSignedHeads'
  | 'listServiceKeys'
  | 'listGovernance'
  | 'lastGovernance'
  | 'findCollateral'
  | 'listEntryCollateral'

const TEXTS: Readonly<Record<StatementName, string>> = {
  // Genesis: an empty head, which the first batch moves. Nothing when there is a log.
  insertLog: `INSERT INTO log VALUES (1, $1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (id) DO NOTHING RETURNING true AS inserted`,
  raiseEpoch: 'UPDATE log SET epoch = epoch + 1 WHERE id = 1 RETURNING epoch',
  // Saving a head again changes nothing; another root for its size becomes NULL and fails.
  saveSignedHead: `INSERT INTO signed_head AS old VALUES ($1, $2, $3, $4)
    ON CONFLICT (tree_size) DO UPDATE SET bytes = NULL WHERE old.root_hash <> excluded.root_hash`,
  insertServiceKey: 'INSERT INTO service_key VALUES ($1, $2, $3, $4, $5)',
  retireServiceKey: `UPDATE service_key SET retired_at = $1
    WHERE key_id = $2 AND purpose = $3 AND retired_at IS NULL RETURNING true AS retired`,
  askTurn: `SELECT pg_notify('${CHANNEL}', $1)`,
  setReceiptKey: 'UPDATE log SET receipt_key_id = $1 WHERE id = 1',
  readLog: `SELECT origin, issuer, receipt_key_id, ${HEAD_COLUMNS}, policy_index, epoch FROM log
    WHERE id = 1`,
  // The inner query with its LIMIT is one look-up in the index for each id.
  findLeafIndexes: `SELECT n, found.leaf_index FROM generate_series(1, $2::int) AS n,
    LATERAL (SELECT leaf_index FROM entry
      WHERE entry_id = substring($1::bytea FROM 32 * (n - 1) + 1 FOR 32) LIMIT 1) AS found`,
  readEntries: `SELECT leaf_index, bytes FROM entry
    WHERE leaf_index >= $1 AND leaf_index < $2 ORDER BY leaf_index`,
  readTiles: `SELECT n, found.hashes
    FROM unnest($1::int[], $2::bigint[]) WITH ORDINALITY AS wanted (level, index, n),
    LATERAL (SELECT hashes FROM tile
      WHERE tile.level = wanted.level AND tile.index = wanted.index LIMIT 1) AS found`,
  findBatch: `SELECT ${HEAD_COLUMNS} FROM batch WHERE tree_size = $1`,
  listBatches: `SELECT ${HEAD_COLUMNS} FROM batch WHERE tree_size > $1 ORDER BY tree_size LIMIT $2`,
  findSignedHead: `SELECT ${HEAD_COLUMNS}, bytes FROM signed_head WHERE tree_size = $1`,
  listSignedHeads: `SELECT ${HEAD_COLUMNS}, bytes FROM signed_head
    WHERE tree_size > $1 ORDER BY tree_size LIMIT $2`,
  listServiceKeys: `SELECT key_id, purpose, cose_key, added_at, retired_at FROM service_key
    ORDER BY added_at, key_id`,
  listGovernance: `SELECT leaf_index FROM governance WHERE kind = $1 AND leaf_index >= $2
    ORDER BY leaf_index`,
  lastGovernance: `SELECT leaf_index FROM governance WHERE kind = $1
    ORDER BY leaf_index DESC LIMIT 1`,
  findCollateral: 'SELECT first_entry, bytes FROM collateral WHERE digest = $1',
  listEntryCollateral: `SELECT leaf_index, kind, digest FROM entry_collateral
    WHERE leaf_index >= $1 AND leaf_index < $2 ORDER BY leaf_index, kind`,
}

export const SQL: Readonly<Record<StatementName, Statement>> = Object.fromEntries(
  Object.entries(TEXTS).map(([name, text]) => [name, { name, text }]),
) as Record<StatementName, Statement>
