/** Note signers over fresh Ed25519 keys, and notes, for tests of C2SP formats. */
import { generateKeyPairSync, sign } from 'node:crypto'
import type { NoteSigner } from '../../src/note/note-signer.ts'

/** A signer with a fresh key under this name. */
export function noteSigner(name: string): NoteSigner {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const { x } = publicKey.export({ format: 'jwk' })
  return {
    name,
    publicKey: new Uint8Array(Buffer.from(x!, 'base64url')),
    sign: async (data) => new Uint8Array(sign(null, data, privateKey)),
  }
}
