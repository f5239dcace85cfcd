/**
 * Signers from key files, and new key files (design D3). Signatures are raw COSE signatures, made
 * by node:crypto. The files themselves are `private-key-file.ts`; an HSM or a KMS
 * implements the same port without them.
 */
import { constants, createPublicKey, generateKeyPair, sign } from 'node:crypto'
import type { KeyObject, SignKeyObjectInput } from 'node:crypto'
import { promisify } from 'node:util'
import { algorithmByName, assertKeyFits, defaultAlgorithm } from '../cose/algorithms.ts'
import type { Algorithm } from '../cose/algorithms.ts'
import { publicKeyFromSpki, withThumbprintKid } from '../cose/public-key.ts'
import type { PublicKey } from '../cose/public-key.ts'
import type { Signer } from '../cose/signer.ts'
import { StartError } from '../errors.ts'
import { readPrivateKey, writePrivateKey } from './private-key-file.ts'

const RSA_MODULUS_BITS = 3072
const DIGESTS = { 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' } as const

const generate = promisify(generateKeyPair)

/**
 * A signer for the private key in a file. Without a name it signs with the key's usual algorithm:
 * ES256, ES384, ES512, EdDSA, or PS256 for RSA.
 * @throws StartError `ERR_KEY_FILE` when the file is missing, not a key, or open to others.
 * @throws InputError `ERR_COSE_KEY` or `ERR_COSE_ALGORITHM` when the key is of no use here.
 */
export async function loadSigner(
  path: string,
  { algorithm }: { readonly algorithm?: string } = {},
): Promise<Signer> {
  return signerFromKey(await readPrivateKey(path), algorithm)
}

/** A signer for a private key in memory. */
export function signerFromKey(privateKey: KeyObject, algorithmName?: string): Signer {
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  const publicKey = withThumbprintKid(publicKeyFromSpki(new Uint8Array(spki)))
  const algorithm =
    algorithmName === undefined ? defaultAlgorithm(publicKey) : algorithmByName(algorithmName)
  assertKeyFits(algorithm, publicKey)
  const { digest, input } = nativeScheme(algorithm, privateKey)
  return {
    algorithm: algorithm.id,
    publicKey,
    // On this thread: a batch is signed in less time than a turn of a busy thread pool takes.
    sign: async (data) => new Uint8Array(sign(digest, data, input)),
  }
}

function nativeScheme(
  { scheme }: Algorithm,
  key: KeyObject,
): { digest: string | undefined; input: SignKeyObjectInput } {
  switch (scheme.kind) {
    case 'ecdsa':
      return { digest: DIGESTS[scheme.hash], input: { key, dsaEncoding: 'ieee-p1363' } }
    case 'rsa-pss': {
      const padding = constants.RSA_PKCS1_PSS_PADDING
      const { saltLength } = scheme
      return { digest: DIGESTS[scheme.hash], input: { key, padding, saltLength } }
    }
    case 'ed25519':
      return { digest: undefined, input: { key } }
    case 'rsa-pkcs1':
      throw new StartError('ERR_KEY_FILE', 'nothing is signed with RSASSA-PKCS1-v1_5')
  }
}

/**
 * Makes a key for the named COSE algorithm and writes the private half to `path`, mode 0600.
 * @throws InputError `ERR_COSE_ALGORITHM` for an unknown name.
 * @throws the system's error, `EEXIST` when there is such a file.
 */
export async function generateKeyFile(path: string, algorithmName: string): Promise<PublicKey> {
  const { publicKey, privateKey } = await generateFor(algorithmByName(algorithmName))
  await writePrivateKey(path, privateKey)
  const spki = publicKey.export({ format: 'der', type: 'spki' })
  return withThumbprintKid(publicKeyFromSpki(new Uint8Array(spki)))
}

function generateFor({ key }: Algorithm): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> {
  switch (key.kind) {
    case 'ec':
      return generate('ec', { namedCurve: key.curve })
    case 'ed25519':
      return generate('ed25519')
    case 'rsa':
      return generate('rsa', { modulusLength: RSA_MODULUS_BITS })
  }
}
