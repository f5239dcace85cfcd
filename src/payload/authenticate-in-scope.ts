/**
 * Who signed, and may they say this? authenticateIssuer() finds an anchor for the issuer; here the
 * anchor's patterns for subjects, predicate types and builders count as well (R3). Several anchors
 * may hold one key for different things, so those that allow the statement are tried first.
 */
import { InputError, VerificationError } from '../errors.ts'
import { authenticateIssuer } from '../statement/authenticate-issuer.ts'
import type { AuthenticatedIssuer, AuthenticateRequest } from '../statement/authenticate-issuer.ts'
import type { AnchorScope } from '../statement/trust-anchor.ts'
import { attestedAnchors, authenticateAttested } from './authenticate-attested.ts'
import { findScopeViolation, isNarrowed } from './anchor-scope.ts'
import type { ScopeViolation } from './anchor-scope.ts'
import type { PayloadFacts } from './registration-facts.ts'

export interface AuthenticateInScopeRequest extends AuthenticateRequest {
  /** The payload, read only when some anchor asks for it. */
  readonly facts: () => PayloadFacts
}

/** The issuer, or the issuer and why its anchor does not let it say this. */
export type InScopeAnswer =
  | { readonly kind: 'authenticated'; readonly issuer: AuthenticatedIssuer }
  | {
      readonly kind: 'out-of-scope'
      readonly issuer: AuthenticatedIssuer
      readonly violation: ScopeViolation
    }

/**
 * Authenticates the issuer of a statement and holds the statement against the anchor's scope.
 * @throws VerificationError and InputError as authenticateIssuer(); EvidenceError for attested services.
 */
export async function authenticateInScope(
  request: AuthenticateInScopeRequest,
): Promise<InScopeAnswer> {
  const { statement, anchors, facts, ...rest } = request
  const violationOf = (scope: AnchorScope): ScopeViolation | undefined =>
    isNarrowed(scope)
      ? findScopeViolation(scope, { subject: statement.headers.subject, facts: facts() })
      : undefined
  const answer = (issuer: AuthenticatedIssuer): InScopeAnswer => {
    const violation = violationOf(issuer.anchor)
    return violation === undefined
      ? { kind: 'authenticated', issuer }
      : { kind: 'out-of-scope', issuer, violation }
  }
  const attested = attestedAnchors(statement, anchors)
  if (attested.length > 0) {
    const inScope = attested.filter((anchor) => violationOf(anchor) === undefined)
    const candidates = [...inScope, ...attested.filter((anchor) => !inScope.includes(anchor))]
    return answer(await authenticateAttested({ statement, ...rest }, candidates))
  }
  const allowing = anchors.filter((anchor) => violationOf(anchor) === undefined)
  if (allowing.length < anchors.length && allowing.length > 0) {
    try {
      return answer(await authenticateIssuer({ statement, anchors: allowing, ...rest }))
    } catch (error) {
      if (!(error instanceof VerificationError || error instanceof InputError)) throw error
    }
  }
  // Also for the reason: it is the anchor that does hold the key that has to say why not.
  return answer(await authenticateIssuer({ statement, anchors, ...rest }))
}
