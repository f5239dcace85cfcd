/**
 * One process writes a log. The lock is an exclusive transaction on a file of its own, held for the
 * life of the process: the operating system drops it when the process ends, however it ends, and no
 * stale lock file needs to be judged. Copies of the directory are the guard's business.
 */
import Database from 'better-sqlite3'
import { StartError } from '../../errors.ts'
import { sqliteCode } from './database.ts'

export class ProcessLock {
  readonly #database: Database.Database

  private constructor(database: Database.Database) {
    this.#database = database
  }

  /** @throws StartError `ERR_LOG_LOCKED` when another process holds it. */
  static acquire(path: string): ProcessLock {
    const database = new Database(path, { timeout: 0 })
    try {
      // Rollback journal: an exclusive transaction locks the file itself.
      database.pragma('journal_mode = delete')
      database.exec('BEGIN EXCLUSIVE')
    } catch (cause) {
      database.close()
      if (sqliteCode(cause)?.startsWith('SQLITE_BUSY') !== true) throw cause
      throw new StartError(
        'ERR_LOG_LOCKED',
        `another process uses this data directory (it holds ${path}): stop it first. Two ` +
          `registries never write one directory`,
        { cause },
      )
    }
    return new ProcessLock(database)
  }

  release(): void {
    this.#database.close()
  }
}
