/**
 * Records of a witness in an SQLite file of its own (WAL, `synchronous=FULL`): one row an origin,
 * replaced by one compare-and-swap statement. The file belongs to one key under one name, because
 * the same key over another file would have forgotten what it cosigned.
 */
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { InvariantError, StartError } from '../../errors.ts'
import type { WitnessRecord, WitnessRecords } from '../../log/witness-records.ts'
import type { RootHash } from '../../merkle/hasher.ts'
import { blob, openDatabase, readStored, sqliteCode } from './database.ts'
import type { SqliteDatabase } from './database.ts'
import { syncDirectory } from './sync-directory.ts'

// Sizes are decimal text: they reach 2^63-1 and are only ever compared for equality here.
const TABLES = `
  CREATE TABLE witness (id INTEGER PRIMARY KEY CHECK (id = 1), vkey TEXT NOT NULL) STRICT;
  CREATE TABLE record (origin TEXT PRIMARY KEY, tree_size TEXT NOT NULL, root_hash BLOB NOT NULL,
    cosigned_at INTEGER NOT NULL, checkpoint BLOB NOT NULL) STRICT, WITHOUT ROWID`
const FIND = 'SELECT tree_size, root_hash, cosigned_at, checkpoint FROM record WHERE origin = ?'
const INSERT = 'INSERT INTO record VALUES (?, ?, ?, ?, ?) ON CONFLICT (origin) DO NOTHING'
const ADVANCE = `UPDATE record SET tree_size = ?, root_hash = ?, cosigned_at = ?, checkpoint = ?
  WHERE origin = ? AND tree_size = ? AND root_hash = ?`

interface Row {
  readonly tree_size: unknown
  readonly root_hash: unknown
  readonly cosigned_at: unknown
  readonly checkpoint: unknown
}

export class SqliteWitnessRecords implements WitnessRecords {
  readonly #database: SqliteDatabase

  private constructor(database: SqliteDatabase) {
    this.#database = database
  }

  /**
   * Opens the records of the witness with this verifier key.
   * @throws StartError `ERR_LOG_MISSING` when there are none and `create` is not set;
   *   `ERR_KEY_MISMATCH` when they belong to another key; `ERR_LOG_CORRUPT` when they are damaged.
   */
  static open(
    path: string,
    { vkey, create }: { readonly vkey: string; readonly create: boolean },
  ): SqliteWitnessRecords {
    const isNew = !existsSync(path)
    if (isNew && !create) {
      throw new StartError('ERR_LOG_MISSING', `there are no records of a witness: ${path}`)
    }
    let database: SqliteDatabase | undefined
    try {
      database = openDatabase(path, { create: isNew, autoCheckpointPages: 1000 })
      claim(database, vkey)
    } catch (cause) {
      database?.close()
      if (sqliteCode(cause) === undefined) throw cause
      const { message } = cause as Error
      throw new StartError('ERR_LOG_CORRUPT', `${path} cannot be used: ${message}`, { cause })
    }
    if (isNew) syncDirectory(dirname(path))
    return new SqliteWitnessRecords(database)
  }

  async find(origin: string): Promise<WitnessRecord | undefined> {
    const row = readStored(() => this.#database.prepare(FIND).get(origin)) as Row | undefined
    return row && recordOf(row)
  }

  async advance(
    origin: string,
    from: WitnessRecord | undefined,
    { treeSize, rootHash, cosignedAt, checkpoint }: WitnessRecord,
  ): Promise<'advanced' | 'moved'> {
    const values = [String(treeSize), rootHash, cosignedAt, checkpoint]
    // One statement, so one transaction: when it returns, the WAL is on disk.
    const { changes } =
      from === undefined
        ? this.#database.prepare(INSERT).run(origin, ...values)
        : this.#database
            .prepare(ADVANCE)
            .run(...values, origin, String(from.treeSize), from.rootHash)
    return changes === 1 ? 'advanced' : 'moved'
  }

  async close(): Promise<void> {
    this.#database.close()
  }
}

/** Makes the tables of a new file, and checks whose file it is. */
function claim(database: SqliteDatabase, vkey: string): void {
  database
    .transaction(() => {
      const table = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'witness'").get()
      if (table !== undefined) return
      database.exec(TABLES)
      database.prepare('INSERT INTO witness VALUES (1, ?)').run(vkey)
    })
    .immediate()
  const owner = database.prepare('SELECT vkey FROM witness').pluck().get()
  if (owner === vkey) return
  throw new StartError(
    'ERR_KEY_MISMATCH',
    `${database.name} holds the records of ${String(owner)}, not of ${vkey}: give its key and ` +
      'name, or another directory for another witness',
  )
}

function recordOf(row: Row): WitnessRecord {
  const { tree_size: size, cosigned_at: cosignedAt } = row
  if (typeof size !== 'string' || !/^[0-9]{1,19}$/.test(size) || typeof cosignedAt !== 'number') {
    throw new InvariantError('a record of the witness is damaged')
  }
  return {
    treeSize: BigInt(size),
    rootHash: blob(row.root_hash) as RootHash,
    cosignedAt,
    checkpoint: blob(row.checkpoint),
  }
}
