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
  const r = unsigned(signature.subarray(0, length))
  const s = unsigned(signature.subarray(length))
  const body = 4 + r.length + s.length
  // Only P-521 needs the long form of the length.
  const header = body < 0x80 ? [SEQUENCE, body] : [SEQUENCE, LONG_FORM_ONE_BYTE, body]
  const der = new Uint8Array(header.length + body)
  der.set(header)
  writeInteger(der, header.length, r)
  writeInteger(der, header.length + 2 + r.length, s)
  return der
}

/** Shortest content of a DER INTEGER: no leading zeros but one before a high bit. */
function unsigned(bytes: Uint8Array): Uint8Array {
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1
  const significant = bytes.subarray(start)
  if (significant[0]! < 0x80) return significant
  const padded = new Uint8Array(significant.length + 1)
  padded.set(significant, 1)
  return padded
}

function writeInteger(der: Uint8Array, at: number, content: Uint8Array): void {
  der[at] = INTEGER
  der[at + 1] = content.length
  der.set(content, at + 2)
}
