/** The SQL about payloads, shared by those who store, read, pin and delete them. */
import { blob, readStored } from './database.ts'
import type { SqliteDatabase, SqliteStatement } from './database.ts'
import type { PayloadName } from '../../statement/payload-name.ts'

/** Content in either table; what is collateral counts as pinned. */
export interface PayloadRow {
  readonly bytes: Uint8Array
  readonly pinned: boolean
}

export class PayloadRows {
  readonly #alias: SqliteStatement
  readonly #find: SqliteStatement
  readonly #has: SqliteStatement
  readonly #pruned: SqliteStatement

  constructor(database: SqliteDatabase) {
    this.#alias = database.prepare('SELECT digest FROM payload_alias WHERE name = ?').pluck()
    this.#find = database.prepare(`SELECT bytes, pinned FROM payload WHERE digest = :digest
      UNION ALL SELECT bytes, 1 FROM collateral WHERE digest = :digest LIMIT 1`)
    this.#has = database.prepare(`SELECT 1 FROM payload WHERE digest = :digest
      UNION ALL SELECT 1 FROM collateral WHERE digest = :digest LIMIT 1`)
    this.#pruned = database.prepare('SELECT entry_id FROM pruned_payload WHERE digest = ?').pluck()
  }

  /** The SHA-256 that a name stands for, where it is known. */
  digestOf({ algorithm, digest }: PayloadName): Uint8Array | undefined {
    if (algorithm === 'SHA-256') return digest
    const found = readStored(() => this.#alias.get(digest))
    return found === undefined ? undefined : blob(found)
  }

  find(digest: Uint8Array): PayloadRow | undefined {
    const row = readStored(() => this.#find.get({ digest })) as
      { readonly bytes: unknown; readonly pinned: unknown } | undefined
    return row && { bytes: blob(row.bytes), pinned: row.pinned === 1 }
  }

  has(digest: Uint8Array): boolean {
    return readStored(() => this.#has.get({ digest })) !== undefined
  }

  /** Id of the entry by which content was deleted. */
  prunedBy(digest: Uint8Array): Uint8Array | undefined {
    const found = readStored(() => this.#pruned.get(digest))
    return found === undefined ? undefined : blob(found)
  }
}
