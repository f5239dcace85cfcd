/**
 * S2C2F assessments, a predicate of ours since the framework leaves the format open. The level is
 * computed again; that it is not the claimed one is a finding, and so is a requirement that is
 * asserted without evidence where evidence could be.
 */
import type { DescriptionBuilder } from '../description-builder.ts'
import type { JsonHandler, JsonInput } from '../handler.ts'
import { listAt, textAt } from '../json-members.ts'
import { malformed } from '../malformed.ts'
import { parseRfc3339 } from '../rfc3339.ts'
import { findRequirement } from '../s2c2f-framework.ts'
import { s2c2fReport } from '../s2c2f-report.ts'

export const S2C2F_ASSESSMENT = 'https://attestry.dev/s2c2f-assessment/v0.1'

export const s2c2fAssessment: JsonHandler = { kind: 's2c2f', check, describe }

function check({ predicate, at }: JsonInput): void {
  const ids = new Set<string>()
  listAt(predicate, 'practices').forEach((practice, position) => {
    const id = textAt(practice, 'id') ?? ''
    if (ids.has(id)) malformed(`${at}/practices/${position}/id`, `${id} is there twice`)
    ids.add(id)
  })
  const expiresOn = textAt(predicate, 'expiresOn')
  const evaluatedOn = textAt(predicate, 'evaluatedOn') ?? ''
  if (
    expiresOn !== undefined &&
    parseRfc3339(expiresOn, 'expiresOn') <= parseRfc3339(evaluatedOn, 'evaluatedOn')
  ) {
    malformed(`${at}/expiresOn`, 'is not after evaluatedOn')
  }
}

function describe({ predicate, at }: JsonInput, out: DescriptionBuilder): void {
  const report = s2c2fReport(predicate)
  out.attribute('verifier-id', textAt(predicate, 'evaluator', 'id'))
  out.attribute('tool', toolName(predicate))
  out.time('evaluated-on', textAt(predicate, 'evaluatedOn'))
  out.time('expires-on', textAt(predicate, 'expiresOn'))
  out.number('conformance-level', report.level)
  out.attribute('level', `S2C2F_LEVEL_${report.level}`)
  if (report.claimedLevel !== report.level) {
    const message = `level ${report.claimedLevel ?? 0} is claimed, and ${report.level} follows`
    out.finding('level-mismatch', message, `${at}/level`)
  }
  for (const { id, mark } of report.rows) out.attribute('practice', `${id}:${mark}`)
  listAt(predicate, 'practices').forEach((practice, position) => {
    describeEvidence(practice, `${at}/practices/${position}`, out)
  })
}

function describeEvidence(practice: unknown, pointer: string, out: DescriptionBuilder): void {
  const evidence = listAt(practice, 'evidence')
  for (const reference of evidence) {
    out.digestSet('evidence', { sha256: textAt(reference, 'entryId') }, `${pointer}/evidence`)
  }
  out.descriptors('evidence', evidence, `${pointer}/evidence`)
  const id = textAt(practice, 'id') ?? ''
  const canBeEvidenced = (findRequirement(id)?.evidence.length ?? 0) > 0
  if (textAt(practice, 'status') === 'met' && canBeEvidenced && evidence.length === 0) {
    out.finding('practice-self-asserted', `${id} is claimed without evidence`, pointer)
  }
}

function toolName(predicate: JsonInput['predicate']): string | undefined {
  const name = textAt(predicate, 'tool', 'name')
  const version = textAt(predicate, 'tool', 'version')
  return version === undefined ? name : `${name ?? ''}@${version}`
}
