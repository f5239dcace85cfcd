/**
 * The report of a TDX trust domain as it stands in a quote: 584 bytes (TDX 1.0), 648 (1.5), or 885 (1.5
 * with migration facts, of which only the part in common is read). Quotes themselves are read by
 * `quote.ts`.
 */
import { encodeHex } from '../../bytes/hex.ts'
import { ByteReader } from './byte-reader.ts'
import type { Measurement } from './evidence.ts'

/** A raw TDX quote, of version 4 or 5. */
export const TDX_QUOTE_MEDIA_TYPE = 'application/vnd.attestry.tdx-quote'

/** Body types of quote version 5, and how long each is. */
export const TD_REPORT_BYTES: ReadonlyMap<number, number> = new Map([
  [2, 584],
  [3, 648],
  [4, 885],
])

/** What a trust domain's report says. Byte strings are views. */
export interface TdReport {
  readonly teeTcbSvn: Uint8Array
  readonly mrSeam: Uint8Array
  readonly mrSignerSeam: Uint8Array
  readonly seamAttributes: Uint8Array
  readonly tdAttributes: Uint8Array
  readonly xfam: Uint8Array
  readonly mrTd: Uint8Array
  readonly mrConfigId: Uint8Array
  readonly mrOwner: Uint8Array
  readonly mrOwnerConfig: Uint8Array
  readonly rtmrs: readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array]
  readonly reportData: Uint8Array
  /** Of TDX 1.5: what runs now, where `teeTcbSvn` is what ran when the domain was launched. */
  readonly current?: { readonly teeTcbSvn: Uint8Array; readonly mrServiceTd: Uint8Array }
}

/**
 * Reads a report of one of the lengths in {@link TD_REPORT_BYTES}.
 * @throws EvidenceError `truncated`
 */
export function parseTdReport(bytes: Uint8Array): TdReport {
  const reader = new ByteReader(bytes, 'trust domain report')
  const report = {
    teeTcbSvn: reader.take(16),
    mrSeam: reader.take(48),
    mrSignerSeam: reader.take(48),
    seamAttributes: reader.take(8),
    tdAttributes: reader.take(8),
    xfam: reader.take(8),
    mrTd: reader.take(48),
    mrConfigId: reader.take(48),
    mrOwner: reader.take(48),
    mrOwnerConfig: reader.take(48),
    rtmrs: [reader.take(48), reader.take(48), reader.take(48), reader.take(48)] as const,
    reportData: reader.take(64),
  }
  if (reader.remaining === 0) return report
  return { ...report, current: { teeTcbSvn: reader.take(16), mrServiceTd: reader.take(48) } }
}

/** True when the domain can be debugged: bit 0 of the attributes. */
export function isTdDebug({ tdAttributes }: TdReport): boolean {
  return tdAttributes[0]! % 2 === 1
}

/** What identifies the domain, its configuration and the module that runs it. */
export function tdMeasurements(report: TdReport): Measurement[] {
  const named: [string, Uint8Array][] = [
    ['mrtd', report.mrTd],
    ...report.rtmrs.map((rtmr, at): [string, Uint8Array] => [`rtmr${at}`, rtmr]),
    ['mrconfigid', report.mrConfigId],
    ['mrowner', report.mrOwner],
    ['mrownerconfig', report.mrOwnerConfig],
    ['mrseam', report.mrSeam],
    ['mrsignerseam', report.mrSignerSeam],
    ['td-attributes', report.tdAttributes],
    ['xfam', report.xfam],
  ]
  if (report.current !== undefined) named.push(['mrservicetd', report.current.mrServiceTd])
  return named.map(([name, value]) => ({ name, value: encodeHex(value) }))
}
