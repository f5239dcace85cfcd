/**
 * A statement by a key that holds a delegation (R7): it names the issuer as its own and the
 * delegate's key by thumbprint. Every link has to hold at the registration time, none may be
 * revoked, the statement has to be inside of every link and of the anchor that the chain hangs from,
 * and that anchor has to be one of those in force: who loses an anchor loses what was passed on.
 */
import type { UnixSeconds } from '../bytes/integers.ts'
import { algorithmById, assertKeyFits } from '../cose/algorithms.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { verifySign1 } from '../cose/sign1.ts'
import { InputError, VerificationError } from '../errors.ts'
import { findScopeViolation, findWidening } from '../payload/anchor-scope.ts'
import type { Scope } from '../payload/anchor-scope.ts'
import type { PayloadFacts } from '../payload/registration-facts.ts'
import { authenticateIssuer } from '../statement/authenticate-issuer.ts'
import type { AuthenticatedIssuer } from '../statement/authenticate-issuer.ts'
import type { RegistrableStatement } from '../statement/signed-statement.ts'
import type { TrustAnchor } from '../statement/trust-anchor.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import { ALWAYS, intersect, reject } from './decision.ts'
import type { RejectDecision, TimeSpan } from './decision.ts'
import type { DelegationChain, DelegationIndex, RegisteredDelegation } from './delegation-index.ts'

/** Delegations to one key that are tried on one statement at most. */
export const DELEGATIONS_TRIED_MAX = 8

export interface DelegatedRequest {
  readonly statement: RegistrableStatement
  readonly anchors: readonly TrustAnchor[]
  readonly delegations: DelegationIndex
  readonly depthMax: number
  readonly registrationTime: UnixSeconds
  readonly verifier: SignatureVerifier
  readonly facts: () => PayloadFacts
}

/** By which chain a key speaks, and when it does. */
export interface DelegatedIssuer {
  readonly kind: 'delegated'
  readonly chain: DelegationChain
  readonly anchor: TrustAnchor
  /** The key that signed. */
  readonly key: PublicKey
  readonly span: TimeSpan
}

/**
 * Finds a delegation by which the statement's key may say this.
 * @returns `undefined` when the issuer has delegated nothing to that key.
 */
export async function findDelegatedIssuer(
  request: DelegatedRequest,
): Promise<DelegatedIssuer | RejectDecision | undefined> {
  const { statement, delegations } = request
  const { issuer, keyId } = statement.headers
  if (keyId === undefined) return undefined
  let refusal: RejectDecision | undefined
  for (const last of delegations.to(issuer, keyId).slice(0, DELEGATIONS_TRIED_MAX)) {
    const answer = await tryDelegation(request, last)
    if (answer.kind === 'delegated') return answer
    refusal ??= answer
  }
  return refusal
}

async function tryDelegation(
  request: DelegatedRequest,
  last: RegisteredDelegation,
): Promise<DelegatedIssuer | RejectDecision> {
  const { statement, delegations, depthMax, registrationTime, facts } = request
  const chain = delegations.chainOf(last)
  if (chain === undefined) return reject('delegation-parent', 'a link of the chain is missing')
  const fault = findChainFault({ chain, delegations, depthMax, registrationTime })
  if (fault !== undefined) return fault
  const spoken = { subject: statement.headers.subject, facts: facts() }
  const violation = findScopeViolation(scopeOf(last), spoken)
  if (violation !== undefined) return reject(violation.rule, violation.reason)
  const root = await findRootAnchor(request, chain)
  if ('kind' in root) return root
  const outside = findScopeViolation(root.anchor, spoken)
  if (outside !== undefined) return reject(outside.rule, outside.reason)
  const key = last.delegation.audience
  const unsigned = await findSignatureFault(request, key)
  if (unsigned !== undefined) return unsigned
  return { kind: 'delegated', chain, anchor: root.anchor, key, span: spanOf(chain) }
}

/** Why a key that holds a delegation did not sign the statement. */
export async function findSignatureFault(
  { statement, verifier }: Pick<DelegatedRequest, 'statement' | 'verifier'>,
  key: PublicKey,
): Promise<RejectDecision | undefined> {
  const { message, headers } = statement
  try {
    assertKeyFits(algorithmById(headers.algorithm), key)
    await verifySign1({ message, key, verifier, failure: 'ERR_STATEMENT_SIGNATURE' })
    return undefined
  } catch (error) {
    if (!(error instanceof InputError || error instanceof VerificationError)) throw error
    return reject('signature', error.message)
  }
}

/** When every link of a chain holds. */
export function spanOf(chain: DelegationChain): TimeSpan {
  return chain
    .map(({ delegation }) => ({ from: delegation.notBefore, until: delegation.expires }))
    .reduce(intersect, ALWAYS)
}

/** What one delegation lets its key speak about. */
export function scopeOf({ delegation }: RegisteredDelegation): Scope {
  const { subjects, predicateTypes } = delegation
  return { subjects, predicateTypes }
}

export interface ChainRequest {
  readonly chain: DelegationChain
  readonly delegations: DelegationIndex
  readonly depthMax: number
  readonly registrationTime: UnixSeconds
}

/** Why a chain does not hold now: too long, revoked at some link, or outside of some link's time. */
export function findChainFault(request: ChainRequest): RejectDecision | undefined {
  const { chain, delegations, depthMax, registrationTime: at } = request
  if (chain.length > depthMax) {
    return reject(
      'delegation-depth',
      `${chain.length} delegations follow each other; ${depthMax} may`,
    )
  }
  for (const { entryId, leafIndex, delegation } of chain) {
    const revokedBy = delegations.revokedBy(entryId)
    const what = `the delegation in entry ${leafIndex}`
    if (revokedBy !== undefined) {
      return reject('delegation-revoked', `${what} was revoked by entry ${revokedBy}`)
    }
    if (at < delegation.notBefore || at > delegation.expires) {
      const when = at < delegation.notBefore ? 'does not hold yet' : 'has expired'
      return reject('delegation-expired', `${what} ${when}`)
    }
  }
  return undefined
}

/**
 * The anchor in force that the first delegation hangs from. A certificate is judged at the time at
 * which the delegation was registered: it only had to be good for that signature.
 */
async function findRootAnchor(
  { anchors, verifier }: DelegatedRequest,
  chain: DelegationChain,
): Promise<AuthenticatedIssuer | RejectDecision> {
  const root = chain[0]!
  const covering = anchors.filter(
    (anchor) => findWidening(anchor, scopeForAnchor(root)) === undefined,
  )
  const { statement, registrationTime: at } = root
  try {
    return await authenticateIssuer({ statement, anchors: covering, at, verifier })
  } catch (error) {
    if (!(error instanceof InputError || error instanceof VerificationError)) throw error
    return reject(
      'delegation-signer',
      `no trust anchor in force gives what the delegation in entry ${root.leafIndex} passes on`,
    )
  }
}

/** Builder ids are not passed on but kept: the anchor's own list is held against the statement. */
function scopeForAnchor(root: RegisteredDelegation): Scope {
  return { ...scopeOf(root), builderIds: [] }
}
