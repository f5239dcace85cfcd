/** A {@link SignatureVerifier} on node:crypto for tests of rooms below `keys/`: small, synchronous inside. */
import { constants, createPublicKey, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import type {
  SignatureRequest,
  SignatureScheme,
  SignatureVerifier,
} from '../../src/x509/signature-verifier.ts'

function checkSignature({ scheme, spki, data, signature }: SignatureRequest): boolean {
  const key: KeyObject = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  switch (scheme.kind) {
    case 'ed25519':
      return verify(null, data, key, signature)
    case 'ecdsa':
      return verify(scheme.hash, data, { key, dsaEncoding: 'ieee-p1363' }, signature)
    case 'rsa-pkcs1':
      return verify(scheme.hash, data, { key, padding: constants.RSA_PKCS1_PADDING }, signature)
    case 'rsa-pss': {
      const padding = constants.RSA_PKCS1_PSS_PADDING
      return verify(scheme.hash, data, { key, padding, saltLength: scheme.saltLength }, signature)
    }
  }
}

export const nodeSignatureVerifier: SignatureVerifier = {
  verify: (request) => Promise.resolve(checkSignature(request)),
}

/** The same, and a list of the schemes it was asked for. */
export function countingVerifier(): SignatureVerifier & { readonly schemes: SignatureScheme[] } {
  const schemes: SignatureScheme[] = []
  return {
    schemes,
    verify: (request) => {
      schemes.push(request.scheme)
      return Promise.resolve(checkSignature(request))
    },
  }
}
