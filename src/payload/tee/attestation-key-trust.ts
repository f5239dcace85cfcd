/** Who vouches for the attestation key of a TPM: a confidential VM, a list of keys, or a certificate. */
import { equalBytes } from '../../bytes/bytes.ts'
import type { UnixSeconds } from '../../bytes/integers.ts'
import type { PublicKey } from '../../cose/public-key.ts'
import type { Certificate } from '../../x509/certificate.ts'
import type { SignatureVerifier } from '../../x509/signature-verifier.ts'
import { fingerprint, orderChain, validateVendorPath } from './certificate-chain.ts'
import type { EvidenceFacts } from './evidence.ts'
import { checkRevocation } from './revocation.ts'

/** Where the issuers of a key's certificate come from. */
const ISSUERS = 'whoever vouches for the TPM has it; it comes with the collateral'

/** Who vouches for an attestation key. */
export type AttestationKeyTrust =
  /** The evidence of a confidential VM, verified, whose report data covers the key. */
  | { readonly kind: 'platform'; readonly key: PublicKey; readonly platform: EvidenceFacts }
  /** Keys that are registered as trust anchors; where the evidence names its key, that one counts. */
  | {
      readonly kind: 'registered'
      readonly keys: readonly PublicKey[]
      readonly claimed?: PublicKey
    }
  /** A certificate of the key, its issuers, and pinned roots by SHA-256 in hex. */
  | {
      readonly kind: 'certificate'
      readonly leaf: Certificate
      readonly certificates: readonly Certificate[]
      readonly crls?: readonly Uint8Array[]
      readonly roots: readonly string[]
    }

interface TrustRequest {
  readonly trust: AttestationKeyTrust
  readonly at: UnixSeconds
  readonly verifier: SignatureVerifier
}

interface TrustedKeys extends Pick<EvidenceFacts, 'validFrom' | 'validUntil' | 'findings'> {
  readonly keys: readonly PublicKey[]
  readonly platform?: EvidenceFacts
  readonly certificateSha256?: string
}

/** Keys that may have signed a quote. @throws EvidenceError for a chain that does not hold. */
export async function trustedKeys({ trust, at, verifier }: TrustRequest): Promise<TrustedKeys> {
  switch (trust.kind) {
    case 'platform': {
      const { key, platform } = trust
      const { validFrom, validUntil, findings, platformCertificateSha256: own } = platform
      return {
        keys: [key],
        platform,
        ...(own === undefined ? {} : { certificateSha256: own }),
        validFrom,
        validUntil,
        findings,
      }
    }
    case 'registered': {
      const { keys, claimed } = trust
      return {
        keys:
          claimed === undefined ? keys : keys.filter((key) => equalBytes(key.spki, claimed.spki)),
        validFrom: 0,
        validUntil: Number.MAX_SAFE_INTEGER,
        findings: [],
      }
    }
    case 'certificate': {
      const { leaf, certificates, crls, roots } = trust
      const chain = orderChain(leaf, certificates)
      const path = await validateVendorPath({ chain, roots, at, verifier, source: ISSUERS })
      const revocation = await checkRevocation({ path: path.path, crls, at, verifier })
      return {
        keys: [leaf.spki],
        certificateSha256: fingerprint(leaf),
        validFrom: Math.max(path.validFrom, revocation.validFrom),
        validUntil: Math.min(path.validUntil, revocation.validUntil),
        findings: revocation.findings,
      }
    }
  }
}
