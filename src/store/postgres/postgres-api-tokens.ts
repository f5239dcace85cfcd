/**
 * API tokens in the log's PostgreSQL database: id, hash and what they are for, never a token. Written by
 * the command line in statements of one row; serving nodes only read, so that a revoked token is
 * refused from the next request on, by all of them.
 */
import type { UnixSeconds } from '../../bytes/integers.ts'
import type { ApiTokenStore, StoredApiToken } from '../../log/operator-tables.ts'
import type { Statement } from './connection.ts'
import { PostgresDatabase } from './database.ts'

const CONNECTIONS_MAX = 2

const COLUMNS = 'token_id, hash, name, scopes, created_at, expires_at, revoked_at'
const FIND: Statement = {
  name: 'find_token',
  text: `SELECT ${COLUMNS} FROM api_token WHERE token_id = $1`,
}
const LIST: Statement = {
  name: 'list_tokens',
  text: `SELECT ${COLUMNS} FROM api_token ORDER BY created_at, token_id`,
}
const ADD: Statement = {
  name: 'add_token',
  text: 'INSERT INTO api_token VALUES ($1, $2, $3, $4, $5, $6, NULL)',
}
const REVOKE: Statement = {
  name: 'revoke_token',
  text: `UPDATE api_token SET revoked_at = coalesce(revoked_at, $1) WHERE token_id = $2
    RETURNING true AS revoked`,
}

export class PostgresApiTokens implements ApiTokenStore {
  readonly #database: PostgresDatabase

  private constructor(database: PostgresDatabase) {
    this.#database = database
  }

  /** Opens the table in the log's database, which a `PostgresLogStore` has made. */
  static async open(url: string): Promise<PostgresApiTokens> {
    const options = { connectionsMax: CONNECTIONS_MAX }
    return new PostgresApiTokens(await PostgresDatabase.open(url, options))
  }

  async find(tokenId: string): Promise<StoredApiToken | undefined> {
    const [row] = await this.#database.query<Row>(FIND, [tokenId])
    return row && tokenOf(row)
  }

  /** All of them, oldest first. */
  async list(): Promise<StoredApiToken[]> {
    return (await this.#database.query<Row>(LIST)).map(tokenOf)
  }

  async add(token: StoredApiToken): Promise<void> {
    const { tokenId, hash, name, scopes, createdAt, expiresAt = null } = token
    const row = [tokenId, hash, name, scopes.join(' '), createdAt, expiresAt]
    await this.#database.write(ADD, row)
  }

  /** False when there is no such token; one that is revoked stays so. */
  async revoke(tokenId: string, at: UnixSeconds): Promise<boolean> {
    return (await this.#database.write(REVOKE, [at, tokenId])).length === 1
  }

  close(): Promise<void> {
    return this.#database.close()
  }
}

interface Row {
  readonly token_id: string
  readonly hash: Uint8Array
  readonly name: string
  readonly scopes: string
  readonly created_at: UnixSeconds
  readonly expires_at: UnixSeconds | null
  readonly revoked_at: UnixSeconds | null
}

function tokenOf(row: Row): StoredApiToken {
  const { token_id: tokenId, hash, name, created_at: createdAt } = row
  return {
    ...{ tokenId, hash, name, createdAt },
    scopes: row.scopes.split(' ').filter((scope) => scope !== ''),
    ...(row.expires_at === null ? {} : { expiresAt: row.expires_at }),
    ...(row.revoked_at === null ? {} : { revokedAt: row.revoked_at }),
  }
}
