/**
 * What the use cases need from the rest of the server, as ports. The registry never sees an
 * adapter: `app/` constructs the log, the keys and the recorder and hands them in here.
 */
import type { DigestName, Sha256, StreamingDigest } from '../bytes/digest.ts'
import type { UnixSeconds } from '../bytes/integers.ts'
import type { PublicKey } from '../cose/public-key.ts'
import type { Signer } from '../cose/signer.ts'
import type { UnavailableError } from '../errors.ts'
import type { Clock } from '../log/clock.ts'
import type { IndexReader } from '../log/index-store.ts'
import type { Log } from '../log/log.ts'
import type { PayloadStore } from '../log/payload-store.ts'
import type { LogWitnesses } from '../log/witness.ts'
import type { TreeHasher } from '../merkle/hasher.ts'
import type { NoteSigner } from '../note/note-signer.ts'
import type { VerifierKey } from '../note/verifier-key.ts'
import type { BundleVerifier } from '../payload/bundle-verifier.ts'
import type { EvidenceAppraiser } from '../payload/tee/evidence-appraiser.ts'
import type { RegistrationPolicy } from '../policy/registration-policy.ts'
import type { Rules } from '../policy/rules-in-force.ts'
import type { OidcProvider, SubmitterClaims } from '../policy/submitter-claims.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import type { NamedPayloads } from './named-payloads.ts'

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
  | 'firstHeadCovering'
  | 'listGovernance'
  | 'readTile'
  | 'readBundle'
  | 'signedHeads'
  | 'readCollateral'
  | 'entryCollateral'
  | 'failure'
>

/**
 * What decides admissions now: the last policy and anchors of the log, and its delegations (design
 * D4). The log compares `policyIndex` at the commit.
 */
export interface RulesInForce extends Rules {
  readonly policy: RegistrationPolicy
}

/** Who hands a statement in, verified. */
export interface Submitter {
  readonly claims: SubmitterClaims
  /** The key set that their token was verified with. */
  readonly jwks?: Uint8Array
}

/** Verifies bearer tokens (R4). */
export interface SubmitterAuthenticator {
  /**
   * @param authorization the header's value; undefined when there is none.
   * @param providers OIDC providers that the policy in force believes.
   * @param certificate hex SHA-256 of a client certificate that was verified; a token counts first.
   * @throws VerificationError `ERR_TOKEN_MISSING`, `ERR_TOKEN_INVALID` or `ERR_TOKEN_SCOPE`.
   */
  authenticate(
    authorization: string | undefined,
    providers: readonly OidcProvider[],
    certificate?: string,
  ): Promise<Submitter | undefined>
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

/** Who signs for the registry what is neither a head nor a checkpoint. */
export interface Registrar {
  /** The registrar key: it signs while the policy in force names it. */
  readonly signer: Signer
  /** Name and version of this software. */
  readonly build: string
}

/** What payloads need from the rest of the server. */
export interface PayloadPorts {
  readonly store: PayloadStore
  readonly startDigest: (algorithm: DigestName) => StreamingDigest
  /** Told of every name that found no payload before: the index may have waited for it. */
  readonly onStored: (name: string) => void
  /** Names in entries that this process registered: the index may not have them yet, or is off. */
  readonly named: NamedPayloads
}

/** Says whether anything new may be stored now; what is stored is read in any case. */
export interface WriteGate {
  /** Why not: `ERR_LOG_FROZEN` or `ERR_DISK_FLOOR`; undefined when it may. */
  readonly refusal: () => UnavailableError | undefined
}

/** Makes the parts of a registration visible as spans of a trace. Adapter: `app/traces.ts`. */
export interface RegistrationSpans {
  /** Calls `work` with `args` as one part of what is under way; gives and throws what it does. */
  during<Args extends unknown[], Result>(
    about: { readonly part: 'admit' | 'append'; readonly entryId: string },
    work: (...args: Args) => Promise<Result>,
    ...args: Args
  ): Promise<Result>
}

/** Everything that the use cases are given. */
export interface RegistryPorts {
  readonly log: RegistryLog
  readonly rules: () => RulesInForce
  readonly serviceKeys: readonly ServiceKey[]
  /** Keys that sign checkpoints under the origin, newest first: two while one is being replaced. */
  readonly checkpointSigners: readonly NoteSigner[]
  /** Keys that signed checkpoints before; they are published for ever. */
  readonly retiredCheckpointKeys: readonly VerifierKey[]
  readonly refusals: RefusalRecorder
  /** Without one, no token is accepted and none is asked for. */
  readonly submitters?: SubmitterAuthenticator
  readonly clock: Clock
  readonly verifier: SignatureVerifier
  /** Verifies wrapped Sigstore bundles; needed once a policy names roots. */
  readonly bundles?: BundleVerifier
  /** Appraises TEE evidence beside the serving thread; absent: on it. */
  readonly appraiser?: EvidenceAppraiser
  /** States what was appraised; absent: nothing is stated. */
  readonly registrar?: Registrar
  readonly hasher: TreeHasher
  readonly sha256: Sha256
  readonly issuer: string
  readonly origin: string
  /** Answers look-ups (design D9); absent where the operator turned it off. */
  readonly index?: IndexReader
  /** What a registration waits for while the index is behind; undefined when it is not. */
  readonly pace?: () => Promise<void> | undefined
  /** Content of hash envelopes; absent where none is kept. */
  readonly payloads?: PayloadPorts
  /** What witnesses cosigned, when any are asked. */
  readonly witnesses?: LogWitnesses
  /** Without one, whatever is admitted is stored. */
  readonly writes?: WriteGate
  /** Absent where nobody traces. */
  readonly spans?: RegistrationSpans
  /** True once the log sequences no more; the process is about to end then. */
  readonly stopped: () => boolean
  /** How long a registration may keep its client waiting before it is answered 202 or 503. */
  readonly answerWithinMs: number
}
