/**
 * What `attestry migrate` writes into a PostgreSQL database: the history of a log, many batches in one
 * transaction, and what lies beside it. Nobody serves this store meanwhile. Everything may be written
 * again: a run that was interrupted is followed by one that begins with what is there.
 */
import type { BatchCommit, BatchHead } from '../../log/store.ts'
import type { StoredServiceKey } from '../../log/service-key-records.ts'
import type { SideRow, SideTable } from '../../log/side-tables.ts'
import { assertInvariant } from '../../errors.ts'
import { COMMIT, commitValues } from './commit-statement.ts'
import type { CommitRow } from './commit-statement.ts'
import type { Statement } from './connection.ts'
import { PostgresDatabase } from './database.ts'
import type { Run } from './database.ts'
import { headValues } from './rows.ts'
import { withoutPassword } from './url.ts'

const INSERT_BATCH: Statement = {
  name: 'move_batch',
  text: 'INSERT INTO batch VALUES ($1, $2, $3)',
}
const PUT_SERVICE_KEY: Statement = {
  name: 'move_service_key',
  text: `INSERT INTO service_key VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (key_id, purpose) DO UPDATE SET retired_at = excluded.retired_at`,
}
const SET_RECEIPT_KEY: Statement = {
  name: 'move_receipt_key',
  text: 'UPDATE log SET receipt_key_id = $1',
}

const SIDE_TABLES: Readonly<Record<SideTable, Statement>> = {
  payload: { name: 'move_payload', text: 'INSERT INTO payload VALUES ($1, $2, $3, $4)' },
  'payload-alias': {
    name: 'move_payload_alias',
    text: 'INSERT INTO payload_alias VALUES ($1, $2)',
  },
  // Content that is marked and not deleted yet, that an earlier run copied, or what stands in its place.
  'pruned-payload': {
    name: 'move_pruned_payload',
    text: `WITH from_payload AS (DELETE FROM payload WHERE digest = $1),
      from_collateral AS (DELETE FROM collateral WHERE digest = $1)
      INSERT INTO pruned_payload VALUES ($1, $2, $3)`,
  },
  'api-token': {
    name: 'move_api_token',
    text: 'INSERT INTO api_token VALUES ($1, $2, $3, $4, $5, $6, $7)',
  },
  refusal: {
    name: 'move_refusal',
    text: `INSERT INTO refusal (entry_id, rule, reason, issuer, refused_at)
      VALUES ($1, $2, $3, $4, $5)`,
  },
}
const CLEAR_SIDE_TABLES: Statement = {
  name: 'move_no_side_rows',
  text: 'TRUNCATE payload, payload_alias, pruned_payload, api_token, refusal',
}

export class PostgresMoveIn {
  /** The database without its password. */
  readonly name: string
  readonly #database: PostgresDatabase

  private constructor(url: string, database: PostgresDatabase) {
    this.name = withoutPassword(url)
    this.#database = database
  }

  /** @throws UnavailableError `ERR_STORE_BUSY` | StartError `ERR_CONFIGURATION`. */
  static async open(url: string): Promise<PostgresMoveIn> {
    return new PostgresMoveIn(url, await PostgresDatabase.open(url, { connectionsMax: 1 }))
  }

  /**
   * Several batches as one transaction: `batch.next` is the head of the last one, `heads` are those in
   * between. What it throws may leave the outcome unknown.
   */
  async append(batch: BatchCommit, heads: readonly BatchHead[]): Promise<void> {
    const values = commitValues(batch)
    await this.#database.transaction(async (run) => {
      const [moved] = await run<CommitRow>(COMMIT, values)
      assertInvariant(moved?.stored === true, 'somebody else writes into the database')
      for (const head of heads) await run(INSERT_BATCH, headValues(head))
    })
  }

  async putServiceKeys(keys: readonly StoredServiceKey[], receiptKeyId: Uint8Array): Promise<void> {
    await this.#database.transaction(async (run) => {
      for (const { keyId, purpose, coseKey, addedAt, retiredAt = null } of keys) {
        await run(PUT_SERVICE_KEY, [keyId, purpose, coseKey, addedAt, retiredAt])
      }
      await run(SET_RECEIPT_KEY, [receiptKeyId])
    })
  }

  /** All of them are written again: what was deleted since an earlier run must not come back. */
  async clearSideTables(): Promise<void> {
    await this.#database.transaction((run) => run(CLEAR_SIDE_TABLES))
  }

  async putSideRows(rows: readonly SideRow[]): Promise<void> {
    await this.#database.transaction(async (run) => {
      for (const row of rows) await putSideRow(run, row)
    })
  }

  close(): Promise<void> {
    return this.#database.close()
  }
}

async function putSideRow(run: Run, row: SideRow): Promise<void> {
  await run(SIDE_TABLES[row.table], valuesOf(row))
}

function valuesOf(row: SideRow): readonly unknown[] {
  switch (row.table) {
    case 'payload':
      return [row.digest, row.bytes, row.storedAt, row.pinned]
    case 'payload-alias':
      return [row.name, row.digest]
    case 'pruned-payload':
      return [row.digest, row.entryId, row.prunedAt]
    case 'api-token': {
      const { tokenId, hash, name, scopes, createdAt, expiresAt, revokedAt } = row
      return [tokenId, hash, name, scopes, createdAt, expiresAt, revokedAt]
    }
    case 'refusal':
      return [row.entryId, row.rule, row.reason, row.issuer, row.refusedAt]
  }
}
