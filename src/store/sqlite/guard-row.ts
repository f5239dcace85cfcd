/** The guard's one row: how it is laid out, and how a head takes the place of another. */
import type { SignedTreeHead } from '../../cose/signed-tree-head.ts'
import { tellingFile } from './database.ts'
import type { SqliteDatabase } from './database.ts'

export const GUARD_TABLE = `CREATE TABLE IF NOT EXISTS guard (
  id INTEGER PRIMARY KEY CHECK (id = 1), tree_size INTEGER NOT NULL, root_hash BLOB NOT NULL,
  registration_time INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT`
export const READ_GUARD = 'SELECT tree_size, root_hash, registration_time, bytes FROM guard'
/** There once the log went on elsewhere. It is in the file, so copies under other names have it, too. */
export const MOVED_GUARD_TABLE = `CREATE TABLE IF NOT EXISTS moved_guard (
  id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL) STRICT`
const ADVANCE = `UPDATE guard SET tree_size = ?, root_hash = ?, registration_time = ?, bytes = ?
  WHERE id = 1 AND bytes = ? AND root_hash = ?`

/** One row of a few hundred bytes: checkpoints cost nothing and stay in the commit. */
export const GUARD_SETTINGS = { autoCheckpointPages: 1000 } as const

export interface GuardAdvance {
  readonly from: SignedTreeHead
  readonly to: SignedTreeHead
}

/** Makes the compare-and-swap: durably, in one statement; false when the guard holds something else. */
export function advanceGuard(database: SqliteDatabase): (heads: GuardAdvance) => boolean {
  const statement = database.prepare(ADVANCE)
  return ({ from, to }) => {
    const old = [from.bytes, from.treeHead.rootHash]
    return tellingFile(database, () => statement.run(...guardValues(to), ...old).changes === 1)
  }
}

export function guardValues({ treeHead, registrationTime, bytes }: SignedTreeHead): unknown[] {
  return [treeHead.treeSize, treeHead.rootHash, registrationTime, bytes]
}
