/**
 * did:x509 identifiers, method version 0 (github.com/microsoft/did-x509, specification.md): a pinned
 * CA certificate and predicates about the leaf. Resolution to a DID document is left out, and DID URLs
 * (path, query, fragment) are refused: an issuer is a DID. A certificate path is held against one in
 * match-did-x509.ts.
 */
import { decodeBase64url } from '../bytes/base64.ts'
import { decodeUtf8 } from '../bytes/bytes.ts'
import { InputError } from '../errors.ts'
import type { CertificateFingerprint } from './path.ts'
import type { HashName } from './signature-verifier.ts'

/** One predicate; values are percent-decoded. */
export type DidX509Predicate =
  | { readonly kind: 'subject'; readonly attributes: ReadonlyMap<string, string> }
  | { readonly kind: 'san'; readonly type: 'email' | 'dns' | 'uri'; readonly value: string }
  | { readonly kind: 'eku'; readonly oid: string }
  | { readonly kind: 'fulcio-issuer'; readonly value: string }

/** A parsed identifier; all predicates must hold. */
export interface DidX509 {
  readonly text: string
  readonly fingerprint: CertificateFingerprint
  readonly predicates: readonly DidX509Predicate[]
}

const TEXT_MAX = 8192 // RFC 9943 §6 bounds the issuer
const PREDICATES_MAX = 64

const HASHES = new Map<string, { readonly hash: HashName; readonly bytes: number }>([
  ['sha256', { hash: 'SHA-256', bytes: 32 }],
  ['sha384', { hash: 'SHA-384', bytes: 48 }],
  ['sha512', { hash: 'SHA-512', bytes: 64 }],
])

/** Labels of RFC 4514 and the attribute each stands for; other attributes go by their identifier. */
export const LABELS: ReadonlyMap<string, string> = new Map([
  ['CN', '2.5.4.3'],
  ['L', '2.5.4.7'],
  ['ST', '2.5.4.8'],
  ['O', '2.5.4.10'],
  ['OU', '2.5.4.11'],
  ['C', '2.5.4.6'],
  ['STREET', '2.5.4.9'],
])
const OID_PATTERN = /^[0-9]+(?:\.[0-9]+)*$/

function malformed(message: string, cause?: unknown): InputError {
  return new InputError('ERR_DID_X509', message, cause === undefined ? undefined : { cause })
}

/** Decodes `1*idchar`: letters, digits, ".", "-", "_" and percent-encoded UTF-8. */
function decodeValue(text: string): string {
  if (text === '') throw malformed('empty value in a predicate')
  const bytes: number[] = []
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!
    if (/[A-Za-z0-9._-]/.test(char)) bytes.push(char.charCodeAt(0))
    else {
      const digits = text.slice(i + 1, i + 3)
      if (char !== '%' || !/^[0-9A-Fa-f]{2}$/.test(digits)) {
        throw malformed('a predicate value holds a character that must be percent-encoded')
      }
      bytes.push(Number(`0x${digits}`))
      i += 2
    }
  }
  try {
    return decodeUtf8(Uint8Array.from(bytes))
  } catch (cause) {
    throw malformed('a percent-encoded value is not UTF-8', cause)
  }
}

function parseSubject(items: readonly string[]): DidX509Predicate {
  if (items.length % 2 !== 0) throw malformed('a subject predicate is made of key and value pairs')
  const attributes = new Map<string, string>()
  for (let i = 0; i < items.length; i += 2) {
    const key = items[i]!
    if (!LABELS.has(key) && !OID_PATTERN.test(key))
      throw malformed('unknown key in a subject predicate')
    if (attributes.has(key)) throw malformed('a subject predicate names a key twice')
    attributes.set(key, decodeValue(items[i + 1]!))
  }
  return { kind: 'subject', attributes }
}

function parsePredicate(text: string): DidX509Predicate {
  const [name, ...items] = text.split(':')
  const [first, second] = items
  if (name === 'subject' && first !== undefined) return parseSubject(items)
  if (name === 'san') {
    if (first === undefined || second === undefined || items.length !== 2) {
      throw malformed('a san predicate is made of one type and one value')
    }
    if (first !== 'email' && first !== 'dns' && first !== 'uri') throw malformed('unknown san type')
    return { kind: 'san', type: first, value: decodeValue(second) }
  }
  if (first === undefined || items.length !== 1) throw malformed('not a predicate')
  if (name === 'eku') {
    if (!OID_PATTERN.test(first)) throw malformed('an eku predicate holds an object identifier')
    return { kind: 'eku', oid: first }
  }
  if (name === 'fulcio-issuer') return { kind: 'fulcio-issuer', value: decodeValue(first) }
  throw malformed('unknown predicate')
}

function parseFingerprint(algorithm: string, text: string): CertificateFingerprint {
  const known = HASHES.get(algorithm)
  if (known === undefined)
    throw malformed('the fingerprint algorithm is not sha256, sha384 or sha512')
  let value: Uint8Array
  try {
    value = decodeBase64url(text)
  } catch (cause) {
    throw malformed('the fingerprint is not base64url', cause)
  }
  if (value.length !== known.bytes)
    throw malformed(`the fingerprint is not ${known.bytes} bytes long`)
  return { hash: known.hash, value }
}

/**
 * Parses a did:x509 identifier of version 0.
 * @throws InputError `ERR_DID_X509` for anything outside the method's grammar, and for DID URLs.
 */
export function parseDidX509(text: string): DidX509 {
  if (text.length > TEXT_MAX) throw malformed(`a did:x509 has at most ${TEXT_MAX} characters`)
  const [head, ...predicates] = text.split('::')
  const [did, method, version, algorithm, fingerprint, ...rest] = head!.split(':')
  if (did !== 'did' || method !== 'x509') throw malformed('not a did:x509')
  if (version !== '0') throw malformed('only version 0 of did:x509 is supported')
  if (algorithm === undefined || fingerprint === undefined || rest.length > 0) {
    throw malformed('a did:x509 begins with one fingerprint')
  }
  if (predicates.length === 0 || predicates.length > PREDICATES_MAX) {
    throw malformed(`a did:x509 has 1 to ${PREDICATES_MAX} predicates`)
  }
  return {
    text,
    fingerprint: parseFingerprint(algorithm, fingerprint),
    predicates: predicates.map(parsePredicate),
  }
}
