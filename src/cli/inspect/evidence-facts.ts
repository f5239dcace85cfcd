/** What evidence says of itself, by format: measurements, debug, report data, security versions. */
import { encodeHex } from '../../bytes/hex.ts'
import { parseCcaToken } from '../../payload/tee/cca-token.ts'
import { readCertificates } from '../../payload/tee/certificate-chain.ts'
import type { CollateralBundle } from '../../payload/tee/collateral-bundle.ts'
import { openSignedJson } from '../../payload/tee/dcap-json.ts'
import type { TeeEvidence } from '../../payload/tee/evidence-container.ts'
import type { EvidenceFacts, TcbFacts } from '../../payload/tee/evidence.ts'
import { parseHclReport } from '../../payload/tee/hcl-report.ts'
import { nitroDocumentFacts, parseNitroDocument } from '../../payload/tee/nitro-document.ts'
import { readPckPlatform } from '../../payload/tee/pck-certificate.ts'
import type { PckPlatform } from '../../payload/tee/pck-certificate.ts'
import { matchQuotingEnclave, readQeIdentity } from '../../payload/tee/qe-identity.ts'
import { hasPckChain, parseQuote } from '../../payload/tee/quote.ts'
import type { Quote } from '../../payload/tee/quote.ts'
import { assumedStructVersion, snpReportFacts } from '../../payload/tee/snp-facts.ts'
import { parseSnpReport } from '../../payload/tee/snp-report.ts'
import { readTcbInfo } from '../../payload/tee/tcb-info.ts'
import { parseTpmAttest } from '../../payload/tee/tpm-attest.ts'
import { parseTsmReport } from '../../payload/tee/tsm-report.ts'
import { ccaTokenFacts } from '../../payload/tee/verify-cca.ts'
import { quoteBodyFacts, trailingFindings } from '../../payload/tee/verify-dcap.ts'
import { matchQuoteTcb, quoteSvns } from '../../payload/tee/quote-tcb.ts'
import { pcrMeasurements } from '../../payload/tee/verify-tpm.ts'
import { parseVtpmEvidence } from '../../payload/tee/vtpm-evidence.ts'
import { formatTime } from '../terminal.ts'
import { certificateItem } from './headers.ts'
import type { Item } from './item.ts'
import { tryRead } from './try-read.ts'

type BodyFacts = Pick<EvidenceFacts, 'teeType' | 'measurements' | 'debug' | 'reportData'>

/** Items of evidence whose form was recognised. */
export function evidenceItems(
  { format, evidence }: Pick<TeeEvidence, 'format' | 'evidence'>,
  collateral: CollateralBundle,
): Item[] {
  const items = tryRead(() => {
    switch (format) {
      case 'sgx-quote':
      case 'tdx-quote':
        return quoteItems(evidence, collateral)
      case 'snp-report':
        return snpItems(evidence)
      case 'tsm-report':
        return tsmItems(evidence, collateral)
      case 'nitro-document':
        return nitroItems(evidence)
      case 'tpm-evidence':
      case 'azure-vtpm':
        return tpmItems(evidence, collateral)
      case 'cca-token':
        return ccaItems(evidence)
    }
  })
  return items ?? [{ name: 'unreadable', note: `not a ${format}` }]
}

function bodyItems({ teeType, measurements, debug, reportData }: BodyFacts): Item[] {
  return [
    { name: 'tee', value: teeType },
    { name: 'debug', value: debug ? 'yes' : 'no' },
    // Registers of zeros measure nothing.
    ...measurements.filter(({ value }) => /[^0]/.test(value)).map(({ name, value }) => ({ name, value })), // prettier-ignore
    { name: 'report data', value: reportData.length === 0 ? 'none' : encodeHex(reportData) },
  ]
}

function svnItems(svns: TcbFacts['svns']): Item[] {
  return Object.entries(svns).map(([name, value]) => ({ name, value }))
}

function quoteItems(bytes: Uint8Array, collateral: CollateralBundle): Item[] {
  const quote = parseQuote(bytes)
  return [
    ...bodyItems(quoteBodyFacts(quote)),
    ...platformItems(quote, collateral),
    ...trailingFindings(quote).map(({ message }): Item => ({ name: 'note', value: message })),
  ]
}

/** What the platform's certificate says, and how the collateral beside rates it. */
function platformItems(quote: Quote, collateral: CollateralBundle): Item[] {
  const chain = hasPckChain(quote)
    ? tryRead(() => readCertificates(quote.certificationData))
    : tryRead(() => readCertificates(collateral['intel-pck-chain']?.[0] ?? new Uint8Array(0)))
  const [pck] = chain ?? []
  const platform = pck && tryRead(() => readPckPlatform(pck))
  if (pck === undefined || platform === undefined) return []
  const rated = tryRead(() => rate(quote, platform, collateral))
  return [
    { name: 'fmspc', value: platform.fmspc },
    ...svnItems(quoteSvns(quote, platform)),
    ...(rated === undefined ? [] : [tcbItem(rated)]),
    certificateItem('platform certificate', pck.der),
  ]
}

