/**
 * COSE Hash Envelope (RFC 9995): the payload is a digest of the real content, which lives elsewhere.
 * Label 258 names the algorithm, 259 the content's type, 260 a location that nobody here fetches.
 */
import { equalBytes } from '../bytes/bytes.ts'
import { digest, type DigestName } from '../bytes/digest.ts'
import type { CborMap, CborValue } from '../cbor/decode.ts'
import { HEADER } from '../cose/labels.ts'
import { InputError, VerificationError } from '../errors.ts'

export interface HashEnvelope {
  readonly algorithm: DigestName
  readonly preimageContentType?: string | number
  readonly payloadLocation?: string
}

/** COSE ids of the digests that we compute. SHA-1 and truncations are not among them. */
export const DIGEST_IDS: Readonly<Record<DigestName, number>> = {
  'SHA-256': -16,
  'SHA-384': -43,
  'SHA-512': -44,
}

const LABELS = [HEADER.payloadHashAlgorithm, HEADER.preimageContentType, HEADER.payloadLocation]

function fail(message: string): never {
  throw new InputError('ERR_STATEMENT_HEADERS', `hash envelope: ${message}`)
}

/** @throws InputError `ERR_STATEMENT_HEADERS` unless the id is that of a digest we compute. */
export function digestNameById(id: CborValue): DigestName {
  for (const [name, known] of Object.entries(DIGEST_IDS)) {
    if (known === id) return name as DigestName
  }
  return fail('the hash algorithm is not SHA-256, SHA-384 or SHA-512')
}

/**
 * The envelope of a statement, or `undefined` when its payload is the content itself.
 * @throws InputError `ERR_STATEMENT_HEADERS` where RFC 9995 §4 says MUST NOT.
 */
export function parseHashEnvelope(header: CborMap, unprotected: CborMap): HashEnvelope | undefined {
  if (unprotected.size > 0 && LABELS.some((label) => unprotected.has(label))) {
    fail('258, 259 and 260 must be protected')
  }
  const id = header.get(HEADER.payloadHashAlgorithm)
  if (id === undefined) return undefined
  if (header.has(HEADER.contentType) || unprotected.has(HEADER.contentType)) {
    fail('content type (3) must be absent')
  }
  const contentType = header.get(HEADER.preimageContentType)
  const location = header.get(HEADER.payloadLocation)
  if (
    contentType !== undefined &&
    typeof contentType !== 'string' &&
    typeof contentType !== 'number'
  ) {
    fail('preimage content type (259) is not a media type')
  }
  if (location !== undefined && typeof location !== 'string') fail('location (260) is not a text')
  return {
    algorithm: digestNameById(id),
    ...(contentType === undefined ? {} : { preimageContentType: contentType }),
    ...(location === undefined ? {} : { payloadLocation: location }),
  }
}

/** The part of a statement that {@link matchPayload} looks at. */
export interface PayloadHolder {
  readonly message: { readonly payload: Uint8Array | null }
  readonly headers: { readonly hashEnvelope?: HashEnvelope }
}

/**
 * Holds `content` against what was signed: its digest for a hash envelope, else byte by byte.
 * @throws VerificationError `ERR_PAYLOAD_MISMATCH`.
 */
export function matchPayload(statement: PayloadHolder, content: Uint8Array): void {
  const envelope = statement.headers.hashEnvelope
  const signed = statement.message.payload
  const given = envelope === undefined ? content : digest(envelope.algorithm, content)
  if (signed === null || !equalBytes(signed, given)) {
    const how = envelope === undefined ? 'content' : `${envelope.algorithm} digest`
    throw new VerificationError(
      'ERR_PAYLOAD_MISMATCH',
      `the payload's ${how} is not what was signed`,
    )
  }
}
