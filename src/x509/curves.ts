/** The curves of ECDSA keys (SP 800-186 §3.2.1), and whether a point lies on one. */
import { encodeHex } from '../bytes/hex.ts'
import { InputError } from '../errors.ts'
import type { EcCurve } from './signature-verifier.ts'

interface CurveFacts {
  readonly bytes: number
  readonly oid: Uint8Array
  readonly p: bigint
  readonly b: bigint
}

// SP 800-186 §3.2.1; a = -3 on all three.
export const CURVES: Readonly<Record<EcCurve, CurveFacts>> = {
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

export function badKey(message: string, cause?: unknown): InputError {
  return new InputError('ERR_COSE_KEY', message, cause === undefined ? undefined : { cause })
}

export function toBigInt(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${encodeHex(bytes)}`)
}

export function assertOnCurve(curve: EcCurve, xBytes: Uint8Array, yBytes: Uint8Array): void {
  const { bytes, p, b } = CURVES[curve]
  if (xBytes.length !== bytes || yBytes.length !== bytes) {
    throw badKey(`coordinates of a ${curve} key are ${bytes} bytes long`)
  }
  const x = toBigInt(xBytes)
  const y = toBigInt(yBytes)
  if (x >= p || y >= p) throw badKey(`coordinate outside the field of ${curve}`)
  if ((y * y - (x * x * x - 3n * x + b)) % p !== 0n) throw badKey(`point is not on ${curve}`)
}
