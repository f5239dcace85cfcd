/**
 * Vulnerability scans (in-toto vulns v0.1 and v0.2). An empty list of results says that nothing was
 * found; a list that is missing says nothing, and so does a scan whose database has no date. Real
 * scanners leave such members out, so this is remarked on, not refused.
 */
import { cvssBaseScore } from '../cvss.ts'
import type { DescriptionBuilder } from '../description-builder.ts'
import type { JsonHandler, JsonInput } from '../handler.ts'
import { listAt, memberAt, objectAt, textAt } from '../json-members.ts'

export const vulns: JsonHandler = { kind: 'vulns', describe }

function describe({ predicate, at }: JsonInput, out: DescriptionBuilder): void {
  const uri = textAt(predicate, 'scanner', 'uri') ?? ''
  const version = textAt(predicate, 'scanner', 'version')
  out.attribute('tool', version === undefined || version === '' ? uri : `${uri}@${version}`)
  out.time('started-on', textAt(predicate, 'metadata', 'scanStartedOn'))
  out.time('finished-on', textAt(predicate, 'metadata', 'scanFinishedOn'))
  out.attribute('run-url', textAt(predicate, 'invocation', 'uri'))
  const updated = textAt(predicate, 'scanner', 'db', 'lastUpdate')
  out.time('database-updated-on', updated)
  if (updated === undefined) {
    const message = 'it does not say how old the vulnerability database was'
    out.finding('database-date-absent', message, `${at}/scanner/db/lastUpdate`)
  }
  if (memberAt(predicate, 'scanner', 'result') === undefined) {
    const message = 'there is no list of results, not even an empty one'
    out.finding('result-absent', message, `${at}/scanner/result`)
    return
  }
  const results = listAt(predicate, 'scanner', 'result')
  out.attribute('result', results.length === 0 ? 'none-found' : 'found')
  describeResults(results, out)
}

function describeResults(results: readonly unknown[], out: DescriptionBuilder): void {
  let worst: number | undefined
  for (const result of results) {
    const vulnerability = objectAt(result, 'vulnerability') ?? result
    out.attribute('vulnerability', textAt(vulnerability, 'id'))
    const single = objectAt(vulnerability, 'severity')
    for (const severity of single === undefined ? listAt(vulnerability, 'severity') : [single]) {
      const score = describeSeverity(textAt(severity, 'score') ?? '', out)
      if (score !== undefined) worst = Math.max(worst ?? 0, score)
    }
  }
  out.number('severity-score', worst)
}

/** Adds the severity as a word, and gives it as a number of CVSS's scale where it is one. */
export function describeSeverity(text: string, out: DescriptionBuilder): number | undefined {
  const word = text.trim().toLowerCase()
  if (/^[a-z][a-z_ -]{0,31}$/.test(word)) out.attribute('severity', word)
  const number = /^(?:10(?:\.0+)?|[0-9](?:\.[0-9]+)?)$/.test(word) ? Number(word) : undefined
  const score = number ?? cvssBaseScore(text.trim())
  if (score !== undefined) out.attribute('severity', severityWord(score))
  return score
}

/** CVSS v3.1 §5: the qualitative rating of a score. */
function severityWord(score: number): string {
  if (score >= 9) return 'critical'
  if (score >= 7) return 'high'
  if (score >= 4) return 'medium'
  return score > 0 ? 'low' : 'none'
}
