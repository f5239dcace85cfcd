/**
 * The port through which certificates, statements and receipts have a signature checked: WebCrypto
 * in `cose/`, node:crypto on the server. Types only. Choosing the scheme and binding it to the key
 * is the caller's work; an implementation answers one question about bytes.
 */

/** Hash functions that a signature may use; SHA-1 is not among them. */
export type HashName = 'SHA-256' | 'SHA-384' | 'SHA-512'

/** NIST curves for ECDSA. */
export type EcCurve = 'P-256' | 'P-384' | 'P-521'

/** A signature algorithm with all its parameters. For RSASSA-PSS, MGF1 uses the same hash. */
export type SignatureScheme =
  | { readonly kind: 'ecdsa'; readonly curve: EcCurve; readonly hash: HashName }
  | { readonly kind: 'rsa-pss'; readonly hash: HashName; readonly saltLength: number }
  | { readonly kind: 'rsa-pkcs1'; readonly hash: HashName }
  | { readonly kind: 'ed25519' }

/** One signature to check. ECDSA signatures are raw r ‖ s, each of exactly the curve's length. */
export interface SignatureRequest {
  readonly scheme: SignatureScheme
  /** Canonical SubjectPublicKeyInfo, as `spki.ts` builds it. */
  readonly spki: Uint8Array
  readonly data: Uint8Array
  readonly signature: Uint8Array
}

/** Checks signatures. Callers have checked that the scheme fits the key. */
export interface SignatureVerifier {
  /** Resolves to false for a signature that does not verify, whatever is wrong with it. */
  verify(request: SignatureRequest): Promise<boolean>
}
