/**
 * Everything in a log's database that is not the log, for moving it to another store: payloads with
 * their other names and prunings, API tokens, refusals. One row at a time, since payloads are large.
 */
import type { SideRow } from '../../log/side-tables.ts'
import { blob, openFor } from './database.ts'
import { migrate } from './migrate.ts'

interface Table {
  readonly sql: string
  readonly row: (columns: readonly unknown[]) => SideRow
}

const TABLES: readonly Table[] = [
  {
    sql: 'SELECT digest, bytes, stored_at, pinned FROM payload ORDER BY digest',
    row: ([digest, bytes, storedAt, pinned]) => ({
      table: 'payload',
      ...{ digest: blob(digest), bytes: blob(bytes) },
      ...{ storedAt: storedAt as number, pinned: pinned === 1 },
    }),
  },
  {
    sql: 'SELECT name, digest FROM payload_alias ORDER BY name',
    row: ([name, digest]) => ({ table: 'payload-alias', name: blob(name), digest: blob(digest) }),
  },
  {
    sql: 'SELECT digest, entry_id, pruned_at FROM pruned_payload ORDER BY digest',
    row: ([digest, entryId, prunedAt]) => ({
      table: 'pruned-payload',
      ...{ digest: blob(digest), entryId: blob(entryId), prunedAt: prunedAt as number },
    }),
  },
  {
    sql: `SELECT token_id, hash, name, scopes, created_at, expires_at, revoked_at FROM api_token
      ORDER BY token_id`,
    row: ([tokenId, hash, name, scopes, createdAt, expiresAt, revokedAt]) => ({
      table: 'api-token',
      ...{ tokenId: tokenId as string, hash: blob(hash), name: name as string },
      ...{ scopes: scopes as string, createdAt: createdAt as number },
      ...{ expiresAt: expiresAt as number | null, revokedAt: revokedAt as number | null },
    }),
  },
  {
    sql: 'SELECT entry_id, rule, reason, issuer, refused_at FROM refusal ORDER BY number',
    row: ([entryId, rule, reason, issuer, refusedAt]) => ({
      table: 'refusal',
      ...{ entryId: entryId as string, rule: rule as string, reason: reason as string },
      ...{ issuer: issuer as string | null, refusedAt: refusedAt as number },
    }),
  },
]

/** Table after table. Nobody may write meanwhile: it is one read transaction a table. */
export function* readSideTables(path: string): Generator<SideRow> {
  const database = openFor(path, { readonly: true }, (opened) => {
    migrate(opened, { apply: false })
    return opened
  })
  try {
    for (const { sql, row } of TABLES) {
      for (const columns of database.prepare(sql).raw().iterate()) {
        yield row(columns as readonly unknown[])
      }
    }
  } finally {
    database.close()
  }
}
