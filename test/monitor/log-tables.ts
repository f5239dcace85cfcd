/** All that a log's database holds beside what is derived from it, so that two of them can be compared. */
import { encodeHex } from '../../src/bytes/hex.ts'

/** Rows of each table in their order, each as text. */
export type LogTables = ReadonlyMap<string, readonly Readonly<Record<string, string>>[]>

/** What tells rows of a table apart comes first. Tiles and ids follow from entries: `log check` does that. */
const COLUMNS: Readonly<Record<string, string>> = {
  log: 'origin, issuer, receipt_key_id, tree_size, root_hash, registration_time, policy_index',
  entry: 'leaf_index, bytes',
  batch: 'tree_size, root_hash, registration_time',
  signed_head: 'tree_size, root_hash, registration_time, bytes',
  service_key: 'key_id, purpose, cose_key, added_at, retired_at',
  governance: 'kind, leaf_index',
  collateral: 'digest, first_entry, bytes',
  entry_collateral: 'leaf_index, kind, digest',
  payload: 'digest, bytes, stored_at, pinned',
  payload_alias: 'name, digest',
  pruned_payload: 'digest, entry_id, pruned_at',
  api_token: 'token_id, hash, name, scopes, created_at, expires_at, revoked_at',
  refusal: 'number, entry_id, rule, reason, issuer, refused_at',
}

function asText(value: unknown): string {
  if (value instanceof Uint8Array) return encodeHex(value)
  return String(typeof value === 'boolean' ? Number(value) : value)
}

export async function readTables(
  query: (sql: string) => Promise<readonly unknown[]> | readonly unknown[],
): Promise<LogTables> {
  const tables = new Map<string, Record<string, string>[]>()
  for (const [table, columns] of Object.entries(COLUMNS)) {
    const rows = await query(`SELECT ${columns} FROM ${table} ORDER BY 1, 2`)
    const texts = rows.map((row) => {
      // Numbers of refusals are each database's own.
      const { number: _, ...rest } = row as Record<string, unknown>
      return Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, asText(value)]))
    })
    tables.set(table, texts)
  }
  return tables
}
