/**
 * Results of other verifiers in the vocabulary of descriptions: an EAR, the verdict of a cloud, any other EAT.
 */
import { sha256 } from '../../bytes/digest.ts'
import { encodeHex } from '../../bytes/hex.ts'
import type { DescriptionBuilder } from '../description-builder.ts'
import { findReappraisal } from './appraisal-result.ts'
import { cloudServiceOf, readCloudVerdict } from './cloud-verdict.ts'
import { describeReportData } from './describe-evidence.ts'
import { isEar, readEar } from './ear.ts'
import { readTokenUnsafe } from './eat-claims.ts'
import type { ClaimedToken } from './eat-claims.ts'
import type { Measurement } from './evidence.ts'
import { bytesFromBase64 } from './foreign-text.ts'

const SHA256_HEX = /^[0-9a-fA-F]{64}$/

export type Describe = (bytes: Uint8Array, out: DescriptionBuilder) => void

export function describeMeasurements(
  measurements: readonly Measurement[],
  out: DescriptionBuilder,
): void {
  for (const { name, value } of measurements) out.attribute('measurement', `${name}:${value}`)
}

/** Which evidence an EAR is about, as far as it says, and what it says that changed. */
function describeAppraised(token: ClaimedToken, out: DescriptionBuilder): void {
  const raw = token.claims['ear_raw_evidence']
  const bytes = typeof raw === 'string' ? bytesFromBase64(raw, 'the raw evidence') : raw
  if (bytes instanceof Uint8Array) out.digest('evidence', 'sha256', encodeHex(sha256(bytes)))
  const reappraisal = findReappraisal(token)
  if (reappraisal === undefined) return
  out.digest('evidence', 'sha256', reappraisal.evidenceSha256)
  out.attribute('target-entry', reappraisal.entryId).attribute('tcb-status', reappraisal.tcbStatus)
  for (const { what, before, after } of reappraisal.changes) {
    if (what === 'tcb-status') out.attribute('tcb-change', `${before}:${after}`)
  }
}

/** An EAR, the verdict of a cloud, or any other EAT, of which only the frame is read. */
export const describeToken: Describe = (bytes, out) => {
  const token = readTokenUnsafe(bytes)
  out.attribute('verifier-id', token.issuer)
  out.number('evaluated-on', token.issuedAt).number('expires-on', token.expiresAt)
  if (isEar(token)) {
    const { verifier, appraisals, status } = readEar(token)
    out.attribute('verifier-id', verifier.developer).attribute('result', status)
    for (const { policyIds } of appraisals) {
      for (const policy of policyIds) out.attribute('policy-uri', policy)
    }
    describeAppraised(token, out)
  } else if (cloudServiceOf(token.issuer) !== undefined) {
    const verdict = readCloudVerdict(token)
    out.attribute('tee-type', verdict.teeType).attribute('tcb-status', verdict.tcbStatus)
    if (verdict.debug !== undefined) out.attribute('debug', String(verdict.debug))
    out.number('tcb-date', verdict.tcbDate)
    describeMeasurements(verdict.measurements, out)
    if (verdict.reportData !== undefined) describeReportData(verdict.reportData, out)
    const { quotehash } = verdict.collateral
    if (quotehash !== undefined && SHA256_HEX.test(quotehash)) {
      out.digest('evidence', 'sha256', quotehash)
    }
    for (const advisory of verdict.advisories) out.attribute('advisory', advisory)
    for (const policy of verdict.policyIds) out.attribute('policy-uri', policy)
  } else out.finding('profile-not-read', 'a token of a profile that nobody here reads')
}
