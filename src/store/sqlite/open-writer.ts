/**
 * Opens a log to write it: a connection for writing and one for reading, and the threads that commit and
 * checkpoint.
 */
import { dirname } from 'node:path'
import { openBatchWrites } from './batch-thread.ts'
import type { BatchThreadOptions } from './batch-thread.ts'
import { BatchWriter } from './batch-writer.ts'
import { startCheckpointer } from './checkpointer.ts'
import type { Checkpointer, CheckpointerOptions } from './checkpointer.ts'
import { Commits } from './commits.ts'
import { openDatabase } from './database.ts'
import type { OpenOptions, SqliteDatabase } from './database.ts'
import { rebuildIdTail } from './entry-ids.ts'
import type { IdTail } from './id-tail.ts'
import { migrate } from './migrate.ts'
import { refuseMoved } from './moved-log.ts'
import type { ProcessLock } from './process-lock.ts'
import type { LogRow } from './rows.ts'
import { prepareReads } from './statements.ts'
import type { ReadStatements } from './statements.ts'
import { syncDirectory } from './sync-directory.ts'

export interface WriterOptions extends Omit<CheckpointerOptions, 'idle'>, BatchThreadOptions {
  /** `create` makes the file, in a directory that exists; `existing` never does. */
  readonly mode: 'existing' | 'create'
}

/** What a process has that writes. */
export interface Writing {
  readonly lock: ProcessLock
  readonly database: SqliteDatabase
  readonly reader: SqliteDatabase
  readonly reads: ReadStatements
  readonly checkpointer: Checkpointer
  readonly batches: BatchWriter
  readonly commits: Commits
  readonly tail: IdTail
}

export function openWriter(path: string, options: WriterOptions, lock: ProcessLock): Writing {
  const databases: SqliteDatabase[] = []
  const open = (settings: OpenOptions): SqliteDatabase => {
    const database = openDatabase(path, settings)
    databases.push(database)
    return database
  }
  try {
    const writer = open({ create: options.mode === 'create' })
    migrate(writer, { apply: true })
    refuseMoved(writer)
    if (options.mode === 'create') syncDirectory(dirname(path))
    const reader = open({ readonly: true })
    const reads = prepareReads(reader)
    const tail = rebuildIdTail(reads)
    const batches = new BatchWriter(writer)
    const commits = new Commits({
      ...{ writes: openBatchWrites(path, batches, options), tail },
      hold: () => checkpointer.hold,
      readTreeSize: () => (reads.readLog.get() as LogRow | undefined)?.tree_size,
    })
    const checkpointer = startCheckpointer(path, { ...options, idle: () => commits.idle() })
    return { lock, database: writer, reader, reads, checkpointer, batches, commits, tail }
  } catch (error) {
    for (const database of databases) database.close()
    throw error
  }
}
