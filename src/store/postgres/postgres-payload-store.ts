/**
 * The payload store in the log's PostgreSQL database. Every write is one statement that may come twice
 * without harm, since content is stored under its digest: a client whose upload failed sends it again.
 */
import type {
  ExportedPayloads,
  FoundPayload,
  NewPayload,
  PrunedPayload,
} from '../../log/payload-store.ts'
import type { PayloadName } from '../../statement/payload-name.ts'
import type { Statement } from './connection.ts'
import { PostgresDatabase } from './database.ts'
import { findPayload, lookForPayload, nameOfDigest } from './payload-statements.ts'

const CONNECTIONS_MAX = 4

const PUT: Statement = {
  name: 'put_payload',
  text: `WITH pruned AS (
    SELECT 1 FROM pruned_payload WHERE digest = $1
  ), new_alias AS (
    INSERT INTO payload_alias SELECT $2, $1
    WHERE $2::bytea IS NOT NULL AND NOT EXISTS (SELECT 1 FROM pruned)
    ON CONFLICT (name) DO NOTHING
  ), stored AS (
    INSERT INTO payload SELECT $1, $3, $4, false
    WHERE NOT EXISTS (SELECT 1 FROM pruned)
      AND NOT EXISTS (SELECT 1 FROM collateral WHERE digest = $1)
    ON CONFLICT (digest) DO NOTHING RETURNING 1
  )
  SELECT CASE WHEN EXISTS (SELECT 1 FROM pruned) THEN 'pruned'
    WHEN EXISTS (SELECT 1 FROM stored) THEN 'stored' ELSE 'present' END AS answer`,
}
const LIST_PINNED: Statement = {
  name: 'list_pinned',
  text: `SELECT name FROM payload_alias WHERE digest IN
      (SELECT digest FROM payload WHERE pinned UNION ALL SELECT digest FROM collateral)
    UNION ALL SELECT digest FROM payload WHERE pinned`,
}
const LIST_PRUNED: Statement = {
  name: 'list_pruned',
  text: `SELECT pruned_payload.digest, payload_alias.name
    FROM pruned_payload LEFT JOIN payload_alias USING (digest)`,
}

type PutAnswer = 'stored' | 'present' | 'pruned'

export class PostgresPayloadStore implements ExportedPayloads {
  readonly #database: PostgresDatabase

  private constructor(database: PostgresDatabase) {
    this.#database = database
  }

  /** Opens the tables in the log's database, which a `PostgresLogStore` has made. */
  static async open(url: string): Promise<PostgresPayloadStore> {
    const options = { connectionsMax: CONNECTIONS_MAX }
    return new PostgresPayloadStore(await PostgresDatabase.open(url, options))
  }

  async find(name: PayloadName): Promise<FoundPayload | undefined> {
    const row = await findPayload(this.#database, name)
    if (row === undefined) return undefined
    if (row.pruned_by !== null) return { kind: 'pruned', entryId: row.pruned_by }
    return row.bytes === null ? undefined : { kind: 'stored', bytes: row.bytes }
  }

  async has(name: PayloadName): Promise<boolean> {
    const row = await lookForPayload(this.#database, name)
    return row?.pruned_by === null && row.is_there
  }

  async put({ name, sha256, bytes, storedAt }: NewPayload): Promise<PutAnswer> {
    const alias = name.algorithm === 'SHA-256' ? null : name.digest
    const values = [sha256, alias, bytes, storedAt]
    const [row] = await this.#database.write<{ readonly answer: PutAnswer }>(PUT, values)
    return row!.answer
  }

  /** Names under which what is pinned is served and `collateral/` does not: for exports. */
  async listPinnedNames(): Promise<PayloadName[]> {
    const rows = await this.#database.query<{ readonly name: Uint8Array }>(LIST_PINNED)
    return rows.map(({ name }) => nameOfDigest(name))
  }

  /** What was deleted by a registered statement. */
  async listPruned(): Promise<PrunedPayload[]> {
    const rows = await this.#database.query<PrunedRow>(LIST_PRUNED)
    const pruned = new Map<string, { digest: Uint8Array; names: PayloadName[] }>()
    for (const { digest, name } of rows) {
      const key = digest.join()
      const found = pruned.get(key) ?? { digest, names: [nameOfDigest(digest)] }
      if (name !== null) found.names.push(nameOfDigest(name))
      pruned.set(key, found)
    }
    return [...pruned.values()]
  }

  close(): Promise<void> {
    return this.#database.close()
  }
}

interface PrunedRow {
  readonly digest: Uint8Array
  readonly name: Uint8Array | null
}
