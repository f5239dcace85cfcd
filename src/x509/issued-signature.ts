/**
 * The signature that an issuer puts on what it issues, certificates and revocation lists alike: the
 * checks that crypto libraries leave to their callers, then the library behind the port.
 */
import { VerificationError } from '../errors.ts'
import { assertEd25519Key, isCanonicalR } from './ed25519-points.ts'
import { ecdsaRawSignature, schemeForKey } from './signature-algorithm.ts'
import type { CertificateSignatureAlgorithm } from './signature-algorithm.ts'
import type { SignatureVerifier } from './signature-verifier.ts'
import type { SpkiKey } from './spki.ts'

/** The signed bytes and how they are signed. */
export interface IssuedBytes {
  readonly tbs: Uint8Array
  readonly signatureAlgorithm: CertificateSignatureAlgorithm
  readonly signatureValue: Uint8Array
}

function refused(message: string, cause?: unknown): VerificationError {
  return new VerificationError(
    'ERR_X509_PATH',
    message,
    cause === undefined ? undefined : { cause },
  )
}

/**
 * Checks the issuer's signature.
 * @throws VerificationError `ERR_X509_PATH`
 */
export async function checkIssuedSignature(
  issued: IssuedBytes,
  issuerKey: SpkiKey,
  verifier: SignatureVerifier,
): Promise<void> {
  const scheme = schemeForKey(issued.signatureAlgorithm, issuerKey)
  if (scheme === undefined) {
    throw refused(`signature algorithm is not supported, or not one of the issuer's key`)
  }
  if (issuerKey.kind === 'ed25519') {
    try {
      assertEd25519Key(issuerKey.x)
    } catch (cause) {
      throw refused("the issuer's Ed25519 key is one that no honest issuer has", cause)
    }
    const { signatureValue: value } = issued
    if (value.length !== 64 || !isCanonicalR(value)) throw refused('not an Ed25519 signature')
  }
  let signature = issued.signatureValue
  if (scheme.kind === 'ecdsa') {
    try {
      signature = ecdsaRawSignature(signature, scheme.curve)
    } catch (cause) {
      throw refused('a certificate signature is not DER', cause)
    }
  }
  const request = { scheme, spki: issuerKey.spki, data: issued.tbs, signature }
  if (!(await verifier.verify(request))) throw refused('a certificate signature does not verify')
}
