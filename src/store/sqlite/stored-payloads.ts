/** All content of the payload store, one after the other in the order of its digests, for scrubbing. */
import type { StoredPayload, StoredPayloads } from '../../log/payload-store.ts'
import { blob, openFor, readStored } from './database.ts'
import type { SqliteDatabase, SqliteStatement } from './database.ts'

export class SqliteStoredPayloads implements StoredPayloads {
  readonly #database: SqliteDatabase
  readonly #next: SqliteStatement

  private constructor(database: SqliteDatabase) {
    this.#database = database
    this.#next = database.prepare(
      'SELECT digest, bytes FROM payload WHERE digest > ? ORDER BY digest LIMIT 1',
    )
  }

  /** Reads beside the process that writes. */
  static open(path: string): SqliteStoredPayloads {
    return openFor(path, { readonly: true }, (database) => new SqliteStoredPayloads(database))
  }

  /** The first one behind `digest`; undefined at the end. */
  after(digest: Uint8Array): StoredPayload | undefined {
    const row = readStored(() => this.#next.get(digest)) as
      { readonly digest: unknown; readonly bytes: unknown } | undefined
    return row && { digest: blob(row.digest), bytes: blob(row.bytes) }
  }

  close(): void {
    this.#database.close()
  }
}
