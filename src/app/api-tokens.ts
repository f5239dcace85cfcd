/**
 * `attestry token` and `attestry log refusals` on a data directory. Both may run beside the serving
 * process: a token is one row, and the next request sees it.
 */
import type { UnixSeconds } from '../bytes/integers.ts'
import { createApiToken } from '../keys/api-token.ts'
import type { ApiTokenScope } from '../keys/api-token.ts'
import { SqliteApiTokens } from '../store/sqlite/sqlite-api-tokens.ts'
import type { StoredApiToken } from '../store/sqlite/sqlite-api-tokens.ts'
import { readRefusals as readStoredRefusals } from '../store/sqlite/sqlite-refusals.ts'
import type { RefusalRecord } from '../store/sqlite/sqlite-refusals.ts'
import { systemClock } from './config.ts'
import { dataPaths } from './data-directory.ts'

/** A token as it is listed: without its hash. */
export type ApiTokenDescription = Omit<StoredApiToken, 'hash'>

export interface AddTokenRequest {
  readonly data: string
  readonly name: string
  readonly scopes: readonly ApiTokenScope[]
  readonly expiresAt?: UnixSeconds | undefined
}

/** Makes a token; it is shown this once. @throws StartError `ERR_LOG_MISSING`. */
export function addApiToken(
  request: AddTokenRequest,
): ApiTokenDescription & { readonly token: string } {
  const { data, name, scopes, expiresAt } = request
  const { token, tokenId, hash } = createApiToken()
  const description = {
    ...{ tokenId, name, scopes, createdAt: systemClock.now() },
    ...(expiresAt === undefined ? {} : { expiresAt }),
  }
  withTokens(data, (tokens) => tokens.add({ ...description, hash }))
  return { ...description, token }
}

/** All tokens, oldest first. @throws StartError `ERR_LOG_MISSING`. */
export function listApiTokens(data: string): readonly ApiTokenDescription[] {
  return withTokens(data, (tokens) => tokens.list().map(({ hash: _, ...rest }) => rest))
}

/** False when there is no such token. @throws StartError `ERR_LOG_MISSING`. */
export function revokeApiToken(data: string, tokenId: string): boolean {
  return withTokens(data, (tokens) => tokens.revoke(tokenId, systemClock.now()))
}

function withTokens<Value>(data: string, use: (tokens: SqliteApiTokens) => Value): Value {
  const tokens = SqliteApiTokens.open(dataPaths(data).store)
  try {
    return use(tokens)
  } finally {
    tokens.close()
  }
}

/** The newest refusals, newest first. @throws StartError `ERR_LOG_MISSING`. */
export function readRefusals(data: string, limit: number): readonly RefusalRecord[] {
  return readStoredRefusals(dataPaths(data).store, limit)
}
