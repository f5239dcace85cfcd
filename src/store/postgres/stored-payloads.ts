/** All content of the payload store, one after the other in the order of its digests, for scrubbing. */
import type { StoredPayload, StoredPayloads } from '../../log/payload-store.ts'
import type { Statement } from './connection.ts'
import { PostgresDatabase } from './database.ts'

const NEXT: Statement = {
  name: 'next_payload',
  text: 'SELECT digest, bytes FROM payload WHERE digest > $1 ORDER BY digest LIMIT 1',
}

export class PostgresStoredPayloads implements StoredPayloads {
  readonly #database: PostgresDatabase

  private constructor(database: PostgresDatabase) {
    this.#database = database
  }

  /** Reads beside the processes that write. */
  static async open(url: string): Promise<PostgresStoredPayloads> {
    return new PostgresStoredPayloads(await PostgresDatabase.open(url, { connectionsMax: 1 }))
  }

  async after(digest: Uint8Array): Promise<StoredPayload | undefined> {
    return (await this.#database.query<StoredPayload>(NEXT, [digest]))[0]
  }

  close(): Promise<void> {
    return this.#database.close()
  }
}
