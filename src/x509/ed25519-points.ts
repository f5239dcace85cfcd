/**
 * Ed25519 points that no honest key or signature contains and that OpenSSL lets pass: points of
 * small order, under which one signature verifies many messages, and encodings of y that are not
 * reduced modulo p. The sign bit is ignored, so every encoding of the eight points is covered.
 */
import { decodeHex, encodeHex } from '../bytes/hex.ts'
import { InputError } from '../errors.ts'

/** y coordinates, little-endian, of the points whose order divides 8: 0, 1, p−1 and the order-8 pair. */
const SMALL_ORDER_Y: ReadonlySet<string> = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
])
const P = decodeHex('edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f')

function withoutSign(point: Uint8Array): Uint8Array {
  const y = point.slice()
  y[31] = y[31]! % 128
  return y
}

/** True when y < p, comparing from the most significant (last) byte. */
function isReduced(y: Uint8Array): boolean {
  for (let i = 31; i >= 0; i--) {
    const difference = y[i]! - P[i]!
    if (difference !== 0) return difference < 0
  }
  return false
}

/** @throws InputError `ERR_COSE_KEY` for a key of small order or with an unreduced coordinate. */
export function assertEd25519Key(x: Uint8Array): void {
  const y = withoutSign(x)
  if (!isReduced(y) || SMALL_ORDER_Y.has(encodeHex(y))) {
    throw new InputError(
      'ERR_COSE_KEY',
      'the Ed25519 key is a point of small order or not canonical',
    )
  }
}

/** True when the R half of an Ed25519 signature is encoded canonically. */
export function isCanonicalR(signature: Uint8Array): boolean {
  return isReduced(withoutSign(signature.subarray(0, 32)))
}
