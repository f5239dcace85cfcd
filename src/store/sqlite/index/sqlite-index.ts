/**
 * The read side of the index in SQLite. Every call is one read transaction on a connection of its
 * own, so an answer and the tree size that it names are of one moment, whatever the follower writes.
 */
import type { LeafIndex, TreeSize } from '../../../bytes/integers.ts'
import { InvariantError, UnavailableError } from '../../../errors.ts'
import type {
  FoundRecords,
  IndexQuery,
  IndexReader,
  IndexState,
  QueryAnswer,
} from '../../../log/index-store.ts'
import { openFor, sqliteCode } from '../database.ts'
import type { SqliteDatabase } from '../database.ts'
import { IndexFields } from './fields.ts'
import { findEnvelopes, findStatements } from './query.ts'
import { listedOf } from './rows.ts'
import { takeSnapshot } from './snapshot.ts'
import type { IndexSnapshot } from './snapshot.ts'
import { prepareIndexReads } from './reads.ts'
import type { IndexReads } from './reads.ts'

export class SqliteIndex implements IndexReader {
  readonly #database: SqliteDatabase
  readonly #reads: IndexReads
  readonly #fields: IndexFields
  readonly #listeners = new Set<(treeSize: TreeSize) => void>()
  readonly #onDamage: (message: string) => void
  #failure: string | undefined

  private constructor(database: SqliteDatabase, onDamage: (message: string) => void) {
    this.#database = database
    this.#onDamage = onDamage
    this.#reads = prepareIndexReads(database)
    this.#fields = new IndexFields(this.#reads)
  }

  /**
   * Opens a file that `open-index.ts` has made, beside whoever writes it.
   * @param onDamage told when the tables cannot be read.
   */
  static open(path: string, onDamage: (message: string) => void = () => undefined): SqliteIndex {
    const options = { readonly: true, isRebuildable: true }
    return openFor(path, options, (database) => new SqliteIndex(database, onDamage))
  }

  async readState(): Promise<IndexState> {
    const failure = this.#failure === undefined ? {} : { failure: this.#failure }
    return this.#snapshot((treeSize) => ({ treeSize, ...failure }))
  }

  async query(query: IndexQuery): Promise<QueryAnswer> {
    const answer = this.#snapshot((treeSize) => {
      const { statements, next } = findStatements(this.#tables(treeSize), query)
      const listed = statements.map(listedOf)
      return { treeSize, statements: listed, ...(next === undefined ? {} : { next }) }
    })
    // The work of a call was used up, and the next one is likely to follow: others first.
    if (answer.next !== undefined && answer.statements.length < query.limit) {
      await new Promise(setImmediate)
    }
    return answer
  }

  async findRecords(leafIndexes: readonly LeafIndex[]): Promise<FoundRecords> {
    return this.#snapshot((treeSize) => {
      const ascending = [...new Set(leafIndexes)].sort((a, b) => a - b)
      const { rows, postings } = this.#tables(treeSize)
      const records = ascending.map((leafIndex) => rows.readRecord(leafIndex, postings))
      return { treeSize, records: records.filter((record) => record !== undefined) }
    })
  }

  follow(listener: (treeSize: TreeSize) => void): () => void {
    // A function of its own, so that whoever follows twice is told twice.
    const tell = (treeSize: TreeSize): void => listener(treeSize)
    this.#listeners.add(tell)
    return () => this.#listeners.delete(tell)
  }

  /** Tells who follows; whoever runs the writer calls it, which may be in another thread. */
  announce(treeSize: TreeSize): void {
    for (const tell of this.#listeners) tell(treeSize)
  }

  /** What keeps it from growing; `undefined` when nothing does any more. */
  noteFailure(failure: string | undefined): void {
    this.#failure = failure
  }

  async findEnvelopes(digest: string, from = 0): Promise<readonly LeafIndex[]> {
    return this.#snapshot((treeSize) => findEnvelopes(this.#tables(treeSize), digest, from))
  }

  async close(): Promise<void> {
    this.#listeners.clear()
    this.#database.close()
  }

  #tables(treeSize: TreeSize): IndexSnapshot {
    return takeSnapshot(this.#reads, this.#fields, treeSize)
  }

  /** The first read of the transaction fixes what all of it see. */
  #snapshot<Value>(read: (treeSize: TreeSize) => Value): Value {
    const transaction = this.#database.transaction(() => {
      const row = this.#reads.readProgress.get() as { readonly tree_size: TreeSize }
      return read(row.tree_size)
    })
    try {
      return transaction()
    } catch (cause) {
      if (sqliteCode(cause) === undefined && !(cause instanceof InvariantError)) throw cause
      // The log is well, whatever happened to tables that are made of it.
      const { message } = cause as Error
      if (this.#failure === undefined) this.#onDamage(message)
      this.#failure ??= message
      throw new UnavailableError('ERR_INDEX_OFF', 'The index of this service is damaged.', {
        cause,
        retryAfterSeconds: 30,
      })
    }
  }
}
