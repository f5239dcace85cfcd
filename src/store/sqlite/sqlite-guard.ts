/**
 * The guard of one node: a tiny SQLite file outside the data directory that holds the last signed
 * head (design D7). It is made by `create` alone; a missing file stays missing.
 */
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { SignedTreeHead } from '../../cose/signed-tree-head.ts'
import { StartError } from '../../errors.ts'
import type { Guard } from '../../log/guard.ts'
import { openDatabase, sqliteCode } from './database.ts'
import type { SqliteDatabase, SqliteStatement } from './database.ts'
import { signedHead } from './rows.ts'
import type { SignedHeadRow } from './rows.ts'
import { syncDirectory } from './sync-directory.ts'

const TABLE = `CREATE TABLE IF NOT EXISTS guard (
  id INTEGER PRIMARY KEY CHECK (id = 1), tree_size INTEGER NOT NULL, root_hash BLOB NOT NULL,
  registration_time INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT`
const READ = 'SELECT tree_size, root_hash, registration_time, bytes FROM guard'
const ADVANCE = `UPDATE guard SET tree_size = ?, root_hash = ?, registration_time = ?, bytes = ?
  WHERE id = 1 AND bytes = ? AND root_hash = ?`

export class SqliteGuard implements Guard {
  readonly path: string
  #database: SqliteDatabase | undefined
  #advance: SqliteStatement | undefined

  private constructor(path: string) {
    this.path = path
  }

  /**
   * Opens the guard at `path`; one that is missing reads as `undefined` until it is created.
   * @throws StartError `ERR_GUARD_MISSING` when the file is no guard.
   */
  static open(path: string): SqliteGuard {
    const guard = new SqliteGuard(path)
    if (existsSync(path)) guard.#open()
    return guard
  }

  async read(): Promise<SignedTreeHead | undefined> {
    return this.#read()
  }

  async advance(from: SignedTreeHead, to: SignedTreeHead): Promise<SignedTreeHead> {
    if (this.#database === undefined) throw this.#unusable('it does not exist')
    this.#advance ??= this.#database.prepare(ADVANCE)
    const old = [from.bytes, from.treeHead.rootHash]
    if (this.#advance.run(...values(to), ...old).changes === 1) return to
    throw new StartError(
      'ERR_GUARD_FORK',
      `the guard ${this.path} holds another head than the one of size ` +
        `${from.treeHead.treeSize} that was signed here last: another process signs for this log`,
    )
  }

  async create(head: SignedTreeHead): Promise<void> {
    if (this.#read() !== undefined) {
      throw new StartError('ERR_LOG_EXISTS', `there is a guard already: ${this.path}`)
    }
    const database = (this.#database ??= openDatabase(this.path, { create: true, ...SETTINGS }))
    database
      .transaction(() => {
        database.exec(TABLE)
        const row = [1, ...values(head)]
        database.prepare('INSERT INTO guard VALUES (?, ?, ?, ?, ?)').run(...row)
      })
      .immediate()
    syncDirectory(dirname(this.path))
  }

  async close(): Promise<void> {
    this.#database?.close()
    this.#database = undefined
    this.#advance = undefined
  }

  #open(): void {
    try {
      this.#database = openDatabase(this.path, SETTINGS)
    } catch (cause) {
      if (sqliteCode(cause) === undefined) throw cause
      throw this.#unusable((cause as Error).message, cause)
    }
  }

  #read(): SignedTreeHead | undefined {
    if (this.#database === undefined) return undefined
    try {
      const table = this.#database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'guard'").get()
      // An interrupted `create` leaves an empty database behind.
      if (table === undefined) return undefined
      const row = this.#database.prepare(READ).get() as SignedHeadRow | undefined
      return row && signedHead(row)
    } catch (cause) {
      throw this.#unusable((cause as Error).message, cause)
    }
  }

  #unusable(why: string, cause?: unknown): StartError {
    return new StartError(
      'ERR_GUARD_MISSING',
      `the guard ${this.path} cannot be used (${why}): name the right one (--guard); if it is ` +
        `lost for good, move the file away and run: attestry guard adopt`,
      { cause },
    )
  }
}

/** One row of a few hundred bytes: checkpoints cost nothing and stay in the commit. */
const SETTINGS = { autoCheckpointPages: 1000 } as const

function values({ treeHead, registrationTime, bytes }: SignedTreeHead): unknown[] {
  return [treeHead.treeSize, treeHead.rootHash, registrationTime, bytes]
}
