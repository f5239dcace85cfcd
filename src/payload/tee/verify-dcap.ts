/**
 * Verification of Intel DCAP quotes, SGX and TDX (statements.md §5.1), all eight steps at one time that
 * the caller gives. Either everything holds and facts come out, or an error says what does not. Facts
 * are no verdict: a debug bit, a TCB out of date, revoked or of no level are told, for a policy to judge.
 */
import { concatBytes, equalBytes } from '../../bytes/bytes.ts'
import { sha256 } from '../../bytes/digest.ts'
import { encodeHex } from '../../bytes/hex.ts'
import type { UnixSeconds } from '../../bytes/integers.ts'
import { InputError } from '../../errors.ts'
import type { Certificate } from '../../x509/certificate.ts'
import type { SignatureVerifier } from '../../x509/signature-verifier.ts'
import { ecSpki } from '../../x509/spki.ts'
import type { Finding } from '../description.ts'
import { fingerprint } from './certificate-chain.ts'
import type { CollateralBundle } from './collateral-bundle.ts'
import { INTEL_ROOT_SHA256, verifyP256 } from './dcap-certificates.ts'
import { openDcapCollateral } from './dcap-collateral.ts'
import { EvidenceError } from './evidence.ts'
import type { EvidenceFacts } from './evidence.ts'
import { readPckPlatform } from './pck-certificate.ts'
import type { PckPlatform } from './pck-certificate.ts'
import { matchQuotingEnclave } from './qe-identity.ts'
import { matchQuoteTcb } from './quote-tcb.ts'
import { parseQuote } from './quote.ts'
import type { Quote } from './quote.ts'
import { isSgxDebug, sgxMeasurements } from './sgx-quote.ts'
import { checkTdxModule } from './tcb-info.ts'
import type { TcbInfo } from './tcb-info.ts'
import { isTdDebug, tdMeasurements } from './tdx-quote.ts'

export interface DcapRequest {
  /** The raw quote. */
  readonly quote: Uint8Array
  readonly collateral: CollateralBundle
  /** The registration time, or that of a later appraisal. */
  readonly at: UnixSeconds
  readonly verifier: SignatureVerifier
  /** SHA-256 of the roots that count, lower-case hex; Intel's when absent. */
  readonly roots?: readonly string[]
}

/**
 * Steps 4 and 5: the quoting enclave, certified by the PCK, vouches for the attestation key, which
 * signed the quote. Says nothing about the PCK certificate itself.
 * @throws EvidenceError `qe-report-signature`, `qe-report-data` or `quote-signature`
 */
export async function verifyQuoteSignatures(
  quote: Quote,
  pck: Certificate,
  verifier: SignatureVerifier,
): Promise<void> {
  const { qeReport, attestationKey } = quote
  const report = { signed: qeReport.bytes, signature: quote.qeReportSignature }
  if (!(await verifyP256(verifier, pck, report))) {
    throw new EvidenceError('qe-report-signature', 'the PCK did not sign the report of the enclave')
  }
  const vouched = sha256(concatBytes(attestationKey, quote.qeAuthData))
  if (!equalBytes(qeReport.reportData.subarray(0, 32), vouched)) {
    throw new EvidenceError('qe-report-data', 'the quoting enclave vouches for another key')
  }
  let spki: Uint8Array
  try {
    spki = ecSpki('P-256', attestationKey.subarray(0, 32), attestationKey.subarray(32))
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    throw new EvidenceError('quote-signature', 'the attestation key is no point on P-256', {
      cause,
    })
  }
  const scheme = { kind: 'ecdsa', curve: 'P-256', hash: 'SHA-256' } as const
  if (!(await verifier.verify({ scheme, spki, data: quote.signed, signature: quote.signature }))) {
    throw new EvidenceError('quote-signature', 'the signature of the quote does not verify')
  }
}

function checkPlatform(info: TcbInfo, platform: PckPlatform, { tee }: Quote): void {
  if (info.tee !== tee) {
    throw new EvidenceError('fmspc-mismatch', `the TCB info is of ${info.tee}, the quote of ${tee}`)
  }
  if (info.fmspc !== platform.fmspc) {
    const message = `the TCB info is of FMSPC ${info.fmspc}, the platform of ${platform.fmspc}`
    throw new EvidenceError('fmspc-mismatch', message)
  }
  if (info.pceId !== platform.pceId) {
    const message = `the TCB info is of PCE ${info.pceId}, the platform of ${platform.pceId}`
    throw new EvidenceError('pceid-mismatch', message)
  }
}

/** What follows the announced signature is covered by nothing: told, never ignored. */
export function trailingFindings({ trailing, trimmed }: Quote): Finding[] {
  if (trailing.length === 0) return []
  const what = trailing.every((byte) => byte === 0) ? 'zero bytes' : 'bytes, not all zero,'
  const digest = encodeHex(sha256(trimmed))
  const message = `${trailing.length} ${what} follow the quote, which alone has SHA-256 ${digest}`
  return [{ code: 'trailing-bytes', message }]
}

/** What the body of a quote says, verified or not. */
export function quoteBodyFacts(
  quote: Quote,
): Pick<EvidenceFacts, 'teeType' | 'measurements' | 'debug' | 'reportData'> {
  return quote.tee === 'sgx'
    ? {
        teeType: 'sgx',
        measurements: sgxMeasurements(quote.report),
        debug: isSgxDebug(quote.report),
        reportData: quote.report.reportData,
      }
    : {
        teeType: 'tdx',
        measurements: tdMeasurements(quote.report),
        debug: isTdDebug(quote.report),
        reportData: quote.report.reportData,
      }
}

/**
 * Verifies a quote with its collateral at the time `at`.
 * @throws EvidenceError with the reason, for whatever does not hold or is missing.
 */
export async function verifyDcap(request: DcapRequest): Promise<EvidenceFacts> {
  const quote = parseQuote(request.quote)
  const { verifier, at, collateral, roots = [INTEL_ROOT_SHA256] } = request
  const opened = await openDcapCollateral({ quote, collateral, at, verifier, roots })
  const { pck, tcbInfo, qeIdentity, validFrom, validUntil } = opened
  await verifyQuoteSignatures(quote, pck, verifier)
  if (qeIdentity.tee !== quote.tee) {
    throw new EvidenceError('qe-identity', `the QE identity is of ${qeIdentity.tee}`)
  }
  const qe = matchQuotingEnclave(qeIdentity, quote.qeReport)
  const platform = readPckPlatform(pck)
  checkPlatform(tcbInfo, platform, quote)
  if (quote.tee === 'tdx') checkTdxModule(tcbInfo, quote.report)
  const { tcb, findings } = matchQuoteTcb(quote, tcbInfo, platform, qe)
  return {
    ...quoteBodyFacts(quote),
    tcb,
    fmspc: platform.fmspc,
    platformCertificateSha256: fingerprint(pck),
    validFrom,
    validUntil,
    findings: [...trailingFindings(quote), ...findings],
  }
}
