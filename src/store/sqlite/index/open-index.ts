/**
 * Opens the index for writing, in a file of its own. The file is made of the log, so one that is
 * damaged, of another log, of another version or ahead of its log is not repaired: it is deleted, and
 * the follower begins again.
 */
import { existsSync, rmSync } from 'node:fs'
import { StartError } from '../../../errors.ts'
import { blob, openFor, sqliteCode } from '../database.ts'
import type { OpenOptions, SqliteDatabase } from '../database.ts'
import { INDEX_READS } from './reads.ts'
import { migrate, readMigrations } from '../migrate.ts'
import { SqliteIndexWriter } from './sqlite-index-writer.ts'

// The same distance from src/store/sqlite and from dist/store/sqlite.
const MIGRATIONS = new URL('../../../../migrations/sqlite-index/', import.meta.url)
/** Runs that are merged were written lately. */
const CACHE_KIB = 16 * 1024
/** 16 MiB: a page is seldom written twice between two checkpoints, so that more would save nothing. */
const CHECKPOINT_PAGES = 4096
const OPEN: OpenOptions = {
  ...{ isRebuildable: true, cacheKib: CACHE_KIB },
  autoCheckpointPages: CHECKPOINT_PAGES,
}

/** What a file says that it was made of. */
export interface IndexOrigin {
  readonly treeSize: number
  /** Ids of the first and the last entry that are in it. */
  readonly first: Uint8Array
  readonly last: Uint8Array
}

export interface OpenIndexOptions {
  /** What reads the statements; a file by another one is not used. */
  readonly madeBy: string
  /** Whether the log has what the file says; not asked for an empty one. */
  readonly isOfLog?: ((origin: IndexOrigin) => Promise<boolean>) | undefined
}

/** Why a file was deleted; there was none when undefined. */
export type ResetReason = 'damaged' | 'other-version' | 'other-log'

export interface OpenedIndex {
  readonly writer: SqliteIndexWriter
  readonly reset?: ResetReason
}

/** Opens the index of a log, a new one where the file cannot be used. */
export async function openIndex(path: string, options: OpenIndexOptions): Promise<OpenedIndex> {
  const { madeBy, isOfLog } = options
  if (!existsSync(path)) return { writer: create(path, madeBy) }
  const database = openExisting(path)
  const reset = typeof database === 'string' ? database : await judge(database, { madeBy, isOfLog })
  if (typeof database !== 'string') {
    if (reset === undefined) return { writer: new SqliteIndexWriter(database) }
    database.close()
  }
  removeIndex(path)
  return { writer: create(path, madeBy), ...(reset === undefined ? {} : { reset }) }
}

/** Deletes the index; nobody may have it open. */
export function removeIndex(path: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true })
}

function create(path: string, madeBy: string): SqliteIndexWriter {
  return openFor(path, { ...OPEN, create: true }, (database) => {
    migrate(database, { apply: true, migrations: readMigrations(MIGRATIONS) })
    database.prepare('INSERT INTO progress VALUES (1, NULL, ?, 0, randomblob(8))').run(madeBy)
    return new SqliteIndexWriter(database)
  })
}

function openExisting(path: string): SqliteDatabase | ResetReason {
  try {
    return openFor(path, OPEN, (database) => {
      migrate(database, { apply: false, migrations: readMigrations(MIGRATIONS) })
      return database
    })
  } catch (error) {
    if (error instanceof StartError) return 'other-version'
    if (isDamaged(error)) return 'damaged'
    throw error
  }
}

/** Why an index is not used; undefined when it is. */
async function judge(
  database: SqliteDatabase,
  { madeBy, isOfLog }: OpenIndexOptions,
): Promise<ResetReason | undefined> {
  let origin: IndexOrigin
  try {
    const row = database.prepare(INDEX_READS.readProgress).get() as
      { log_id: unknown; made_by: string; tree_size: number } | undefined
    if (row === undefined) return 'damaged'
    if (row.made_by !== madeBy) return 'other-version'
    const { tree_size: treeSize } = row
    if (treeSize === 0) return undefined
    const last = database
      .prepare(INDEX_READS.readEntryId)
      .pluck()
      .get(treeSize - 1)
    if (last === undefined) return 'damaged'
    origin = { treeSize, first: blob(row.log_id), last: blob(last) }
  } catch (error) {
    if (isDamaged(error)) return 'damaged'
    throw error
  }
  return (await isOfLog?.(origin)) === false ? 'other-log' : undefined
}

function isDamaged(error: unknown): boolean {
  const code = sqliteCode(error) ?? ''
  return code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB' || code === 'SQLITE_ERROR'
}
