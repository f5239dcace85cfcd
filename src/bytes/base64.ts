/**
 * Base64 (RFC 4648 §4, padded) and base64url (§5, unpadded), both strict: what does not re-encode
 * to the same text is refused, so that one value has one spelling.
 */
import { InputError } from '../errors.ts'

const CHUNK = 0x8000

/** Standard, padded base64. */
export function encodeBase64(bytes: Uint8Array): string {
  let binary = ''
  for (let i = 0; i < bytes.length; i += CHUNK) {
    binary += String.fromCharCode(...bytes.subarray(i, i + CHUNK))
  }
  return btoa(binary)
}

/**
 * Bytes of standard, padded base64.
 * @throws InputError `ERR_BYTES_ENCODING` for white space, missing padding, loose bits, other alphabets.
 */
export function decodeBase64(text: string): Uint8Array {
  let binary: string
  try {
    binary = atob(text)
  } catch (cause) {
    throw new InputError('ERR_BYTES_ENCODING', 'expected padded base64', { cause })
  }
  const bytes = new Uint8Array(binary.length)
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i)
  if (encodeBase64(bytes) !== text) {
    throw new InputError('ERR_BYTES_ENCODING', 'base64 is not in canonical form')
  }
  return bytes
}

/** Unpadded base64url. */
export function encodeBase64url(bytes: Uint8Array): string {
  return encodeBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/**
 * Bytes of unpadded base64url.
 * @throws InputError `ERR_BYTES_ENCODING` for padding, the other alphabet or loose bits.
 */
export function decodeBase64url(text: string): Uint8Array {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) {
    throw new InputError('ERR_BYTES_ENCODING', 'expected unpadded base64url')
  }
  const standard = text.replaceAll('-', '+').replaceAll('_', '/')
  return decodeBase64(standard.padEnd(Math.ceil(standard.length / 4) * 4, '='))
}
