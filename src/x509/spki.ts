/**
 * SubjectPublicKeyInfo (RFC 5280 §4.1.2.7; RFC 3279, 5480, 8410, 4055) of the kinds of key that
 * Attestry accepts: P-256, P-384 and P-521 points that lie on their curve, Ed25519, and RSA of 2048
 * to 8192 bits. What is accepted is exactly what the builders here would write, so a key has one
 * spelling; the only exception is the id-RSASSA-PSS identifier, which is mapped to plain RSA. It
 * leaves out small-order Ed25519 points (`ed25519-points.ts`) and the primality of RSA moduli.
 */
import { concatBytes, equalBytes } from '../bytes/bytes.ts'
import { InputError } from '../errors.ts'
import { CURVES, badKey, toBigInt, assertOnCurve } from './curves.ts'
import { decodeOid, readChildren, readDer, readUnsigned, scanDer, TAG, trimZeros } from './der.ts'
import { encodeDer, encodeUnsigned } from './der-encode.ts'
import type { EcCurve } from './signature-verifier.ts'

/** A public key; `spki` is its canonical SubjectPublicKeyInfo. Integers are big-endian. */
export type SpkiKey =
  | {
      readonly kind: 'ec'
      readonly curve: EcCurve
      /** Coordinates, each of exactly the curve's field length. */
      readonly x: Uint8Array
      readonly y: Uint8Array
      readonly spki: Uint8Array
    }
  | { readonly kind: 'ed25519'; readonly x: Uint8Array; readonly spki: Uint8Array }
  | {
      readonly kind: 'rsa'
      /** Modulus and exponent without leading zeros. */
      readonly n: Uint8Array
      readonly e: Uint8Array
      readonly modulusBits: number
      readonly spki: Uint8Array
      /** The key came as id-RSASSA-PSS: RFC 4055 forbids PKCS #1 v1.5 with it. */
      readonly pssOnly?: true
    }

const SPKI_BYTES_MAX = 2048
const RSA_BITS_MIN = 2048
const RSA_BITS_MAX = 8192
const RSA_EXPONENT_BYTES_MAX = 8

const OID_EC = Uint8Array.of(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01)
const OID_ED25519 = Uint8Array.of(0x2b, 0x65, 0x70)
const OID_RSA = Uint8Array.of(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01)
const OID_RSA_PSS = Uint8Array.of(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a)

function encodeSpki(algorithm: readonly Uint8Array[], key: Uint8Array): Uint8Array {
  return encodeDer(
    TAG.sequence,
    encodeDer(TAG.sequence, ...algorithm),
    encodeDer(TAG.bitString, Uint8Array.of(0), key),
  )
}

/**
 * Canonical SubjectPublicKeyInfo of an uncompressed point.
 * @throws InputError `ERR_COSE_KEY` unless the point has the curve's length and lies on it.
 */
export function ecSpki(curve: EcCurve, x: Uint8Array, y: Uint8Array): Uint8Array {
  assertOnCurve(curve, x, y)
  const algorithm = [encodeDer(TAG.oid, OID_EC), encodeDer(TAG.oid, CURVES[curve].oid)]
  return encodeSpki(algorithm, concatBytes(Uint8Array.of(4), x, y))
}

/**
 * Canonical SubjectPublicKeyInfo of an Ed25519 key.
 * @throws InputError `ERR_COSE_KEY` unless `x` is 32 bytes.
 */
export function ed25519Spki(x: Uint8Array): Uint8Array {
  if (x.length !== 32) throw badKey('an Ed25519 key is 32 bytes long')
  return encodeSpki([encodeDer(TAG.oid, OID_ED25519)], x)
}

function modulusBits(n: Uint8Array): number {
  const first = n[0] ?? 0
  return first === 0 ? 0 : (n.length - 1) * 8 + first.toString(2).length
}

/**
 * Canonical SubjectPublicKeyInfo (rsaEncryption) of an RSA key; leading zeros are dropped.
 * @throws InputError `ERR_COSE_KEY` unless 2048 ≤ modulus bits ≤ 8192, the modulus is odd, and the
 * exponent is odd, at least 3 and at most 64 bits long.
 */
