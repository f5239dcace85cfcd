/**
 * Opens SQLite files with every setting that durability rests on, and reads each of them back:
 * better-sqlite3 compiles WAL to `synchronous=NORMAL`, which may lose the last commits on power loss
 * (reliability §8), and a Receipt is never given for what may be lost.
 */
import Database from 'better-sqlite3'
import { InvariantError, StartError } from '../../errors.ts'

export type SqliteDatabase = Database.Database
export type SqliteStatement = Database.Statement

// The WAL-reset bug was repaired in 3.51.3.
const SQLITE_VERSION_MIN = [3, 51, 3] as const
const SYNCHRONOUS_NORMAL = 1
const SYNCHRONOUS_FULL = 2
const CACHE_KIB = 8 * 1024
/** A WAL file is cut to this when it starts again; up to there its blocks are reused. */
const WAL_BYTES_KEPT = 256 * 1024 * 1024

export interface OpenOptions {
  /** Creates the file, which must not exist. */
  readonly create?: boolean
  readonly readonly?: boolean
  /** How long a call may wait for a lock that another connection holds. */
  readonly busyMs?: number
  /** WAL pages after which a commit also checkpoints; 0 leaves that to a checkpointer. */
  readonly autoCheckpointPages?: number
  /** Only for what can be made again: power loss may take the last commits, never half of one. */
  readonly isRebuildable?: boolean
  /** Pages kept in memory. */
  readonly cacheKib?: number
}

/** Opens a database for what `make` makes of it; closes it again when that fails. */
export function openFor<Made>(
  path: string,
  options: OpenOptions,
  make: (database: SqliteDatabase) => Made,
): Made {
  const database = openDatabase(path, options)
  try {
    return make(database)
  } catch (error) {
    database.close()
    throw error
  }
}

/**
 * Opens a database in WAL mode, with `synchronous=FULL` unless it can be made again.
 * @throws StartError `ERR_CONFIGURATION` when SQLite does not do as it is told.
 */
export function openDatabase(path: string, options: OpenOptions = {}): SqliteDatabase {
  const { create = false, readonly = false, busyMs = 1000, autoCheckpointPages = 0 } = options
  const { isRebuildable = false, cacheKib = CACHE_KIB } = options
  const database = new Database(path, { fileMustExist: !create, readonly, timeout: busyMs })
  try {
    checkVersion(database)
    if (!readonly) set(database, 'journal_mode', 'wal')
    set(database, 'synchronous', isRebuildable ? SYNCHRONOUS_NORMAL : SYNCHRONOUS_FULL)
    set(database, 'wal_autocheckpoint', autoCheckpointPages)
    // macOS: a plain fsync does not reach the disk.
    set(database, 'fullfsync', 1)
    set(database, 'checkpoint_fullfsync', 1)
    set(database, 'cache_size', -cacheKib)
    set(database, 'journal_size_limit', WAL_BYTES_KEPT)
    set(database, 'trusted_schema', 0)
    set(database, 'cell_size_check', 1)
    // A read error of mapped pages kills the process, unlike one of read pages; and SQLite unmaps the
    // whole file whenever another connection has committed, so that a reader would fault it in again.
    set(database, 'mmap_size', 0)
  } catch (error) {
    database.close()
    throw error
  }
  return database
}

function set(database: SqliteDatabase, name: string, value: string | number): void {
  database.pragma(`${name} = ${value}`)
  const found = database.pragma(name, { simple: true })
  if (found === value) return
  throw new StartError(
    'ERR_CONFIGURATION',
    `SQLite keeps ${name} at ${String(found)} for ${database.name}, and ${value} is needed`,
  )
}

function checkVersion(database: SqliteDatabase): void {
  const version = database.prepare('SELECT sqlite_version()').pluck().get() as string
  const parts = version.split('.').map(Number)
  for (const [at, least] of SQLITE_VERSION_MIN.entries()) {
    if ((parts[at] ?? 0) > least) return
    if ((parts[at] ?? 0) < least) {
      const wanted = SQLITE_VERSION_MIN.join('.')
      throw new StartError('ERR_CONFIGURATION', `SQLite ${version} is older than ${wanted}`)
    }
  }
}

/** An error of SQLite's in another thread, or with the name of its file. */
export class WriteError extends Error {
  override readonly name = 'WriteError'
  readonly code: string | undefined

  constructor(message: string, code: string | undefined) {
    super(message)
    this.code = code
  }
}

/** SQLite's result code of an error, or `undefined` for errors that are not SQLite's. */
export function sqliteCode(error: unknown): string | undefined {
  const isOurs = error instanceof Database.SqliteError || error instanceof WriteError
  return isOurs ? error.code : undefined
}

/** Disk, space and permissions: nothing is known to be wrong with what is stored. */
const DISK_CODE = /^SQLITE_(?:IOERR(?!_SHORT_READ)|FULL|CANTOPEN|READONLY|PERM)/

export function isDiskError(error: unknown): boolean {
  return DISK_CODE.test(sqliteCode(error) ?? '')
}

/** Runs a write; what SQLite says of it has the file with it, since log and guard are on different disks. */
export function tellingFile<Value>({ name }: SqliteDatabase, write: () => Value): Value {
  try {
    return write()
  } catch (cause) {
    const code = sqliteCode(cause)
    if (code === undefined) throw cause
    throw new WriteError(`${name}: ${(cause as Error).message}`, code)
  }
}

/** Runs a read; a database that is damaged is not an error of the reader's. */
export function readStored<Value>(read: () => Value): Value {
  try {
    return read()
  } catch (cause) {
    const code = sqliteCode(cause) ?? ''
    if (!code.startsWith('SQLITE_CORRUPT') && code !== 'SQLITE_NOTADB') throw cause
    throw new InvariantError(`the database is damaged: ${(cause as Error).message}`, { cause })
  }
}

/** A plain view of the bytes of a BLOB, which better-sqlite3 gives as a Buffer of its own. */
export function blob(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new InvariantError('a stored value is not a BLOB')
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
}
