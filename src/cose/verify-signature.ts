/**
 * One raw signature under one key: the checks that crypto libraries leave to their callers, then the
 * library. Used by every COSE message; certificates have their own rules (x509/).
 */
import { assertEd25519Key, isCanonicalR } from '../x509/ed25519-points.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import { assertKeyFits, signatureLength, type Algorithm } from './algorithms.ts'
import type { PublicKey } from './public-key.ts'

export interface RawSignature {
  readonly algorithm: Algorithm
  readonly key: PublicKey
  readonly data: Uint8Array
  readonly signature: Uint8Array
}

const REFUSED = Promise.resolve(false)

/**
 * Whether the signature verifies. The exact length keeps padded ECDSA signatures out, and a
 * non-canonical R is refused as RFC 8032 wants it, whatever the library does.
 * @throws InputError `ERR_COSE_ALGORITHM` or `ERR_COSE_KEY` when the key may not be used for it.
 */
export function verifySignature(
  { algorithm, key, data, signature }: RawSignature,
  verifier: SignatureVerifier,
): Promise<boolean> {
  assertKeyFits(algorithm, key)
  if (signature.length !== signatureLength(key)) return REFUSED
  if (key.kind === 'ed25519') {
    assertEd25519Key(key.x)
    if (!isCanonicalR(signature)) return REFUSED
  }
  return verifier.verify({ scheme: algorithm.scheme, spki: key.spki, data, signature })
}
