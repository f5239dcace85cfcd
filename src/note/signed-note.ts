/**
 * C2SP signed-note: a text, a blank line, and signature lines. Parsing and encoding only; a parsed
 * note says nothing until `verify-note.ts` has found a trusted key's signature on it. The text may
 * contain blank lines, so the last one separates.
 */
import { encodeBase64 } from '../bytes/base64.ts'
import { concatBytes } from '../bytes/bytes.ts'
import { decodeHex, encodeHex } from '../bytes/hex.ts'
import { encodeText, malformed, parseBase64, parseText, splitLines } from './lines.ts'

/** Most signatures in a note; the specification demands at least 16. */
export const NOTE_SIGNATURES_MAX = 100
/** Largest note: {@link NOTE_SIGNATURES_MAX} post-quantum signatures of 5 kB fit in. */
export const NOTE_BYTES_MAX = 1_048_576

const KEY_ID_BYTES = 4
const LINE_START = '\u2014 '

/** One signature line. The pair of name and key id says which key made it, if any did. */
export interface NoteSignature {
  readonly name: string
  /** Eight lowercase hex digits. */
  readonly keyId: string
  /** What follows the key id, as the key's type defines it; never empty. */
  readonly signature: Uint8Array
}

/** A text with its signatures, none of them verified. */
export interface SignedNote {
  /** Ends in LF. */
  readonly text: string
  /** At least one. */
  readonly signatures: readonly NoteSignature[]
}

/**
 * Parses a note.
 * @throws InputError `ERR_NOTE_MALFORMED`.
 * @example
 * const note = parseSignedNote(new TextEncoder().encode('hello\n\n— example.com/a AAAAAAE=\n'))
 */
export function parseSignedNote(bytes: Uint8Array): SignedNote {
  const whole = parseText(bytes, NOTE_BYTES_MAX, 'note')
  if (bytes.some((byte) => byte < 0x20 && byte !== 0x0a)) {
    throw malformed('note contains a control character')
  }
  const blank = whole.lastIndexOf('\n\n')
  if (blank === -1) throw malformed('note has no blank line before its signatures')
  return { text: whole.slice(0, blank + 1), signatures: parseLines(whole.slice(blank + 2)) }
}

/**
 * Bytes of a note.
 * @throws InputError `ERR_NOTE_MALFORMED` for a text or a signature that a parser would not read
 *   back as the same.
 */
export function encodeSignedNote(note: SignedNote): Uint8Array {
  // Without its newline, a text could end in what then reads as a signature line.
  if (!note.text.endsWith('\n')) throw malformed('text of the note does not end in a newline')
  const lines = note.signatures.map(encodeSignatureLine).join('')
  const bytes = encodeText(`${note.text}\n${lines}`)
  parseSignedNote(bytes)
  return bytes
}

/**
 * Signature lines by themselves, as a witness answers them.
 * @throws InputError `ERR_NOTE_MALFORMED` unless there is at least one line and nothing else.
 */
export function parseSignatureLines(bytes: Uint8Array): NoteSignature[] {
  return parseLines(parseText(bytes, NOTE_BYTES_MAX, 'list of signatures'))
}

function parseLines(text: string): NoteSignature[] {
  const lines = splitLines(text, 'list of signatures')
  if (lines.length > NOTE_SIGNATURES_MAX) {
    throw malformed(`more than ${NOTE_SIGNATURES_MAX} signatures`)
  }
  return lines.map(parseSignatureLine)
}

function parseSignatureLine(line: string): NoteSignature {
  const space = line.indexOf(' ', LINE_START.length)
  if (!line.startsWith(LINE_START) || space === -1) throw malformed('not a signature line')
  const bytes = parseBase64(line.slice(space + 1), 'signature')
  if (bytes.length <= KEY_ID_BYTES) throw malformed('signature is too short to have a key id')
  return {
    name: parseKeyName(line.slice(LINE_START.length, space)),
    keyId: encodeHex(bytes.subarray(0, KEY_ID_BYTES)),
    signature: bytes.slice(KEY_ID_BYTES),
  }
}

/**
 * One signature line with its LF.
 * @throws InputError `ERR_NOTE_MALFORMED` for a name, key id or signature that is not one.
 */
export function encodeSignatureLine({ name, keyId, signature }: NoteSignature): string {
  if (!/^[0-9a-f]{8}$/.test(keyId)) throw malformed('a key id is eight lowercase hex digits')
  if (signature.length === 0) throw malformed('a signature is not empty')
  const base64 = encodeBase64(concatBytes(decodeHex(keyId), signature))
  return `${LINE_START}${parseKeyName(name)} ${base64}\n`
}

/**
 * The same text, known to be a key name.
 * @throws InputError `ERR_NOTE_MALFORMED` when it is empty or contains a Unicode space, a plus sign, a
 *   control character or a lone surrogate.
 */
export function parseKeyName(text: string): string {
  if (text === '' || /[\p{White_Space}+\u0000-\u001f\p{Surrogate}]/u.test(text)) {
    throw malformed('not a key name')
  }
  return text
}
