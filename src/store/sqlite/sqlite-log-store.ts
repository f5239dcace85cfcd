/**
 * The embedded log store: one SQLite file, one writing process (design D8). Batches are committed on
 * a thread of their own (`commits.ts`), WAL checkpoints run on another. What is read to be verified or
 * served comes through a connection for reading, from the file and not from a writer's cache.
 */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { LeafIndex, TreeSize } from '../../bytes/integers.ts'
import type { SignedTreeHead } from '../../cose/signed-tree-head.ts'
import { assertInvariant, InvariantError, StartError } from '../../errors.ts'
import type {
  BatchCommit,
  BatchHead,
  EntryCollateral,
  Genesis,
  LogStore,
  ServiceKeyChange,
  StoredCollateral,
  StoredEntry,
  StoredServiceKey,
  StoredState,
  TileId,
} from '../../log/store.ts'
import type { GovernanceKind } from '../../payload/media-types.ts'
import { openBatchWrites } from './batch-thread.ts'
import type { BatchThreadOptions } from './batch-thread.ts'
import { BatchWriter } from './batch-writer.ts'
import { startCheckpointer } from './checkpointer.ts'
import type { Checkpointer, CheckpointerOptions } from './checkpointer.ts'
import { Commits } from './commits.ts'
import { blob, openDatabase, openFor, readStored, sqliteCode } from './database.ts'
import type { OpenOptions, SqliteDatabase } from './database.ts'
import { EntryIds, rebuildIdTail } from './entry-ids.ts'
import type { IdTail } from './id-tail.ts'
import { migrate } from './migrate.ts'
import { refuseMoved } from './moved-log.ts'
import { ProcessLock } from './process-lock.ts'
import {
  batchHead,
  entryCollateral,
  leafIndexOf,
  serviceKey,
  signedHead,
  storedCollateral,
  storedEntry,
  storedState,
} from './rows.ts'
import type {
  CollateralRow,
  EntryCollateralRow,
  EntryRow,
  HeadRow,
  IndexRow,
  LogRow,
  ServiceKeyRow,
  SignedHeadRow,
} from './rows.ts'
import { prepareReads } from './statements.ts'
import type { ReadStatements } from './statements.ts'
import { syncDirectory } from './sync-directory.ts'
import { tileKey } from './tile-key.ts'

export interface SqliteStoreOptions extends Omit<CheckpointerOptions, 'idle'>, BatchThreadOptions {
  /** `create` makes the file, in a directory that exists; `existing` never does. */
  readonly mode: 'existing' | 'create'
  /** Reads beside a process that writes, without its lock; every write throws. */
  readonly readonly?: boolean
}

export class SqliteLogStore implements LogStore {
  readonly #reader: SqliteDatabase
  readonly #reads: ReadStatements
  readonly #writing: Writing | undefined
  #ids: EntryIds | undefined
  #isClosed = false

  private constructor(reader: SqliteDatabase, writing: Writing | undefined) {
    this.#reader = reader
    this.#reads = prepareReads(reader)
    this.#writing = writing
  }

