/**
 * The signature algorithm of a certificate (RFC 5280 §4.1.1.2; RFC 5758, 4055, 8410): which scheme an
 * AlgorithmIdentifier stands for under the issuer's key, and ECDSA's DER form turned into raw r ‖ s.
 * SHA-1, MD5, SHA-224 and DSA have no place here and make the algorithm "unsupported".
 */
import { equalBytes } from '../bytes/bytes.ts'
import { InputError } from '../errors.ts'
import { decodeOid, readChildren, readDer, readUnsigned, TAG } from './der.ts'
import { encodeDer, encodeUnsigned } from './der-encode.ts'
import type { DerElement } from './der.ts'
import type { EcCurve, HashName, SignatureScheme } from './signature-verifier.ts'
import { curveBytes } from './curves.ts'
import type { SpkiKey } from './spki.ts'

/** Like {@link SignatureScheme}, before the issuer's key says which curve. */
export type CertificateSignatureAlgorithm =
  | { readonly kind: 'ecdsa'; readonly hash: HashName }
  | Extract<SignatureScheme, { kind: 'rsa-pss' | 'rsa-pkcs1' | 'ed25519' }>
  | { readonly kind: 'unsupported'; readonly oid: string }

const OID_RSA_PSS = '1.2.840.113549.1.1.10'
const OID_MGF1 = '1.2.840.113549.1.1.8'
const OID_ED25519 = '1.3.101.112'
const SALT_BYTES_MAX = 512

const ECDSA = new Map<string, HashName>([
  ['1.2.840.10045.4.3.2', 'SHA-256'],
  ['1.2.840.10045.4.3.3', 'SHA-384'],
  ['1.2.840.10045.4.3.4', 'SHA-512'],
])
const RSA_PKCS1 = new Map<string, HashName>([
  ['1.2.840.113549.1.1.11', 'SHA-256'],
  ['1.2.840.113549.1.1.12', 'SHA-384'],
  ['1.2.840.113549.1.1.13', 'SHA-512'],
])
const HASHES = new Map<string, HashName>([
  ['2.16.840.1.101.3.4.2.1', 'SHA-256'],
  ['2.16.840.1.101.3.4.2.2', 'SHA-384'],
  ['2.16.840.1.101.3.4.2.3', 'SHA-512'],
])
const NULL_DER = encodeDer(TAG.null)

function malformed(message: string): InputError {
  return new InputError('ERR_X509_MALFORMED', message)
}

interface AlgorithmIdentifier {
  readonly oid: string
  readonly parameters: DerElement | undefined
}

function readAlgorithm(der: Uint8Array): AlgorithmIdentifier {
  const [oid, parameters, ...rest] = readChildren(readDer(der, TAG.sequence))
  if (oid?.tag !== TAG.oid || rest.length > 0) throw malformed('not an AlgorithmIdentifier')
  return { oid: decodeOid(oid.content), parameters }
}

function readHash(der: Uint8Array): HashName | undefined {
  const { oid, parameters } = readAlgorithm(der)
  if (parameters !== undefined && !equalBytes(parameters.bytes, NULL_DER)) {
    throw malformed('a hash algorithm with parameters')
  }
  return HASHES.get(oid)
}

function readSmall(element: DerElement): number {
  const magnitude = readUnsigned(readDer(element.content))
  if (magnitude.length > 2) throw malformed('RSASSA-PSS parameter out of range')
  return magnitude.reduce((value, byte) => value * 256 + byte, 0)
}

