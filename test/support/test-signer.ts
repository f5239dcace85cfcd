/** Signers over fresh keys, for tests that need an issuer or a service. */
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { algorithmByName, type Algorithm } from '../../src/cose/algorithms.ts'
import { publicKeyFromSpki, withThumbprintKid, type PublicKey } from '../../src/cose/public-key.ts'
import type { Signer } from '../../src/cose/signer.ts'

function generate(algorithm: Algorithm): { privateKey: KeyObject; publicKey: KeyObject } {
  switch (algorithm.key.kind) {
    case 'ec':
      return generateKeyPairSync('ec', { namedCurve: algorithm.key.curve })
    case 'ed25519':
      return generateKeyPairSync('ed25519')
    case 'rsa':
      return generateKeyPairSync('rsa', { modulusLength: 2048 })
  }
}

/** A signer over an existing private key. */
export function signerFor(name: string, privateKey: KeyObject, publicKey: PublicKey): Signer {
  const algorithm = algorithmByName(name)
  const { scheme } = algorithm
  return {
    algorithm: algorithm.id,
    publicKey: withThumbprintKid(publicKey),
    sign: (data) => {
      const hash = scheme.kind === 'ed25519' ? null : scheme.hash
      const options = scheme.kind === 'rsa-pss' ? { padding: 6, saltLength: scheme.saltLength } : {}
      return Promise.resolve(
        new Uint8Array(
          sign(hash, data, { key: privateKey, dsaEncoding: 'ieee-p1363', ...options }),
        ),
      )
    },
  }
}

/** A signer with a fresh key for the named COSE algorithm. */
export function testSigner(name = 'ES256'): Signer & { readonly privateKey: KeyObject } {
  const { privateKey, publicKey } = generate(algorithmByName(name))
  const key = publicKeyFromSpki(new Uint8Array(publicKey.export({ format: 'der', type: 'spki' })))
  return { ...signerFor(name, privateKey, key), privateKey }
}
