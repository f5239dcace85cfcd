/**
 * The tables of a copy that is made online (`online-copy.ts`): everything below a head, in the order of
 * the keys. What lies above the head, or is newer than it, stays behind.
 */
import type { StoredState } from '../../log/store.ts'
import { HASH_BYTES } from '../../merkle/hasher.ts'
import { openTiles } from '../../merkle/tiles.ts'
import { copyPages, ENTRIES_A_PAGE, insertInto } from './copy-pages.ts'
import type { Row, TableCopy } from './copy-pages.ts'
import { readStored } from './database.ts'
import type { SqliteDatabase } from './database.ts'
import { tileKey } from './tile-key.ts'

export interface TablesCopy {
  readonly source: SqliteDatabase
  readonly copy: SqliteDatabase
  readonly state: StoredState
  /** The table of ids covers entries below this index. */
  readonly indexedBelow: number
  readonly onProgress?:
    ((progress: { readonly entries: number; readonly treeSize: number }) => void) | undefined
}

export async function copyTables(tables: TablesCopy): Promise<void> {
  const { source, copy, state, indexedBelow, onProgress } = tables
  const { treeSize } = state.treeHead
  const run = (table: TableCopy): Promise<void> => copyPages(source, copy, table)
  await run({
    into: 'entry',
    select: `SELECT leaf_index, bytes FROM entry
      WHERE leaf_index > ? AND leaf_index < ? ORDER BY leaf_index LIMIT ${ENTRIES_A_PAGE}`,
    after: [-1],
    bounds: [treeSize],
    onPage: (last) => onProgress?.({ entries: Number(last[0]) + 1, treeSize }),
  })
  // In key order, as the table is. Ids from `indexedBelow` on are hashed again by whoever opens it.
  await run({
    into: 'entry_id',
    select: `SELECT id, leaf_index FROM entry_id
      WHERE id > ? AND leaf_index < ? ORDER BY id LIMIT 4096`,
    after: [new Uint8Array(0)],
    bounds: [indexedBelow],
  })
  await copyTiles(run, treeSize, { source, copy })
  for (const [table, columns] of HEADS) {
    await run({
      into: table,
      select: `SELECT ${columns} FROM ${table}
        WHERE tree_size > ? AND tree_size <= ? ORDER BY tree_size LIMIT 4096`,
      after: [0],
      bounds: [treeSize],
    })
  }
  await copyAdmissions(run, treeSize)
  await copyPayloads(run, state)
  await run({
    into: 'refusal',
    select: 'SELECT * FROM refusal WHERE number > ? ORDER BY number LIMIT 4096',
    after: [0],
  })
}

const HEADS = [
  ['batch', 'tree_size, root_hash, registration_time'],
  ['signed_head', 'tree_size, root_hash, registration_time, bytes'],
] as const

/** Full tiles as they are; the open ones are cut to what they had at the head. */
async function copyTiles(
  run: (table: TableCopy) => Promise<void>,
  treeSize: number,
  { source, copy }: { readonly source: SqliteDatabase; readonly copy: SqliteDatabase },
): Promise<void> {
  for (const { level, index, width } of openTiles(treeSize)) {
    await run({
      into: 'tile',
      select: 'SELECT key, hashes FROM tile WHERE key > ? AND key < ? ORDER BY key LIMIT 256',
      after: [tileKey({ level, index: 0 }) - 1],
      bounds: [tileKey({ level, index })],
    })
    if (width === 0) continue
    const select = source.prepare('SELECT key, substr(hashes, 1, ?) FROM tile WHERE key = ?').raw()
    const found = [width * HASH_BYTES, tileKey({ level, index })]
    insertInto(copy, 'tile', readStored(() => select.all(...found)) as Row[])
  }
}

async function copyAdmissions(
  run: (table: TableCopy) => Promise<void>,
  treeSize: number,
): Promise<void> {
  await run({
    into: 'governance',
    select: `SELECT kind, leaf_index FROM governance
      WHERE (kind, leaf_index) > (?, ?) AND leaf_index < ? ORDER BY kind, leaf_index LIMIT 4096`,
    after: ['', 0],
    bounds: [treeSize],
  })
  await run({
    into: 'entry_collateral',
    select: `SELECT leaf_index, kind, digest FROM entry_collateral
      WHERE (leaf_index, kind) > (?, ?) AND leaf_index < ? ORDER BY leaf_index, kind LIMIT 4096`,
    after: [-1, ''],
    bounds: [treeSize],
  })
  await run({
    into: 'collateral',
    select: `SELECT digest, first_entry, bytes FROM collateral
      WHERE digest > ? AND first_entry < ? ORDER BY digest LIMIT 16`,
    after: [new Uint8Array(0)],
    bounds: [treeSize],
  })
}

/**
 * The payload store has no head: it is copied as it is met. Content that became collateral of an
 * entry above the head meanwhile has left its table, so the other table is read after it.
 */
async function copyPayloads(
  run: (table: TableCopy) => Promise<void>,
  { treeHead, registrationTime }: StoredState,
): Promise<void> {
  const { treeSize } = treeHead
  await run({
    into: 'payload',
    select: 'SELECT * FROM payload WHERE digest > ? ORDER BY digest LIMIT 4',
    after: [new Uint8Array(0)],
  })
  await run({
    into: 'payload',
    select: `SELECT digest, bytes, ?, 0 FROM collateral
      WHERE digest > ? AND first_entry >= ? AND EXISTS (SELECT 1 FROM entry_collateral e
        WHERE e.digest = collateral.digest AND e.kind = 'preimage' AND e.leaf_index >= ?)
      ORDER BY digest LIMIT 4`,
    after: [new Uint8Array(0)],
    before: [registrationTime],
    bounds: [treeSize, treeSize],
  })
  await run({
    into: 'payload_alias',
    select: 'SELECT name, digest FROM payload_alias WHERE name > ? ORDER BY name LIMIT 4096',
    after: [new Uint8Array(0)],
  })
}