/** RFC 4055 §3.1. Defaults are SHA-1, so parameters that leave a hash out are unsupported. */
function readPss(parameters: DerElement | undefined): CertificateSignatureAlgorithm {
  const unsupported = { kind: 'unsupported', oid: OID_RSA_PSS } as const
  if (parameters?.tag !== TAG.sequence) return unsupported
  let hash: HashName | undefined
  let maskHash: HashName | undefined
  let saltLength = 20
  let trailer = 1
  let previous = 0
  for (const field of readChildren(parameters)) {
    if (field.tag <= previous || field.tag < 0xa0 || field.tag > 0xa3) {
      throw malformed('not RSASSA-PSS parameters')
    }
    previous = field.tag
    if (field.tag === 0xa0) hash = readHash(field.content)
    else if (field.tag === 0xa1) {
      const mask = readAlgorithm(field.content)
      if (mask.oid !== OID_MGF1 || mask.parameters === undefined) return unsupported
      maskHash = readHash(mask.parameters.bytes)
    } else if (field.tag === 0xa2) saltLength = readSmall(field)
    else trailer = readSmall(field)
  }
  if (saltLength > SALT_BYTES_MAX) throw malformed('RSASSA-PSS salt is too long')
  if (hash === undefined || hash !== maskHash || trailer !== 1) return unsupported
  return { kind: 'rsa-pss', hash, saltLength }
}

/**
 * Reads a certificate's AlgorithmIdentifier.
 * @throws InputError `ERR_X509_MALFORMED` for parameters that the algorithm does not have.
 */
export function parseSignatureAlgorithm(der: Uint8Array): CertificateSignatureAlgorithm {
  const { oid, parameters } = readAlgorithm(der)
  const ecdsaHash = ECDSA.get(oid)
  if (ecdsaHash !== undefined || oid === OID_ED25519) {
    if (parameters !== undefined) throw malformed('signature algorithm with parameters')
    return ecdsaHash === undefined ? { kind: 'ed25519' } : { kind: 'ecdsa', hash: ecdsaHash }
  }
  const rsaHash = RSA_PKCS1.get(oid)
  if (rsaHash !== undefined) {
    if (parameters !== undefined && !equalBytes(parameters.bytes, NULL_DER)) {
      throw malformed('signature algorithm with parameters')
    }
    return { kind: 'rsa-pkcs1', hash: rsaHash }
  }
  return oid === OID_RSA_PSS ? readPss(parameters) : { kind: 'unsupported', oid }
}

/** The scheme under the issuer's key, or `undefined` where algorithm and key do not fit. */
export function schemeForKey(
  algorithm: CertificateSignatureAlgorithm,
  key: SpkiKey,
): SignatureScheme | undefined {
  switch (algorithm.kind) {
    case 'ecdsa':
      return key.kind === 'ec' ? { ...algorithm, curve: key.curve } : undefined
    case 'rsa-pkcs1':
      return key.kind === 'rsa' && key.pssOnly !== true ? algorithm : undefined
    case 'rsa-pss':
      return key.kind === 'rsa' ? algorithm : undefined
    case 'ed25519':
      return key.kind === 'ed25519' ? algorithm : undefined
    case 'unsupported':
      return undefined
  }
}

/**
 * Raw r ‖ s of an ECDSA signature in DER (RFC 3279 §2.2.3).
 * @throws InputError `ERR_X509_MALFORMED` for any other encoding of the two integers.
 */
export function ecdsaRawSignature(der: Uint8Array, curve: EcCurve): Uint8Array {
  const size = curveBytes(curve)
  const [r, s, ...rest] = readChildren(readDer(der, TAG.sequence))
  if (rest.length > 0) throw malformed('not an ECDSA signature')
  const raw = new Uint8Array(2 * size)
  for (const [i, half] of [readUnsigned(r), readUnsigned(s)].entries()) {
    if (half.length === 0 || half.length > size) throw malformed('ECDSA integer out of range')
    raw.set(half, (i + 1) * size - half.length)
  }
  return raw
}

/** DER of a raw r ‖ s signature: the inverse of {@link ecdsaRawSignature}. */
export function ecdsaDerSignature(raw: Uint8Array): Uint8Array {
  const half = raw.length / 2
  return encodeDer(
    TAG.sequence,
    encodeUnsigned(raw.subarray(0, half)),
    encodeUnsigned(raw.subarray(half)),
  )
}
