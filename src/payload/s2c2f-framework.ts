/**
 * The Secure Supply Chain Consumption Framework 1.1 (ossf/s2c2f): its 25 requirements, the level that
 * each belongs to, and which kinds of statements in a log can evidence it. Sixteen can be evidenced;
 * the other nine are processes of an organisation, of which a log only holds what it says of itself.
 */
import type { StatementKind } from './description.ts'

export type S2c2fLevel = 0 | 1 | 2 | 3 | 4

export interface S2c2fRequirement {
  readonly id: string
  readonly level: Exclude<S2c2fLevel, 0>
  readonly title: string
  /** Kinds of statements that can evidence it; none: it can only be asserted. */
  readonly evidence: readonly StatementKind[]
}

const VERDICT = ['vsa', 'svr'] as const
const EVALUATION = ['scai', 'test-result', ...VERDICT] as const
const REBUILD = ['provenance', 'release', 'reference', ...VERDICT] as const

type Row = readonly [
  id: string,
  level: S2c2fRequirement['level'],
  title: string,
  evidence?: readonly StatementKind[],
]

const ROWS: readonly Row[] = [
  ['ING-1', 1, 'use package managers that the organisation trusts'],
  ['ING-2', 1, 'use a binary repository manager'],
  ['ING-3', 3, 'be able to deny known malicious packages', ['incident', ...VERDICT]],
  ['ING-4', 3, 'mirror the source of all packages', ['reference', 'release', 'link', ...VERDICT]],
  ['SCA-1', 1, 'scan for known vulnerabilities', ['vulns', 'vex', 'osv', ...EVALUATION]],
  ['SCA-2', 1, 'scan for licences', ['sbom', ...EVALUATION]],
  ['SCA-3', 2, 'scan for end of life', ['vulns', 'scorecard', ...EVALUATION]],
  ['SCA-4', 3, 'scan for malware', ['vulns', 'osv', ...EVALUATION]],
  ['SCA-5', 3, 'analyse security proactively', ['scorecard', 'security-insights', ...EVALUATION]],
  ['INV-1', 1, 'keep an automated inventory', ['sbom', ...VERDICT]],
  ['INV-2', 2, 'have an incident response plan'],
  ['UPD-1', 1, 'update vulnerable packages by hand'],
  ['UPD-2', 2, 'update automatically'],
  ['UPD-3', 2, 'show vulnerabilities in pull requests'],
  ['AUD-1', 3, 'verify provenance', ['provenance', ...VERDICT]],
  ['AUD-2', 2, 'audit that packages come through the approved way', VERDICT],
  ['AUD-3', 2, 'validate integrity', ['provenance', 'publish', 'release', 'reference', ...VERDICT]],
  ['AUD-4', 4, 'validate SBOMs', ['sbom', ...VERDICT]],
  ['ENF-1', 2, 'configure package sources securely'],
  ['ENF-2', 3, 'enforce a curated feed'],
  ['REB-1', 4, 'rebuild in a trusted environment, or reproduce', REBUILD],
  ['REB-2', 4, 'sign what was rebuilt', REBUILD],
  ['REB-3', 4, 'make SBOMs of what was rebuilt', ['sbom', ...VERDICT]],
  ['REB-4', 4, 'sign the SBOMs', ['sbom', ...VERDICT]],
  ['FIX-1', 4, 'fix zero-days and give the fix to upstream'],
]

/** All 25, in the order of the framework. */
export const S2C2F_REQUIREMENTS: readonly S2c2fRequirement[] = ROWS.map(
  ([id, level, title, evidence = []]) => ({ id, level, title, evidence }),
)

const BY_ID = new Map(S2C2F_REQUIREMENTS.map((requirement) => [requirement.id, requirement]))

export function findRequirement(id: string): S2c2fRequirement | undefined {
  return BY_ID.get(id)
}

export type S2c2fStatus = 'met' | 'not_met' | 'not_applicable' | 'unknown'

/**
 * The highest level n such that every requirement of the levels up to n is met, or does not apply.
 * What is not in `statuses` is unknown.
 */
export function s2c2fLevel(statuses: ReadonlyMap<string, S2c2fStatus>): S2c2fLevel {
  const missing = S2C2F_REQUIREMENTS.filter(({ id }) => {
    const status = statuses.get(id)
    return status !== 'met' && status !== 'not_applicable'
  }).map(({ level }) => level)
  return Math.min(4, ...missing.map((level) => level - 1)) as S2c2fLevel
}
