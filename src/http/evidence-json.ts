/** Evidence of where something was built, as JSON: what it says, since when and until when, and who agrees. */
import type { Description } from '../payload/description.ts'
import type { BoundEvidence } from '../registry/bound-evidence.ts'
import { CONTRADICTION_FINDING } from '../registry/contradictions.ts'
import type { Contradiction } from '../registry/contradictions.ts'
import type { ReferenceMatch } from '../registry/reference-matches.ts'
import { rowJson } from './statement-json.ts'

/** A row of the evidence with what it says; `before` is the first head that covers its entry. */
export function boundEvidenceJson(evidence: BoundEvidence): object {
  const { row, summary, joinedBy, bracket, references, contradictions, appraisals } = evidence
  const { teeType, debug, tcbStatus, advisories, buildIds } = summary
  const isContradicted = contradictions.length > 0
  return {
    ...rowJson(row),
    findings: isContradicted ? [...row.findings, CONTRADICTION_FINDING].sort() : row.findings,
    ...{ teeType, debug, tcbStatus, advisories },
    binding: joinedBy,
    buildIds: buildIds.length === 0 ? undefined : buildIds,
    bracket,
    references: references.map(referenceJson),
    appraisals:
      appraisals.length === 0
        ? undefined
        : appraisals.map(({ row: later, ...said }) => ({ ...rowJson(later), ...said })),
    contradictions: isContradicted ? contradictions.map(contradictionJson) : undefined,
  }
}

function referenceJson({ row, measurements }: ReferenceMatch): object {
  return { ...rowJson(row), measurements }
}

export function contradictionJson({ row, about }: Contradiction): object {
  return { ...rowJson(row), about }
}

/** What a statement says, with the finding that somebody says otherwise. */
export function withContradictions(
  description: Description,
  contradictions: readonly Contradiction[],
): Description {
  if (contradictions.length === 0) return description
  const entries = contradictions.map(({ row }) => row.leafIndex).join(', ')
  const message = `other statements say something else of this environment: entry ${entries}`
  const finding = { code: CONTRADICTION_FINDING, message }
  return { ...description, findings: [...description.findings, finding] }
}
