/** The transactions of the log store. Each is synchronous: begun, written and durable in one call. */
import type { SignedTreeHead } from '../../cose/signed-tree-head.ts'
import { assertInvariant } from '../../errors.ts'
import type { BatchCommit, Genesis, StoredServiceKey } from '../../log/store.ts'
import type { SqliteDatabase } from './database.ts'
import { headValues, storedHeadValues } from './rows.ts'
import { prepareWrites } from './statements.ts'
import type { WriteStatements } from './statements.ts'
import { tileKey } from './tile-key.ts'

export class BatchWriter {
  readonly #database: SqliteDatabase
  readonly #statements: WriteStatements
  readonly #batch: (batch: BatchCommit) => void

  constructor(database: SqliteDatabase) {
    this.#database = database
    this.#statements = prepareWrites(database)
    const transaction = database.transaction((batch: BatchCommit) => {
      this.#advance(batch)
    })
    this.#batch = (batch) => transaction.immediate(batch)
  }

  writeBatch(batch: BatchCommit): void {
    this.#batch(batch)
  }

  writeGenesis({ identity, batch, serviceKeys }: Genesis): void {
    const { origin, issuer, receiptKeyId } = identity
    this.#database
      .transaction(() => {
        this.#statements.insertLog.run(
          ...[origin, issuer, receiptKeyId],
          ...storedHeadValues(batch.next),
        )
        this.#writeRows(batch, 0)
        for (const key of serviceKeys) this.addServiceKey(key)
      })
      .immediate()
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

  #advance(batch: BatchCommit): void {
    const { expected, next, signedHeads } = batch
    const heads = [...storedHeadValues(next), ...storedHeadValues(expected)]
    const { changes } = this.#statements.advanceLog.run(...heads)
    assertInvariant(changes === 1, 'another writer changed the stored head')
    this.#writeRows(batch, expected.treeHead.treeSize)
    for (const head of signedHeads) this.saveSignedHead(head)
  }

  #writeRows({ next, entries, tiles }: Genesis['batch'], firstIndex: number): void {
    const { insertEntry, insertEntryId, writeTile, insertBatch } = this.#statements
    for (const [at, { entry }] of entries.entries()) insertEntry.run(firstIndex + at, entry)
    for (const [at, { entryId }] of entries.entries()) insertEntryId.run(entryId, firstIndex + at)
    for (const { level, index, hashes } of tiles) {
      const { changes } = writeTile.run(tileKey({ level, index }), hashes)
      assertInvariant(changes === 1, `tile ${index} of level ${level} would change stored hashes`)
    }
    insertBatch.run(...headValues(next))
  }
}
