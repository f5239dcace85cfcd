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
import { logPaths } from './data-directory.ts'
import type { LogPlace } from './data-directory.ts'
import { openApiTokens, readRefusals as readStoredRefusals } from './stores.ts'

/** A token as it is listed: without its hash. */
export type ApiTokenDescription = Omit<StoredApiToken, 'hash'>

export interface AddTokenRequest extends LogPlace {
  readonly name: string
  readonly scopes: readonly ApiTokenScope[]
  readonly expiresAt?: UnixSeconds | undefined
}

/** Makes a token; it is shown this once. @throws StartError `ERR_LOG_MISSING`. */
export async function addApiToken(
  request: AddTokenRequest,
): Promise<ApiTokenDescription & { readonly token: string }> {
  const { name, scopes, expiresAt } = request
  const { token, tokenId, hash } = createApiToken()
  const description = {
    ...{ tokenId, name, scopes, createdAt: systemClock.now() },
    ...(expiresAt === undefined ? {} : { expiresAt }),
  }
  await withTokens(request, (tokens) => tokens.add({ ...description, hash }))
  return { ...description, token }
}

/** All tokens, oldest first. @throws StartError `ERR_LOG_MISSING`. */
export async function listApiTokens(place: LogPlace): Promise<readonly ApiTokenDescription[]> {
  const tokens = await withTokens(place, (stored) => stored.list())
  return tokens.map(({ hash: _, ...rest }) => rest)
}

/** False when there is no such token. @throws StartError `ERR_LOG_MISSING`. */
export function revokeApiToken(place: LogPlace, tokenId: string): Promise<boolean> {
  return withTokens(place, (tokens) => tokens.revoke(tokenId, systemClock.now()))
}

async function withTokens<Value>(
  place: LogPlace,
  use: (tokens: ApiTokenStore) => Awaitable<Value>,
): Promise<Value> {
  const tokens = await openApiTokens(logPaths(place))
  try {
    return await use(tokens)
  } finally {
    await tokens.close()
  }
}

/** The newest refusals, newest first. @throws StartError `ERR_LOG_MISSING`. */
export function readRefusals(place: LogPlace, limit: number): Promise<readonly RefusalRecord[]> {
  return readStoredRefusals(logPaths(place), limit)
}
