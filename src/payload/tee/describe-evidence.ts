/**
 * Evidence in the vocabulary of descriptions (statements.md §7.2, T1 and T4). Facts that were verified
 * are written whole; a raw quote says, from its own bytes alone, everything but what collateral adds.
 */
import { sha256 } from '../../bytes/digest.ts'
import { encodeHex } from '../../bytes/hex.ts'
import { DescriptionBuilder } from '../description-builder.ts'
import type { BytesHandler } from '../handler.ts'
import { fingerprint, readCertificates } from './certificate-chain.ts'
import { checkedPayload } from './checked-payload.ts'
import { COLLATERAL_MEDIA_TYPE, parseCollateral } from './collateral-bundle.ts'
import type { CollateralBundle } from './collateral-bundle.ts'
import { openSignedJson } from './dcap-json.ts'
import { EvidenceError } from './evidence.ts'
import type { EvidenceFacts, TcbFacts } from './evidence.ts'
import { readPckPlatform } from './pck-certificate.ts'
import { readQeIdentity } from './qe-identity.ts'
import { hasPckChain, parseQuote } from './quote.ts'
import type { Quote } from './quote.ts'
import { SGX_QUOTE_MEDIA_TYPE } from './sgx-quote.ts'
import { readTcbInfo } from './tcb-info.ts'
import { TDX_QUOTE_MEDIA_TYPE } from './tdx-quote.ts'
import { quoteBodyFacts, trailingFindings } from './verify-dcap.ts'
import { quoteSvns } from './quote-tcb.ts'

type BodyFacts = Pick<EvidenceFacts, 'teeType' | 'measurements' | 'debug' | 'reportData'>

/** What every TEE has room for; more (of a Nitro document) is no digest to look for. */
const REPORT_DATA_MAX = 64

/** What any TEE's evidence measures. Registers of zeros measure nothing and are left out. */
export function describeBody(facts: BodyFacts, out: DescriptionBuilder): void {
  out.attribute('tee-type', facts.teeType).attribute('debug', String(facts.debug))
  for (const { name, value } of facts.measurements) {
    if (/[^0]/.test(value)) out.attribute('measurement', `${name}:${value}`)
  }
  describeReportData(facts.reportData, out)
}

/** The bytes that the guest chose, by which a verdict about this very evidence is known. */
export function describeReportData(reportData: Uint8Array, out: DescriptionBuilder): void {
  if (reportData.length > REPORT_DATA_MAX || reportData.every((byte) => byte === 0)) return
  out.attribute('report-data', encodeHex(reportData))
}

/** Security versions, by name. */
export function describeSvns(svns: TcbFacts['svns'], out: DescriptionBuilder): void {
  for (const [name, value] of Object.entries(svns)) out.attribute('tcb-svn', `${name}:${value}`)
}

/** Everything that verified evidence says, of whichever vendor. */
export function describeEvidenceFacts(facts: EvidenceFacts, out: DescriptionBuilder): void {
  describeBody(facts, out)
  const { tcb } = facts
  if (tcb !== undefined) {
    out.attribute('tcb-status', tcb.status)
    for (const advisory of tcb.advisories) out.attribute('advisory', advisory)
    out.number('tcb-date', tcb.date).number('tcb-evaluation-number', tcb.evaluationNumber)
    describeSvns(tcb.svns, out)
  }
  out.attribute('fmspc', facts.fmspc)
  out.attribute('platform-certificate', facts.platformCertificateSha256)
  out.number('evidence-time', facts.evidenceTime)
  for (const { code, message, pointer } of facts.findings) out.finding(code, message, pointer)
}

/** What a quote says of its platform when it brings the certificate along; else, nothing. */
function describePlatform(quote: Quote, out: DescriptionBuilder): void {
  if (!hasPckChain(quote)) return
  try {
    const [pck] = readCertificates(quote.certificationData)
    if (pck === undefined) return
    const platform = readPckPlatform(pck)
    out.attribute('fmspc', platform.fmspc).attribute('platform-certificate', fingerprint(pck))
    describeSvns(quoteSvns(quote, platform), out)
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error
    out.finding('platform-unreadable', error.message)
  }
}

/** Describes a quote from its own bytes; nothing is verified. */
export function describeQuote(bytes: Uint8Array, out: DescriptionBuilder): void {
  const quote = parseQuote(bytes)
  describeBody(quoteBodyFacts(quote), out)
  // Padding differs between copies of one quote: it is found under either digest.
  for (const variant of [bytes, quote.trimmed]) {
    out.digest('evidence', 'sha256', encodeHex(sha256(variant)))
  }
  describePlatform(quote, out)
  for (const { code, message } of trailingFindings(quote)) out.finding(code, message)
}

function describeIntel(bundle: CollateralBundle, out: DescriptionBuilder): void {
  const tcbInfo = bundle['intel-tcb-info']
  if (tcbInfo !== undefined) {
    const info = readTcbInfo(openSignedJson(tcbInfo, 'tcbInfo', 'tcb-info-malformed').value)
    out.attribute('tee-type', info.tee).attribute('fmspc', info.fmspc)
    out.number('tcb-evaluation-number', info.evaluationNumber)
    out.number('expires-on', info.nextUpdate)
  }
  const identity = bundle['intel-qe-identity']
  if (identity !== undefined) {
    const value = openSignedJson(identity, 'enclaveIdentity', 'qe-identity-malformed').value
    out.number('expires-on', readQeIdentity(value).nextUpdate)
  }
}

/** Describes a container of collateral; nothing is verified. */
export function describeCollateral(bytes: Uint8Array, out: DescriptionBuilder): void {
  const bundle = parseCollateral(bytes)
  for (const part of Object.values(bundle).flat()) {
    out.digest('evidence', 'sha256', encodeHex(sha256(part)))
  }
  describeIntel(bundle, out)
}

function quoteHandler(tee: Quote['tee']): BytesHandler {
  return {
    kind: 'tee-evidence',
    check: ({ bytes }) => {
      checkedPayload(() => {
        if (parseQuote(bytes).tee !== tee) {
          throw new EvidenceError('malformed', `the quote is not of ${tee}`)
        }
      })
    },
    describe: ({ bytes }, out) => {
      describeQuote(bytes, out)
    },
  }
}

const collateralHandler: BytesHandler = {
  kind: 'collateral',
  check: ({ bytes }) => {
    checkedPayload(() => {
      describeIntel(parseCollateral(bytes), new DescriptionBuilder())
    })
  },
  describe: ({ bytes }, out) => {
    describeCollateral(bytes, out)
  },
}

/** For the table of media types. */
export const dcapHandlers: ReadonlyMap<string, BytesHandler> = new Map([
  [SGX_QUOTE_MEDIA_TYPE, quoteHandler('sgx')],
  [TDX_QUOTE_MEDIA_TYPE, quoteHandler('tdx')],
  [COLLATERAL_MEDIA_TYPE, collateralHandler],
])
