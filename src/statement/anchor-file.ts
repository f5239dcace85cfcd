/** Trust anchors from files that a person has at hand. */
import { decodeUtf8 } from '../bytes/bytes.ts'
import { parseStrictJson } from '../bytes/strict-json.ts'
import { parseCoseKey, publicKeyFromPem } from '../cose/public-key.ts'
import { InputError } from '../errors.ts'
import { parseCertificate } from '../x509/certificate.ts'
import { decodePem } from '../x509/pem.ts'
import { fail, parseTrustAnchors, parsePatterns } from './trust-anchor.ts'
import type { TrustAnchor } from './trust-anchor.ts'

/**
 * An anchor from a file that a person has at hand: a COSE_Key, a PEM public key, a certificate (PEM or
 * DER), or the JSON of an anchor, which says itself for whom it speaks. A private key is refused.
 * @throws InputError `ERR_KEY_PRIVATE`, `ERR_TRUST_CONFIGURATION`, or that of the format it looks like.
 */
export function anchorFromFile(bytes: Uint8Array, issuers: readonly string[]): TrustAnchor {
  const patterns = parsePatterns(issuers, 'issuers')
  const first = bytes[0]
  if (first === 0x30) {
    return { kind: 'x509-root', certificate: parseCertificate(bytes), issuers: patterns }
  }
  // A COSE_Key is a CBOR map, a0..bf; PEM text starts with a dash or prose.
  if (first !== undefined && first >= 0xa0 && first < 0xc0) {
    return { kind: 'cose-key', key: parseCoseKey(bytes), issuers: patterns }
  }
  if (first === BRACE) return anchorFromJson(bytes, patterns)
  const text = decodeUtf8(bytes)
  if (text.includes('PRIVATE KEY')) {
    throw new InputError('ERR_KEY_PRIVATE', 'this file holds a private key: give the public one')
  }
  if (text.includes('BEGIN CERTIFICATE')) {
    const [der, ...more] = decodePem(text, 'CERTIFICATE')
    if (der === undefined || more.length > 0) fail('expected one certificate, the root')
    return { kind: 'x509-root', certificate: parseCertificate(der), issuers: patterns }
  }
  return { kind: 'cose-key', key: publicKeyFromPem(text), issuers: patterns }
}

const BRACE = 0x7b

function anchorFromJson(bytes: Uint8Array, patterns: readonly string[]): TrustAnchor {
  const context = { code: 'ERR_TRUST_CONFIGURATION', what: 'the anchor' } as const
  const [anchor] = parseTrustAnchors([parseStrictJson(bytes, context)])
  if (patterns.length !== 1 || patterns[0] !== '*') {
    fail('an anchor in JSON says itself for which issuers it speaks: give no pattern')
  }
  return anchor!
}
