/**
 * Where a statement has its content and what type that is: in the statement itself, or beside a hash
 * envelope. Admission, description and the rules about envelopes have to agree on both, or one of them
 * would look at something that another does not see.
 */
import type { SignedStatement } from '../statement/signed-statement.ts'
import { parseMediaType } from './media-types.ts'
import type { MediaType } from './media-types.ts'

/** Media type of the payload, or of the content whose digest is the payload. */
export function payloadMediaType({ headers }: SignedStatement): MediaType {
  return parseMediaType(headers.contentType ?? headers.hashEnvelope?.preimageContentType)
}

/**
 * The payload, or the content of a hash envelope; `undefined` when it is not at hand.
 * @param preimage content of a hash envelope; the caller has held it against the digest.
 */
export function payloadContent(
  { headers, message }: SignedStatement,
  preimage: Uint8Array | undefined,
): Uint8Array | undefined {
  return headers.hashEnvelope === undefined ? (message.payload ?? undefined) : preimage
}
