/**
 * What an S2C2F assessment rests on (R36): the level computed again from the practices, and of every
 * requirement whether it is evidenced by statements, only asserted, or without evidence. A pure
 * function; whoever has a log at hand passes a look-up, so that cited entries count only when they
 * are there and of a kind that can evidence the requirement.
 */
import type { StatementKind } from './description.ts'
import { listAt, memberAt, textAt } from './json-members.ts'
import { s2c2fLevel, S2C2F_REQUIREMENTS } from './s2c2f-framework.ts'
import type { S2c2fLevel, S2c2fRequirement, S2c2fStatus } from './s2c2f-framework.ts'

/** Whether the answer rests on statements, on the assessor's word, or is no positive answer. */
export type S2c2fMark = 'evidenced' | 'self-asserted' | 'no-evidence'

export interface S2c2fRow {
  readonly id: string
  readonly level: S2c2fRequirement['level']
  readonly status: S2c2fStatus
  readonly mark: S2c2fMark
  /** Entry ids and digests that count as evidence, as `sha256:<hex>`. */
  readonly evidence: readonly string[]
}

export interface S2c2fReport {
  readonly claimedLevel?: number
  /** Follows from the statuses alone. */
  readonly level: S2c2fLevel
  /** The same, when only what is evidenced counts as met. */
  readonly evidencedLevel: S2c2fLevel
  /** One for each of the 25 requirements, in the order of the framework. */
  readonly rows: readonly S2c2fRow[]
}

/** Tells the kind of a registered statement, by entry id or digest (`sha256:<hex>`). */
export type EvidenceLookup = (evidence: string) => StatementKind | undefined

/**
 * @param assessment the predicate of an S2C2F assessment that passed its schema.
 * @param lookup without it every cited piece counts, whatever it is.
 */
export function s2c2fReport(assessment: unknown, lookup?: EvidenceLookup): S2c2fReport {
  const practices = new Map<string, unknown>()
  for (const practice of listAt(assessment, 'practices')) {
    practices.set(textAt(practice, 'id') ?? '', practice)
  }
  const rows = S2C2F_REQUIREMENTS.map((requirement) =>
    reportRow(requirement, practices.get(requirement.id), lookup),
  )
  const claimed = memberAt(assessment, 'level')
  const evidenced = rows.map(({ id, status, mark }) => {
    const counts = status !== 'met' || mark === 'evidenced'
    return [id, counts ? status : 'unknown'] as const
  })
  return {
    ...(typeof claimed === 'number' ? { claimedLevel: claimed } : {}),
    level: s2c2fLevel(new Map(rows.map(({ id, status }) => [id, status]))),
    evidencedLevel: s2c2fLevel(new Map(evidenced)),
    rows,
  }
}

function reportRow(
  requirement: S2c2fRequirement,
  practice: unknown,
  lookup: EvidenceLookup | undefined,
): S2c2fRow {
  const { id, level, evidence: kinds } = requirement
  const status = (textAt(practice, 'status') ?? 'unknown') as S2c2fStatus
  const evidence =
    kinds.length === 0
      ? []
      : listAt(practice, 'evidence')
          .flatMap(namesOf)
          .filter((name) => {
            if (lookup === undefined) return true
            const kind = lookup(name)
            return kind !== undefined && kinds.includes(kind)
          })
  return { id, level, status, mark: markOf(status, evidence), evidence }
}

function markOf(status: S2c2fStatus, evidence: readonly string[]): S2c2fMark {
  if (status === 'met') return evidence.length > 0 ? 'evidenced' : 'self-asserted'
  // That something does not apply is always the assessor's word.
  return status === 'not_applicable' ? 'self-asserted' : 'no-evidence'
}

/** An entry id is the SHA-256 of its entry (design D1), so both are written alike. */
function namesOf(reference: unknown): string[] {
  const entryId = textAt(reference, 'entryId')
  const digests = Object.entries(memberAt(reference, 'digest') ?? {})
  return [
    ...(entryId === undefined ? [] : [`sha256:${entryId}`]),
    ...digests.map(([algorithm, value]) => `${algorithm}:${String(value)}`),
  ]
}
