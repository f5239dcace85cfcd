/**
 * The port behind which signatures inside wrapped Sigstore bundles are verified. The library for it is
 * Node-only, so the adapter (`sigstore/`) lies above the portable line. An answer depends on the
 * arguments alone: times are those that the bundle proves, and no clock is read, so an auditor gets
 * the same answer years later.
 */

import type { UnixSeconds } from '../bytes/integers.ts'

/** Who signed inside a bundle, as the verified certificate or key says. */
export interface InnerIdentity {
  /** Subject alternative name of the certificate: a workflow URI or a mail address. */
  readonly subject?: string
  /** The OIDC issuer that Fulcio recorded. */
  readonly issuer?: string
  /** SHA-256 of the leaf certificate, lower-case hex. */
  readonly certificateSha256?: string
}

/** A key that may stand behind a bundle which names a key instead of holding a certificate. */
export interface BundleKey {
  /** What bundles call it; without one, the digest of the key that cosign writes. */
  readonly keyid?: string
  readonly spki: Uint8Array
  /** Times that a bundle has to prove for the key to count; both included. */
  readonly validFrom?: UnixSeconds
  readonly validUntil?: UnixSeconds
}

export interface BundleVerifier {
  /**
   * Verifies the certificate path, the transparency log entries or timestamps, and the signature of a
   * Sigstore bundle.
   * @param request the bundle's JSON bytes, the `trusted_root.json` bytes to verify under, and keys for
   * bundles that hold no certificate.
   * @throws InputError `ERR_TRUST_CONFIGURATION` when the trusted root cannot be used.
   * @throws VerificationError `ERR_INNER_SIGNATURE` when any of it does not verify.
   * @throws UnavailableError `ERR_QUEUE_FULL` when too many are waiting.
   */
  verify(request: {
    readonly bundle: Uint8Array
    readonly trustedRoot: Uint8Array
    readonly keys?: readonly BundleKey[]
  }): Promise<InnerIdentity>
}
