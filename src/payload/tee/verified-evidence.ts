/** What goes into the verifiers of all formats (verify-evidence.ts), and what comes out. */
import type { UnixSeconds } from '../../bytes/integers.ts'
import type { PublicKey } from '../../cose/public-key.ts'
import type { SignatureVerifier } from '../../x509/signature-verifier.ts'
import type { BindingFields } from './bindings.ts'
import type { CollateralBundle } from './collateral-bundle.ts'
import type { EventLog } from './event-log.ts'
import type { EventLogMatch } from './replay-event-log.ts'
import type { EvidenceFormat } from './evidence-container.ts'
import type { EvidenceFacts } from './evidence.ts'

/** What counts. Roots are SHA-256 of certificates, lower-case hex; those of the vendors when absent. */
export interface EvidencePins {
  readonly intel?: readonly string[]
  readonly amd?: readonly string[]
  readonly aws?: readonly string[]
  /** Roots of attestation key certificates; none when absent. */
  readonly tpm?: readonly string[]
  /** CPAKs of Arm platforms, which no root certifies. */
  readonly ccaKeys?: readonly PublicKey[]
  /** Attestation keys of TPMs that nothing else vouches for. */
  readonly tpmKeys?: readonly PublicKey[]
}

export interface VerifyEvidenceRequest {
  readonly format: EvidenceFormat
  readonly evidence: Uint8Array
  readonly collateral: CollateralBundle
  readonly pins: EvidencePins
  readonly at: UnixSeconds
  readonly verifier: SignatureVerifier
}

/** Evidence that holds. */
export interface VerifiedEvidence {
  readonly facts: EvidenceFacts
  /** Facts of the hardware under a virtual TPM. */
  readonly platform?: EvidenceFacts
  readonly fields: BindingFields
  /** Holds an event log against the attested registers; absent where there are none. */
  readonly matchLog?: (log: EventLog) => EventLogMatch
}
