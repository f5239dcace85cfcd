/**
 * `attestry token` and `attestry log refusals` on a data directory. Both may run beside the serving
 * process: a token is one row, and the next request sees it.
 */
import type { UnixSeconds } from '../bytes/integers.ts'
import { createApiToken } from '../keys/api-token.ts'
import type { ApiTokenScope } from '../keys/api-token.ts'
import type {
  ApiTokenStore,
  Awaitable,
  RefusalRecord,
  StoredApiToken,
} from '../log/operator-tables.ts'
import { systemClock } from './config.ts'
import { dataPaths } from './data-directory.ts'
import { openApiTokens, readRefusals as readStoredRefusals } from './stores.ts'

/** A token as it is listed: without its hash. */
export type ApiTokenDescription = Omit<StoredApiToken, 'hash'>

export interface AddTokenRequest {
  readonly data: string
  readonly name: string
  readonly scopes: readonly ApiTokenScope[]
  readonly expiresAt?: UnixSeconds | undefined
}

/** Makes a token; it is shown this once. @throws StartError `ERR_LOG_MISSING`. */
export async function addApiToken(
  request: AddTokenRequest,
): Promise<ApiTokenDescription & { readonly token: string }> {
  const { data, name, scopes, expiresAt } = request
  const { token, tokenId, hash } = createApiToken()
  const description = {
    ...{ tokenId, name, scopes, createdAt: systemClock.now() },
    ...(expiresAt === undefined ? {} : { expiresAt }),
  }
  await withTokens(data, (tokens) => tokens.add({ ...description, hash }))
  return { ...description, token }
}

/** All tokens, oldest first. @throws StartError `ERR_LOG_MISSING`. */
export async function listApiTokens(data: string): Promise<readonly ApiTokenDescription[]> {
  const tokens = await withTokens(data, (stored) => stored.list())
  return tokens.map(({ hash: _, ...rest }) => rest)
}

/** False when there is no such token. @throws StartError `ERR_LOG_MISSING`. */
export function revokeApiToken(data: string, tokenId: string): Promise<boolean> {
  return withTokens(data, (tokens) => tokens.revoke(tokenId, systemClock.now()))
}

async function withTokens<Value>(
  data: string,
  use: (tokens: ApiTokenStore) => Awaitable<Value>,
): Promise<Value> {
  const tokens = await openApiTokens(dataPaths(data))
  try {
    return await use(tokens)
  } finally {
    await tokens.close()
  }
}

/** The newest refusals, newest first. @throws StartError `ERR_LOG_MISSING`. */
export function readRefusals(data: string, limit: number): Promise<readonly RefusalRecord[]> {
  return readStoredRefusals(dataPaths(data), limit)
}
