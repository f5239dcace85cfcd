/**
 * Whether a statement's signature is by a key that may speak for its issuer at all, whatever it says.
 * Cheap beside reading a large payload, so it is asked first where the content of a hash envelope is
 * at hand: nobody else makes the registry read megabytes. No decision: decide() makes that.
 */
import type { UnixSeconds } from '../bytes/integers.ts'
import { algorithmById, assertKeyFits } from '../cose/algorithms.ts'
import { verifySign1 } from '../cose/sign1.ts'
import { InputError, VerificationError } from '../errors.ts'
import { attestedAnchors, authenticateAttested } from '../payload/authenticate-attested.ts'
import { authenticateIssuer } from '../statement/authenticate-issuer.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import type { TrustAnchor } from '../statement/trust-anchor.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import { DELEGATIONS_TRIED_MAX } from './delegated-issuer.ts'
import type { DelegationIndex } from './delegation-index.ts'

export interface KnownSignerRequest {
  readonly statement: SignedStatement
  readonly anchors: readonly TrustAnchor[]
  readonly delegations: DelegationIndex
  readonly at: UnixSeconds
  readonly verifier: SignatureVerifier
}

/** True when an anchor's key, or a key that holds a delegation, signed it. */
export async function isSignedByKnownKey(request: KnownSignerRequest): Promise<boolean> {
  const attested = attestedAnchors(request.statement, request.anchors)
  if (attested.length > 0) return holds(() => authenticateAttested(request, attested))
  return (await holds(() => authenticateIssuer(request))) || (await isSignedByDelegate(request))
}

async function isSignedByDelegate(request: KnownSignerRequest): Promise<boolean> {
  const { delegations, statement, verifier } = request
  const { headers, message } = statement
  const { issuer, keyId, algorithm } = headers
  if (issuer === undefined || keyId === undefined) return false
  for (const { delegation } of delegations.to(issuer, keyId).slice(0, DELEGATIONS_TRIED_MAX)) {
    const { audience: key } = delegation
    const isSigner = await holds(async () => {
      assertKeyFits(algorithmById(algorithm), key)
      await verifySign1({ message, key, verifier, failure: 'ERR_STATEMENT_SIGNATURE' })
    })
    if (isSigner) return true
  }
  return false
}

async function holds(check: () => Promise<unknown>): Promise<boolean> {
  try {
    await check()
    return true
  } catch (error) {
    if (error instanceof InputError || error instanceof VerificationError) return false
    throw error
  }
}