  /**
   * Opens the store in the file `path`; a writer also takes `lock.sqlite` beside it.
   * @throws StartError `ERR_LOG_MISSING`, `ERR_LOG_EXISTS`, `ERR_LOG_LOCKED`, `ERR_LOG_CORRUPT` or
   *   `ERR_CONFIGURATION`.
   */
  static open(path: string, options: SqliteStoreOptions): SqliteLogStore {
    const isThere = existsSync(path)
    if (options.mode === 'existing' && !isThere) throw logMissing(path)
    if (options.mode === 'create' && isThere) throw logExists(path)
    if (options.readonly === true)
      return refuseDamaged(path, () => SqliteLogStore.#openReader(path))
    const lock = ProcessLock.acquire(join(dirname(path), 'lock.sqlite'))
    try {
      return refuseDamaged(path, () => SqliteLogStore.#openWriter(path, options, lock))
    } catch (error) {
      lock.release()
      throw error
    }
  }

  static #openReader(path: string): SqliteLogStore {
    return openFor(path, { readonly: true }, (reader) => {
      migrate(reader, { apply: false })
      return new SqliteLogStore(reader, undefined)
    })
  }

  static #openWriter(path: string, options: SqliteStoreOptions, lock: ProcessLock): SqliteLogStore {
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
      return new SqliteLogStore(reader, {
        ...{ lock, database: writer, checkpointer, batches, commits, tail },
      })
    } catch (error) {
      for (const database of databases) database.close()
      throw error
    }
  }

  async create(genesis: Genesis): Promise<void> {
    const { batches, tail } = this.#writer()
    if (this.#reads.readLog.get() !== undefined) throw logExists(this.#reader.name)
    batches.writeGenesis(genesis)
    const ids = genesis.batch.entries.map(({ entryId }) => entryId)
    tail.add(ids, 0)
  }

  async readState(): Promise<StoredState> {
    const row = readStored(() => this.#reads.readLog.get() as LogRow | undefined)
    if (row === undefined) throw logMissing(this.#reader.name)
    return storedState(row)
  }

  async commit(batch: BatchCommit): Promise<void> {
    await this.#writer().commits.commit(batch)
  }

  /**
   * Commits on the thread of `batchWorker`, whose module goes on with `then` (something that can be
   * cloned) and answers with what came of it. Throws as `commit` and as that module does: only an
   * `ERR_STORE_BUSY` says that nothing was stored.
   */
  commitThen(batch: BatchCommit, then: unknown): Promise<unknown> {
    return this.#writer().commits.commit(batch, then)
  }

  async saveSignedHead(head: SignedTreeHead): Promise<void> {
    await this.#writer().commits.saveSignedHead(head)
  }

  async findLeafIndexes(entryIds: readonly Uint8Array[]): Promise<(LeafIndex | undefined)[]> {
    const [only, ...more] = entryIds
    const found =
      only !== undefined && more.length === 0
        ? [await this.#entryIds().find(only)]
        : readStored(() => this.#entryIds().findMany(entryIds))
    const commits = this.#writing?.commits
    if (commits === undefined) return found
    return found.map((leafIndex, at) => leafIndex ?? commits.findCommitted(entryIds[at]!))
  }

  async readEntries(start: LeafIndex, count: number): Promise<StoredEntry[]> {
    const rows = readStored(() => this.#reads.readEntries.all(start, start + count))
    return (rows as EntryRow[]).map(storedEntry)
  }

  async readTiles(tiles: readonly TileId[]): Promise<Uint8Array[]> {
    return readStored(() =>
      tiles.map(({ level, index }) => {
        const row = this.#reads.readTile.get(tileKey({ level, index })) as
          { hashes: unknown } | undefined
        if (row !== undefined) return blob(row.hashes)
        throw new InvariantError(`tile ${index} of level ${level} is not stored`)
      }),
    )
  }

  async listGovernance(kind: GovernanceKind, from: number): Promise<LeafIndex[]> {
    const rows = readStored(() => this.#reads.listGovernance.all(kind, from))
    return (rows as IndexRow[]).map(leafIndexOf)
  }

  async findLastGovernance(kind: GovernanceKind): Promise<LeafIndex | undefined> {
    const row = readStored(() => this.#reads.lastGovernance.get(kind) as IndexRow | undefined)
    return row && leafIndexOf(row)
  }

  async findCollateral(digest: Uint8Array): Promise<StoredCollateral | undefined> {
    const row = readStored(
      () => this.#reads.findCollateral.get(digest) as CollateralRow | undefined,
    )
    return row && storedCollateral(row)
  }

  async listEntryCollateral(start: number, end: number): Promise<EntryCollateral[]> {
    const rows = readStored(() => this.#reads.listEntryCollateral.all(start, end))
    return (rows as EntryCollateralRow[]).map(entryCollateral)
  }

  async findBatchHead(treeSize: TreeSize): Promise<BatchHead | undefined> {
    const row = readStored(() => this.#reads.findBatch.get(treeSize) as HeadRow | undefined)
    return row && batchHead(row)
  }

  async listBatchHeads(after: number, limit: number): Promise<BatchHead[]> {
    const rows = readStored(() => this.#reads.listBatches.all(after, limit))
    return (rows as HeadRow[]).map(batchHead)
  }

  async findSignedHead(treeSize: TreeSize): Promise<SignedTreeHead | undefined> {
    const row = readStored(() => this.#reads.findSignedHead.get(treeSize))
    return row === undefined ? undefined : signedHead(row as SignedHeadRow)
  }

  async findSignedHeadCovering(leafIndex: LeafIndex): Promise<SignedTreeHead | undefined> {
    return (await this.listSignedHeads(leafIndex, 1))[0]
  }

  async listSignedHeads(after: number, limit: number): Promise<SignedTreeHead[]> {
    const rows = readStored(() => this.#reads.listSignedHeads.all(after, limit))
    return (rows as SignedHeadRow[]).map(signedHead)
  }

  async listServiceKeys(): Promise<StoredServiceKey[]> {
    const rows = readStored(() => this.#reads.listServiceKeys.all())
    return (rows as ServiceKeyRow[]).map(serviceKey)
  }

  async addServiceKey(key: StoredServiceKey): Promise<void> {
    this.#writer().batches.addServiceKey(key)
  }

  async changeServiceKeys(change: ServiceKeyChange): Promise<void> {
    this.#writer().batches.changeServiceKeys(change)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#writing?.commits.close()
    await this.#writing?.checkpointer.stop()
    this.#reader.close()
    this.#writing?.database.close()
    this.#writing?.lock.release()
  }

  /** For a reader only when it is asked for: the newest ids have to be hashed again. */
  #entryIds(): EntryIds {
    this.#ids ??= new EntryIds(this.#reader, this.#reads, {
      tail: this.#writing?.tail ?? rebuildIdTail(this.#reads),
      isWriter: this.#writing !== undefined,
    })
    return this.#ids
  }

  #writer(): Writing {
    assertInvariant(this.#writing !== undefined, 'the store is open for reading only')
    return this.#writing
  }
}

interface Writing {
  readonly lock: ProcessLock
  readonly database: SqliteDatabase
  readonly checkpointer: Checkpointer
  readonly batches: BatchWriter
  readonly commits: Commits
  readonly tail: IdTail
}

/** What SQLite says of a file that is damaged where its tables are described. */
const DAMAGED: readonly string[] = ['SQLITE_CORRUPT', 'SQLITE_NOTADB', 'SQLITE_ERROR']

function refuseDamaged(path: string, open: () => SqliteLogStore): SqliteLogStore {
  try {
    return open()
  } catch (cause) {
    if (!DAMAGED.includes(sqliteCode(cause) ?? '')) throw cause
    throw new StartError(
      'ERR_LOG_CORRUPT',
      `${path} is damaged or no log (${(cause as Error).message}): put an undamaged newest copy back`,
      { cause },
    )
  }
}

function logMissing(path: string): StartError {
  return new StartError(
    'ERR_LOG_MISSING',
    `there is no log in ${path}: create one with \`attestry init\`, or name its data directory. ` +
      `If \`attestry init\` was interrupted, delete the directory and run it again`,
  )
}

function logExists(path: string): StartError {
  return new StartError(
    'ERR_LOG_EXISTS',
    `${path} is there already and is not overwritten: choose another data directory. If ` +
      `\`attestry init\` was interrupted, delete the directory and run it again`,
  )
}
