/**
 * C2SP tlog-cosignature, `cosignature/v1` (Ed25519, type 0x04): a cosigner says that at this time the
 * checkpoint was of the largest consistent tree that it had seen for the origin. The cosigner's name
 * is not signed, so every cosigner has a key of its own. Leaves out ML-DSA-44 and subtrees (0x06).
 */
import { concatBytes } from '../bytes/bytes.ts'
import type { UnixSeconds } from '../bytes/integers.ts'
import { assertInvariant, VerificationError } from '../errors.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import type { SignedCheckpoint } from './checkpoint.ts'
import { encodeText, encodeWireDecimal } from './lines.ts'
import { signBytes, verifierKeyOf } from './note-signer.ts'
import type { NoteSigner } from './note-signer.ts'
import type { NoteSignature } from './signed-note.ts'
import { matchKeys, verifyEd25519 } from './verify-note.ts'
import type { VerifierKey } from './verifier-key.ts'

const TIMESTAMP_BYTES = 8

/** A cosignature that verified. */
export interface Cosignature {
  readonly key: VerifierKey
  readonly timestamp: UnixSeconds
  /** The line as it was in the note. */
  readonly signature: NoteSignature
}

/** The bytes that a cosigner signs: header, time, and the checkpoint's text with extension lines. */
export function encodeCosignatureMessage(text: string, timestamp: UnixSeconds): Uint8Array {
  const time = encodeWireDecimal(timestamp, 'timestamp')
  return encodeText(`cosignature/v1\ntime ${time}\n${text}`)
}

/**
 * Cosigns a checkpoint. The caller has persisted it as the largest one for its origin.
 * @throws InputError `ERR_NOTE_KEY`; InvariantError for a timestamp that is not a positive integer.
 */
export async function signCosignature({
  checkpoint,
  timestamp,
  signer,
}: {
  readonly checkpoint: SignedCheckpoint
  readonly timestamp: UnixSeconds
  readonly signer: NoteSigner
}): Promise<NoteSignature> {
  // A witness must not answer with timestamp 0 (tlog-witness).
  assertInvariant(Number.isSafeInteger(timestamp) && timestamp > 0, 'a cosignature has a time')
  const { name, keyId } = verifierKeyOf(signer, 'cosignature/v1')
  const raw = await signBytes(signer, encodeCosignatureMessage(checkpoint.note.text, timestamp))
  const time = new Uint8Array(TIMESTAMP_BYTES)
  new DataView(time.buffer).setBigUint64(0, BigInt(timestamp))
  return { name, keyId, signature: concatBytes(time, raw) }
}

/** A checkpoint, the cosigners that count, and what checks a signature. */
export interface CosignatureVerification {
  readonly checkpoint: SignedCheckpoint
  /** All of type 0x04. */
  readonly keys: readonly VerifierKey[]
  readonly verifier: SignatureVerifier
  /** A cosignature of a later time does not verify. */
  readonly notAfter?: UnixSeconds
}

/**
 * The cosignatures by known keys, the latest of each key; none at all is not an error here, because
 * a policy decides how many it takes.
 * @throws VerificationError `ERR_NOTE_SIGNATURE` when a known key's cosignature fails.
 * @throws InputError `ERR_NOTE_KEY` when the keys are of another type or cannot be told apart.
 */
export async function verifyCosignatures({
  checkpoint,
  keys,
  verifier,
  notAfter,
}: CosignatureVerification): Promise<readonly Cosignature[]> {
  const latest = new Map<VerifierKey, Cosignature>()
  for (const { key, signature } of matchKeys(checkpoint.note.signatures, keys, 'cosignature/v1')) {
    const timestamp = readTimestamp(key, signature.signature)
    if (notAfter !== undefined && timestamp > notAfter) {
      throw failed(key, 'has a time in the future')
    }
    const data = encodeCosignatureMessage(checkpoint.note.text, timestamp)
    const raw = signature.signature.subarray(TIMESTAMP_BYTES)
    await verifyEd25519({ key, data, signature: raw, verifier })
    const other = latest.get(key)
    if (other === undefined || other.timestamp < timestamp) {
      latest.set(key, { key, timestamp, signature })
    }
  }
  return [...latest.values()]
}

function readTimestamp(key: VerifierKey, timestamped: Uint8Array): UnixSeconds {
  if (timestamped.length < TIMESTAMP_BYTES) throw failed(key, 'is too short')
  const view = new DataView(timestamped.buffer, timestamped.byteOffset, TIMESTAMP_BYTES)
  const timestamp = Number(view.getBigUint64(0))
  // Whatever is above 2^53-1 seconds is in the future of everybody.
  if (!Number.isSafeInteger(timestamp)) throw failed(key, 'has a time in the far future')
  return timestamp
}

function failed(key: VerifierKey, reason: string): VerificationError {
  return new VerificationError('ERR_NOTE_SIGNATURE', `cosignature of ${key.name} ${reason}`)
}
