/**
 * Names and URLs of a tlog-policy file are opaque octets, of which UTF-8 is only recommended. Octets
 * that are not UTF-8 become the lone surrogates U+DC80 to U+DCFF (Python's "surrogateescape"): none
 * are lost, and none can be confused with a text that is UTF-8.
 */
import { concatBytes, decodeUtf8, encodeUtf8 } from '../bytes/bytes.ts'

const SURROGATE_BASE = 0xdc00

/** The text of one item, given with one character per octet. */
export function decodeOctets(octets: string): string {
  if (/^[\x20-\x7e]*$/.test(octets)) return octets
  try {
    return decodeUtf8(Uint8Array.from(octets, (char) => char.charCodeAt(0)))
  } catch {
    return octets.replaceAll(/[\x80-\xff]/g, (char) =>
      String.fromCharCode(SURROGATE_BASE + char.charCodeAt(0)),
    )
  }
}

/** The octets of texts that {@link decodeOctets} made. */
export function encodeOctets(text: string): Uint8Array {
  // Splitting keeps the escapes, at the odd places.
  const parts = text.split(/([\udc80-\udcff]+)/u)
  return concatBytes(...parts.map((part, at) => (at % 2 === 0 ? encodeUtf8(part) : octetsOf(part))))
}

function octetsOf(escapes: string): Uint8Array {
  return Uint8Array.from(escapes, (char) => char.charCodeAt(0) - SURROGATE_BASE)
}
