/**
 * Verifier keys (C2SP signed-note, "vkeys"): `<name>+<key id>+<base64(type, public key)>`, for the two
 * Ed25519 types: 0x01 signs a note's text, 0x04 cosigns checkpoints. Leaves out ECDSA (0x02), RFC 6962
 * (0x05) and ML-DSA-44 (0x06): their signatures stay in a note as unknown ones.
 */
import { decodeBase64, encodeBase64 } from '../bytes/base64.ts'
import { concatBytes } from '../bytes/bytes.ts'
import { sha256 } from '../bytes/digest.ts'
import { encodeHex } from '../bytes/hex.ts'
import { InputError } from '../errors.ts'
import { assertEd25519Key } from '../x509/ed25519-points.ts'
import { ed25519Spki } from '../x509/spki.ts'
import { encodeText } from './lines.ts'
import { parseKeyName } from './signed-note.ts'

/** What a key signs. */
export type NoteKeyKind =
  | 'ed25519' // 0x01: the text of a note
  | 'cosignature/v1' // 0x04: a checkpoint and a time (tlog-cosignature)

/** Signature type bytes of C2SP signed-note. */
export const NOTE_KEY_TYPES: Readonly<Record<NoteKeyKind, number>> = {
  ed25519: 0x01,
  'cosignature/v1': 0x04,
}

/** A key that was found to be sound. Notes name it by (name, key id). */
export interface VerifierKey {
  readonly kind: NoteKeyKind
  readonly name: string
  /** Eight lowercase hex digits. */
  readonly keyId: string
  /** 32 bytes (RFC 8032). */
  readonly publicKey: Uint8Array
  /** The same key as SubjectPublicKeyInfo. */
  readonly spki: Uint8Array
}

/** What makes a verifier key. */
export interface VerifierKeyParts {
  readonly kind: NoteKeyKind
  readonly name: string
  readonly publicKey: Uint8Array
}

/** SHA-256(name ‖ LF ‖ type ‖ public key)[0:4] in hex. */
export function computeKeyId({ kind, name, publicKey }: VerifierKeyParts): string {
  const type = Uint8Array.of(0x0a, NOTE_KEY_TYPES[kind])
  return encodeHex(sha256(concatBytes(encodeText(name), type, publicKey)).subarray(0, 4))
}

/**
 * A verifier key from its parts.
 * @throws InputError `ERR_NOTE_KEY` for a bad name, or a public key that is not 32 bytes, not
 *   canonical or of small order.
 */
export function createVerifierKey(parts: VerifierKeyParts): VerifierKey {
  const { kind, name, publicKey } = parts
  try {
    parseKeyName(name)
    const spki = ed25519Spki(publicKey)
    assertEd25519Key(publicKey)
    return { kind, name, keyId: computeKeyId(parts), publicKey, spki }
  } catch (cause) {
    if (cause instanceof InputError) throw badKey(cause.message, cause)
    throw cause
  }
}

/**
 * Parses a vkey.
 * @throws InputError `ERR_NOTE_KEY`, also for key types that are not supported.
 * @example
 * parseVerifierKey('example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k')
 */
export function parseVerifierKey(text: string): VerifierKey {
  // The base64 may contain plus signs of its own; a name never does.
  const match = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(text)
  if (match === null) throw badKey('not of the form <name>+<key id>+<base64>')
  const [, name, keyId, base64] = match as unknown as [string, string, string, string]
  let typed: Uint8Array
  try {
    typed = decodeBase64(base64)
  } catch (cause) {
    throw badKey('its last part is not canonical base64', cause)
  }
  const kinds = Object.keys(NOTE_KEY_TYPES) as NoteKeyKind[]
  const kind = kinds.find((candidate) => NOTE_KEY_TYPES[candidate] === typed[0])
  if (kind === undefined) throw badKey(`signature type ${typed[0] ?? 'missing'} is not supported`)
  const key = createVerifierKey({ kind, name, publicKey: typed.slice(1) })
  if (key.keyId !== keyId) throw badKey(`its key id is ${key.keyId}, not ${keyId}`)
  return key
}

/** The text of a key, for configuration files. */
export function encodeVerifierKey({ kind, name, keyId, publicKey }: VerifierKey): string {
  const typed = concatBytes(Uint8Array.of(NOTE_KEY_TYPES[kind]), publicKey)
  return `${name}+${keyId}+${encodeBase64(typed)}`
}

function badKey(message: string, cause?: unknown): InputError {
  const options = cause === undefined ? undefined : { cause }
  return new InputError('ERR_NOTE_KEY', `verifier key: ${message}`, options)
}
