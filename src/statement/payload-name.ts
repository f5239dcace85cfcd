/**
 * Names of payloads: digest algorithm and lower-case hex, `sha256:…`, as the payload store and its
 * URLs use them. A hash envelope (RFC 9995) names its content in this way.
 */
import type { DigestName } from '../bytes/digest.ts'
import { decodeHex, encodeHex } from '../bytes/hex.ts'
import { InputError } from '../errors.ts'
import type { PayloadHolder } from './hash-envelope.ts'

/** No payload store holds anything larger, whatever its operator sets: auditors read no more. */
export const PAYLOAD_BYTES_LIMIT = 16_777_216

/** A digest and its algorithm; the digest has the algorithm's length. */
export interface PayloadName {
  readonly algorithm: DigestName
  readonly digest: Uint8Array
}

/** Digest algorithms as in-toto and names of payloads write them. */
export const DIGEST_LABELS: Readonly<Record<DigestName, string>> = {
  'SHA-256': 'sha256',
  'SHA-384': 'sha384',
  'SHA-512': 'sha512',
}
const NAMES: ReadonlyMap<string, DigestName> = new Map([
  ['sha256', 'SHA-256'],
  ['sha384', 'SHA-384'],
  ['sha512', 'SHA-512'],
])
const BYTES: Readonly<Record<DigestName, number>> = { 'SHA-256': 32, 'SHA-384': 48, 'SHA-512': 64 }
const FORM = /^(sha256|sha384|sha512):([0-9a-f]{64,128})$/

/** @throws InputError `ERR_BYTES_ENCODING` for any other spelling. */
export function parsePayloadName(text: string): PayloadName {
  const [, label = '', hex = ''] = FORM.exec(text) ?? []
  const algorithm = NAMES.get(label)
  if (algorithm !== undefined && hex.length === 2 * BYTES[algorithm]) {
    return { algorithm, digest: decodeHex(hex) }
  }
  throw new InputError(
    'ERR_BYTES_ENCODING',
    'a payload is named sha256:, sha384: or sha512: and its digest in lower-case hex',
  )
}

/** The one spelling of a name. */
export function formatPayloadName({ algorithm, digest }: PayloadName): string {
  return `${DIGEST_LABELS[algorithm]}:${encodeHex(digest)}`
}

/** What a hash envelope names; `undefined` for other statements, and for digests of a wrong length. */
export function payloadNameOf({ headers, message }: PayloadHolder): PayloadName | undefined {
  const { hashEnvelope } = headers
  const { payload } = message
  if (hashEnvelope === undefined || payload === null) return undefined
  const { algorithm } = hashEnvelope
  return payload.length === BYTES[algorithm] ? { algorithm, digest: payload } : undefined
}
