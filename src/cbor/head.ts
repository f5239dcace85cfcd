/**
 * The head of one CBOR item (RFC 8949 §3): its kind, its argument, and where its content begins.
 */
import { InputError } from '../errors.ts'

export interface CborHead {
  readonly major: number
  readonly info: number
  /** Argument, rounded above 2^53−1, where only `exact` may be compared. */
  readonly value: number
  readonly exact: string
  readonly next: number
}

/** Reads the head at `offset`. @throws InputError for a truncated, reserved or indefinite head. */
export function readHead(bytes: Uint8Array, offset: number): CborHead {
  const initial = bytes[offset]
  if (initial === undefined) throw new InputError('ERR_CBOR_MALFORMED', 'CBOR ends early')
  const major = initial >> 5
  const info = initial & 31
  if (info < 24) return { major, info, value: info, exact: String(info), next: offset + 1 }
  if (info === 31) {
    throw new InputError('ERR_CBOR_FORBIDDEN', 'indefinite-length CBOR is not accepted')
  }
  if (info > 27) throw new InputError('ERR_CBOR_MALFORMED', 'reserved CBOR head')
  const length = 2 ** (info - 24)
  const next = offset + 1 + length
  if (next > bytes.length) throw new InputError('ERR_CBOR_MALFORMED', 'CBOR ends early')
  let value = 0
  for (let i = offset + 1; i < next; i++) value = value * 256 + bytes[i]!
  const exact = Number.isSafeInteger(value) ? String(value) : exactArgument(bytes, offset + 1)
  return { major, info, value, exact, next }
}

function exactArgument(bytes: Uint8Array, offset: number): string {
  return String(new DataView(bytes.buffer, bytes.byteOffset + offset, 8).getBigUint64(0))
}

/** The value of a float, whose bits are in its head. */
export function floatOf(bytes: Uint8Array, { info, next }: CborHead): number {
  const length = 2 ** (info - 24)
  const view = new DataView(bytes.buffer, bytes.byteOffset + next - length, length)
  if (length === 8) return view.getFloat64(0)
  if (length === 4) return view.getFloat32(0)
  const half = view.getUint16(0) % 0x8000
  const exponent = Math.floor(half / 1024)
  const fraction = half % 1024
  if (exponent === 31) return Number.NaN
  return exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25)
}
