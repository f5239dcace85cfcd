/**
 * The consumer's one entry point (RFC 9943 §7.1): a Transparent Statement, what the relying party
 * trusts, perhaps the payload, and the time. Offline, pure, and never a bare boolean: the outcome
 * says which link failed, and "cannot tell" is an answer of its own. Out of scope: what the
 * statement claims, and whether to act on it.
 */
import type { UnixSeconds } from '../bytes/integers.ts'
import { HEADER } from '../cose/labels.ts'
import { assertCriticalUnderstood } from '../cose/sign1.ts'
import { webCryptoVerifier } from '../cose/web-crypto.ts'
import { InputError, PolicyError, VerificationError } from '../errors.ts'
import { headersUnderstood } from '../payload/authenticate-attested.ts'
import { authenticateInScope } from '../payload/authenticate-in-scope.ts'
import { readPayloadFacts } from '../payload/registration-facts.ts'
import type { AuthenticatedIssuer } from '../statement/authenticate-issuer.ts'
import { matchPayload } from '../statement/hash-envelope.ts'
import { conformanceFindings, parseSignedStatement } from '../statement/signed-statement.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import type { ReceiptResult } from './evaluate-receipt.ts'
import { evaluateReceipts, judgementTime, withoutReceipt } from './statement-receipts.ts'
import type { TrustPolicy } from './trust-policy.ts'
import { makeVerifiedStatement } from './verified-statement.ts'
import type { PayloadState, VerifiedStatement } from './verified-statement.ts'

/** What could not be established, so that nothing can be said. */
export type Missing =
  | 'issuer-anchor' // no trust anchor speaks for the issuer
  | 'receipt-support' // receipts are there, of kinds that this verifier does not know
  | 'payload' // the payload was not given: it is detached, or an anchor asks what it says

interface WithReceipts {
  readonly receipts: readonly ReceiptResult[]
  /** The parsed statement, if it parsed. Its claims are unverified here. */
  readonly statement?: SignedStatement
}

/** The answer. Only `verified` vouches for anything. */
export type VerificationOutcome =
  | { readonly kind: 'verified'; readonly statement: VerifiedStatement }
  | ({
      readonly kind: 'not-verified'
      readonly error: VerificationError | InputError
    } & WithReceipts)
  /** Evidence that holds and that the trust file refuses: its anchor may not say this (R3). */
  | ({ readonly kind: 'refused'; readonly error: PolicyError } & WithReceipts)
  | ({
      readonly kind: 'cannot-tell'
      readonly missing: Missing
      readonly error: VerificationError | InputError
    } & WithReceipts)

export interface VerifyOptions {
  readonly transparentStatement: Uint8Array
  readonly trust: TrustPolicy
  /** The signed content, for hash envelopes and detached payloads, or to compare. */
  readonly payload?: Uint8Array
  /** The relying party's time. Certificates are judged at the signed time of a verified receipt if it is earlier. */
  readonly at: UnixSeconds
  /** Defaults to WebCrypto. */
  readonly verifier?: SignatureVerifier
  /** Accept a statement whose issuer no anchor speaks for; its signature is then not checked. */
  readonly receiptOnly?: boolean
}

/**
 * Verifies a Transparent Statement. One good receipt of a trusted log suffices, and further
 * receipts never change the verdict for the worse. Does not throw for anything the input contains.
 * @example
 * const outcome = await verifyTransparentStatement({ transparentStatement, trust, at })
 * if (outcome.kind === 'verified') console.log(outcome.statement.issuer)
 */
