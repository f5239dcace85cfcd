/**
 * What a SEV-SNP report says, as facts. Nothing is verified here: `verify-snp.ts` calls it for reports
 * that hold, descriptions call it for the bytes alone.
 */
import { encodeHex } from '../../bytes/hex.ts'
import type { EvidenceFacts, Measurement } from './evidence.ts'
import { encodeSnpTcb } from './snp-certificate.ts'
import { readSnpTcb } from './snp-report.ts'
import type { SnpReport } from './snp-report.ts'

/** AMD says nothing about how good a TCB is; a policy may. */
export const NOT_EVALUATED = 'NotEvaluated'
const FAMILY_TURIN = 0x1a

export type SnpReportFacts = Pick<EvidenceFacts, 'measurements' | 'debug' | 'reportData'> & {
  readonly teeType: 'sev-snp'
  readonly tcb: NonNullable<EvidenceFacts['tcb']>
}

/** The layout of the TCB bytes by the processor that the report names, before a certificate says it. */
export function assumedStructVersion({ cpuid }: SnpReport): 0 | 1 {
  return cpuid !== undefined && cpuid.family >= FAMILY_TURIN ? 1 : 0
}

/** Facts of a report whose TCB bytes are laid out as `structVersion` says. */
export function snpReportFacts(report: SnpReport, structVersion: 0 | 1): SnpReportFacts {
  const tcb = (bytes: Uint8Array): string => encodeSnpTcb(readSnpTcb(bytes, structVersion))
  const optional: readonly (readonly [string, Uint8Array])[] = [
    ['host-data', report.hostData],
    ['id-key-digest', report.idKeyDigest],
    ['author-key-digest', report.authorKeyDigest],
    ['family-id', report.familyId],
    ['image-id', report.imageId],
  ]
  const measurements: Measurement[] = [
    { name: 'measurement', value: encodeHex(report.measurement) },
    ...optional
      .filter(([, value]) => value.some((byte) => byte !== 0))
      .map(([name, value]) => ({ name, value: encodeHex(value) })),
  ]
  return {
    teeType: 'sev-snp',
    measurements,
    debug: report.debug,
    tcb: {
      status: NOT_EVALUATED,
      advisories: [],
      parts: {},
      svns: {
        'reported-tcb': tcb(report.reportedTcb),
        'current-tcb': tcb(report.currentTcb),
        'committed-tcb': tcb(report.committedTcb),
        'launch-tcb': tcb(report.launchTcb),
      },
    },
    reportData: report.reportData,
  }
}
