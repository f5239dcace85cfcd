/**
 * Whether the one who signed may speak for the issuer that the statement names (RFC 9943 §5.1.1.1): by
 * a trust anchor, or by a delegation; and what is refused with which rule when it may not.
 */
import type { PublicKey } from '../cose/public-key.ts'
import { InputError, VerificationError } from '../errors.ts'
import type { VerificationErrorCode } from '../errors.ts'
import { authenticateInScope } from '../payload/authenticate-in-scope.ts'
import { EvidenceError } from '../payload/tee/evidence.ts'
import type { TrustAnchor } from '../statement/trust-anchor.ts'
import { reject } from './decision.ts'
import type { RejectDecision, RuleName, TimeSpan } from './decision.ts'
import { findDelegatedIssuer } from './delegated-issuer.ts'
import type { DelegatedRequest } from './delegated-issuer.ts'
import type { RegistrationPolicy } from './registration-policy.ts'

interface IssuerRequest extends Omit<DelegatedRequest, 'depthMax'> {
  readonly policy: RegistrationPolicy
}

/** Who speaks, and at which times the same answer stands. */
export interface Speaker {
  readonly kind: 'speaker'
  readonly anchor: TrustAnchor
  /** The key that signed the statement. */
  readonly key: PublicKey
  readonly span: TimeSpan
  /** True when a chain that nobody signed had a part in it. */
  readonly x5chain: boolean
  readonly delegations?: readonly string[]
}

/** @throws InputError when the bytes are at fault, which is no decision. */
export async function decideIssuer(request: IssuerRequest): Promise<Speaker | RejectDecision> {
  const { statement, anchors, registrationTime: at, verifier, facts } = request
  let refusal: RejectDecision | InputError
  try {
    const answer = await authenticateInScope({ statement, anchors, at, verifier, facts })
    if (answer.kind === 'authenticated') {
      const { anchor, key, path, validFrom: from, validUntil: until } = answer.issuer
      const x5chain = path !== undefined && statement.headers.x5chain === undefined
      return { kind: 'speaker', anchor, key, span: { from, until }, x5chain }
    }
    refusal = reject(answer.violation.rule, answer.violation.reason)
  } catch (error) {
    refusal = refusalOf(error)
  }
  const delegated = await decideDelegated(request)
  if (delegated !== undefined) return delegated
  if (refusal instanceof InputError) throw refusal
  return refusal
}

/** What the rules say of an issuer that is not authenticated; a fault of the bytes stays one. */
function refusalOf(error: unknown): RejectDecision | InputError {
  if (error instanceof EvidenceError) {
    return reject('tee-evidence', `${error.reason}: ${error.message}`)
  }
  const rule = error instanceof VerificationError ? RULES[error.code] : undefined
  if (rule !== undefined) return reject(rule, (error as Error).message)
  if (error instanceof InputError) return error
  throw error
}

/** Whether the key speaks by a delegation; `undefined` when it holds none of this issuer. */
async function decideDelegated(
  request: IssuerRequest,
): Promise<Speaker | RejectDecision | undefined> {
  const { policy } = request
  if (policy.delegation === undefined) return undefined
  const { depthMax } = policy.delegation
  const found = await findDelegatedIssuer({ ...request, depthMax })
  if (found?.kind !== 'delegated') return found
  const { anchor, key, span, chain } = found
  const delegations = chain.map(({ entryId }) => entryId)
  return { kind: 'speaker', anchor, key, span, x5chain: false, delegations }
}

const RULES: Readonly<Partial<Record<VerificationErrorCode, RuleName>>> = {
  ERR_ISSUER_UNKNOWN: 'issuer-unknown',
  ERR_ISSUER_KEY: 'issuer-key',
  ERR_X509_PATH: 'certificate-path',
  ERR_DID_X509_MISMATCH: 'did-x509',
  ERR_STATEMENT_SIGNATURE: 'signature',
}
