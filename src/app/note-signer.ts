/** An Ed25519 key file as a signer of C2SP notes: a log's checkpoint key, or a witness's key. */
import type { Signer } from '../cose/signer.ts'
import { StartError } from '../errors.ts'
import { loadSigner } from '../keys/file-signer.ts'
import type { NoteSigner } from '../note/note-signer.ts'

/** @throws StartError `ERR_KEY_FILE` when the file is missing, open to others or no Ed25519 key. */
export async function loadNoteSigner(path: string, name: string): Promise<NoteSigner> {
  return noteSignerOf(await loadSigner(path), name, path)
}

/** @throws StartError `ERR_KEY_FILE` unless it is an Ed25519 key. */
export function noteSignerOf(signer: Signer, name: string, path: string): NoteSigner {
  const { publicKey } = signer
  if (publicKey.kind !== 'ed25519') {
    throw new StartError('ERR_KEY_FILE', `the key file ${path} holds no Ed25519 key`)
  }
  return { name, publicKey: publicKey.x, sign: (data) => signer.sign(data) }
}
