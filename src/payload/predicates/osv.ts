/**
 * Records of the OSV format, bare. What they say of packages is about names and ranges, not about
 * digests. A record that was withdrawn counts as withdrawn: it names no vulnerability any more.
 */
import type { DescriptionBuilder } from '../description-builder.ts'
import type { JsonHandler, JsonInput } from '../handler.ts'
import { asText, listAt, memberAt, textAt } from '../json-members.ts'
import { describeSeverity } from './vulns.ts'

export const osv: JsonHandler = { kind: 'osv', describe }

function describe({ predicate, at }: JsonInput, out: DescriptionBuilder): void {
  const id = textAt(predicate, 'id') ?? ''
  out.attribute('document-id', id)
  for (const name of [id, ...listAt(predicate, 'aliases')]) out.attribute('vulnerability', name)
  out.time('evaluated-on', textAt(predicate, 'modified'))
  const withdrawn = textAt(predicate, 'withdrawn')
  if (withdrawn !== undefined) {
    out.time('expires-on', withdrawn)
    out.attribute('result', 'withdrawn')
    out.finding('withdrawn', `the record was withdrawn on ${withdrawn}`, `${at}/withdrawn`)
  } else {
    out.attribute('result', id.startsWith('MAL-') ? 'malicious' : 'vulnerable')
  }
  const severities = [...listAt(predicate, 'severity')]
  for (const affected of listAt(predicate, 'affected')) {
    severities.push(...listAt(affected, 'severity'))
    describeAffected(affected, out)
  }
  describeSeverities(severities, out)
}

function describeAffected(affected: unknown, out: DescriptionBuilder): void {
  const ecosystem = textAt(affected, 'package', 'ecosystem')
  const name = textAt(affected, 'package', 'name')
  if (ecosystem !== undefined && name !== undefined)
    out.attribute('package', `${ecosystem}/${name}`)
  out.purl(textAt(affected, 'package', 'purl'))
  for (const range of listAt(affected, 'ranges')) out.attribute('repository', textAt(range, 'repo'))
}

function describeSeverities(severities: readonly unknown[], out: DescriptionBuilder): void {
  const scores = severities.flatMap((severity) => {
    const text = textAt(severity, 'score') ?? ''
    const score = describeSeverity(text, out)
    return score === undefined ? [] : [score]
  })
  if (scores.length > 0) out.number('severity-score', Math.max(...scores))
}

/** True for JSON that can only mean to be an OSV record. */
export function looksLikeOsv(json: unknown): boolean {
  const isRecord = asText(memberAt(json, 'id')) !== undefined
  const hasTimes = asText(memberAt(json, 'modified')) !== undefined
  const hasContent = ['affected', 'schema_version', 'withdrawn'].some(
    (name) => memberAt(json, name) !== undefined,
  )
  return isRecord && hasTimes && hasContent
}
