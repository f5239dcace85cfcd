/** Lowercase hexadecimal, the project's text form of digests and entry ids. */
import { InputError } from '../errors.ts'

const DIGITS: readonly number[] = Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0))
/** Bytes that become one call: few enough for any stack. */
const BLOCK = 1024
const DIGEST_BYTES = 32
/** Used again for every digest: an entry id is made for each registration. */
const digestCodes: number[] = Array.from({ length: 2 * DIGEST_BYTES }, () => 0)

/** Lowercase hex of `bytes`. */
export function encodeHex(bytes: Uint8Array): string {
  if (bytes.length <= BLOCK) return encodeBlock(bytes)
  let text = ''
  for (let at = 0; at < bytes.length; at += BLOCK) {
    text += encodeBlock(bytes.subarray(at, at + BLOCK))
  }
  return text
}

function encodeBlock(bytes: Uint8Array): string {
  // One flat string: text that grows pair by pair is a chain of as many strings.
  const codes = bytes.length === DIGEST_BYTES ? digestCodes : new Array<number>(2 * bytes.length)
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!
    codes[2 * i] = DIGITS[byte >> 4]!
    codes[2 * i + 1] = DIGITS[byte & 15]!
  }
  return String.fromCharCode.apply(null, codes)
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
