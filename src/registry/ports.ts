/**
 * What the use cases need from the rest of the server, as ports. The registry never sees an
 * adapter: `app/` constructs the log, the keys and the recorder and hands them in here.
 */
import type { Sha256 } from '../bytes/digest.ts'
import type { LeafIndex, UnixSeconds } from '../bytes/integers.ts'
import type { PublicKey } from '../cose/public-key.ts'
import type { Clock } from '../log/clock.ts'
import type { Log } from '../log/log.ts'
import type { TreeHasher } from '../merkle/hasher.ts'
import type { RegistrationPolicy } from '../policy/registration-policy.ts'
import type { TrustAnchor } from '../statement/trust-anchor.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'

/** The part of the log that the use cases call. */
export type RegistryLog = Pick<
  Log,
  | 'append'
  | 'findEntry'
  | 'readEntry'
  | 'inclusionProof'
  | 'consistencyProof'
  | 'currentHead'
  | 'headAt'
>

/** What decides admissions now: the last policy and anchors committed to the log (design D4). */
export interface RulesInForce {
  readonly policy: RegistrationPolicy
  readonly anchors: readonly TrustAnchor[]
  /** Index of the last governance statement: what the log compares at the commit. */
  readonly policyIndex: LeafIndex
}

/** A refusal as it is kept off the log (design D13). */
export interface Refusal {
  readonly entryId: string
  readonly rule: string
  readonly reason: string
  readonly issuer?: string
  readonly refusedAt: UnixSeconds
}

/** Keeps refusals. Never throws and never delays an answer: losing one is allowed, blocking is not. */
export interface RefusalRecorder {
  record(refusal: Refusal): void
}

/** A key that signs, or once signed, tree heads. Retired keys are served for ever (design D3). */
export interface ServiceKey {
  readonly key: PublicKey
  readonly retired: boolean
}

/** Everything that the use cases are given. */
export interface RegistryPorts {
  readonly log: RegistryLog
  readonly rules: () => RulesInForce
  readonly serviceKeys: readonly ServiceKey[]
  readonly refusals: RefusalRecorder
  readonly clock: Clock
  readonly verifier: SignatureVerifier
  readonly hasher: TreeHasher
  readonly sha256: Sha256
  readonly issuer: string
  readonly origin: string
  /** True once the log sequences no more; the process is about to end then. */
  readonly stopped: () => boolean
  /** How long a registration may keep its client waiting before it is answered 202 or 503. */
  readonly answerWithinMs: number
}
