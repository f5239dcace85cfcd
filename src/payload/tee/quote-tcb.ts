/**
 * How good the platform of a DCAP quote is, by collateral that says so (statements.md §5.1, steps 7 and 8).
 */
import { encodeHex } from '../../bytes/hex.ts'
import type { Finding } from '../description.ts'
import type { TcbFacts } from './evidence.ts'
import type { PckPlatform } from './pck-certificate.ts'
import type { Quote } from './quote.ts'
import { fixedHex } from './sgx-quote.ts'
import { matchModuleLevel, matchPlatformLevel } from './tcb-info.ts'
import type { TcbInfo } from './tcb-info.ts'
import { combineLevels, isRelaunchAdvised } from './tcb-level.ts'
import type { TcbLevel } from './tcb-level.ts'

/** Security versions of a quote and its platform, each as hex of fixed width. */
export function quoteSvns(quote: Quote, platform: PckPlatform): Record<string, string> {
  const svns: Record<string, string> = {
    'sgx-tcb-svn': encodeHex(Uint8Array.from(platform.componentSvns)),
    pcesvn: fixedHex(platform.pceSvn, 4),
    'qe-isvsvn': fixedHex(quote.qeReport.isvSvn, 4),
  }
  if (quote.tee === 'sgx') return { ...svns, isvsvn: fixedHex(quote.report.isvSvn, 4) }
  const { teeTcbSvn, current } = quote.report
  const now = current === undefined ? {} : { 'tee-tcb-svn2': encodeHex(current.teeTcbSvn) }
  return { ...svns, 'tee-tcb-svn': encodeHex(teeTcbSvn), ...now }
}

/** How good a platform is, by collateral that says so. */
export interface QuoteTcb {
  readonly tcb: TcbFacts
  readonly findings: readonly Finding[]
}

/** Steps 7 and 8 for one `teeTcbSvn` of a trust domain, or none of an enclave. */
function levelsOf(
  info: TcbInfo,
  platform: PckPlatform,
  teeTcbSvn?: Uint8Array,
): { readonly platform: TcbLevel; readonly module?: TcbLevel } {
  const module = teeTcbSvn === undefined ? undefined : matchModuleLevel(info, teeTcbSvn)
  return {
    platform: matchPlatformLevel(info, platform, teeTcbSvn),
    ...(module === undefined ? {} : { module }),
  }
}

/** Steps 7 and 8: levels of the platform, its quoting enclave and its module, and what they make together. */
export function matchQuoteTcb(
  quote: Quote,
  info: TcbInfo,
  platform: PckPlatform,
  qe: TcbLevel,
): QuoteTcb {
  const teeTcbSvn = quote.tee === 'tdx' ? quote.report.teeTcbSvn : undefined
  const current = quote.tee === 'tdx' ? quote.report.current?.teeTcbSvn : undefined
  const levels = levelsOf(info, platform, teeTcbSvn)
  const combine = (all: typeof levels): TcbLevel =>
    combineLevels(all.platform, all.module === undefined ? [qe] : [qe, all.module])
  const overall = combine(levels)
  const findings: Finding[] = []
  if (current !== undefined) {
    const now = combine(levelsOf(info, platform, current))
    if (isRelaunchAdvised(overall.status, now.status)) {
      const message = `launched at ${overall.status}, would be ${now.status} after a new launch`
      findings.push({ code: 'relaunch-advised', message })
    }
  }
  const parts = { ...levels, qe }
  return {
    tcb: {
      ...overall,
      evaluationNumber: info.evaluationNumber,
      parts,
      svns: quoteSvns(quote, platform),
    },
    findings,
  }
}