export function rsaSpki(n: Uint8Array, e: Uint8Array): Uint8Array {
  const modulus = trimZeros(n)
  const exponent = trimZeros(e)
  const bits = modulusBits(modulus)
  if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX) {
    throw badKey(`an RSA modulus has ${RSA_BITS_MIN} to ${RSA_BITS_MAX} bits, got ${bits}`)
  }
  if (modulus[modulus.length - 1]! % 2 === 0) throw badKey('the RSA modulus is even')
  if (exponent.length > RSA_EXPONENT_BYTES_MAX) throw badKey('the RSA exponent is too long')
  const value = toBigInt(exponent)
  if (value < 3n || value % 2n === 0n) throw badKey('an RSA exponent is odd and at least 3')
  const key = encodeDer(TAG.sequence, encodeUnsigned(modulus), encodeUnsigned(exponent))
  return encodeSpki([encodeDer(TAG.oid, OID_RSA), encodeDer(TAG.null)], key)
}

interface RawSpki {
  readonly oid: Uint8Array
  readonly parameters: Uint8Array | undefined
  readonly key: Uint8Array
}

function readSpki(der: Uint8Array): RawSpki {
  if (der.length > SPKI_BYTES_MAX) throw badKey(`a public key has at most ${SPKI_BYTES_MAX} bytes`)
  scanDer(der)
  const [algorithm, bits, ...rest] = readChildren(readDer(der, TAG.sequence))
  if (algorithm?.tag !== TAG.sequence || bits?.tag !== TAG.bitString || rest.length > 0) {
    throw badKey('not a SubjectPublicKeyInfo')
  }
  const [oid, parameters, ...more] = readChildren(algorithm)
  if (oid?.tag !== TAG.oid || more.length > 0) throw badKey('not an AlgorithmIdentifier')
  if (bits.content[0] !== 0) throw badKey('the key is not a whole number of bytes')
  return { oid: oid.content, parameters: parameters?.bytes, key: bits.content.subarray(1) }
}

function parseEc({ parameters, key }: RawSpki): SpkiKey {
  const curves = Object.keys(CURVES) as EcCurve[]
  const curve = curves.find(
    (name) => parameters && equalBytes(parameters, encodeDer(TAG.oid, CURVES[name].oid)),
  )
  if (curve === undefined) throw badKey('the curve is not P-256, P-384 or P-521')
  const size = CURVES[curve].bytes
  if (key[0] !== 4 || key.length !== 1 + 2 * size) throw badKey('expected an uncompressed point')
  const x = key.slice(1, 1 + size)
  const y = key.slice(1 + size)
  return { kind: 'ec', curve, x, y, spki: ecSpki(curve, x, y) }
}

function parseRsa({ key }: RawSpki): Extract<SpkiKey, { kind: 'rsa' }> {
  const [modulus, exponent, ...rest] = readChildren(readDer(key, TAG.sequence))
  if (rest.length > 0) throw badKey('not an RSAPublicKey')
  const n = readUnsigned(modulus).slice()
  const e = readUnsigned(exponent).slice()
  return { kind: 'rsa', n, e, modulusBits: modulusBits(n), spki: rsaSpki(n, e) }
}

function parseKnown(der: Uint8Array): SpkiKey {
  const raw = readSpki(der)
  // The parameters of a PSS key (a minimum salt, one hash) narrow its use; they are well-formed DER
  // by the scan and otherwise not looked at: the signature names its own hash and salt.
  if (equalBytes(raw.oid, OID_RSA_PSS)) return { ...parseRsa(raw), pssOnly: true }
  let key: SpkiKey
  if (equalBytes(raw.oid, OID_EC)) key = parseEc(raw)
  else if (equalBytes(raw.oid, OID_RSA)) key = parseRsa(raw)
  else if (equalBytes(raw.oid, OID_ED25519)) {
    key = { kind: 'ed25519', x: raw.key.slice(), spki: ed25519Spki(raw.key) }
  } else throw badKey(`keys of algorithm ${decodeOid(raw.oid)} are not supported`)
  if (!equalBytes(key.spki, der)) throw badKey('the key is not in canonical form')
  return key
}

/**
 * Parses a SubjectPublicKeyInfo.
 * @throws InputError `ERR_COSE_KEY` for malformed, weak, off-curve or unsupported keys.
 */
export function parseSpki(der: Uint8Array): SpkiKey {
  try {
    return parseKnown(der)
  } catch (cause) {
    if (cause instanceof InputError && cause.code === 'ERR_COSE_KEY') throw cause
    if (cause instanceof InputError) throw badKey(`not a public key: ${cause.message}`, cause)
    throw cause
  }
}
