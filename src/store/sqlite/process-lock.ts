/**
 * One process writes a log. The lock is an exclusive transaction on a file of its own, held for the
 * life of the process: the operating system drops it when the process ends, however it ends, and no
 * stale lock file needs to be judged. Copies of the directory are the guard's business.
 */
import Database from 'better-sqlite3'
import { StartError } from '../../errors.ts'
import { isDiskError, sqliteCode } from './database.ts'
import { diskError } from './start-errors.ts'

export class ProcessLock {
  readonly #database: Database.Database

  private constructor(database: Database.Database) {
    this.#database = database
  }

  /** @throws StartError `ERR_LOG_LOCKED` when another process holds it. */
  static acquire(path: string): ProcessLock {
    let database: Database.Database | undefined
    try {
      database = new Database(path, { timeout: 0 })
      // Rollback journal: an exclusive transaction locks the file itself.
      database.pragma('journal_mode = delete')
      database.exec('BEGIN EXCLUSIVE')
      return new ProcessLock(database)
    } catch (cause) {
      database?.close()
      if (isDiskError(cause)) throw diskError(path, cause)
      if (sqliteCode(cause)?.startsWith('SQLITE_BUSY') !== true) throw cause
      throw new StartError(
        'ERR_LOG_LOCKED',
        `another process uses this data directory (it holds ${path}): stop it first. Two ` +
          `registries never write one directory`,
        { cause },
      )
    }
  }

  release(): void {
    this.#database.close()
  }
}
