/** Evidence of where something was built, for people. Values of evidence may hold anything: escaped here. */
import type { BoundEvidence, BuildEnvironment } from '../../client/bound-evidence.ts'
import type { ArtifactRow } from '../../client/query-pages.ts'
import { escapeText } from '../escape.ts'
import { formatNumber, formatTime } from '../terminal.ts'
import type { Line } from '../terminal.ts'

/** Entry, kind of TEE, TCB and debug bit in one line; to be escaped by whoever shows it. */
export function evidenceText(evidence: BoundEvidence): string {
  const { index, teeType = 'unknown', tcbStatus, debug, binding, advisories } = evidence
  const parts = [
    `${teeType} of entry ${index}`,
    ...(tcbStatus === undefined ? [] : [tcbStatus]),
    ...(debug === true ? ['DEBUG'] : []),
    ...(advisories.length === 0 ? [] : [advisories.join(' ')]),
    `by ${binding}`,
  ]
  return parts.join(', ')
}

/** What stands below the table of an artifact: each provenance that has evidence, and what it says. */
export function evidenceLines(rows: readonly ArtifactRow[]): Line[] {
  const lines: Line[] = []
  for (const { index, evidence = [], buildEnvironment } of rows) {
    if (evidence.length === 0) continue
    lines.push('', { text: `where entry ${formatNumber(index)} was built`, tone: 'strong' })
    for (const one of evidence) lines.push(...linesOf(one))
    if (buildEnvironment !== undefined) lines.push(`  ${levelText(buildEnvironment)}`)
  }
  return lines
}

/** The level that is reached, and what the next one lacks. */
function levelText({ draft, level, levels }: BuildEnvironment): string {
  const reached = `build environment level ${level} of ${escapeText(draft)}`
  const next = levels.find((one) => one.outcome !== 'pass')
  if (next === undefined) return reached
  return `${reached}; level ${next.level} is ${next.outcome}: ${escapeText(next.gaps.join(', '))}`
}

function linesOf(evidence: BoundEvidence): Line[] {
  const { bracket, references, contradictions, appraisals } = evidence
  const isBad = evidence.debug === true || contradictions.length > 0
  return [
    { text: `  ${escapeText(evidenceText(evidence))}`, ...(isBad ? { tone: 'warn' } : {}) } as Line,
    `    made ${bracketText(bracket)}`,
    ...references.map(
      ({ index, issuer, measurements }) =>
        `    ${formatNumber(measurements.length)} of its measurements are in the reference values of entry ${index}, by ${escapeText(issuer ?? 'nobody')}`,
    ),
    ...appraisals.map(({ index, tcbStatus, result, registeredAt }) => {
      const said = [result, tcbStatus].filter((word) => word !== undefined).join(', ')
      return `    appraised again in entry ${index} (${formatTime(registeredAt)}): ${escapeText(said)}`
    }),
    ...contradictions.map(({ index, about }): Line => ({
      text: `    entry ${index} says otherwise about ${escapeText(about.join(', '))}`,
      tone: 'bad',
    })),
  ]
}

function bracketText({ after, before }: BoundEvidence['bracket']): string {
  const until = `before the head of size ${formatNumber(before.treeSize)}${timeText(before.registeredAt)}`
  if (after === undefined) return until
  return `after the head of size ${formatNumber(after.treeSize)}${timeText(after.registeredAt)}, ${until}`
}

function timeText(seconds: number | undefined): string {
  return seconds === undefined ? '' : ` (${formatTime(seconds)})`
}