/** The TCB by collateral of this kind of platform, where that came along. */
function rate(
  quote: Quote,
  platform: PckPlatform,
  { 'intel-tcb-info': info, 'intel-qe-identity': identity }: CollateralBundle,
): TcbFacts | undefined {
  if (info === undefined || identity === undefined) return undefined
  const opened = openSignedJson(identity, 'enclaveIdentity', 'qe-identity-malformed').value
  const qe = matchQuotingEnclave(readQeIdentity(opened), quote.qeReport)
  const tcbInfo = readTcbInfo(openSignedJson(info, 'tcbInfo', 'tcb-info-malformed').value)
  if (tcbInfo.fmspc !== platform.fmspc) return undefined
  return matchQuoteTcb(quote, tcbInfo, platform, qe).tcb
}

function tcbItem({ status, date, advisories, evaluationNumber, parts }: TcbFacts): Item {
  const list = (ids: readonly string[]): { note?: string } =>
    ids.length === 0 ? {} : { note: ids.join(', ') }
  return {
    name: 'tcb',
    value: status,
    note: 'as the collateral beside rates it, not verified',
    items: [
      ...(date === undefined ? [] : [{ name: 'since', value: formatTime(date) }]),
      ...Object.entries(parts).map(([part, level]): Item => ({ name: part, value: level.status, ...list(level.advisories) })), // prettier-ignore
      ...(advisories.length === 0 ? [] : [{ name: 'advisories', value: advisories.join(', ') }]),
      ...(evaluationNumber === undefined ? [] : [{ name: 'evaluation number', value: String(evaluationNumber) }]), // prettier-ignore
    ],
  }
}

function snpItems(bytes: Uint8Array): Item[] {
  const report = parseSnpReport(bytes)
  const facts = snpReportFacts(report, assumedStructVersion(report))
  return [
    ...bodyItems(facts),
    { name: 'chip id', value: encodeHex(report.chipId), note: 'names one chip: think before you publish it' }, // prettier-ignore
    { name: 'signed by', value: report.signingKey.toUpperCase() },
    ...svnItems(facts.tcb.svns),
  ]
}

function tsmItems(bytes: Uint8Array, collateral: CollateralBundle): Item[] {
  const { provider, outblob, auxblob } = parseTsmReport(bytes)
  const inner =
    provider === 'sev_guest'
      ? snpItems(outblob)
      : provider === 'tdx_guest'
        ? quoteItems(outblob, collateral)
        : ccaItems(outblob)
  return [
    { name: 'provider', value: provider },
    ...inner,
    ...(auxblob === undefined ? [] : [{ name: 'certificate table', value: `${auxblob.length} bytes` }]), // prettier-ignore
  ]
}

function nitroItems(bytes: Uint8Array): Item[] {
  const document = parseNitroDocument(bytes)
  const { timestamp, nonce, moduleId, chain } = document
  return [
    { name: 'made at', value: formatTime(Math.floor(timestamp / 1000)) },
    ...bodyItems(nitroDocumentFacts(document)),
    ...(nonce === undefined ? [] : [{ name: 'nonce', value: encodeHex(nonce) }]),
    { name: 'module id', value: moduleId, note: 'names one instance: think before you publish it' },
    certificateItem('platform certificate', chain[0]!),
  ]
}

function tpmItems(bytes: Uint8Array, collateral: CollateralBundle): Item[] {
  const { quote, pcrs, hclReport, tdQuote, claimedKey } = parseVtpmEvidence(bytes)
  const { extraData, pcrDigest } = parseTpmAttest(quote)
  const measurements = [{ name: 'pcr-digest', value: encodeHex(pcrDigest) }, ...pcrMeasurements(pcrs)] // prettier-ignore
  const hcl = hclReport && tryRead(() => parseHclReport(hclReport))
  const inside =
    hcl?.kind === 'sev-snp'
      ? tryRead(() => snpItems(hcl.hardwareReport))
      : tdQuote && tryRead(() => quoteItems(tdQuote, collateral))
  return [
    { name: 'tee', value: 'tpm' },
    ...measurements.map(({ name, value }) => ({ name, value })),
    { name: 'report data', value: extraData.length === 0 ? 'none' : encodeHex(extraData) },
    ...(claimedKey === undefined ? [] : [{ name: 'attestation key', value: 'in the evidence', note: 'claimed' }]), // prettier-ignore
    ...(inside === undefined ? [] : [{ name: 'hardware below', items: inside }]),
  ]
}

function ccaItems(bytes: Uint8Array): Item[] {
  const token = parseCcaToken(bytes)
  const { instanceId, lifecycle } = token.platform
  return [
    ...bodyItems(ccaTokenFacts(token)),
    { name: 'lifecycle', value: `0x${lifecycle.toString(16)}` },
    { name: 'instance id', value: encodeHex(instanceId), note: 'names one platform: think before you publish it' }, // prettier-ignore
  ]
}
