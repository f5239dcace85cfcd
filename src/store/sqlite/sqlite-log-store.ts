/**
 * The embedded log store: one SQLite file, one writing process (design D8). Batches are committed on
 * a thread of their own (`commits.ts`), WAL checkpoints run on another.
 */
import { dirname, join } from 'node:path'
import type { LeafIndex } from '../../bytes/integers.ts'
import type { SignedTreeHead } from '../../cose/signed-tree-head.ts'
import { assertInvariant } from '../../errors.ts'
import type { BatchCommit, Genesis, LogStore } from '../../log/store.ts'
import type { ServiceKeyChange, StoredServiceKey } from '../../log/service-key-records.ts'
import { openFor, readStored } from './database.ts'
import type { SqliteDatabase } from './database.ts'
import { isFileThere } from './file-there.ts'
import { EntryIds, rebuildIdTail } from './entry-ids.ts'
import { LogReads } from './log-reads.ts'
import { migrate } from './migrate.ts'
import { openWriter } from './open-writer.ts'
import type { WriterOptions, Writing } from './open-writer.ts'
import { ProcessLock } from './process-lock.ts'
import { logExists, logMissing, refuseDamaged } from './start-errors.ts'
import { prepareReads } from './statements.ts'
import type { ReadStatements } from './statements.ts'

export interface SqliteStoreOptions extends WriterOptions {
  /** Reads beside a process that writes, without its lock; every write throws. */
  readonly readonly?: boolean
}

export class SqliteLogStore extends LogReads implements LogStore {
  readonly #writing: Writing | undefined
  #ids: EntryIds | undefined
  #isClosed = false

  private constructor(reader: SqliteDatabase, reads: ReadStatements, writing?: Writing) {
    super(reader, reads)
    this.#writing = writing
  }

  /**
   * Opens the store in the file `path`; a writer also takes `lock.sqlite` beside it.
   * @throws StartError `ERR_LOG_MISSING`, `ERR_LOG_EXISTS`, `ERR_LOG_LOCKED`, `ERR_LOG_CORRUPT` or
   *   `ERR_CONFIGURATION`.
   */
  static open(path: string, options: SqliteStoreOptions): SqliteLogStore {
    const isThere = isFileThere(path)
    if (options.mode === 'existing' && !isThere) throw logMissing(path)
    if (options.mode === 'create' && isThere) throw logExists(path)
    if (options.readonly === true)
      return refuseDamaged(path, () => SqliteLogStore.#openReader(path))
    const lock = ProcessLock.acquire(join(dirname(path), 'lock.sqlite'))
    try {
      return refuseDamaged(path, () => {
        const writing = openWriter(path, options, lock)
        return new SqliteLogStore(writing.reader, writing.reads, writing)
      })
    } catch (error) {
      lock.release()
      throw error
    }
  }

  static #openReader(path: string): SqliteLogStore {
    return openFor(path, { readonly: true }, (reader) => {
      migrate(reader, { apply: false })
      return new SqliteLogStore(reader, prepareReads(reader))
    })
  }

  async create(genesis: Genesis): Promise<void> {
    const { batches, tail } = this.#writer()
    if (this.reads.readLog.get() !== undefined) throw logExists(this.reader.name)
    batches.writeGenesis(genesis)
    const ids = genesis.batch.entries.map(({ entryId }) => entryId)
    tail.add(ids, 0)
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
    this.reader.close()
    this.#writing?.database.close()
    this.#writing?.lock.release()
  }

  /** For a reader only when it is asked for: the newest ids have to be hashed again. */
  #entryIds(): EntryIds {
    this.#ids ??= new EntryIds(this.reader, this.reads, {
      tail: this.#writing?.tail ?? rebuildIdTail(this.reads),
      isWriter: this.#writing !== undefined,
    })
    return this.#ids
  }

  #writer(): Writing {
    assertInvariant(this.#writing !== undefined, 'the store is open for reading only')
    return this.#writing
  }
}
