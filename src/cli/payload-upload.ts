/**
 * Handing the content of a hash envelope over to a service, for the commands that register. Content is
 * compared with the statement first: nothing that nobody signed goes out.
 */
import { PayloadClient } from '../client/payload-client.ts'
import { VerificationError } from '../errors.ts'
import { matchPayload } from '../statement/hash-envelope.ts'
import { payloadNameOf } from '../statement/payload-name.ts'
import type { PayloadName } from '../statement/payload-name.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import { bearerFetch } from './bearer-token.ts'
import { CliError } from './cli-error.ts'
import { PAYLOAD_BYTES_MAX, readInput } from './files.ts'

/** Content, and the name that a statement has for it. */
export interface NamedContent {
  readonly name: PayloadName
  readonly bytes: Uint8Array
}

export interface UploadRequest extends NamedContent {
  readonly url: string
  readonly token?: string | undefined
}

/** What became of it. */
export type StoredPayload = 'stored' | 'present' | 'not-yet'

/** The same for people. */
export const STORED: Readonly<Record<StoredPayload, string>> = {
  stored: 'stored by the service',
  present: 'the service has it already',
  'not-yet': 'not stored',
}

/**
 * Reads the content that was named for a statement.
 * @throws VerificationError `ERR_PAYLOAD_MISMATCH` | CliError.
 */
export async function readContent(
  statement: SignedStatement,
  path: string | undefined,
): Promise<NamedContent | undefined> {
  if (path === undefined) return undefined
  const name = payloadNameOf(statement)
  if (name === undefined) {
    throw new CliError('ERR_USAGE', 'the payload is inside the statement: leave --payload out', {
      hint: '--payload is for hash envelopes (attestry sign --hash)',
    })
  }
  const bytes = await readInput(path, PAYLOAD_BYTES_MAX)
  matchPayload(statement, bytes)
  return { name, bytes }
}

/** Stores content. Throws as {@link PayloadClient.put}. */
export async function storePayload({
  url,
  token,
  name,
  bytes,
}: UploadRequest): Promise<'stored' | 'present'> {
  const fetching = token === undefined ? {} : { fetch: bearerFetch(token) }
  const isNew = await new PayloadClient({ url, ...fetching }).put(name, bytes)
  return isNew ? 'stored' : 'present'
}

/** Stores content before its statement is registered; without a token that may have to wait. */
export async function offerPayload(request: UploadRequest): Promise<StoredPayload> {
  try {
    return await storePayload(request)
  } catch (error) {
    const isRefused = error instanceof VerificationError && error.code === 'ERR_TOKEN_MISSING'
    if (!isRefused || request.token !== undefined) throw error
    return 'not-yet'
  }
}
