/**
 * Which payloads are evidence, and of which format: containers (evidence-container.ts), and the bare
 * media types, which are evidence without collateral and without a binding. Results of other verifiers,
 * collateral alone and wrapped messages (CMW) are none.
 */
import type { MediaType } from '../media-types.ts'
import { NITRO_DOCUMENT_MEDIA_TYPE, SNP_REPORT_MEDIA_TYPE, TPM_EVIDENCE_MEDIA_TYPE } from './describe-vendors.ts' // prettier-ignore
import { parseTeeEvidence, TEE_EVIDENCE_MEDIA_TYPE } from './evidence-container.ts'
import type { EvidenceFormat, TeeEvidence } from './evidence-container.ts'
import { SGX_QUOTE_MEDIA_TYPE } from './sgx-quote.ts'
import { TDX_QUOTE_MEDIA_TYPE } from './tdx-quote.ts'
import { parseVtpmEvidence } from './vtpm-evidence.ts'

const BARE: ReadonlyMap<string, EvidenceFormat> = new Map([
  [SGX_QUOTE_MEDIA_TYPE, 'sgx-quote'],
  [TDX_QUOTE_MEDIA_TYPE, 'tdx-quote'],
  [SNP_REPORT_MEDIA_TYPE, 'snp-report'],
  [NITRO_DOCUMENT_MEDIA_TYPE, 'nitro-document'],
  [TPM_EVIDENCE_MEDIA_TYPE, 'tpm-evidence'],
  ['application/vnd.veraison.tsm-report+cbor', 'tsm-report'],
  ['application/vnd.veraison.tsm-report+json', 'tsm-report'],
  ['application/eat-collection', 'cca-token'],
])

/** True when a payload of this type is raw evidence. */
export function isEvidenceMediaType({ name }: MediaType): boolean {
  return name === TEE_EVIDENCE_MEDIA_TYPE || BARE.has(name)
}

/**
 * The evidence that a payload is; `undefined` for one of another media type.
 * @throws EvidenceError `malformed`
 */
export function readTeeEvidence({ name }: MediaType, bytes: Uint8Array): TeeEvidence | undefined {
  if (name === TEE_EVIDENCE_MEDIA_TYPE) return parseTeeEvidence(bytes)
  const format = BARE.get(name)
  if (format === undefined) return undefined
  const isAzure = format === 'tpm-evidence' && parseVtpmEvidence(bytes).hclReport !== undefined
  return { format: isAzure ? 'azure-vtpm' : format, evidence: bytes }
}
