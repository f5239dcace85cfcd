/**
 * The signatures of a note under known keys (C2SP signed-note, "Signatures"). Lines of unknown keys
 * are ignored, even when the name or the key id alone is known; a known key's line must verify, and
 * one that does not condemns the whole note. Cosignatures use the same rule through `cosignature.ts`.
 */
import { equalBytes } from '../bytes/bytes.ts'
import { InputError, VerificationError } from '../errors.ts'
import { isCanonicalR } from '../x509/ed25519-points.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import { encodeText } from './lines.ts'
import type { NoteSignature, SignedNote } from './signed-note.ts'
import type { NoteKeyKind, VerifierKey } from './verifier-key.ts'

const ED25519_SIGNATURE_BYTES = 64

/** A note, the keys that count, and what checks a signature. */
export interface NoteVerification {
  readonly note: SignedNote
  /** All of type 0x01. */
  readonly keys: readonly VerifierKey[]
  readonly verifier: SignatureVerifier
}

/**
 * The keys that signed the note, each once.
 * @throws VerificationError `ERR_NOTE_SIGNATURE` when a known key's signature fails, or there is no
 *   signature by a known key.
 * @throws InputError `ERR_NOTE_KEY` when the keys are of another type or cannot be told apart.
 */
export async function verifyNote({
  note,
  keys,
  verifier,
}: NoteVerification): Promise<readonly VerifierKey[]> {
  const data = encodeText(note.text)
  const signed = new Set<VerifierKey>()
  for (const { key, signature } of matchKeys(note.signatures, keys, 'ed25519')) {
    await verifyEd25519({ key, data, signature: signature.signature, verifier })
    signed.add(key)
  }
  if (signed.size === 0) {
    throw new VerificationError(
      'ERR_NOTE_SIGNATURE',
      'no known key signed the note: it is not of this log, or of a newer key, which has to be named, too',
    )
  }
  return [...signed]
}

/** A signature line and the known key that it names. */
export interface MatchedSignature {
  readonly key: VerifierKey
  readonly signature: NoteSignature
}

/**
 * The signature lines that name one of the keys; all others are left out.
 * @throws InputError `ERR_NOTE_KEY` for a key of another kind, or two keys with one name and id.
 */
export function matchKeys(
  signatures: readonly NoteSignature[],
  keys: readonly VerifierKey[],
  kind: NoteKeyKind,
): MatchedSignature[] {
  const known = new Map<string, VerifierKey>()
  for (const key of keys) {
    if (key.kind !== kind) {
      throw new InputError('ERR_NOTE_KEY', `the key of ${key.name} is not for ${kind} signatures`)
    }
    const other = known.get(nameAndId(key))
    if (other !== undefined && !equalBytes(other.publicKey, key.publicKey)) {
      throw new InputError('ERR_NOTE_KEY', `two keys have the name and id ${nameAndId(key)}`)
    }
    known.set(nameAndId(key), other ?? key)
  }
  return signatures.flatMap((signature) => {
    const key = known.get(nameAndId(signature))
    return key === undefined ? [] : [{ key, signature }]
  })
}

// Names have no plus sign, so that the pair reads in one way only.
function nameAndId({ name, keyId }: { readonly name: string; readonly keyId: string }): string {
  return `${name}+${keyId}`
}

/** One raw Ed25519 signature to check. */
export interface Ed25519Signature {
  readonly key: VerifierKey
  readonly data: Uint8Array
  readonly signature: Uint8Array
  readonly verifier: SignatureVerifier
}

/** @throws VerificationError `ERR_NOTE_SIGNATURE` unless the signature is canonical and verifies. */
export async function verifyEd25519({
  key,
  data,
  signature,
  verifier,
}: Ed25519Signature): Promise<void> {
  const isWellFormed = signature.length === ED25519_SIGNATURE_BYTES && isCanonicalR(signature)
  const scheme = { kind: 'ed25519' } as const
  if (!isWellFormed || !(await verifier.verify({ scheme, spki: key.spki, data, signature }))) {
    throw new VerificationError('ERR_NOTE_SIGNATURE', `signature of ${key.name} does not verify`)
  }
}
