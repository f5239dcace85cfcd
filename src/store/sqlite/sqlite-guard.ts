/**
 * The guard of one node: a tiny SQLite file outside the data directory that holds the last signed
 * head (design D7). It is made by `create` alone; a missing file stays missing.
 */
import { dirname } from 'node:path'
import type { SignedTreeHead } from '../../cose/signed-tree-head.ts'
import { StartError } from '../../errors.ts'
import type { Guard } from '../../log/guard.ts'
import { builtWorker } from '../../threads/built-worker.ts'
import { isDiskError, openDatabase, sqliteCode } from './database.ts'
import type { SqliteDatabase } from './database.ts'
import { isFileThere } from './file-there.ts'
import { advanceGuard, GUARD_SETTINGS, GUARD_TABLE, guardValues, MOVED_GUARD_TABLE, READ_GUARD } from './guard-row.ts' // prettier-ignore
import type { GuardAdvance } from './guard-row.ts'
import { ownSignedHead } from './packed-batch.ts'
import { signedHead } from './rows.ts'
import type { SignedHeadRow } from './rows.ts'
import { diskError, guardUnwritable } from './start-errors.ts'
import { syncDirectory } from './sync-directory.ts'
import { WriteThread } from './write-thread.ts'

const BUILT_WORKER = builtWorker('guard-worker', import.meta.url)

type Advance = (heads: GuardAdvance) => boolean | Promise<boolean>

export interface SqliteGuardOptions {
  /** The module of the thread that writes; `undefined` keeps that on this one. */
  readonly worker?: URL | undefined
}

export class SqliteGuard implements Guard {
  readonly place: string
  readonly #thread: WriteThread<GuardAdvance, boolean> | undefined
  #database: SqliteDatabase | undefined
  #advance: Advance | undefined

  private constructor(path: string, worker: URL | undefined) {
    this.place = path
    this.#thread = worker === undefined ? undefined : new WriteThread(worker, path)
  }

  /**
   * Opens the guard at `path`; one that is missing reads as `undefined` until it is created.
   * @throws StartError `ERR_GUARD_MISSING` when the file is no guard.
   */
  static open(path: string, options: SqliteGuardOptions = {}): SqliteGuard {
    const guard = new SqliteGuard(path, 'worker' in options ? options.worker : BUILT_WORKER)
    if (isFileThere(path)) guard.#open()
    return guard
  }

  async read(): Promise<SignedTreeHead | undefined> {
    return this.#read()
  }

  get movedTo(): string | undefined {
    return this.#fromTable('moved_guard', (database) =>
      database.prepare('SELECT name FROM moved_guard').pluck().get(),
    ) as string | undefined
  }

  /** Marks it as put away, durably: nothing is signed with it any more. @param name the new place. */
  markMoved(name: string): void {
    if (this.#database === undefined) throw this.#unusable('it does not exist')
    const database = this.#database
    database
      .transaction(() => {
        database.exec(MOVED_GUARD_TABLE)
        database.prepare('INSERT OR REPLACE INTO moved_guard VALUES (1, ?)').run(name)
      })
      .immediate()
  }

  async advance(from: SignedTreeHead, to: SignedTreeHead): Promise<SignedTreeHead> {
    if (this.#database === undefined) throw this.#unusable('it does not exist')
    this.#advance ??= this.#advanceWith(this.#database)
    if (await this.#advance({ from, to })) return to
    throw new StartError(
      'ERR_GUARD_FORK',
      `the guard ${this.place} holds another head than the one of size ` +
        `${from.treeHead.treeSize} that was signed here last: another process signs for this log`,
    )
  }

  async create(head: SignedTreeHead): Promise<void> {
    if (this.#read() !== undefined) {
      throw new StartError('ERR_LOG_EXISTS', `there is a guard already: ${this.place}`)
    }
    const database = (this.#database ??= this.#make())
    database
      .transaction(() => {
        database.exec(GUARD_TABLE)
        const row = [1, ...guardValues(head)]
        database.prepare('INSERT INTO guard VALUES (?, ?, ?, ?, ?)').run(...row)
      })
      .immediate()
    syncDirectory(dirname(this.place))
  }

  async close(): Promise<void> {
    await this.#thread?.close()
    this.#database?.close()
    this.#database = undefined
    this.#advance = undefined
  }

  #advanceWith(database: SqliteDatabase): Advance {
    const thread = this.#thread
    if (thread === undefined) return advanceGuard(database)
    return ({ from, to }) => thread.run({ from: ownSignedHead(from), to: ownSignedHead(to) })
  }

  #make(): SqliteDatabase {
    try {
      return openDatabase(this.place, { create: true, ...GUARD_SETTINGS })
    } catch (cause) {
      if (cause instanceof StartError) throw cause
      throw guardUnwritable(this.place, (cause as Error).message, cause)
    }
  }

  #open(): void {
    try {
      this.#database = openDatabase(this.place, GUARD_SETTINGS)
    } catch (cause) {
      if (sqliteCode(cause) === undefined) throw cause
      throw this.#unusable((cause as Error).message, cause)
    }
  }

  #read(): SignedTreeHead | undefined {
    const row = this.#fromTable('guard', (database) => database.prepare(READ_GUARD).get())
    return row === undefined ? undefined : signedHead(row as SignedHeadRow)
  }

  /** What `read` finds; undefined without the table, which an interrupted `create` leaves behind. */
  #fromTable(name: string, read: (database: SqliteDatabase) => unknown): unknown {
    const database = this.#database
    if (database === undefined) return undefined
    try {
      const table = database.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(name)
      return table === undefined ? undefined : read(database)
    } catch (cause) {
      throw this.#unusable((cause as Error).message, cause)
    }
  }

  #unusable(why: string, cause?: unknown): StartError {
    if (isDiskError(cause)) return diskError(this.place, cause)
    return new StartError(
      'ERR_GUARD_MISSING',
      `the guard ${this.place} cannot be used (${why}): name the right one (--guard); if it is ` +
        `lost for good, move the file away and run: attestry guard adopt`,
      { cause },
    )
  }
}
