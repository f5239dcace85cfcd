/**
 * The closed rules of a policy, one function a rule: each looks at the statement, the policy and the
 * registration time, and either refuses or says nothing. No signature is looked at here.
 */
import type { UnixSeconds } from '../bytes/integers.ts'
import { algorithmById } from '../cose/algorithms.ts'
import { matchesAny } from '../payload/anchor-scope.ts'
import { isProvenance } from '../payload/slsa-provenance.ts'
import type { PayloadFacts } from '../payload/registration-facts.ts'
import { matchesPattern } from '../statement/issuer-pattern.ts'
import type { RegistrableStatement, SignedStatement } from '../statement/signed-statement.ts'
import { ALWAYS, intersect, reject } from './decision.ts'
import type { RejectDecision, TimeSpan } from './decision.ts'
import { mediaTypeName } from '../payload/media-types.ts'
import { CLOCK_SKEW_SECONDS_DEFAULT } from './registration-policy.ts'
import type { RegistrationPolicy } from './registration-policy.ts'
import { findMissingClaim, isPayloadClaim } from './required-claims.ts'
import type { SubmitterClaims } from './submitter-claims.ts'

/** Label 3, or label 259 of a hash envelope; a CoAP content format counts as its decimal text. */
export function contentTypes({ headers }: SignedStatement): string[] {
  return [headers.contentType, headers.hashEnvelope?.preimageContentType]
    .filter((type) => type !== undefined)
    .map(String)
}

export function decideAlgorithm(
  statement: RegistrableStatement,
  policy: RegistrationPolicy,
): RejectDecision | undefined {
  const { name } = algorithmById(statement.headers.algorithm)
  if (policy.algorithms.includes(name)) return undefined
  const accepted = policy.algorithms.join(', ')
  return {
    ...reject('algorithm', `signature algorithm ${name} is not accepted; accepted are ${accepted}`),
    title: 'Bad Signature Algorithm',
  }
}

export function decideContentType(
  statement: SignedStatement,
  policy: RegistrationPolicy,
): RejectDecision | undefined {
  if (policy.contentTypes.includes('*')) return undefined
  const types = contentTypes(statement)
  const accepted = policy.contentTypes.some((pattern) =>
    types.some((type) => matchesPattern(mediaTypeName(pattern), mediaTypeName(type))),
  )
  if (accepted) return undefined
  return reject(
    'content-type',
    types.length === 0
      ? 'the statement names no content type, and this log accepts only listed ones'
      : `content type ${types.join(', ')} is not accepted`,
  )
}

/** True when some rule of the policy depends on what the payload says. */
function looksAtPayload(policy: RegistrationPolicy): boolean {
  return (
    policy.predicateTypes !== undefined ||
    policy.maxRegistrationLagSeconds !== undefined ||
    policy.maxClockSkewSeconds !== undefined ||
    policy.conditions !== undefined ||
    policy.requiredClaims?.some(isPayloadClaim) === true
  )
}

/** A payload that calls itself an in-toto Statement has to be one before a rule relies on it. */
export function decidePayload(
  policy: RegistrationPolicy,
  facts: () => PayloadFacts,
): RejectDecision | undefined {
  if (!looksAtPayload(policy)) return undefined
  const read = facts()
  return read.kind === 'malformed' ? reject('payload', read.reason, read.pointer) : undefined
}

/** Other payloads than in-toto Statements are the affair of `contentTypes`. */
export function decidePredicateType(
  policy: RegistrationPolicy,
  facts: () => PayloadFacts,
): RejectDecision | undefined {
  const { predicateTypes } = policy
  if (predicateTypes === undefined || predicateTypes.includes('*')) return undefined
  const read = facts()
  if (read.kind === 'withheld' && read.declaredInToto) {
    return reject('predicate-type', 'the predicate type of a hash envelope cannot be read here')
  }
  if (read.kind !== 'in-toto') return undefined
  const { predicateType } = read.statement
  if (matchesAny(predicateTypes, predicateType)) return undefined
  return reject('predicate-type', `predicate type ${predicateType} is not accepted`)
}

export function decideRequiredClaims(
  statement: SignedStatement,
  policy: RegistrationPolicy,
  facts: () => PayloadFacts,
): RejectDecision | undefined {
  if (policy.requiredClaims === undefined) return undefined
  const missing = findMissingClaim(policy.requiredClaims, statement, facts)
  if (missing === undefined) return undefined
  return reject('required-claim', `the claim ${missing} is missing, and this log demands it`)
}

/** A refusal, or the registration times at which there is none. */
export type TimedAnswer = RejectDecision | { readonly kind: 'passes'; readonly span: TimeSpan }

/**
 * How long after the end of a build its provenance may be registered (R8). A provenance without
 * that time is refused: leaving a field out must not get around a rule.
 */
export function decideLag(
  policy: RegistrationPolicy,
  facts: () => PayloadFacts,
  registrationTime: UnixSeconds,
): TimedAnswer {
  const { maxRegistrationLagSeconds: lagMax, maxClockSkewSeconds: skew } = policy
  if (lagMax === undefined && skew === undefined) return PASSES
  const read = facts()
  if (read.kind === 'withheld' && read.declaredInToto && lagMax !== undefined) {
    return reject('registration-lag', 'the end of the build cannot be read from a hash envelope')
  }
  if (read.kind !== 'in-toto' || !isProvenance(read.statement)) return PASSES
  const finishedMs = read.statement.provenance?.finishedOnMs
  if (finishedMs === undefined) {
    if (lagMax === undefined) return PASSES
    return reject('registration-lag', 'the provenance does not say when the build finished')
  }
  const skewMax = skew ?? CLOCK_SKEW_SECONDS_DEFAULT
  // Whole seconds t with finished - skew <= t <= finished + lag.
  const span = intersect(ALWAYS, {
    from: Math.ceil(finishedMs / 1000) - skewMax,
    until: lagMax === undefined ? ALWAYS.until : Math.floor(finishedMs / 1000) + lagMax,
  })
  if (registrationTime < span.from) {
    const ahead = Math.ceil(finishedMs / 1000) - registrationTime
    return reject(
      'clock-skew',
      `the build claims to finish ${ahead} s in the future; ${skewMax} s are accepted`,
    )
  }
  if (registrationTime > span.until) {
    const lag = registrationTime - Math.floor(finishedMs / 1000)
    return reject(
      'registration-lag',
      `the build finished ${lag} s before the registration; ${String(lagMax)} s are accepted`,
    )
  }
  return { kind: 'passes', span }
}

const PASSES: TimedAnswer = { kind: 'passes', span: ALWAYS }

/** Who submits, where the policy asks; claims of a provider that it does not name are refused. */
export function decideSubmitter(
  { submitter: wanted }: RegistrationPolicy,
  submitter: SubmitterClaims | undefined,
): RejectDecision | undefined {
  if (wanted === undefined) return undefined
  if (submitter === undefined) {
    return wanted.required
      ? reject('submitter', 'this log accepts statements only from known submitters: send a token')
      : undefined
  }
  // The server itself vouches for its tokens and for certificates of its authorities.
  if (submitter.kind !== 'oidc') return undefined
  const named = wanted.oidc?.some(
    ({ issuer, audience }) => issuer === submitter.issuer && audience === submitter.audience,
  )
  if (named === true) return undefined
  return reject(
    'submitter',
    `tokens of ${submitter.issuer} for ${submitter.audience ?? 'no audience'} are not accepted`,
  )
}
