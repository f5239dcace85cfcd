/**
 * The port to a private Ed25519 key that signs notes under a name: a log's checkpoint key or a
 * witness's key, never both (design D3). Where the key lives is `keys/`'s business.
 */
import { assertInvariant } from '../errors.ts'
import { encodeText } from './lines.ts'
import type { NoteSignature } from './signed-note.ts'
import { createVerifierKey } from './verifier-key.ts'
import type { NoteKeyKind, VerifierKey } from './verifier-key.ts'

/** A private key with its name. */
export interface NoteSigner {
  /** Key name: the log's origin, or the witness's name. */
  readonly name: string
  /** The public half, 32 bytes. */
  readonly publicKey: Uint8Array
  /** Raw Ed25519 signature (RFC 8032) over `data`, 64 bytes. */
  sign(data: Uint8Array): Promise<Uint8Array>
}

const SIGNATURE_BYTES = 64

/**
 * The verifier key, with its key id, under which a signer's signatures of this kind are found.
 * @throws InputError `ERR_NOTE_KEY` when the signer's name or public key is not sound.
 */
export function verifierKeyOf(
  { name, publicKey }: Pick<NoteSigner, 'name' | 'publicKey'>,
  kind: NoteKeyKind,
): VerifierKey {
  return createVerifierKey({ kind, name, publicKey })
}

/**
 * A raw signature by the signer.
 * @throws InvariantError when the signer returns something that is not an Ed25519 signature.
 */
export async function signBytes(signer: NoteSigner, data: Uint8Array): Promise<Uint8Array> {
  const signature = await signer.sign(data)
  assertInvariant(
    signature.length === SIGNATURE_BYTES,
    `signer ${signer.name} returned ${signature.length} bytes instead of ${SIGNATURE_BYTES}`,
  )
  return signature
}

/**
 * A signature of type 0x01 over a note's text.
 * @throws InputError `ERR_NOTE_MALFORMED` | `ERR_NOTE_KEY`.
 */
export async function signNoteText(text: string, signer: NoteSigner): Promise<NoteSignature> {
  const { name, keyId } = verifierKeyOf(signer, 'ed25519')
  return { name, keyId, signature: await signBytes(signer, encodeText(text)) }
}
