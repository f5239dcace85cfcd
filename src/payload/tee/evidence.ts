/**
 * What verified hardware evidence says, in one vocabulary for all vendors: facts, never a verdict
 * (design D5, statements.md §5). A policy decides about a debug bit or a TCB status; what does not
 * verify never becomes facts. Below also the one error of all evidence parsers and verifiers.
 */
import type { UnixSeconds } from '../../bytes/integers.ts'
import { VerificationError } from '../../errors.ts'
import type { Finding } from '../description.ts'

/** How far the clock of whoever made evidence may be ahead of the registry's. */
export const CLOCK_SKEW_SECONDS = 300

/** Keys that are tried on one signature at most, where nothing says which one made it. */
export const KEYS_TRIED_MAX = 8

/** The same for keys of platforms, which a policy lists one by one: a fleet has many, and none has a name. */
export const PLATFORM_KEYS_TRIED_MAX = 64

/** The kinds of evidence, as the attribute `tee-type` spells them. */
export const TEE_TYPES = ['sgx', 'tdx', 'sev-snp', 'nitro', 'tpm', 'cca'] as const
export type TeeType = (typeof TEE_TYPES)[number]

/**
 * A measured value: `name` is the qualifier of the attribute `measurement` (`mrtd`, `rtmr0`,
 * `mrenclave`, `measurement`, `pcr0`, `rim` …), `value` lower-case hex.
 */
export interface Measurement {
  readonly name: string
  readonly value: string
}

/** How a vendor judges one part of a platform: the level that matched, or `NoLevel`. */
export interface TcbLevelFacts {
  /** The vendor's word, or `NoLevel` where no level matches. */
  readonly status: string
  readonly date?: UnixSeconds
  readonly advisories: readonly string[]
}

/** The TCB of a platform. `status`, `date` and `advisories` are of all parts together. */
export interface TcbFacts extends TcbLevelFacts {
  /** Number of the vendor's evaluation that the levels were taken from. */
  readonly evaluationNumber?: number
  /** Parts that were judged apart: `platform`, `qe`, `module`. */
  readonly parts: Readonly<Record<string, TcbLevelFacts>>
  /**
   * Security versions by name, lower-case hex of fixed width, so that two of one name compare byte
   * by byte: `tee-tcb-svn`, `sgx-tcb-svn`, `pcesvn`, `reported-tcb` …
   */
  readonly svns: Readonly<Record<string, string>>
}

/** What one piece of evidence says, after every signature, certificate, CRL and window held. */
export interface EvidenceFacts {
  readonly teeType: TeeType
  readonly measurements: readonly Measurement[]
  /** The environment can be looked into from outside. */
  readonly debug: boolean
  readonly tcb?: TcbFacts
  /** Intel's family-model-stepping-platform-custom id, 12 hex digits. */
  readonly fmspc?: string
  /** The bytes that the guest chose; bindings are computed over them (statements.md §7.3). */
  readonly reportData: Uint8Array
  /** When the evidence says it was made. Quotes and SNP reports do not say it. */
  readonly evidenceTime?: UnixSeconds
  /** SHA-256 of the certificate of the platform's own key (PCK, VCEK, Nitro leaf, AK), hex. */
  readonly platformCertificateSha256?: string
  /** The same facts hold at every time in [validFrom, validUntil]. */
  readonly validFrom: UnixSeconds
  readonly validUntil: UnixSeconds
  readonly findings: readonly Finding[]
}

