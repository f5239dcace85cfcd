/**
 * Intel's TCB levels: how one is written in signed collateral, and what levels of several parts
 * make of a platform together. A status that Intel does not have today is refused: nobody here could
 * say what it does to the others.
 */
import { memberAt } from '../json-members.ts'
import type { JsonFields } from './dcap-json.ts'
import type { TcbLevelFacts } from './evidence.ts'

/** Statuses of a level, as Intel writes them. */
export const TCB_STATUSES = [
  'UpToDate',
  'SWHardeningNeeded',
  'ConfigurationNeeded',
  'ConfigurationAndSWHardeningNeeded',
  'OutOfDate',
  'OutOfDateConfigurationNeeded',
  'Revoked',
] as const
/** `NoLevel`: the security versions are below every level that Intel publishes. */
export type TcbStatus = (typeof TCB_STATUSES)[number] | 'NoLevel'

export interface TcbLevel extends TcbLevelFacts {
  readonly status: TcbStatus
}

/** A level of an enclave or module: the lowest security version that it is for. */
export interface SvnLevel {
  readonly isvSvn: number
  readonly level: TcbLevel
}

export const NO_LEVEL: TcbLevel = { status: 'NoLevel', advisories: [] }

const needsConfiguration = (status: TcbStatus): boolean => status.includes('Configuration')
const isOutOfDate = (status: TcbStatus): boolean => status.startsWith('OutOfDate')

/** Reads status, date and advisories of a level. @throws EvidenceError */
export function readLevel(value: unknown, fields: JsonFields): TcbLevel {
  const text = fields.text(value, 'tcbStatus')
  const status = TCB_STATUSES.find((known) => known === text)
  if (status === undefined) throw fields.refuse('tcbStatus')
  const advisories = fields.list(value, 'advisoryIDs', true).map((advisory) => {
    if (typeof advisory !== 'string' || !/^[\x21-\x7e]{1,64}$/.test(advisory)) {
      throw fields.refuse('advisoryIDs')
    }
    return advisory
  })
  return { status, date: fields.time(value, 'tcbDate'), advisories }
}

/** Reads the levels of an enclave or module, highest first as Intel orders them. @throws EvidenceError */
export function readSvnLevels(value: unknown, fields: JsonFields): SvnLevel[] {
  return fields.list(value, 'tcbLevels').map((item) => ({
    isvSvn: fields.integer(memberAt(item, 'tcb'), 'isvsvn', 0xffff),
    level: readLevel(item, fields),
  }))
}

/** The first level that the security version reaches. */
export function matchSvnLevel(levels: readonly SvnLevel[], isvSvn: number): TcbLevel {
  return levels.find((candidate) => candidate.isvSvn <= isvSvn)?.level ?? NO_LEVEL
}

/**
 * The status of a platform whose parts (quoting enclave, TDX module) are judged apart: a revoked part
 * revokes it, one without a level leaves it without, one out of date puts it out of date.
 */
export function combineStatuses(platform: TcbStatus, parts: readonly TcbStatus[]): TcbStatus {
  const all = [platform, ...parts]
  if (all.includes('Revoked')) return 'Revoked'
  if (all.includes('NoLevel')) return 'NoLevel'
  if (!parts.some(isOutOfDate)) return platform
  return needsConfiguration(platform) ? 'OutOfDateConfigurationNeeded' : 'OutOfDate'
}

/** The oldest date, where every part has one, and every advisory once. */
export function combineLevels(platform: TcbLevel, parts: readonly TcbLevel[]): TcbLevel {
  const all = [platform, ...parts]
  const dates = all.flatMap(({ date }) => (date === undefined ? [] : [date]))
  return {
    status: combineStatuses(
      platform.status,
      parts.map(({ status }) => status),
    ),
    ...(dates.length < all.length ? {} : { date: Math.min(...dates) }),
    advisories: [...new Set(all.flatMap(({ advisories }) => advisories))],
  }
}

/** True when a domain was launched on an old TCB and runs on a current one: a new launch would cure it. */
export function isRelaunchAdvised(atLaunch: TcbStatus, current: TcbStatus): boolean {
  const cured = !isOutOfDate(current) && current !== 'Revoked' && current !== 'NoLevel'
  return isOutOfDate(atLaunch) && cured
}
