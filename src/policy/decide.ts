/**
 * Admission (design D5, RFC 9943 §5.1.1): a pure function of the statement, the policy and the
 * anchors in force, and the registration time. Pure, so that an auditor gets the same answer years
 * later. No network, clock or storage; who reads the policy from the log is the registry's affair.
 */
import type { UnixSeconds } from '../bytes/integers.ts'
import { algorithmById } from '../cose/algorithms.ts'
import { VerificationError } from '../errors.ts'
import type { VerificationErrorCode } from '../errors.ts'
import { authenticateIssuer } from '../statement/authenticate-issuer.ts'
import { matchesPattern } from '../statement/issuer-pattern.ts'
import { assertRegistrable } from '../statement/signed-statement.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import type { TrustAnchor } from '../statement/trust-anchor.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import { isGovernanceMediaType, mediaTypeName } from './registration-policy.ts'
import type { RegistrationPolicy } from './registration-policy.ts'

/** Stable name of the rule that refuses; published in problem details and kept with refusals. */
export type RuleName =
  | 'governance' // a governance statement, which this log does not accept by registration
  | 'algorithm' // signature algorithm not listed
  | 'content-type' // media type not listed
  | 'issuer-unknown' // no anchor speaks for the issuer
  | 'issuer-key' // the anchor's key or certificate is not the one the statement names
  | 'certificate-path' // no path to a trusted root that is valid at the registration time
  | 'did-x509' // the chain does not satisfy the did:x509 issuer
  | 'signature' // the statement's signature does not verify

/** Titles of SCRAPI §2.3 that a refusal is answered with. */
export type DecisionTitle = 'Rejected' | 'Bad Signature Algorithm'

/** What admission says, and for which registration times it says so. */
export type Decision = AcceptDecision | RejectDecision

export interface AcceptDecision {
  readonly kind: 'accept'
  readonly issuer: string
  readonly anchor: TrustAnchor
  /** First and last registration time at which the same decision stands (certificate validity). */
  readonly standsFrom: UnixSeconds
  readonly standsUntil: UnixSeconds
}

export interface RejectDecision {
  readonly kind: 'reject'
  readonly rule: RuleName
  /** For people: what was expected and what was found. Safe to show, no statement bytes. */
  readonly reason: string
  readonly title: DecisionTitle
}

export interface DecideOptions {
  readonly statement: SignedStatement
  readonly policy: RegistrationPolicy
  readonly anchors: readonly TrustAnchor[]
  readonly registrationTime: UnixSeconds
  readonly verifier: SignatureVerifier
}

/**
 * Decides whether a statement is admitted at `registrationTime`. Cheap rules come first; nothing is
 * accepted before its issuer's signature verified.
 * @throws InputError when the statement is not of registrable form (a fault of the bytes, no decision).
 */
export async function decide(options: DecideOptions): Promise<Decision> {
  const { statement, policy } = options
  assertRegistrable(statement)
  return (
    decideGovernance(statement) ??
    decideAlgorithm(statement, policy) ??
    decideContentType(statement, policy) ??
    (await decideIssuer(options))
  )
}

function decideGovernance(statement: SignedStatement): RejectDecision | undefined {
  const governing = contentTypes(statement).find(isGovernanceMediaType)
  if (governing === undefined) return undefined
  return reject(
    'governance',
    `statements of type ${mediaTypeName(governing)} govern this log and are not accepted by registration`,
  )
}

function decideAlgorithm(
  statement: SignedStatement,
  policy: RegistrationPolicy,
): RejectDecision | undefined {
  const { name } = algorithmById(statement.headers.algorithm)
  if (policy.algorithms.includes(name)) return undefined
  return {
    ...reject(
      'algorithm',
      `signature algorithm ${name} is not accepted; accepted are ${policy.algorithms.join(', ')}`,
    ),
    title: 'Bad Signature Algorithm',
  }
}

function decideContentType(
  statement: SignedStatement,
  policy: RegistrationPolicy,
): RejectDecision | undefined {
  const types = contentTypes(statement)
  const accepted = policy.contentTypes.some(
    (pattern) =>
      pattern === '*' ||
      types.some((type) => matchesPattern(mediaTypeName(pattern), mediaTypeName(type))),
  )
  if (accepted) return undefined
  return reject(
    'content-type',
    types.length === 0
      ? 'the statement names no content type, and this log accepts only listed ones'
      : `content type ${printable(types.join(', '))} is not accepted`,
  )
}

/** Label 3, or label 259 of a hash envelope; a CoAP content format counts as its decimal text. */
function contentTypes(statement: SignedStatement): string[] {
  const { contentType, hashEnvelope } = statement.headers
  return [contentType, hashEnvelope?.preimageContentType]
    .filter((type) => type !== undefined)
    .map(String)
}

async function decideIssuer(options: DecideOptions): Promise<Decision> {
  const { statement, anchors, registrationTime, verifier } = options
  try {
    const issuer = await authenticateIssuer({ statement, anchors, at: registrationTime, verifier })
    return {
      kind: 'accept',
      issuer: issuer.issuer,
      anchor: issuer.anchor,
      standsFrom: issuer.validFrom,
      standsUntil: issuer.validUntil,
    }
  } catch (error) {
    const rule = error instanceof VerificationError ? RULES[error.code] : undefined
    if (rule === undefined) throw error
    return reject(rule, printable((error as VerificationError).message))
  }
}

const RULES: Readonly<Partial<Record<VerificationErrorCode, RuleName>>> = {
  ERR_ISSUER_UNKNOWN: 'issuer-unknown',
  ERR_ISSUER_KEY: 'issuer-key',
  ERR_X509_PATH: 'certificate-path',
  ERR_DID_X509_MISMATCH: 'did-x509',
  ERR_STATEMENT_SIGNATURE: 'signature',
}

function reject(rule: RuleName, reason: string): RejectDecision {
  return { kind: 'reject', rule, reason, title: 'Rejected' }
}

const REASON_LENGTH_MAX = 500

/** Reasons quote what the client sent; they end up in logs, terminals and answers. */
function printable(text: string): string {
  return text
    .slice(0, REASON_LENGTH_MAX)
    .replace(/[^\x20-\x7e\u00a0-\u2027\u202f-\u2065\u2070-\uffff]/g, '?')
}