/** Why evidence does not hold. Stable: tests, problem details and reports carry it. */
export type EvidenceReason =
  // form
  | 'truncated' // the bytes end inside a field
  | 'malformed' // a length, a type or a value that the format does not allow
  | 'unsupported' // a version or a kind of key that is not verified here
  // certificates, of whichever vendor
  | 'chain-missing' // no certificates with the evidence and none in the collateral
  | 'chain-malformed'
  | 'root' // the chain does not lead to a pinned root
  | 'certificate-path' // a link, a signature or an extension of the chain does not hold
  | 'certificate-role' // a genuine certificate, but not for this purpose
  | 'certificate-expired'
  | 'certificate-not-yet-valid'
  | 'certificate-revoked'
  // certificate revocation lists
  | 'crl-missing'
  | 'crl-malformed'
  | 'crl-issuer' // another issuer's list
  | 'crl-signature'
  | 'crl-expired'
  | 'crl-not-yet-valid'
  | 'crl-extension' // a critical extension that changes what the list says
  // signed collateral and the levels in it
  | 'collateral-malformed'
  | 'tcb-info-missing'
  | 'tcb-info-malformed'
  | 'tcb-info-signature'
  | 'tcb-info-expired'
  | 'tcb-info-not-yet-valid'
  | 'qe-identity-missing'
  | 'qe-identity-malformed'
  | 'qe-identity-signature'
  | 'qe-identity-expired'
  | 'qe-identity-not-yet-valid'
  | 'qe-identity' // the quoting enclave is not the one that the vendor names
  | 'fmspc-mismatch'
  | 'pceid-mismatch'
  | 'tdx-module' // the TDX module is not one that the vendor names
  // signatures inside the evidence
  | 'qe-report-signature'
  | 'qe-report-data' // the quoting enclave does not vouch for this attestation key
  | 'quote-signature'
  | 'report-signature' // AMD SEV-SNP
  | 'report-unsigned' // the firmware was told not to sign
  | 'document-signature' // AWS Nitro
  | 'platform-signature' // Arm CCA platform token
  | 'realm-signature' // Arm CCA realm token
  // what two signed parts say about each other
  | 'signing-key' // the certificate is of another kind of key than the report names
  | 'tcb-mismatch' // the certificate was issued for another TCB than the report's
  | 'chip-id-mismatch' // the certificate was issued for another chip
  | 'product-mismatch' // the certificate was issued for another product
  | 'pcr-digest' // the given PCR values are not those that were quoted
  | 'attestation-key-missing' // nothing given vouches for the key, and none is registered
  | 'attestation-key-binding' // what should vouch for the key vouches for another one
  | 'realm-key-binding' // the platform token is about another realm key
  | 'event-log-malformed'
  | 'event-log-replay' // the log leads to other register values than those attested
  // time that the evidence itself states
  | 'evidence-from-future'
  // statements signed by an attested key
  | 'statement-issuer' // the issuer is not the service that the attested header names
  | 'key-id' // kid is not the digest of the attested key
  | 'statement-key' // the hardware report is about another key
  | 'statement-signature'
  | 'endorsement-malformed'
  | 'endorsement-issuer' // an endorser that nobody pinned, or not for this
  | 'endorsement-path' // the endorser's certificates do not hold, or are not those that its did names
  | 'endorsement-signature'
  | 'endorsement-time' // the endorsement says that it is from the future
  | 'endorsement-measurement' // of another measurement than the report's
  | 'endorsement-svn' // of an image older than the anchor takes
  | 'environment' // a measurement or host data that the anchor does not list
  // attestation results of other verifiers
  | 'result-key' // no pinned key is the one that the result names
  | 'result-signature'
  | 'result-issuer'
  | 'result-not-yet-valid'
  // bindings, statements.md §7.3
  | 'binding-type' // a binding that is not declared, or of a type nobody here computes
  | 'binding-key' // key-bound: the report data is not the statement key's
  | 'binding-payload' // content-bound: the report data is not the payload's digest
  | 'binding-build' // the report data is not of this build, key and checkpoint
  | 'binding-checkpoint' // nonce-bound: the report data is not the checkpoint's digest
  | 'binding-origin' // the checkpoint is of another log
  | 'binding-stale' // the checkpoint is older than the policy allows
  | 'binding-place' // the evidence has no such field, or it is too short
  // registration: what comes with the evidence, and what the policy does not take
  | 'content-missing' // only a digest of the evidence is here
  | 'collateral-unregistered' // an entry that is named holds no collateral, or is not there
  | 'tcb-status' // the policy refuses a TCB of this status
  | 'debug' // the policy, or the anchor, refuses environments that can be looked into

/** Evidence that does not hold, and why. */
export class EvidenceError extends VerificationError {
  readonly reason: EvidenceReason

  constructor(reason: EvidenceReason, message: string, options?: ErrorOptions) {
    super('ERR_TEE_EVIDENCE', message, options)
    this.reason = reason
  }
}