export async function verifyTransparentStatement(
  options: VerifyOptions,
): Promise<VerificationOutcome> {
  const verifier = options.verifier ?? webCryptoVerifier
  let statement: SignedStatement
  try {
    statement = parseSignedStatement(options.transparentStatement)
    assertNoReceipt(statement)
    // Also where no signature is checked: what is critical changes what the statement means.
    assertCriticalUnderstood(statement.message, headersUnderstood(statement))
  } catch (error) {
    return { kind: 'not-verified', error: asEvidenceError(error), receipts: [] }
  }
  const receipts = await evaluateReceipts(statement, options.trust, verifier)
  const context: WithReceipts = { receipts, statement }

  let payload: PayloadState
  try {
    payload = payloadState(statement, options.payload)
  } catch (error) {
    return { kind: 'not-verified', error: asEvidenceError(error), ...context }
  }
  const issuerCheckedAt = judgementTime(receipts, options.at)
  const issuer = await findIssuer(statement, { ...options, verifier, at: issuerCheckedAt })
  // A wrong signature outweighs everything: it is known to be wrong, whatever else is missing.
  if (issuer.kind === 'wrong') return { kind: 'not-verified', error: issuer.error, ...context }

  const detached = statement.message.payload === null
  const receipt = receipts.find((result) => result.status === 'verified')
  if (receipt === undefined) return { ...withoutReceipt(receipts), ...context }
  if (issuer.kind === 'unknown') {
    const unchecked = issuer.missing === 'issuer-anchor' && options.receiptOnly === true
    if (!unchecked) {
      return { kind: 'cannot-tell', missing: issuer.missing, error: issuer.error, ...context }
    }
  }
  if (issuer.kind === 'refused') return { kind: 'refused', error: issuer.error, ...context }
  return {
    kind: 'verified',
    statement: makeVerifiedStatement({
      statement,
      ...(issuer.kind === 'authenticated' ? { issuer: issuer.issuer } : {}),
      issuerCheckedAt,
      receipt,
      receipts,
      // Without the issuer's signature nothing ties a detached payload to the statement.
      payload: issuer.kind === 'unknown' && detached ? 'withheld' : payload,
      nonConformances: [...conformanceFindings(statement), ...receipt.nonConformances],
    }),
  }
}

/** A Receipt is a COSE_Sign1, too. @throws VerificationError `ERR_STATEMENT_MISSING`. */
function assertNoReceipt({ message, receipts }: SignedStatement): void {
  if (receipts.length > 0 || !message.unprotectedHeader.has(HEADER.vdp)) return
  const text = 'this is a Receipt, without the statement that it is for'
  throw new VerificationError('ERR_STATEMENT_MISSING', text)
}

/** @throws VerificationError `ERR_PAYLOAD_MISMATCH` when the given payload is not what was signed. */
function payloadState(statement: SignedStatement, payload: Uint8Array | undefined): PayloadState {
  const attached = statement.message.payload !== null
  if (payload === undefined) {
    return attached && statement.headers.hashEnvelope === undefined ? 'attached' : 'withheld'
  }
  // A detached payload is matched by the signature itself.
  if (attached) matchPayload(statement, payload)
  return 'matched'
}

type IssuerFinding =
  | { readonly kind: 'authenticated'; readonly issuer: AuthenticatedIssuer }
  | {
      readonly kind: 'unknown'
      readonly missing: 'issuer-anchor' | 'payload'
      readonly error: VerificationError | InputError
    }
  | { readonly kind: 'refused'; readonly error: PolicyError }
  | { readonly kind: 'wrong'; readonly error: VerificationError | InputError }

async function findIssuer(
  statement: SignedStatement,
  options: VerifyOptions & { readonly verifier: SignatureVerifier },
): Promise<IssuerFinding> {
  const { trust, payload, at, verifier } = options
  const detached = statement.message.payload === null
  const signed =
    detached && payload !== undefined
      ? { ...statement, message: { ...statement.message, payload } }
      : statement
  try {
    const answer = await authenticateInScope({
      statement: signed,
      anchors: trust.issuers,
      at,
      verifier,
      facts: () => readPayloadFacts(signed, payload),
    })
    if (answer.kind === 'authenticated') return answer
    const { rule, reason, withheld } = answer.violation
    if (withheld) {
      const error = new InputError('ERR_STATEMENT_PAYLOAD_MISSING', reason)
      return { kind: 'unknown', missing: 'payload', error }
    }
    return { kind: 'refused', error: new PolicyError('ERR_POLICY_REJECTED', rule, reason) }
  } catch (thrown) {
    const error = asEvidenceError(thrown)
    if (error.code === 'ERR_ISSUER_UNKNOWN') {
      return { kind: 'unknown', missing: 'issuer-anchor', error }
    }
    if (error.code === 'ERR_STATEMENT_PAYLOAD_MISSING') {
      return { kind: 'unknown', missing: 'payload', error }
    }
    return { kind: 'wrong', error }
  }
}

/** Evidence that does not parse or does not hold is an answer; anything else is a bug of ours. */
function asEvidenceError(error: unknown): VerificationError | InputError {
  if (error instanceof InputError || error instanceof VerificationError) return error
  throw error
}
