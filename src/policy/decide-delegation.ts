/**
 * Admission of delegations and of revocations (R7). A delegation may only narrow: it lies inside of
 * its parent, or of the issuer's anchor when it has none, in subjects, predicate types and time.
 * Revoking is for whoever could have given: the issuer, or the holder of a delegation further up.
 */
import { encodeHex } from '../bytes/hex.ts'
import { algorithmById, assertKeyFits } from '../cose/algorithms.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { verifySign1 } from '../cose/sign1.ts'
import { keyThumbprint } from '../cose/thumbprint.ts'
import { InputError, VerificationError } from '../errors.ts'
import { findWidening } from '../payload/anchor-scope.ts'
import type { Scope } from '../payload/anchor-scope.ts'
import { authenticateIssuer } from '../statement/authenticate-issuer.ts'
import type { AuthenticatedIssuer } from '../statement/authenticate-issuer.ts'
import { ALWAYS, intersect, reject } from './decision.ts'
import type { AcceptDecision, Decision, RejectDecision, TimeSpan } from './decision.ts'
import { findChainFault, scopeOf } from './delegated-issuer.ts'
import type { DelegatedRequest } from './delegated-issuer.ts'
import { parseDelegation, parseDelegationRevocation } from './delegation.ts'
import type { Delegation } from './delegation.ts'
import type { DelegationChain } from './delegation-index.ts'

export type DelegationRequest = Omit<DelegatedRequest, 'facts'>

/** Who signed: the issuer through an anchor, or the holder of a delegation. */
interface Grantor {
  readonly anchor: TrustAnchorOf
  readonly span: TimeSpan
  readonly x5chain: boolean
}
type TrustAnchorOf = AcceptDecision['anchor']

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
  const isOwnKey =
    (keyId !== undefined && encodeHex(keyId) === audienceId) ||
    isAnchorKey(grantor.anchor, audienceId)
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
  if (holder === undefined) {
    const grantor = await grantByIssuer(request, { ...scopeOf(revoked), builderIds: [] })
    if ('kind' in grantor) return grantor
    return accept(request, grantor, 'delegation-revocation', ALWAYS)
  }
  const fault = await signatureFault(request, holder.delegation.audience)
  if (fault !== undefined) return fault
  const anchor = keyAnchor(holder.delegation.audience, revoked.issuer)
  const grantor = { anchor, span: ALWAYS, x5chain: false }
  return accept(request, grantor, 'delegation-revocation', ALWAYS)
}

/** The issuer itself, by an anchor that allows at least as much as is given. */
async function grantByIssuer(
  { statement, anchors, registrationTime, verifier }: DelegationRequest,
  scope: Scope,
): Promise<Grantor | RejectDecision> {
  const wide = { statement, at: registrationTime, verifier }
  const covering = anchors.filter((anchor) => findWidening(anchor, scope) === undefined)
  let issuer: AuthenticatedIssuer
  try {
    issuer = await authenticateIssuer({ ...wide, anchors: covering })
  } catch (error) {
    if (!isEvidenceError(error)) throw error
    return explain(error, () => authenticateIssuer({ ...wide, anchors }), scope)
  }
  const { anchor, validFrom: from, validUntil: until } = issuer
  const x5chain = issuer.path !== undefined && statement.headers.x5chain === undefined
  return { anchor, span: { from, until }, x5chain }
}

/** Whether the signer is unknown, or known and without the right to give so much. */
async function explain(
  error: Error,
  authenticate: () => Promise<AuthenticatedIssuer>,
  scope: Scope,
): Promise<RejectDecision> {
  try {
    const { anchor } = await authenticate()
    const wider = findWidening(anchor, scope) ?? 'more'
    return reject(
      'delegation-scope',
      `the signer may not speak about ${wider} and cannot pass it on`,
    )
  } catch (second) {
    if (!isEvidenceError(second)) throw second
    return reject(
      'delegation-signer',
      `no trust anchor of the issuer signed this: ${error.message}`,
    )
  }
}

/** The holder of the parent, by its key; everything that the parent does not allow is refused. */
async function grantByHolder(
  request: DelegationRequest,
  given: { readonly delegation: Delegation; readonly scope: Scope; readonly audienceId: string },
  parentId: string,
): Promise<Grantor | RejectDecision> {
  const { statement, delegations, depthMax, registrationTime } = request
  const { delegation, scope, audienceId } = given
  const parent = delegations.find(parentId)
  const chain = parent && delegations.chainOf(parent)
  if (parent === undefined || chain === undefined || parent.issuer !== statement.headers.issuer) {
    return reject('delegation-parent', 'the parent is not a delegation of this issuer in the log')
  }
  if (isInChain(chain, audienceId)) {
    return reject('delegation-cycle', 'the key is in the chain of its own parents already')
  }
  if (chain.length + 1 > depthMax) {
    return reject('delegation-depth', `delegations may follow each other ${depthMax} deep`)
  }
  const fault = findChainFault({ chain, delegations, depthMax, registrationTime })
  if (fault !== undefined) return fault
  const wider = findWidening({ ...scopeOf(parent), builderIds: [] }, scope)
  if (wider !== undefined) return reject('delegation-scope', `the parent does not allow ${wider}`)
  const outside = chain.find(
    (link) =>
      delegation.expires > link.delegation.expires ||
      delegation.notBefore < link.delegation.notBefore,
  )
  if (outside !== undefined) {
    return reject(
      'delegation-expired',
      `it would hold before or after the delegation in entry ${outside.leafIndex} does`,
    )
  }
  if (!isNamed(statement.headers.keyId, parent.audienceId)) {
    return reject('delegation-signer', 'kid does not name the key that the parent lets speak')
  }
  const unsigned = await signatureFault(request, parent.delegation.audience)
  if (unsigned !== undefined) return unsigned
  const anchor = keyAnchor(parent.delegation.audience, parent.issuer)
  return { anchor, span: spanOf(chain), x5chain: false }
}

/** Audiences of the chain, and the plain key that signed its first delegation. */
function isInChain(chain: DelegationChain, keyId: string): boolean {
  const signer = chain[0]?.statement.headers.keyId
  return isNamed(signer, keyId) || chain.some(({ audienceId }) => audienceId === keyId)
}

function isAnchorKey(anchor: TrustAnchorOf, keyId: string): boolean {
  return anchor.kind === 'cose-key' && encodeHex(keyThumbprint(anchor.key)) === keyId
}

function isNamed(keyId: Uint8Array | undefined, id: string): boolean {
  return keyId !== undefined && encodeHex(keyId) === id
}

function spanOf(chain: DelegationChain): TimeSpan {
  return chain
    .map(({ delegation }) => ({ from: delegation.notBefore, until: delegation.expires }))
    .reduce(intersect, ALWAYS)
}

function keyAnchor(key: PublicKey, issuer: string): TrustAnchorOf {
  return { kind: 'cose-key', key, issuers: [issuer] }
}

function isEvidenceError(error: unknown): error is InputError | VerificationError {
  return error instanceof InputError || error instanceof VerificationError
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

async function signatureFault(
  { statement, verifier }: DelegationRequest,
  key: PublicKey,
): Promise<RejectDecision | undefined> {
  const { message, headers } = statement
  try {
    assertKeyFits(algorithmById(headers.algorithm), key)
    await verifySign1({ message, key, verifier, failure: 'ERR_STATEMENT_SIGNATURE' })
    return undefined
  } catch (error) {
    if (!isEvidenceError(error)) throw error
    return reject('signature', error.message)
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
