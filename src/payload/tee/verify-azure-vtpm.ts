/**
 * The whole of an Azure confidential VM's evidence (statements.md §5.5): the hardware report holds, its
 * data is the digest of the paravisor's JSON, the JSON names the vTPM's attestation key, and that key
 * signed the quote. For TDX the caller verifies the TD quote first and hands its facts in.
 */
import type { EvidenceFacts } from './evidence.ts'
import { EvidenceError } from './evidence.ts'
import { parseHclReport, vouchedAttestationKey } from './hcl-report.ts'
import type { HclReport } from './hcl-report.ts'
import { verifySnp } from './verify-snp.ts'
import type { VerifySnpRequest } from './verify-snp.ts'
import { verifyTpmQuote } from './verify-tpm.ts'
import type { PcrBanks, TpmFacts } from './verify-tpm.ts'

export interface VerifyAzureVtpmRequest extends Pick<
  VerifySnpRequest,
  'certificates' | 'crls' | 'roots' | 'at' | 'verifier'
> {
  readonly quote: Uint8Array
  readonly signature: Uint8Array
  readonly pcrs?: PcrBanks
  readonly hclReport: Uint8Array
  /** Facts of the verified TD quote; needed where the HCL report holds a TDREPORT. */
  readonly tdQuoteFacts?: EvidenceFacts
}

/** Facts of the quote; `platform` has those of the hardware. */
export interface AzureVtpmFacts extends TpmFacts {
  readonly platform: EvidenceFacts
  readonly hclReport: HclReport
}

/**
 * Verifies the evidence.
 * @throws EvidenceError with the reason.
 */
export async function verifyAzureVtpm(request: VerifyAzureVtpmRequest): Promise<AzureVtpmFacts> {
  const hclReport = parseHclReport(request.hclReport)
  const platform = await verifyPlatform(request, hclReport)
  const key = vouchedAttestationKey(hclReport, platform)
  const trust = { kind: 'platform', key, platform } as const
  const facts = await verifyTpmQuote({ ...request, trust })
  return { ...facts, platform, hclReport }
}

async function verifyPlatform(
  request: VerifyAzureVtpmRequest,
  { kind, hardwareReport }: HclReport,
): Promise<EvidenceFacts> {
  if (kind === 'sev-snp') {
    const facts = await verifySnp({ ...request, report: hardwareReport })
    // The guest below the paravisor gets reports of the same measurement, about any key it likes.
    if (facts.report.vmpl !== 0) {
      throw new EvidenceError('attestation-key-binding', "the report is not the paravisor's own")
    }
    return facts
  }
  if (request.tdQuoteFacts === undefined) {
    throw new EvidenceError('attestation-key-missing', 'a TDREPORT without a verified TD quote')
  }
  return request.tdQuoteFacts
}
