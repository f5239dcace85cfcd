/**
 * Which format evidence is in, by its bytes. Recognising is not verifying: it only says which parser
 * takes the bytes.
 */
import { parseCcaToken } from './cca-token.ts'
import type { EvidenceFormat } from './evidence-container.ts'
import { EvidenceError } from './evidence.ts'
import { parseNitroDocument } from './nitro-document.ts'
import { parseQuote, QUOTE_HEADER_BYTES } from './quote.ts'
import { parseSnpReport } from './snp-report.ts'
import { parseTsmReport } from './tsm-report.ts'
import { parseVtpmEvidence } from './vtpm-evidence.ts'

/** What a person calls a kind of evidence. */
export const EVIDENCE_KINDS = ['sgx', 'tdx', 'snp', 'nitro', 'tpm', 'cca'] as const
export type EvidenceKind = (typeof EVIDENCE_KINDS)[number]

/** Recognised evidence. `kind` is that of what quotes: `tpm` also where an Azure VM stands behind it. */
export interface RecognisedEvidence {
  readonly kind: EvidenceKind
  readonly format: EvidenceFormat
}

const PROVIDERS: Readonly<Record<string, EvidenceKind>> = {
  sev_guest: 'snp',
  tdx_guest: 'tdx',
  arm_cca_guest: 'cca',
}

/** Each throws EvidenceError when the bytes are of another format. */
const READERS: readonly ((bytes: Uint8Array) => RecognisedEvidence)[] = [
  (bytes) => {
    const { tee } = parseQuote(bytes)
    return { kind: tee, format: `${tee}-quote` }
  },
  (bytes) => {
    parseSnpReport(bytes)
    return { kind: 'snp', format: 'snp-report' }
  },
  (bytes) => {
    const { provider } = parseTsmReport(bytes)
    const kind = Object.hasOwn(PROVIDERS, provider) ? PROVIDERS[provider] : undefined
    if (kind === undefined) throw new EvidenceError('unsupported', 'another TSM provider')
    return { kind, format: 'tsm-report' }
  },
  (bytes) => {
    parseNitroDocument(bytes)
    return { kind: 'nitro', format: 'nitro-document' }
  },
  (bytes) => {
    const { hclReport } = parseVtpmEvidence(bytes)
    return { kind: 'tpm', format: hclReport === undefined ? 'tpm-evidence' : 'azure-vtpm' }
  },
  (bytes) => {
    parseCcaToken(bytes)
    return { kind: 'cca', format: 'cca-token' }
  },
]

/** The format of evidence; `undefined` for bytes that no parser takes. */
export function findEvidenceFormat(bytes: Uint8Array): RecognisedEvidence | undefined {
  for (const read of READERS) {
    try {
      return read(bytes)
    } catch (error) {
      if (!(error instanceof EvidenceError)) throw error
    }
  }
  return undefined
}

/** Where a quote ends too early: its header, which names Intel's quoting enclave, is whole. Else `undefined`. */
export function findCutQuote(bytes: Uint8Array): string | undefined {
  if (bytes.length < QUOTE_HEADER_BYTES) return undefined
  try {
    parseQuote(bytes)
    return undefined
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error
    return error.reason === 'truncated' ? error.message : undefined
  }
}
