/**
 * API tokens in the log's database: id, hash and what they are for, never a token. Written by the
 * command line beside a serving process, in transactions of one row; the serving process only reads,
 * so that a revoked token is refused from the next request on.
 */
import type { UnixSeconds } from '../../bytes/integers.ts'
import { InvariantError, StartError } from '../../errors.ts'
import type { ApiTokenStore, StoredApiToken } from '../../log/operator-tables.ts'
import { blob, openFor, readStored } from './database.ts'
import type { SqliteDatabase, SqliteStatement } from './database.ts'
import { isFileThere } from './file-there.ts'
import { migrate } from './migrate.ts'
import { refuseMoved } from './moved-log.ts'

const BUSY_MS = 5000

export class SqliteApiTokens implements ApiTokenStore {
  readonly #database: SqliteDatabase
  readonly #find: SqliteStatement

  private constructor(database: SqliteDatabase) {
    this.#database = database
    this.#find = database.prepare('SELECT * FROM api_token WHERE token_id = ?')
  }

  /**
   * Opens the table of a log.
   * @throws StartError `ERR_LOG_MISSING`, or `ERR_CONFIGURATION` for a log of an earlier version.
   */
  static open(path: string, { readonly = false }: { readonly?: boolean } = {}): SqliteApiTokens {
    if (!isFileThere(path)) throw new StartError('ERR_LOG_MISSING', `there is no log: ${path}`)
    return openFor(path, { readonly, busyMs: BUSY_MS }, (database) => {
      migrate(database, { apply: false })
      if (!readonly) refuseMoved(database)
      return new SqliteApiTokens(database)
    })
  }

  find(tokenId: string): StoredApiToken | undefined {
    const row = readStored(() => this.#find.get(tokenId))
    return row === undefined ? undefined : tokenOf(row as Row)
  }

  /** All of them, oldest first. */
  list(): StoredApiToken[] {
    const rows = this.#database.prepare('SELECT * FROM api_token ORDER BY created_at, token_id')
    return readStored(() => rows.all() as Row[]).map(tokenOf)
  }

  add({ tokenId, hash, name, scopes, createdAt, expiresAt }: StoredApiToken): void {
    this.#database
      .prepare('INSERT INTO api_token VALUES (?, ?, ?, ?, ?, ?, NULL)')
      .run(tokenId, hash, name, scopes.join(' '), createdAt, expiresAt ?? null)
  }

  /** False when there is no such token; one that is revoked stays so. */
  revoke(tokenId: string, at: UnixSeconds): boolean {
    const sql = 'UPDATE api_token SET revoked_at = coalesce(revoked_at, ?) WHERE token_id = ?'
    return this.#database.prepare(sql).run(at, tokenId).changes === 1
  }

  close(): void {
    this.#database.close()
  }
}

interface Row {
  readonly token_id: string
  readonly hash: unknown
  readonly name: string
  readonly scopes: string
  readonly created_at: UnixSeconds
  readonly expires_at: UnixSeconds | null
  readonly revoked_at: UnixSeconds | null
}

function tokenOf(row: Row): StoredApiToken {
  const { token_id: tokenId, name, scopes, created_at: createdAt } = row
  if (typeof scopes !== 'string') throw new InvariantError('a stored API token is damaged')
  return {
    ...{ tokenId, hash: blob(row.hash), name, createdAt },
    scopes: scopes.split(' ').filter((scope) => scope !== ''),
    ...(row.expires_at === null ? {} : { expiresAt: row.expires_at }),
    ...(row.revoked_at === null ? {} : { revokedAt: row.revoked_at }),
  }
}
