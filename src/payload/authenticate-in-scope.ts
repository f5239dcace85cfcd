/**
 * Who signed, and may they say this? authenticateIssuer() finds an anchor for the issuer; here the
 * anchor's patterns for subjects, predicate types and builders count as well (R3). Several anchors
 * may hold one key for different things, so those that allow the statement are tried first.
 */
import { InputError, VerificationError } from '../errors.ts'
import { authenticateIssuer, speaksFor } from '../statement/authenticate-issuer.ts'
import type { AuthenticatedIssuer, AuthenticateRequest } from '../statement/authenticate-issuer.ts'
import type { AnchorScope, TrustAnchor } from '../statement/trust-anchor.ts'
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
  const { statement, at, verifier } = request
  const attested = attestedAnchors(statement, request.anchors)
  if (attested.length > 0) {
    const inScope = attested.filter((anchor) => violationOf(request, anchor) === undefined)
    const candidates = [...inScope, ...attested.filter((anchor) => !inScope.includes(anchor))]
    return answer(request, await authenticateAttested({ statement, at, verifier }, candidates))
  }
  const { anchors, isNarrow } = anchorsOf(request.anchors, statement.headers.issuer)
  if (isNarrow) {
    const allowing = anchors.filter((anchor) => violationOf(request, anchor) === undefined)
    if (allowing.length < anchors.length && allowing.length > 0) {
      try {
        const issuer = await authenticateIssuer({ statement, anchors: allowing, at, verifier })
        return answer(request, issuer)
      } catch (error) {
        if (!(error instanceof VerificationError || error instanceof InputError)) throw error
      }
    }
  }
  // Also for the reason: it is the anchor that does hold the key that has to say why not.
  return answer(request, await authenticateIssuer({ statement, anchors, at, verifier }))
}

function violationOf(
  { statement, facts }: AuthenticateInScopeRequest,
  scope: AnchorScope,
): ScopeViolation | undefined {
  if (!isNarrowed(scope)) return undefined
  return findScopeViolation(scope, { subject: statement.headers.subject, facts: facts() })
}

function answer(request: AuthenticateInScopeRequest, issuer: AuthenticatedIssuer): InScopeAnswer {
  const violation = violationOf(request, issuer.anchor)
  return violation === undefined
    ? { kind: 'authenticated', issuer }
    : { kind: 'out-of-scope', issuer, violation }
}

/** The anchors that speak for one issuer, in their order. */
interface IssuerAnchors {
  readonly anchors: readonly TrustAnchor[]
  /** Some anchor among them may not say everything. */
  readonly isNarrow: boolean
}

/** Issuers that are remembered of one list of anchors; an issuer of more characters is not. */
export const ISSUERS_MAX = 256
const ISSUER_LENGTH_MAX = 512

/**
 * Issuers are few and post often, anchors may be many. Kept with the list itself: what is in force
 * after another trust anchors statement is another list, and knows nothing of this one.
 */
const issuersOf = new WeakMap<readonly TrustAnchor[], Map<string, IssuerAnchors>>()

function anchorsOf(anchors: readonly TrustAnchor[], issuer: string | undefined): IssuerAnchors {
  // Whoever has no issuer is refused by authenticateIssuer().
  if (issuer === undefined) return { anchors, isNarrow: false }
  const issuers = issuersOf.get(anchors) ?? new Map<string, IssuerAnchors>()
  const known = issuers.get(issuer)
  if (known !== undefined) return known
  const found = anchors.filter((anchor) => speaksFor(anchor, issuer))
  const own = { anchors: found, isNarrow: found.some(isNarrowed) }
  if (issuer.length > ISSUER_LENGTH_MAX) return own
  if (issuers.size >= ISSUERS_MAX) issuers.clear()
  issuersOf.set(anchors, issuers.set(issuer, own))
  return own
}

/** How many issuers are remembered of a list, for tests. */
export function issuersKept(anchors: readonly TrustAnchor[]): number {
  return issuersOf.get(anchors)?.size ?? 0
}
