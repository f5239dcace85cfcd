/**
 * Admission of delegations and of revocations (R7). A delegation may only narrow: it lies inside of
 * its parent, or of the issuer's anchor when it has none, in subjects, predicate types and time.
 * Revoking is for whoever could have given: the issuer, or the holder of a delegation further up.
 */
import { encodeHex } from '../bytes/hex.ts'
import { keyThumbprint } from '../cose/thumbprint.ts'
import { InputError } from '../errors.ts'
import type { Scope } from '../payload/anchor-scope.ts'
import type { TrustAnchor } from '../statement/trust-anchor.ts'
import { ALWAYS, intersect, reject } from './decision.ts'
import type { AcceptDecision, Decision, RejectDecision, TimeSpan } from './decision.ts'
import { scopeOf } from './delegated-issuer.ts'
import { parseDelegation, parseDelegationRevocation } from './delegation.ts'
import { grantByHolder, grantByIssuer, isNamed, signedByHolder } from './delegation-grantor.ts'
import type { DelegationRequest, Grantor } from './delegation-grantor.ts'

/** Decides about a delegation. */
export async function decideDelegation(request: DelegationRequest): Promise<Decision> {
  const { statement, registrationTime } = request
  const delegation = parse(request, parseDelegation)
  if ('kind' in delegation) return delegation
  if (registrationTime > delegation.expires) {
    return reject('delegation-expired', 'the delegation has expired already')
  }
  const scope: Scope = {
    subjects: delegation.subjects,
    predicateTypes: delegation.predicateTypes,
    builderIds: [],
  }
  const audienceId = encodeHex(keyThumbprint(delegation.audience))
  const grantor =
    delegation.parent === undefined
      ? await grantByIssuer(request, scope)
      : await grantByHolder(request, { delegation, scope, audienceId }, delegation.parent)
  if ('kind' in grantor) return grantor
  const { keyId } = statement.headers
  const isOwnKey = isNamed(keyId, audienceId) || isAnchorKey(grantor.anchor, audienceId)
  if (isOwnKey && delegation.parent === undefined) {
    return reject('delegation-cycle', 'the key already speaks for the issuer')
  }
  return accept(request, grantor, 'delegation', { from: 0, until: delegation.expires })
}

/** Decides about a revocation. */
export async function decideRevocation(request: DelegationRequest): Promise<Decision> {
  const { statement, delegations } = request
  const target = parse(request, (payload) => ({ id: parseDelegationRevocation(payload) }))
  if ('kind' in target) return target
  const revoked = delegations.find(target.id)
  if (revoked?.issuer !== statement.headers.issuer) {
    return reject('delegation-parent', 'this issuer has no such delegation in the log')
  }
  if (delegations.revokedBy(revoked.entryId) !== undefined) {
    return reject('delegation-revoked', 'the delegation is revoked already')
  }
  // Those above it gave it, so they may take it back, whether they still may give or not.
  const above = delegations.chainOf(revoked)?.slice(0, -1) ?? []
  const holder = above.find(({ audienceId }) => isNamed(statement.headers.keyId, audienceId))
  const grantor =
    holder === undefined
      ? await grantByIssuer(request, { ...scopeOf(revoked), builderIds: [] })
      : await signedByHolder(request, holder, ALWAYS)
  if ('kind' in grantor) return grantor
  return accept(request, grantor, 'delegation-revocation', ALWAYS)
}

function isAnchorKey(anchor: TrustAnchor, keyId: string): boolean {
  return anchor.kind === 'cose-key' && encodeHex(keyThumbprint(anchor.key)) === keyId
}

function parse<T extends object>(
  { statement }: DelegationRequest,
  read: (payload: Uint8Array) => T,
): T | RejectDecision {
  if (statement.headers.hashEnvelope !== undefined) {
    return reject('delegation-form', 'a delegation cannot be a hash envelope')
  }
  try {
    return read(statement.message.payload)
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    return reject('delegation-form', error.message)
  }
}

function accept(
  { statement }: DelegationRequest,
  { anchor, span, x5chain }: Grantor,
  governance: 'delegation' | 'delegation-revocation',
  own: TimeSpan,
): AcceptDecision {
  const { from, until } = intersect(span, own)
  return {
    kind: 'accept',
    issuer: statement.headers.issuer,
    anchor,
    governance,
    collateralUsed: x5chain ? { x5chain } : {},
    standsFrom: from,
    standsUntil: until,
  }
}
