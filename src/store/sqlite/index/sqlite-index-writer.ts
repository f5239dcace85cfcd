/**
 * The write side of the index in SQLite: rows and the position that they reach change in one
 * transaction, so a follower that was killed goes on exactly where the tables end.
 */
import type { LeafIndex, TreeSize } from '../../../bytes/integers.ts'
import { assertInvariant } from '../../../errors.ts'
import type { IndexRecord, IndexState, IndexWriter } from '../../../log/index-store.ts'
import type { SqliteDatabase } from '../database.ts'
import { findEnvelopes } from './query.ts'
import { IndexRowWriter } from './row-writer.ts'
import { takeSnapshot } from './snapshot.ts'
import { prepareIndexReads } from './reads.ts'
import { prepareIndexWrites } from './writes.ts'
import type { IndexReads } from './reads.ts'
import type { IndexWrites } from './writes.ts'

export class SqliteIndexWriter implements IndexWriter {
  readonly #database: SqliteDatabase
  readonly #reads: IndexReads
  readonly #writes: IndexWrites
  readonly #rows: IndexRowWriter

  /** Takes over a database that `open-index.ts` has opened. */
  constructor(database: SqliteDatabase) {
    this.#database = database
    this.#reads = prepareIndexReads(database)
    this.#writes = prepareIndexWrites(database)
    this.#rows = new IndexRowWriter(this.#reads, this.#writes)
  }

  async readState(): Promise<IndexState> {
    const row = this.#reads.readProgress.get() as { readonly tree_size: number }
    return { treeSize: row.tree_size as TreeSize }
  }

  async findEnvelopes(digest: string, from = 0): Promise<readonly LeafIndex[]> {
    const { treeSize } = await this.readState()
    return findEnvelopes(takeSnapshot(this.#reads, this.#rows.fields, treeSize), digest, from)
  }

  async listAbsentPreimages(limit: number, after = ''): Promise<readonly string[]> {
    return this.#reads.absentPreimages.all(after, limit) as string[]
  }

  async append(records: readonly IndexRecord[]): Promise<void> {
    this.#write(() => this.#append(records))
  }

  async replace(records: readonly IndexRecord[]): Promise<void> {
    const { treeSize } = await this.readState()
    this.#write(() => this.#rows.replace(records, treeSize))
  }

  async close(): Promise<void> {
    this.#database.close()
  }

  #write(change: () => void): void {
    try {
      this.#database.transaction(change).immediate()
    } catch (error) {
      this.#rows.forget()
      throw error
    }
  }

  #append(records: readonly IndexRecord[]): void {
    const first = records[0]
    if (first === undefined) return
    const end = first.leafIndex + records.length
    const { changes } = this.#writes.setTreeSize.run(end, first.leafIndex)
    assertInvariant(changes === 1, `the index does not end at ${first.leafIndex}`)
    if (first.leafIndex === 0) this.#writes.setLogId.run(first.entryId)
    let second = (this.#reads.lastSecond.get() as number | null) ?? -1
    for (const [at, record] of records.entries()) {
      const { leafIndex, registrationTime } = record
      assertInvariant(leafIndex === first.leafIndex + at, `record ${leafIndex} leaves a gap`)
      assertInvariant(registrationTime >= second, `the time of ${leafIndex} went back`)
      if (registrationTime > second) this.#writes.insertSecond.run(registrationTime, leafIndex)
      second = registrationTime
    }
    this.#rows.append(records)
  }
}
