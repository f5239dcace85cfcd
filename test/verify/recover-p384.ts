/**
 * ECDSA public key recovery on P-384 (SEC 1 §4.1.6) with BigInt: slow, for tests. The service key of
 * the Microsoft receipts is not published; the one that made a signature is recovered from it and
 * identified by the receipt's kid.
 */
import { sha384 } from '@noble/hashes/sha2.js'
import { decodeHex, encodeHex } from '../../src/bytes/hex.ts'
import { ecSpki } from '../../src/x509/spki.ts'

const P = BigInt(
  '0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff',
)
const N = BigInt(
  '0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973',
)
const B = BigInt(
  '0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef',
)
const G: Point = [
  BigInt(
    '0xaa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7',
  ),
  BigInt(
    '0x3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f',
  ),
]

type Point = readonly [bigint, bigint]

const mod = (a: bigint, m: bigint): bigint => ((a % m) + m) % m

function power(base: bigint, exponent: bigint, m: bigint): bigint {
  let result = 1n
  for (let b = mod(base, m), e = exponent; e > 0n; e /= 2n, b = (b * b) % m) {
    if (e % 2n === 1n) result = (result * b) % m
  }
  return result
}

const inverse = (a: bigint, m: bigint): bigint => power(a, m - 2n, m)

function add(p: Point | null, q: Point | null): Point | null {
  if (p === null) return q
  if (q === null) return p
  if (p[0] === q[0] && mod(p[1] + q[1], P) === 0n) return null
  const slope =
    p[0] === q[0]
      ? mod((3n * p[0] * p[0] - 3n) * inverse(2n * p[1], P), P)
      : mod((q[1] - p[1]) * inverse(q[0] - p[0], P), P)
  const x = mod(slope * slope - p[0] - q[0], P)
  return [x, mod(slope * (p[0] - x) - p[1], P)]
}

function multiply(k: bigint, p: Point): Point | null {
  let result: Point | null = null
  for (let q: Point | null = p, e = k; e > 0n; e /= 2n, q = add(q, q)) {
    if (e % 2n === 1n) result = add(result, q)
  }
  return result
}

const toBigInt = (bytes: Uint8Array): bigint => BigInt(`0x${encodeHex(bytes)}`)
const toBytes = (n: bigint): Uint8Array => decodeHex(n.toString(16).padStart(96, '0'))

/** SPKI of the two keys under which the ES384 signature over `data` verifies. */
export function recoverP384(data: Uint8Array, signature: Uint8Array): Uint8Array[] {
  const r = toBigInt(signature.subarray(0, 48))
  const s = toBigInt(signature.subarray(48))
  const z = toBigInt(sha384(data))
  const y = power(r * r * r - 3n * r + B, (P + 1n) / 4n, P)
  return [y, P - y].flatMap((root) => {
    const inverseR = inverse(r, N)
    const key = add(multiply(mod(s * inverseR, N), [r, root]), multiply(mod(-z * inverseR, N), G))
    return key === null ? [] : [ecSpki('P-384', toBytes(key[0]), toBytes(key[1]))]
  })
}
