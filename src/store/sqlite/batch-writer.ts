/** The transactions of the log store. Each is synchronous: begun, written and durable in one call. */
import type { SignedTreeHead } from '../../cose/signed-tree-head.ts'
import { assertInvariant } from '../../errors.ts'
import type { BatchCommit, Genesis, NewCollateral, NewEntry } from '../../log/store.ts'
import type { ServiceKeyChange, StoredServiceKey } from '../../log/service-key-records.ts'
import { tellingFile } from './database.ts'
import type { SqliteDatabase } from './database.ts'
import type { IdSlice } from './id-tail.ts'
import { headValues, storedHeadValues } from './rows.ts'
import { prepareWrites } from './statements.ts'
import type { WriteStatements } from './statements.ts'
import { tileKey } from './tile-key.ts'

/** Ids go into their table later, in runs (`id-tail.ts`). */
export interface WritableBatch extends Omit<BatchCommit, 'entries'> {
  readonly entries: readonly Omit<NewEntry, 'entryId'>[]
}

export class BatchWriter {
  readonly #database: SqliteDatabase
  readonly #statements: WriteStatements
  readonly #batch: (batch: WritableBatch, ids: IdSlice) => void

  constructor(database: SqliteDatabase) {
    this.#database = database
    this.#statements = prepareWrites(database)
    const transaction = database.transaction((batch: WritableBatch, ids: IdSlice) => {
      this.#advance(batch)
      this.#writeIds(ids)
    })
    this.#batch = (batch, ids) => transaction.immediate(batch, ids)
  }

  /** @param ids of earlier entries, that go into their table with this batch. */
  writeBatch(batch: WritableBatch, ids: IdSlice): void {
    tellingFile(this.#database, () => this.#batch(batch, ids))
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
  }

  saveSignedHead(head: SignedTreeHead): void {
    const { changes } = tellingFile(this.#database, () =>
      this.#statements.saveSignedHead.run(...headValues(head), head.bytes),
    )
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

  #advance(batch: WritableBatch): void {
    const { expected, next, signedHeads } = batch
    const heads = [...storedHeadValues(next), ...storedHeadValues(expected)]
    const { changes } = this.#statements.advanceLog.run(...heads)
    assertInvariant(changes === 1, 'another writer changed the stored head')
    this.#writeRows(batch, expected.treeHead.treeSize)
    for (const head of signedHeads) this.saveSignedHead(head)
  }

  #writeRows(
    { next, entries, tiles }: Pick<WritableBatch, 'next' | 'entries' | 'tiles'>,
    firstIndex: number,
  ): void {
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
}
