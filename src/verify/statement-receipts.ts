/**
 * The receipts of one statement taken together: how many are looked at, which count, what is said when
 * none holds, and when the statement existed.
 */
import type { UnixSeconds } from '../bytes/integers.ts'
import { InputError, VerificationError } from '../errors.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import { evaluateReceipt } from './evaluate-receipt.ts'
import type { ReceiptResult, VerifiedReceipt } from './evaluate-receipt.ts'
import type { TrustPolicy } from './trust-policy.ts'

/** Receipts evaluated per statement; the rest are reported as not evaluated. */
export const RECEIPTS_MAX = 64

export async function evaluateReceipts(
  statement: SignedStatement,
  trust: TrustPolicy,
  verifier: SignatureVerifier,
): Promise<ReceiptResult[]> {
  const results: ReceiptResult[] = []
  const countedLogs = new Map<string, number>()
  for (const [index, bytes] of statement.receipts.entries()) {
    if (index >= RECEIPTS_MAX) {
      results.push(notEvaluated(index))
      continue
    }
    const result = await evaluateReceipt({ index, bytes, entry: statement.entry, trust, verifier })
    // All are about this one entry, so a log is counted once however many receipts it gave.
    const earlier = result.status === 'verified' ? countedLogs.get(result.log.issuer) : undefined
    if (result.status === 'verified' && earlier === undefined) {
      countedLogs.set(result.log.issuer, index)
    }
    results.push(
      earlier === undefined ? result : { ...(result as VerifiedReceipt), duplicateOf: earlier },
    )
  }
  return results
}

function notEvaluated(index: number): ReceiptResult {
  const reason = `only the first ${RECEIPTS_MAX} receipts are evaluated`
  const error = new InputError('ERR_RECEIPT_MALFORMED', reason)
  return { status: 'cannot-evaluate', index, code: error.code, reason, error }
}

/**
 * The verdict when no receipt holds. It is the best that any single receipt would have got, so that
 * adding bogus receipts cannot turn "cannot tell" into "wrong".
 */
export function withoutReceipt(
  receipts: readonly ReceiptResult[],
):
  | { kind: 'cannot-tell'; missing: 'receipt-support'; error: VerificationError | InputError }
  | { kind: 'not-verified'; error: VerificationError | InputError } {
  for (const status of ['cannot-evaluate', 'failed', 'untrusted', 'malformed'] as const) {
    for (const result of receipts) {
      if (result.status !== status) continue
      return status === 'cannot-evaluate'
        ? { kind: 'cannot-tell', missing: 'receipt-support', error: result.error }
        : { kind: 'not-verified', error: result.error }
    }
  }
  const message = 'the statement carries no receipt'
  return { kind: 'not-verified', error: new VerificationError('ERR_RECEIPT_MISSING', message) }
}

/**
 * Certificates are judged when a trusted log says the statement existed: a short-lived signing
 * certificate may have expired since. A receipt from the future moves nothing.
 */
export function judgementTime(receipts: readonly ReceiptResult[], at: UnixSeconds): UnixSeconds {
  let time = at
  for (const result of receipts) {
    if (result.status === 'verified' && result.issuedAt !== undefined) {
      time = Math.min(time, result.issuedAt)
    }
  }
  return time
}
