/**
 * Deleting payloads, from the command line beside serving nodes. What nothing rests on goes at once.
 * What an admission or the index read goes in two steps, after the statement that says so was
 * registered: first it is marked, so that no new decision reads it, and then its bytes are deleted.
 * PostgreSQL overwrites them when it vacuums; they stay in its WAL archive and backups.
 */
import type { UnixSeconds } from '../../bytes/integers.ts'
import { assertInvariant } from '../../errors.ts'
import type { PayloadPruning, PayloadStanding } from '../../log/payload-store.ts'
import type { PayloadName } from '../../statement/payload-name.ts'
import type { Statement } from './connection.ts'
import { PostgresDatabase } from './database.ts'
import { findPayload } from './payload-statements.ts'

const FIND_OTHERS: Statement = {
  name: 'find_other_roles',
  text: `SELECT 1 FROM entry_collateral WHERE digest = $1 AND kind <> 'preimage' LIMIT 1`,
}
const DELETE_UNPINNED: Statement = {
  name: 'delete_unpinned',
  text: 'DELETE FROM payload WHERE digest = $1 AND NOT pinned RETURNING true AS deleted',
}
const MARK: Statement = {
  name: 'mark_pruned',
  text: 'INSERT INTO pruned_payload VALUES ($1, $2, $3) ON CONFLICT (digest) DO NOTHING',
}
const DELETE_MARKED: Statement = {
  name: 'delete_marked',
  text: `WITH marked AS (SELECT digest FROM pruned_payload WHERE digest = $1),
    from_payload AS (DELETE FROM payload USING marked WHERE payload.digest = marked.digest),
    from_collateral AS (DELETE FROM collateral USING marked WHERE collateral.digest = marked.digest)
    SELECT true AS marked FROM marked`,
}

export class PostgresPayloadPruning implements PayloadPruning {
  readonly #database: PostgresDatabase

  private constructor(database: PostgresDatabase) {
    this.#database = database
  }

  /** Opens the tables in the log's database, which a `PostgresLogStore` has made. */
  static async open(url: string): Promise<PostgresPayloadPruning> {
    return new PostgresPayloadPruning(await PostgresDatabase.open(url, { connectionsMax: 1 }))
  }

  async find(name: PayloadName): Promise<PayloadStanding | undefined> {
    const row = await findPayload(this.#database, name)
    if (row === undefined || row.bytes === null) return undefined
    const { digest, bytes, pinned } = row
    const others = await this.#database.query(FIND_OTHERS, [digest])
    return { digest, bytes: bytes.length, isPinned: pinned === true, isNeeded: others.length > 0 }
  }

  /** Deletes what is not pinned; false when it is, or is not there. */
  async deleteUnpinned(digest: Uint8Array): Promise<boolean> {
    return (await this.#database.write(DELETE_UNPINNED, [digest])).length === 1
  }

  /** From here on nothing new is decided with it, and it is not taken again. */
  async mark(digest: Uint8Array, entryId: Uint8Array, at: UnixSeconds): Promise<void> {
    await this.#database.write(MARK, [digest, entryId, at])
  }

  /** Deletes what was marked. */
  async deleteMarked(digest: Uint8Array): Promise<void> {
    const marked = await this.#database.write(DELETE_MARKED, [digest])
    assertInvariant(marked.length === 1, 'a payload to delete is not marked')
  }

  close(): Promise<void> {
    return this.#database.close()
  }
}
