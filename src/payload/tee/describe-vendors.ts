/**
 * Evidence of AMD, AWS, TPMs and Arm in the vocabulary of descriptions (statements.md §7.2, T1 to T3).
 * Everything here is read from the bytes alone and verified by nobody: a description says what a
 * statement says. Intel's quotes: describe-evidence.ts; results of other verifiers: describe-token.ts.
 */
import { sha256 } from '../../bytes/digest.ts'
import { encodeHex } from '../../bytes/hex.ts'
import { DescriptionBuilder } from '../description-builder.ts'
import type { StatementKind } from '../description.ts'
import type { BytesHandler } from '../handler.ts'
import { parseCcaToken } from './cca-token.ts'
import { checkedPayload } from './checked-payload.ts'
import { parseCorim } from './corim.ts'
import { describeBody, describeQuote, describeSvns } from './describe-evidence.ts'
import { describeMeasurements, describeToken } from './describe-token.ts'
import type { Describe } from './describe-token.ts'
import type { EvidenceFormat } from './evidence-container.ts'
import { EvidenceError } from './evidence.ts'
import { parseForeignSign1 } from './foreign-sign1.ts'
import { parseHclReport } from './hcl-report.ts'
import { nitroDocumentFacts, parseNitroDocument } from './nitro-document.ts'
import { assumedStructVersion, snpReportFacts } from './snp-facts.ts'
import { parseSnpReport } from './snp-report.ts'
import { parseTpmAttest } from './tpm-attest.ts'
import { parseTsmReport } from './tsm-report.ts'
import { ccaTokenFacts } from './verify-cca.ts'
import { pcrMeasurements } from './verify-tpm.ts'
import { parseVtpmEvidence } from './vtpm-evidence.ts'

export const SNP_REPORT_MEDIA_TYPE = 'application/vnd.attestry.snp-report'
export const NITRO_DOCUMENT_MEDIA_TYPE = 'application/vnd.attestry.nitro-document'
/** A TPM quote with its registers, in the JSON that `vtpm-evidence.ts` reads. */
export const TPM_EVIDENCE_MEDIA_TYPE = 'application/vnd.attestry.tpm-evidence+json'

/** Describes a SEV-SNP report from its own bytes. @throws EvidenceError as its parser. */
export function describeSnp(bytes: Uint8Array, out: DescriptionBuilder): void {
  const report = parseSnpReport(bytes)
  const facts = snpReportFacts(report, assumedStructVersion(report))
  describeBody(facts, out)
  describeSvns(facts.tcb.svns, out)
}

const describeNitro: Describe = (bytes, out) => {
  const document = parseNitroDocument(bytes)
  describeBody(nitroDocumentFacts(document), out)
  out.number('evidence-time', Math.floor(document.timestamp / 1000))
  out.attribute('platform-certificate', encodeHex(sha256(document.chain[0]!)))
}

const describeTpm: Describe = (bytes, out) => {
  const evidence = parseVtpmEvidence(bytes)
  const { pcrDigest } = parseTpmAttest(evidence.quote)
  out.attribute('tee-type', 'tpm')
  const quoted = { name: 'pcr-digest', value: encodeHex(pcrDigest) }
  describeMeasurements([quoted, ...pcrMeasurements(evidence.pcrs)], out)
  if (evidence.hclReport !== undefined) {
    const { kind, hardwareReport } = parseHclReport(evidence.hclReport)
    if (kind === 'sev-snp') describeSnp(hardwareReport, out)
  }
  if (evidence.tdQuote !== undefined) describeQuote(evidence.tdQuote, out)
}

const describeCca: Describe = (bytes, out) => {
  const facts = ccaTokenFacts(parseCcaToken(bytes))
  describeBody(facts, out)
  for (const { code, message } of facts.findings) out.finding(code, message)
}

const PROVIDERS: Readonly<Record<string, Describe>> = {
  sev_guest: describeSnp,
  tdx_guest: describeQuote,
  arm_cca_guest: describeCca,
}

const describeTsm: Describe = (bytes, out) => {
  const { provider, outblob } = parseTsmReport(bytes)
  const describe = Object.hasOwn(PROVIDERS, provider) ? PROVIDERS[provider] : undefined
  if (describe === undefined) throw new EvidenceError('unsupported', 'another TSM provider')
  out.digest('evidence', 'sha256', encodeHex(sha256(outblob)))
  describe(outblob, out)
}

/** Describes evidence by its format; nothing is verified. Each throws an EvidenceError as its parser. */
export const EVIDENCE_DESCRIBERS: Readonly<Record<EvidenceFormat, Describe>> = {
  'sgx-quote': describeQuote,
  'tdx-quote': describeQuote,
  'snp-report': describeSnp,
  'tsm-report': describeTsm,
  'nitro-document': describeNitro,
  'tpm-evidence': describeTpm,
  'azure-vtpm': describeTpm,
  'cca-token': describeCca,
}

const describeCorim: Describe = (bytes, out) => {
  const { referenceValues, notAfter, otherTriples } = parseCorim(bytes)
  for (const { name, value } of referenceValues) {
    out.attribute('measurement', `${name ?? 'component'}:${value}`)
  }
  out.number('expires-on', notAfter)
  if (otherTriples > 0) out.finding('triples-not-read', `${otherTriples} triples of other kinds`)
}

/** A signed manifest: its own signature is another's affair, as whoever registers it vouches for it. */
const describeSignedCorim: Describe = (bytes, out) => {
  const { payload } = parseForeignSign1(bytes)
  if (payload === null) throw new EvidenceError('unsupported', 'the manifest is detached')
  describeCorim(payload, out)
}

function handler(kind: StatementKind, describe: Describe): BytesHandler {
  return {
    kind,
    check: ({ bytes }) => {
      checkedPayload(() => {
        describe(bytes, new DescriptionBuilder())
      })
    },
    describe: ({ bytes }, out) => {
      out.digest('evidence', 'sha256', encodeHex(sha256(bytes)))
      describe(bytes, out)
    },
  }
}

const evidence = (describe: Describe): BytesHandler => handler('tee-evidence', describe)
const result = handler('tee-result', describeToken)

/** For the table of media types. */
export const vendorHandlers: ReadonlyMap<string, BytesHandler> = new Map([
  [SNP_REPORT_MEDIA_TYPE, evidence(describeSnp)],
  [NITRO_DOCUMENT_MEDIA_TYPE, evidence(describeNitro)],
  [TPM_EVIDENCE_MEDIA_TYPE, evidence(describeTpm)],
  ['application/vnd.veraison.tsm-report+cbor', evidence(describeTsm)],
  ['application/vnd.veraison.tsm-report+json', evidence(describeTsm)],
  // The collection that is registered so far is Arm's (its profile stands in a parameter).
  ['application/eat-collection', evidence(describeCca)],
  ['application/eat+jwt', result],
  ['application/eat+cwt', result],
  ['application/eat-jwt', result],
  ['application/eat-cwt', result],
  ['application/rim+cbor', handler('reference-values', describeCorim)],
  ['application/rim+cose', handler('reference-values', describeSignedCorim)],
])
