/**
 * Preimages as the index reads them: by the name in a hash envelope, pinning what it reads, because
 * from then on the index rests on it (design D1). Synchronous, for the index's own thread; a write
 * that has to wait for the log's writer waits there.
 */
import type { Preimages } from '../../log/payload-store.ts'
import type { PayloadName } from '../../statement/payload-name.ts'
import { openFor } from './database.ts'
import type { SqliteDatabase, SqliteStatement } from './database.ts'
import { PayloadRows } from './payload-rows.ts'

const BUSY_MS = 5000

export class SqlitePreimages implements Preimages {
  readonly #database: SqliteDatabase
  readonly #rows: PayloadRows
  readonly #pin: SqliteStatement

  private constructor(database: SqliteDatabase) {
    this.#database = database
    this.#rows = new PayloadRows(database)
    this.#pin = database.prepare('UPDATE payload SET pinned = 1 WHERE digest = ?')
  }

  /** Opens the tables in the log's database, which a `SqliteLogStore` has made. */
  static open(path: string): SqlitePreimages {
    return openFor(path, { busyMs: BUSY_MS }, (database) => new SqlitePreimages(database))
  }

  /** The content, now pinned; `undefined` when it is not here. */
  read(name: PayloadName): Uint8Array | undefined {
    const digest = this.#rows.digestOf(name)
    if (digest === undefined || this.#rows.prunedBy(digest) !== undefined) return undefined
    const row = this.#rows.find(digest)
    if (row === undefined) return undefined
    if (row.pinned || this.#pin.run(digest).changes === 1) return row.bytes
    // It became collateral in between, or was deleted, and nothing may rest on it then.
    return this.#rows.find(digest)?.bytes
  }

  close(): void {
    this.#database.close()
  }
}
