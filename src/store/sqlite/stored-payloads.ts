/** All content of the payload store, one after the other in the order of its digests, for scrubbing. */
import { blob, openFor, readStored } from './database.ts'
import type { SqliteDatabase, SqliteStatement } from './database.ts'

export interface StoredPayload {
  /** SHA-256 under which it is stored. */
  readonly digest: Uint8Array
  readonly bytes: Uint8Array
}

export class StoredPayloads {
  readonly #database: SqliteDatabase
  readonly #next: SqliteStatement

  private constructor(database: SqliteDatabase) {
    this.#database = database
    this.#next = database.prepare(
      'SELECT digest, bytes FROM payload WHERE digest > ? ORDER BY digest LIMIT 1',
    )
  }

  /** Reads beside the process that writes. */
  static open(path: string): StoredPayloads {
    return openFor(path, { readonly: true }, (database) => new StoredPayloads(database))
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
