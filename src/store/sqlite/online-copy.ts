/**
 * Copies a log out of a database that a server goes on writing to, as of one committed head: what a
 * backup is made of. What lies below a head never changes, so it is read a page at a time and no read
 * transaction lasts longer than a page: one over the whole file would keep the WAL from starting again
 * for as long as it takes, and SQLite's backup API begins anew with every commit of another process.
 */
import type { TreeSize } from '../../bytes/integers.ts'
import type { SignedTreeHead } from '../../cose/signed-tree-head.ts'
import { equalBytes } from '../../bytes/bytes.ts'
import { StartError, UnavailableError } from '../../errors.ts'
import type { StoredState } from '../../log/store.ts'
import { insertInto } from './copy-pages.ts'
import type { Row } from './copy-pages.ts'
import { copyTables } from './copy-tables.ts'
import { openDatabase, readStored, sqliteCode } from './database.ts'
import type { SqliteDatabase } from './database.ts'
import { migrate, readMigrations } from './migrate.ts'
import { headValues, storedHeadValues, storedState } from './rows.ts'
import type { LogRow } from './rows.ts'

export interface OnlineCopyOptions {
  readonly source: string
  /** A file that does not exist; it is whole only when the copy has resolved. */
  readonly target: string
  /** The signed head of a size that is committed; it may take a moment to be there. */
  readonly findSignedHead: (treeSize: TreeSize) => Promise<SignedTreeHead>
  readonly onProgress?: (progress: { readonly entries: number; readonly treeSize: number }) => void
}

/** What was copied, and the signed head that it ends with. */
export interface OnlineCopy {
  readonly state: StoredState
  readonly head: SignedTreeHead
  /** Number of the last migration of its tables. */
  readonly schema: number
}

/**
 * @throws StartError `ERR_LOG_MISSING`, or `ERR_CONFIGURATION` for a log of another version.
 * @throws UnavailableError `ERR_STORE_BUSY` when content was deleted meanwhile: copy again.
 */
export async function copyOnline(options: OnlineCopyOptions): Promise<OnlineCopy> {
  const source = openDatabase(options.source, { readonly: true })
  try {
    migrate(source, { apply: false })
    const copy = openDatabase(options.target, TARGET)
    try {
      return await fill(source, copy, options)
    } catch (cause) {
      throw sqliteCode(cause) === 'SQLITE_FULL' ? diskFull(options.target, cause) : cause
    } finally {
      copy.close()
    }
  } finally {
    source.close()
  }
}

/** Nothing but the finished file counts, and its WAL shall not be a second copy. */
const TARGET = { create: true, isRebuildable: true, autoCheckpointPages: 1000 } as const

function diskFull(target: string, cause: unknown): UnavailableError {
  const message = `the disk is full: ${target} has no room`
  return new UnavailableError('ERR_STORE_BUSY', message, { cause })
}

async function fill(
  source: SqliteDatabase,
  copy: SqliteDatabase,
  options: OnlineCopyOptions,
): Promise<OnlineCopy> {
  migrate(copy, { apply: true })
  const moment = readMoment(source)
  const head = await options.findSignedHead(moment.state.treeHead.treeSize)
  const { onProgress } = options
  const { state, indexedBelow } = moment
  await copyTables({ source, copy, state, indexedBelow, onProgress })
  writeMoment(copy, moment, head)
  checkPruned(source, moment)
  makePlain(copy)
  return { state: moment.state, head, schema: readMigrations().at(-1)?.number ?? 0 }
}

/** Brings a copy that an earlier version made up to date. */
export function migrateCopy(path: string): void {
  const copy = openDatabase(path, { isRebuildable: true })
  try {
    migrate(copy, { apply: true })
    makePlain(copy)
  } finally {
    copy.close()
  }
}

/** One plain file: it can be hashed, moved, and read where nothing can be written. */
function makePlain(copy: SqliteDatabase): void {
  copy.pragma('journal_mode = delete')
}

/** All small tables as they were in the moment of the head. */
interface Moment {
  readonly state: StoredState
  readonly indexedBelow: number
  readonly serviceKeys: readonly Row[]
  readonly apiTokens: readonly Row[]
  readonly pruned: readonly Row[]
  /** A copy of a log that was moved is one, too. */
  readonly moved: readonly Row[]
}

function readMoment(source: SqliteDatabase): Moment {
  const all = (sql: string): Row[] => source.prepare(sql).raw().all() as Row[]
  return readStored(
    source.transaction((): Moment => {
      const log = source.prepare('SELECT * FROM log').get() as LogRow | undefined
      if (log === undefined) {
        throw new StartError('ERR_LOG_MISSING', `there is no log in ${source.name}`)
      }
      return {
        state: storedState(log),
        indexedBelow: (all('SELECT indexed_below FROM entry_id_progress')[0]?.[0] ?? 0) as number,
        serviceKeys: all('SELECT * FROM service_key'),
        apiTokens: all('SELECT * FROM api_token'),
        pruned: readPruned(source),
        moved: all('SELECT * FROM moved_log'),
      }
    }),
  )
}

function readPruned(source: SqliteDatabase): Row[] {
  return source.prepare('SELECT * FROM pruned_payload ORDER BY digest').raw().all() as Row[]
}

/** The row of the log is written last: without it a file holds no log. */
function writeMoment(copy: SqliteDatabase, moment: Moment, head: SignedTreeHead): void {
  const { state, indexedBelow, serviceKeys, apiTokens, pruned, moved } = moment
  copy.transaction(() => {
    insertInto(copy, 'service_key', serviceKeys)
    insertInto(copy, 'api_token', apiTokens)
    insertInto(copy, 'pruned_payload', pruned)
    insertInto(copy, 'moved_log', moved)
    insertInto(copy, 'entry_id_progress', [[1, indexedBelow]])
    // The newest head may have been in the guard only.
    copy
      .prepare('INSERT INTO signed_head VALUES (?, ?, ?, ?) ON CONFLICT (tree_size) DO NOTHING')
      .run(...headValues(head), head.bytes)
    const { origin, issuer, receiptKeyId } = state
    insertInto(copy, 'log', [[1, origin, issuer, receiptKeyId, ...storedHeadValues(state)]])
  })()
}

/** Content may have been deleted by a statement above the head, which this copy does not have. */
function checkPruned(source: SqliteDatabase, { pruned }: Moment): void {
  const now = readStored(() => readPruned(source))
  const same = now.every((row, at) => {
    const digest = pruned[at]?.[0]
    return digest !== undefined && equalBytes(row[0] as Uint8Array, digest as Uint8Array)
  })
  if (same && now.length === pruned.length) return
  throw new UnavailableError(
    'ERR_STORE_BUSY',
    'payloads were pruned while the log was copied: run it again',
  )
}
