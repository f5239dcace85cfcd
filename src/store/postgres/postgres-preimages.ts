/**
 * Preimages as the index of a node reads them: by the name in a hash envelope, pinning what it reads,
 * because from then on the index rests on it (design D1).
 */
import type { Preimages } from '../../log/payload-store.ts'
import type { PayloadName } from '../../statement/payload-name.ts'
import type { Statement } from './connection.ts'
import { PostgresDatabase } from './database.ts'
import { findPayload } from './payload-statements.ts'

const PIN: Statement = {
  name: 'pin_payload',
  text: 'UPDATE payload SET pinned = true WHERE digest = $1 RETURNING true AS changed',
}

export class PostgresPreimages implements Preimages {
  readonly #database: PostgresDatabase

  private constructor(database: PostgresDatabase) {
    this.#database = database
  }

  /** Opens the tables in the log's database, which a `PostgresLogStore` has made. */
  static async open(url: string): Promise<PostgresPreimages> {
    return new PostgresPreimages(await PostgresDatabase.open(url, { connectionsMax: 1 }))
  }

  /** The content, now pinned; `undefined` when it is not here. */
  async read(name: PayloadName): Promise<Uint8Array | undefined> {
    const row = await findPayload(this.#database, name)
    if (row?.pruned_by !== null || row.bytes === null) return undefined
    if (row.pinned === true) return row.bytes
    const pinned = await this.#database.write(PIN, [row.digest])
    if (pinned.length === 1) return row.bytes
    // It became collateral in between, or was deleted, and nothing may rest on it then.
    return (await findPayload(this.#database, name))?.bytes ?? undefined
  }

  close(): Promise<void> {
    return this.#database.close()
  }
}
