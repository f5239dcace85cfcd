/**
 * SubjectPublicKeyInfo (RFC 5280 §4.1.2.7; RFC 3279, 5480, 8410, 4055) of the kinds of key that
 * Attestry accepts: P-256, P-384 and P-521 points that lie on their curve, Ed25519, and RSA of 2048
 * to 8192 bits. What is accepted is exactly what the builders here would write, so a key has one
 * spelling; the only exception is the id-RSASSA-PSS identifier, which is mapped to plain RSA. It
 * leaves out small-order Ed25519 points (`ed25519-points.ts`) and the primality of RSA moduli.
 */
import { concatBytes, equalBytes } from '../bytes/bytes.ts'
import { encodeHex } from '../bytes/hex.ts'
import { InputError } from '../errors.ts'
import {
  decodeOid,
  encodeDer,
  encodeUnsigned,
  readChildren,
  readDer,
  readUnsigned,
  scanDer,
  TAG,
  trimZeros,
} from './der.ts'
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

interface CurveFacts {
  readonly bytes: number
  readonly oid: Uint8Array
  readonly p: bigint
  readonly b: bigint
}

// SP 800-186 §3.2.1; a = -3 on all three.
const CURVES: Readonly<Record<EcCurve, CurveFacts>> = {
  'P-256': {
    bytes: 32,
    oid: Uint8Array.of(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07),
    p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
    b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
  },
  'P-384': {
    bytes: 48,
    oid: Uint8Array.of(0x2b, 0x81, 0x04, 0x00, 0x22),
    p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
  },
  'P-521': {
    bytes: 66,
    oid: Uint8Array.of(0x2b, 0x81, 0x04, 0x00, 0x23),
    p: 2n ** 521n - 1n,
    b: 0x0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00n,
  },
}

/** Length in bytes of a coordinate, and of each half of a raw ECDSA signature. */
export function curveBytes(curve: EcCurve): number {
  return CURVES[curve].bytes
}

function badKey(message: string, cause?: unknown): InputError {
  return new InputError('ERR_COSE_KEY', message, cause === undefined ? undefined : { cause })
}

function toBigInt(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${encodeHex(bytes)}`)
}

function assertOnCurve(curve: EcCurve, xBytes: Uint8Array, yBytes: Uint8Array): void {
  const { bytes, p, b } = CURVES[curve]
  if (xBytes.length !== bytes || yBytes.length !== bytes) {
    throw badKey(`coordinates of a ${curve} key are ${bytes} bytes long`)
  }
  const x = toBigInt(xBytes)
  const y = toBigInt(yBytes)
  if (x >= p || y >= p) throw badKey(`coordinate outside the field of ${curve}`)
  if ((y * y - (x * x * x - 3n * x + b)) % p !== 0n) throw badKey(`point is not on ${curve}`)
}

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
