/**
 * Signature verification with WebCrypto: the portable default. The server injects node:crypto
 * behind the same port where speed counts. Keys reach this point already bound to the scheme.
 */
import type { SignatureScheme, SignatureVerifier } from '../x509/signature-verifier.ts'

type Parameters = RsaHashedImportParams & EcKeyImportParams & EcdsaParams & RsaPssParams

function parameters(scheme: SignatureScheme): Parameters {
  const all = (values: Record<string, unknown>): Parameters => values as unknown as Parameters
  switch (scheme.kind) {
    case 'ecdsa':
      return all({ name: 'ECDSA', namedCurve: scheme.curve, hash: scheme.hash })
    case 'rsa-pss':
      return all({ name: 'RSA-PSS', hash: scheme.hash, saltLength: scheme.saltLength })
    case 'rsa-pkcs1':
      return all({ name: 'RSASSA-PKCS1-v1_5', hash: scheme.hash })
    case 'ed25519':
      return all({ name: 'Ed25519' })
  }
}

// WebCrypto's types want views of a plain ArrayBuffer; what we hold is never shared memory.
const source = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => bytes as Uint8Array<ArrayBuffer>

/** A {@link SignatureVerifier} over `globalThis.crypto`. A key that does not import verifies nothing. */
export const webCryptoVerifier: SignatureVerifier = {
  async verify({ scheme, spki, data, signature }) {
    const { subtle } = globalThis.crypto
    const algorithm = parameters(scheme)
    let key: CryptoKey
    try {
      key = await subtle.importKey('spki', source(spki), algorithm, false, ['verify'])
    } catch {
      return false
    }
    if (!isWhole(key, signature)) return false
    try {
      return await subtle.verify(algorithm, key, source(signature), source(data))
    } catch {
      // A PSS salt longer than the key allows is an error here and a wrong signature to OpenSSL.
      return false
    }
  },
}

/** RFC 8017 §8.1.2 and §8.2.2, step 1; engines also take an RSA signature without its leading zeros. */
function isWhole({ algorithm }: CryptoKey, { length }: Uint8Array): boolean {
  const { modulusLength } = algorithm as Partial<RsaHashedKeyAlgorithm>
  return modulusLength === undefined || length === Math.ceil(modulusLength / 8)
}
