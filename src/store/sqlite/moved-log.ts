/**
 * The mark of a log that goes on in another store. It is in the database, so copies and backups that
 * are made afterwards have it, too; older ones are the guard's business.
 */
import type { TreeSize, UnixSeconds } from '../../bytes/integers.ts'
import { assertInvariant, StartError } from '../../errors.ts'
import { openFor } from './database.ts'
import type { SqliteDatabase } from './database.ts'
import { migrate } from './migrate.ts'

/** Where a log went. */
export interface MovedLog {
  /** The other store without its password. */
  readonly name: string
  /** Its size then. */
  readonly treeSize: TreeSize
  readonly movedAt: UnixSeconds
}

const BUSY_MS = 5000

/** Undefined for a log that is where it was. */
export function readMoved(path: string): MovedLog | undefined {
  return withDatabase(path, findMoved)
}

/** Durable when this returns; the caller holds the log's lock. */
export function markMoved(path: string, { name, treeSize, movedAt }: MovedLog): void {
  withDatabase(path, (database) => {
    const sql = 'INSERT INTO moved_log SELECT 1, ?, tree_size, ? FROM log WHERE tree_size = ?'
    const { changes } = database.prepare(sql).run(name, movedAt, treeSize)
    assertInvariant(changes === 1, 'a log that is moved has another size than what was copied')
  })
}

/** @throws StartError `ERR_LOG_MOVED`: whoever writes asks this first. */
export function refuseMoved(database: SqliteDatabase): void {
  const moved = findMoved(database)
  if (moved === undefined) return
  throw new StartError(
    'ERR_LOG_MOVED',
    `this log was moved to ${moved.name} at size ${moved.treeSize} and goes on there: name that ` +
      'store (--store). What is here can be read and checked, and is never written again',
  )
}

function findMoved(database: SqliteDatabase): MovedLog | undefined {
  return database
    .prepare('SELECT name, tree_size AS treeSize, moved_at AS movedAt FROM moved_log')
    .get() as MovedLog | undefined
}

function withDatabase<Value>(path: string, use: (database: SqliteDatabase) => Value): Value {
  return openFor(path, { busyMs: BUSY_MS }, (database) => {
    migrate(database, { apply: false })
    const value = use(database)
    database.close()
    return value
  })
}
