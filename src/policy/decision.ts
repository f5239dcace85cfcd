/**
 * What admission answers, and with what it may answer: the stable names of the rules. Problem
 * details, the refusals that operators read and the auditor's report carry these names.
 */
import type { UnixSeconds } from '../bytes/integers.ts'
import type { ScopeRule } from '../payload/anchor-scope.ts'
import type { TrustAnchor } from '../statement/trust-anchor.ts'
import type { GovernanceKind } from '../payload/media-types.ts'

/** Stable name of the rule that refuses; published in problem details and kept with refusals. */
export type RuleName =
  | 'governance' // a policy, anchors or journal statement that is not its key's, or of the wrong form
  | 'algorithm' // signature algorithm not listed
  | 'content-type' // media type not listed
  | 'payload' // the payload is not of its kind's form, or rules ask what it says and it cannot be read
  | 'predicate-type' // predicate type not listed by the policy
  | 'required-claim' // a claim that the policy demands is missing
  | 'registration-lag' // registered too long after the build finished
  | 'clock-skew' // the build claims to finish in the future
  | 'submitter' // who submits is not known, or not by a provider that the policy names
  | 'issuer-unknown' // no anchor speaks for the issuer
  | 'issuer-key' // the anchor's key or certificate is not the one the statement names
  | 'certificate-path' // no path to a trusted root that is valid at the registration time
  | 'did-x509' // the chain does not satisfy the did:x509 issuer
  | 'signature' // the statement's signature does not verify
  | ScopeRule // its anchor, or its delegation, may not speak about this
  | 'condition' // a CEL condition of the policy is not met
  | 'inner-signature' // what the statement wraps does not verify, and the policy asks for it
  | 'tee-evidence' // TEE evidence does not verify, or is not taken, and the policy asks for it
  | DelegationRule

/** Rules about delegations, and about statements by keys that hold one (R7). */
export type DelegationRule =
  | 'delegation-disabled' // the policy admits no delegations
  | 'delegation-form' // not of the documented form
  | 'delegation-parent' // the parent entry is not there, or is another issuer's
  | 'delegation-signer' // signed by a key that cannot pass on or revoke this
  | 'delegation-scope' // speaks about more than its parent or anchor may
  | 'delegation-expired' // outside of its time, or longer than its parent's
  | 'delegation-depth' // chain longer than the policy allows
  | 'delegation-cycle' // the key is already in the chain
  | 'delegation-revoked' // it, or one above it, was revoked

/** Titles of SCRAPI §2.3 that a refusal is answered with. */
export type DecisionTitle = 'Rejected' | 'Bad Signature Algorithm'

/** What admission says, and for which registration times it says so. */
export type Decision = AcceptDecision | RejectDecision

export interface AcceptDecision {
  readonly kind: 'accept'
  readonly issuer: string
  /** Whom the issuer was authenticated by; the operator's or registrar's own key for governance. */
  readonly anchor: TrustAnchor
  /** Entry ids of the delegations that the signing key spoke by, the issuer's own first. */
  readonly delegations?: readonly string[]
  /** What the statement does to the log; absent for ordinary statements. */
  readonly governance?: GovernanceKind
  /** What took part beside the statement: to be committed with the entry (design D5). */
  readonly collateralUsed: {
    readonly x5chain?: boolean
    readonly submitter?: boolean
    readonly preimage?: boolean
  }
  /** First and last registration time at which the same decision stands. */
  readonly standsFrom: UnixSeconds
  readonly standsUntil: UnixSeconds
}

export interface RejectDecision {
  readonly kind: 'reject'
  readonly rule: RuleName
  /** For people: what was expected and what was found. Safe to show, no statement bytes. */
  readonly reason: string
  /** JSON Pointer (RFC 6901) to what is wrong in the payload, where there is one; '' is the whole. */
  readonly pointer?: string
  readonly title: DecisionTitle
}

/** Registration times, both included, for which an answer stands. */
export interface TimeSpan {
  readonly from: UnixSeconds
  readonly until: UnixSeconds
}

export const ALWAYS: TimeSpan = { from: 0, until: Number.MAX_SAFE_INTEGER }

/** The times that are in both. */
export function intersect(a: TimeSpan, b: TimeSpan): TimeSpan {
  return { from: Math.max(a.from, b.from), until: Math.min(a.until, b.until) }
}

export function reject(rule: RuleName, reason: string, pointer?: string): RejectDecision {
  const refusal = { kind: 'reject', rule, reason: printable(reason), title: 'Rejected' } as const
  return pointer === undefined ? refusal : { ...refusal, pointer: printable(pointer) }
}

const REASON_LENGTH_MAX = 500

/** Reasons quote what the client sent; they end up in logs, terminals and answers. */
export function printable(text: string): string {
  return text
    .slice(0, REASON_LENGTH_MAX)
    .replace(/[^\x20-\x7e\u00a0-\u2027\u202f-\u2065\u2070-\uffff]/g, '?')
}
