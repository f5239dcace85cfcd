/** The transactions of the log store. Each is synchronous: begun, written and durable in one call. */
import type { SignedTreeHead } from '../../cose/signed-tree-head.ts'
import { assertInvariant } from '../../errors.ts'
import type {
  BatchCommit,
  Genesis,
  NewCollateral,
  ServiceKeyChange,
  StoredServiceKey,
} from '../../log/store.ts'
import type { SqliteDatabase } from './database.ts'
import type { IdSlice, IdTail } from './id-tail.ts'
import { headValues, storedHeadValues } from './rows.ts'
import { prepareWrites } from './statements.ts'
import type { WriteStatements } from './statements.ts'
import { tileKey } from './tile-key.ts'

export class BatchWriter {
  readonly #database: SqliteDatabase
  readonly #statements: WriteStatements
  readonly #ids: IdTail
  readonly #batch: (batch: BatchCommit, ids: IdSlice) => void

  constructor(database: SqliteDatabase, ids: IdTail) {
    this.#database = database
    this.#statements = prepareWrites(database)
    this.#ids = ids
    const transaction = database.transaction((batch: BatchCommit, slice: IdSlice) => {
      this.#advance(batch)
      this.#writeIds(slice)
    })
    this.#batch = (batch, slice) => transaction.immediate(batch, slice)
  }

  writeBatch(batch: BatchCommit): void {
    const ids = batch.entries.map(({ entryId }) => entryId)
    assertInvariant(!this.#ids.holdsAny(ids), 'an entry of the batch is stored already')
    const slice = this.#ids.slice(ids.length)
    this.#batch(batch, slice)
    this.#ids.drained(slice)
    this.#addIds(batch, batch.expected.treeHead.treeSize)
  }

  writeGenesis({ identity, batch, serviceKeys }: Genesis): void {
    const { origin, issuer, receiptKeyId } = identity
    this.#database
      .transaction(() => {
        this.#statements.insertLog.run(
          ...[origin, issuer, receiptKeyId],
          ...storedHeadValues(batch.next),
        )
        this.#statements.insertIdProgress.run()
        this.#writeRows(batch, 0)
        for (const key of serviceKeys) this.addServiceKey(key)
      })
      .immediate()
    this.#addIds(batch, 0)
  }

  saveSignedHead(head: SignedTreeHead): void {
    const { changes } = this.#statements.saveSignedHead.run(...headValues(head), head.bytes)
    const { treeSize } = head.treeHead
    assertInvariant(changes === 1, `a head of size ${treeSize} with another root is saved`)
  }

  addServiceKey({ keyId, purpose, coseKey, addedAt, retiredAt }: StoredServiceKey): void {
    const row = [keyId, purpose, coseKey, addedAt, retiredAt ?? null]
    this.#statements.insertServiceKey.run(...row)
  }

  changeServiceKeys({ purpose, added, retired, at }: ServiceKeyChange): void {
    this.#database
      .transaction(() => {
        for (const keyId of retired) {
          const { changes } = this.#statements.retireServiceKey.run(at, keyId, purpose)
          assertInvariant(changes === 1, 'a key to retire is not an active one')
        }
        if (added === undefined) return
        this.addServiceKey({ ...added, purpose })
        if (purpose === 'receipt') this.#statements.setReceiptKey.run(added.keyId)
      })
      .immediate()
  }

  #advance(batch: BatchCommit): void {
    const { expected, next, signedHeads } = batch
    const heads = [...storedHeadValues(next), ...storedHeadValues(expected)]
    const { changes } = this.#statements.advanceLog.run(...heads)
    assertInvariant(changes === 1, 'another writer changed the stored head')
    this.#writeRows(batch, expected.treeHead.treeSize)
    for (const head of signedHeads) this.saveSignedHead(head)
  }

  #writeRows({ next, entries, tiles }: Genesis['batch'], firstIndex: number): void {
    const { insertEntry, writeTile, insertBatch } = this.#statements
    for (const [at, { entry, kind, collateral }] of entries.entries()) {
      insertEntry.run(firstIndex + at, entry)
      if (kind !== undefined) this.#statements.insertGovernance.run(kind, firstIndex + at)
      for (const piece of collateral ?? []) this.#writeCollateral(firstIndex + at, piece)
    }
    for (const { level, index, hashes } of tiles) {
      const { changes } = writeTile.run(tileKey({ level, index }), hashes)
      assertInvariant(changes === 1, `tile ${index} of level ${level} would change stored hashes`)
    }
    insertBatch.run(...headValues(next))
  }

  #writeCollateral(leafIndex: number, { kind, digest, bytes }: NewCollateral): void {
    const { changes } = this.#statements.insertCollateral.run(digest, leafIndex, bytes)
    assertInvariant(changes === 1, `${kind} collateral would change stored bytes`)
    this.#statements.insertEntryCollateral.run(leafIndex, kind, digest)
  }

  #writeIds({ rows, indexedBelow }: IdSlice): void {
    const { insertEntryId, setIdProgress } = this.#statements
    for (const { id, leafIndex } of rows) {
      // After a crash a run is cut again and meets its own rows; another index is a duplicate entry.
      const { changes } = insertEntryId.run(id, leafIndex)
      assertInvariant(changes === 1, `entry ${leafIndex} is stored twice`)
    }
    if (indexedBelow !== undefined) setIdProgress.run(indexedBelow)
  }

  #addIds({ entries }: Genesis['batch'], firstIndex: number): void {
    this.#ids.add(
      entries.map(({ entryId }) => entryId),
      firstIndex,
    )
  }
}
