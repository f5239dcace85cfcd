/**
 * What C2SP's text formats share: lines that end in LF, a header that ends at a blank line, decimals
 * without leading zeros and canonical base64. Values have one spelling, so that parsing and encoding
 * give the same bytes again. The formats themselves are the other files of this room.
 */
import { decodeBase64, encodeBase64 } from '../bytes/base64.ts'
import { decodeUtf8, encodeUtf8 } from '../bytes/bytes.ts'
import { InputError } from '../errors.ts'
import { HASH_BYTES, parseHash } from '../merkle/hasher.ts'
import type { NodeHash } from '../merkle/hasher.ts'

/** Largest index, size or timestamp: tlog-cosignature says so, and no tree is larger. */
export const WIRE_DECIMAL_MAX: bigint = 2n ** 63n - 1n

/** Most hashes in a proof of any C2SP format: the height of a tree of 2^63−1 leaves. */
export const PROOF_LINES_MAX = 63

const LF = 0x0a

/** The refusal of a text that is not of its format. */
export function malformed(message: string, cause?: unknown): InputError {
  return new InputError('ERR_NOTE_MALFORMED', message, cause === undefined ? undefined : { cause })
}

/**
 * A decimal in 0..2^63−1 without sign or leading zeros.
 * @throws InputError `ERR_NOTE_MALFORMED`.
 */
export function parseWireDecimal(text: string, what: string): bigint {
  if (!/^(0|[1-9][0-9]{0,18})$/.test(text)) throw malformed(`${what} is not a canonical decimal`)
  const value = BigInt(text)
  if (value > WIRE_DECIMAL_MAX) throw malformed(`${what} ${text} is over 2^63-1`)
  return value
}

/**
 * The decimal of a value in 0..2^63−1; a number must be a safe integer.
 * @throws InputError `ERR_NOTE_MALFORMED`.
 */
export function encodeWireDecimal(value: number | bigint, what: string): string {
  const isExact = typeof value === 'bigint' || Number.isSafeInteger(value)
  if (!isExact || value < 0 || value > WIRE_DECIMAL_MAX) {
    throw malformed(`${what} ${value} is not an integer in 0..2^63-1`)
  }
  return String(value)
}

/**
 * Bytes of canonical, padded base64; an empty text is empty bytes.
 * @throws InputError `ERR_NOTE_MALFORMED`.
 */
export function parseBase64(text: string, what: string): Uint8Array {
  try {
    return decodeBase64(text)
  } catch (cause) {
    throw malformed(`${what} is not canonical base64`, cause)
  }
}

/**
 * One hash of 32 bytes in base64.
 * @throws InputError `ERR_NOTE_MALFORMED`.
 */
export function parseHashLine(text: string, what: string): NodeHash {
  const bytes = parseBase64(text, what)
  if (bytes.length !== HASH_BYTES) throw malformed(`${what} is not ${HASH_BYTES} bytes long`)
  return parseHash(bytes)
}

/** @throws InputError `ERR_NOTE_MALFORMED` unless there are at most 63 hashes of 32 bytes. */
export function encodeHashLines(hashes: readonly Uint8Array[]): string {
  if (hashes.length > PROOF_LINES_MAX) throw malformed(`more than ${PROOF_LINES_MAX} hashes`)
  if (hashes.some((hash) => hash.length !== HASH_BYTES)) {
    throw malformed(`a hash of the proof is not ${HASH_BYTES} bytes long`)
  }
  return hashes.map((hash) => `${encodeBase64(hash)}\n`).join('')
}

/** @throws InputError `ERR_NOTE_MALFORMED` for more than 63 lines, or a line that is not a hash. */
export function parseHashLines(lines: readonly string[]): NodeHash[] {
  if (lines.length > PROOF_LINES_MAX) throw malformed(`more than ${PROOF_LINES_MAX} proof lines`)
  return lines.map((line) => parseHashLine(line, 'a hash of the proof'))
}

/**
 * Text of UTF-8 bytes within a limit.
 * @throws InputError `ERR_NOTE_MALFORMED`.
 */
export function parseText(bytes: Uint8Array, bytesMax: number, what: string): string {
  if (bytes.length > bytesMax) throw malformed(`${what} is larger than ${bytesMax} bytes`)
  try {
    return decodeUtf8(bytes)
  } catch (cause) {
    throw malformed(`${what} is not valid UTF-8`, cause)
  }
}

/**
 * Bytes of a text of ours. A lone surrogate has none; encoding it anyway would sign another text.
 * @throws InputError `ERR_NOTE_MALFORMED`.
 */
export function encodeText(text: string): Uint8Array {
  const bytes = encodeUtf8(text)
  if (decodeUtf8(bytes) !== text) throw malformed('text is not well-formed Unicode')
  return bytes
}

/**
 * The lines of a text, without their LF.
 * @throws InputError `ERR_NOTE_MALFORMED` unless the last line ends in LF too.
 */
export function splitLines(text: string, what: string): string[] {
  if (!text.endsWith('\n')) throw malformed(`${what} does not end in a newline`)
  return text.slice(0, -1).split('\n')
}

/** A document of header lines, a blank line, and something else. */
export interface HeadedDocument {
  readonly header: readonly string[]
  readonly rest: Uint8Array
}

/**
 * Cuts a document at its first blank line.
 * @throws InputError `ERR_NOTE_MALFORMED` when there is none, or the header is over `headerBytesMax`.
 */
export function cutAtBlankLine(
  bytes: Uint8Array,
  headerBytesMax: number,
  what: string,
): HeadedDocument {
  let at = bytes.indexOf(LF)
  while (at !== -1 && bytes[at + 1] !== LF) at = bytes.indexOf(LF, at + 1)
  if (at === -1) throw malformed(`${what} has no blank line before its checkpoint`)
  const header = parseText(bytes.subarray(0, at), headerBytesMax, `header of the ${what}`)
  return { header: header.split('\n'), rest: bytes.subarray(at + 2) }
}
