/**
 * The header parameters of a Signed Statement (RFC 9943 §6, RFC 9360, RFC 9597, RFC 9995), read from
 * the decoded maps. Absence is tolerated here, since foreign statements lack what the standard
 * demands; a wrong type is not.
 */
import type { Writable } from '../bytes/writable.ts'
import { CborTag, type CborMap, type CborValue } from '../cbor/decode.ts'
import { CLAIM, HEADER } from '../cose/labels.ts'
import { InputError } from '../errors.ts'
import { parseHashEnvelope, type HashEnvelope } from './hash-envelope.ts'

/** `[hash algorithm, hash]` of the issuer's certificate. */
export interface CertificateThumbprint {
  readonly algorithm: number
  readonly hash: Uint8Array
}

/** What the protected header says. */
export interface StatementHeaders {
  readonly algorithm?: number
  readonly contentType?: string | number
  readonly keyId?: Uint8Array
  readonly issuer?: string
  readonly subject?: string
  /** Seconds since 1970, from an untagged number or tag 1. */
  readonly issuedAt?: number
  /** DER certificates, leaf first. */
  readonly x5chain?: readonly Uint8Array[]
  readonly x5t?: CertificateThumbprint
  readonly hashEnvelope?: HashEnvelope
}

function fail(message: string): never {
  throw new InputError('ERR_STATEMENT_HEADERS', message)
}

/** @throws InputError `ERR_STATEMENT_HEADERS` for a parameter of the wrong type. */
export function parseStatementHeaders(header: CborMap, unprotected: CborMap): StatementHeaders {
  const claims = header.get(HEADER.cwtClaims)
  if (claims !== undefined && !(claims instanceof Map)) fail('CWT claims (15) are not a map')
  const claimed = claims as CborMap | undefined
  const algorithm = integer(header.get(HEADER.algorithm), 'alg (1)')
  const type = contentType(header.get(HEADER.contentType), 'content type (3)')
  const keyId = byteString(header.get(HEADER.keyId), 'kid (4)')
  const issuer = text(claimed?.get(CLAIM.issuer), 'iss')
  const subject = text(claimed?.get(CLAIM.subject), 'sub')
  const issuedAt = time(claimed?.get(CLAIM.issuedAt))
  const x5chain = certificateChain(header.get(HEADER.x5chain))
  const x5t = certificateThumbprint(header.get(HEADER.x5t))
  const hashEnvelope = parseHashEnvelope(header, unprotected)
  // Absent, not undefined; and one by one, because this is on the path of every registration.
  const headers: Writable<StatementHeaders> = {}
  if (algorithm !== undefined) headers.algorithm = algorithm
  if (type !== undefined) headers.contentType = type
  if (keyId !== undefined) headers.keyId = keyId
  if (issuer !== undefined) headers.issuer = issuer
  if (subject !== undefined) headers.subject = subject
  if (issuedAt !== undefined) headers.issuedAt = issuedAt
  if (x5chain !== undefined) headers.x5chain = x5chain
  if (x5t !== undefined) headers.x5t = x5t
  if (hashEnvelope !== undefined) headers.hashEnvelope = hashEnvelope
  return headers
}

/** x5chain of RFC 9360 §2: one certificate as a byte string, or an array of them. */
export function certificateChain(value: CborValue): readonly Uint8Array[] | undefined {
  if (value === undefined) return undefined
  if (value instanceof Uint8Array) return [value]
  if (!Array.isArray(value) || value.length === 0) fail('x5chain (33) is not a chain')
  return (value as readonly CborValue[]).map((item) =>
    item instanceof Uint8Array ? item : fail('x5chain (33) holds something else than certificates'),
  )
}

function certificateThumbprint(value: CborValue): CertificateThumbprint | undefined {
  if (value === undefined) return undefined
  if (!Array.isArray(value) || value.length !== 2) fail('x5t (34) is not [algorithm, hash]')
  const [algorithm, hash] = value as readonly CborValue[]
  if (typeof algorithm !== 'number' || !(hash instanceof Uint8Array)) {
    fail('x5t (34) is not [algorithm, hash]')
  }
  return { algorithm, hash }
}

function integer(value: CborValue, what: string): number | undefined {
  if (value === undefined || (typeof value === 'number' && Number.isSafeInteger(value)))
    return value
  return typeof value === 'string'
    ? fail(`${what} is a text, and no named algorithm is supported`)
    : fail(`${what} is not an integer`)
}

function contentType(value: CborValue, what: string): string | number | undefined {
  if (value === undefined || typeof value === 'string') return value
  return typeof value === 'number' && value >= 0 ? value : fail(`${what} is not a media type`)
}

function byteString(value: CborValue, what: string): Uint8Array | undefined {
  if (value === undefined || value instanceof Uint8Array) return value
  return fail(`${what} is not a byte string`)
}

function text(value: CborValue, what: string): string | undefined {
  if (value === undefined || typeof value === 'string') return value
  return fail(`claim ${what} is not a text`)
}

function time(value: CborValue): number | undefined {
  const seconds = value instanceof CborTag && value.tag === 1 ? value.value : value
  if (seconds === undefined || (typeof seconds === 'number' && Number.isFinite(seconds)))
    return seconds
  return fail('claim iat is not a number')
}
