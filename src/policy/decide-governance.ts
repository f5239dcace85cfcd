/**
 * Statements by which a log's operator and registrar act (design D1, D4, D5): the next policy, the
 * next trust anchors, payloads that were deleted, and journals. They speak as the log itself, and the
 * policy in force names the keys; a new policy that lists other keys is how keys are rotated. Not for
 * hash envelopes: what governs has to be in the log.
 */
import { equalBytes } from '../bytes/bytes.ts'
import { algorithmById, assertKeyFits } from '../cose/algorithms.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { verifySign1 } from '../cose/sign1.ts'
import { keyThumbprint } from '../cose/thumbprint.ts'
import { InputError, VerificationError } from '../errors.ts'
import type { RegistrableStatement } from '../statement/signed-statement.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import { ALWAYS, reject } from './decision.ts'
import type { Decision, RejectDecision } from './decision.ts'
import type { GovernanceKind } from '../payload/media-types.ts'
import { parsePayloadPruning } from './payload-pruning.ts'
import { parseRegistrationJournal } from './registration-journal.ts'
import { parseRegistrationPolicy, parseTrustAnchorsDocument } from './registration-policy.ts'
import type { RegistrationPolicy } from './registration-policy.ts'

/** Who the log is: governance statements speak as it. */
export interface LogNames {
  readonly issuer: string
  readonly origin: string
}

export interface GovernanceRequest {
  readonly statement: RegistrableStatement
  readonly kind: Exclude<GovernanceKind, 'delegation' | 'delegation-revocation'>
  readonly policy: RegistrationPolicy
  /** Absent where governance is not accepted at all. */
  readonly log: LogNames | undefined
  readonly verifier: SignatureVerifier
}

/** Decides about a policy, trust anchors, payload pruning or journal statement. */
export async function decideGovernance(request: GovernanceRequest): Promise<Decision> {
  const { statement, kind, policy, log, verifier } = request
  const { headers, message } = statement
  const what = WHAT[kind]
  if (log === undefined) return refuse(`a ${what} is not accepted by registration`)
  if (headers.hashEnvelope !== undefined) return refuse(`a ${what} cannot be a hash envelope`)
  if (headers.issuer !== log.issuer) {
    return refuse(`a ${what} has the issuer ${log.issuer}, this one has ${headers.issuer}`)
  }
  if (kind === 'journal' && headers.subject !== log.origin) {
    return refuse(`a ${what} has the subject ${log.origin}`)
  }
  const [role, keys] =
    kind === 'journal'
      ? (['registrar', policy.registrarKeys ?? []] as const)
      : (['operator', policy.operatorKeys] as const)
  const key = keys.find((one) => isNamed(one, headers.keyId))
  if (key === undefined) {
    return refuse(
      `a ${what} is signed by the ${role}: kid names no such key of the policy in force`,
    )
  }
  try {
    // The key is listed by name, so the list of algorithms for issuers does not matter.
    assertKeyFits(algorithmById(headers.algorithm), key)
    await verifySign1({ message, key, verifier, failure: 'ERR_STATEMENT_SIGNATURE' })
  } catch (error) {
    if (!(error instanceof InputError || error instanceof VerificationError)) throw error
    return reject('signature', error.message)
  }
  const unreadable = documentFault(kind, message.payload)
  if (unreadable !== undefined) return refuse(unreadable)
  return {
    kind: 'accept',
    issuer: log.issuer,
    anchor: { kind: 'cose-key', key, issuers: [log.issuer] },
    governance: kind,
    collateralUsed: {},
    standsFrom: ALWAYS.from,
    standsUntil: ALWAYS.until,
  }
}

const WHAT = {
  policy: 'registration policy',
  'trust-anchors': 'trust anchors document',
  journal: 'registration journal',
  'payload-pruning': 'payload pruning',
} as const

/** A policy that cannot be read could not be followed: the log would be closed for ever. */
function documentFault(kind: GovernanceRequest['kind'], payload: Uint8Array): string | undefined {
  try {
    if (kind === 'policy') parseRegistrationPolicy(payload)
    if (kind === 'trust-anchors') parseTrustAnchorsDocument(payload)
    if (kind === 'journal') parseRegistrationJournal(payload)
    if (kind === 'payload-pruning') parsePayloadPruning(payload)
    return undefined
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    return error.message
  }
}

function isNamed(key: PublicKey, keyId: Uint8Array | undefined): boolean {
  if (keyId === undefined) return false
  return (
    equalBytes(keyThumbprint(key), keyId) || (key.kid !== undefined && equalBytes(key.kid, keyId))
  )
}

function refuse(reason: string): RejectDecision {
  return reject('governance', reason)
}
