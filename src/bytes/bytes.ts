/**
 * Plain operations on byte strings: joining, comparing, text. Everything is a `Uint8Array`; nothing
 * here knows a format.
 */
import { InputError } from '../errors.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Joins byte strings into a new one. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const joined = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}

/** True when both byte strings have the same length and content. Not constant time: for public data. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Lexicographic order of bytes, shorter first on a tie (RFC 8949 §4.2.1). */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) {
    const difference = a[i]! - b[i]!
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/** UTF-8 bytes of a text. */
export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text)
}

/**
 * Text of UTF-8 bytes, strictly: no replacement characters, and a byte order mark is kept.
 * @throws InputError `ERR_BYTES_ENCODING` when the bytes are not UTF-8.
 */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch (cause) {
    throw new InputError('ERR_BYTES_ENCODING', 'text is not valid UTF-8', { cause })
  }
}

/** Byte-wise AND: what of `bytes` a mask of the same length lets through. */
export function maskBytes(bytes: Uint8Array, mask: Uint8Array): Uint8Array {
  return bytes.map((byte, i) => byte & mask[i]!)
}
