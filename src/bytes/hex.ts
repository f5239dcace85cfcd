/** Lowercase hexadecimal, the project's text form of digests and entry ids. */
import { InputError } from '../errors.ts'

const PAIRS: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, '0'),
)

/** Lowercase hex of `bytes`. */
export function encodeHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += PAIRS[byte]!
  return text
}

/**
 * Bytes of lowercase hex.
 * @throws InputError `ERR_BYTES_ENCODING` for an odd length, upper case or any other character.
 */
export function decodeHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text)) {
    throw new InputError('ERR_BYTES_ENCODING', 'expected lowercase hex of even length')
  }
  const bytes = new Uint8Array(text.length / 2)
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16)
  }
  return bytes
}
