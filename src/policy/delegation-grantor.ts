/**
 * Who gives a delegation, or takes it back (R7): the issuer, by an anchor that allows as much, or the
 * holder of a delegation, within its own.
 */
import { encodeHex } from '../bytes/hex.ts'
import { InputError, VerificationError } from '../errors.ts'
import { findWidening } from '../payload/anchor-scope.ts'
import type { Scope } from '../payload/anchor-scope.ts'
import { authenticateIssuer } from '../statement/authenticate-issuer.ts'
import type { AuthenticatedIssuer } from '../statement/authenticate-issuer.ts'
import type { TrustAnchor } from '../statement/trust-anchor.ts'
import { reject } from './decision.ts'
import type { RejectDecision, TimeSpan } from './decision.ts'
import { findChainFault, findSignatureFault, scopeOf, spanOf } from './delegated-issuer.ts'
import type { DelegatedRequest } from './delegated-issuer.ts'
import type { Delegation } from './delegation.ts'
import type { DelegationChain, RegisteredDelegation } from './delegation-index.ts'

export type DelegationRequest = Omit<DelegatedRequest, 'facts'>

/** Who signed: the issuer through an anchor, or the holder of a delegation. */
export interface Grantor {
  readonly anchor: TrustAnchor
  readonly span: TimeSpan
  readonly x5chain: boolean
}

/** The issuer itself, by an anchor that allows at least as much as is given. */
export async function grantByIssuer(
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
export async function grantByHolder(
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
  return signedByHolder(request, parent, spanOf(chain))
}

/** The holder of a delegation, once its key has signed the statement. */
export async function signedByHolder(
  request: DelegationRequest,
  { delegation: { audience: key } }: RegisteredDelegation,
  span: TimeSpan,
): Promise<Grantor | RejectDecision> {
  const unsigned = await findSignatureFault(request, key)
  if (unsigned !== undefined) return unsigned
  const { issuer } = request.statement.headers
  return { anchor: { kind: 'cose-key', key, issuers: [issuer] }, span, x5chain: false }
}

/** Audiences of the chain, and the plain key that signed its first delegation. */
function isInChain(chain: DelegationChain, keyId: string): boolean {
  const signer = chain[0]?.statement.headers.keyId
  return isNamed(signer, keyId) || chain.some(({ audienceId }) => audienceId === keyId)
}

export function isNamed(keyId: Uint8Array | undefined, id: string): boolean {
  return keyId !== undefined && encodeHex(keyId) === id
}

function isEvidenceError(error: unknown): error is InputError | VerificationError {
  return error instanceof InputError || error instanceof VerificationError
}
