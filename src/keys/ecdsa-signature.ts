/**
 * ECDSA signatures from COSE's form (RFC 9053 §2.1: r ‖ s, each of the curve's length) to the DER
 * form that OpenSSL takes. Done here because node:crypto's own conversion is slow on Node 24 and
 * does not insist on the length (libraries §7).
 */
import type { EcCurve } from '../x509/signature-verifier.ts'

const FIELD_BYTES: Readonly<Record<EcCurve, number>> = { 'P-256': 32, 'P-384': 48, 'P-521': 66 }
const SEQUENCE = 0x30
const INTEGER = 0x02
const LONG_FORM_ONE_BYTE = 0x81

/** The DER form, or `undefined` unless the signature has exactly the curve's length. */
export function ecdsaDer(signature: Uint8Array, curve: EcCurve): Uint8Array | undefined {
  const length = FIELD_BYTES[curve]
  if (signature.length !== 2 * length) return undefined
  const [r, s] = [integerAt(signature, 0, length), integerAt(signature, length, length)]
  const body = 4 + r.length + s.length
  // Only P-521 needs the long form of the length.
  const isLong = body >= 0x80
  const der = new Uint8Array((isLong ? 3 : 2) + body)
  der[0] = SEQUENCE
  if (isLong) der[1] = LONG_FORM_ONE_BYTE
  der[isLong ? 2 : 1] = body
  const next = writeInteger(der, isLong ? 3 : 2, signature, r)
  writeInteger(der, next, signature, s)
  return der
}

/** Where the shortest content of a DER INTEGER is: no leading zeros but one before a high bit. */
interface IntegerPlace {
  readonly start: number
  readonly end: number
  /** Of the content. */
  readonly length: number
}

/** Places and not views: a view costs more than the copy of its 32 bytes. */
function integerAt(bytes: Uint8Array, from: number, length: number): IntegerPlace {
  const end = from + length
  let start = from
  while (start < end - 1 && bytes[start] === 0) start += 1
  return { start, end, length: end - start + (bytes[start]! < 0x80 ? 0 : 1) }
}

/** Returns where the next one goes. */
function writeInteger(
  der: Uint8Array,
  at: number,
  bytes: Uint8Array,
  { start, end, length }: IntegerPlace,
): number {
  der[at] = INTEGER
  der[at + 1] = length
  const next = at + 2 + length
  for (let from = end - 1, to = next - 1; from >= start; from--, to--) der[to] = bytes[from]!
  return next
}
