/**
 * Retractions: an issuer does not stand by earlier statements any more, or names what replaces them.
 * The entries stay where they are. Whether the targets exist, and are the issuer's own to retract,
 * is for whoever reads the log; here only the form is checked.
 */
import type { DescriptionBuilder } from '../description-builder.ts'
import type { JsonHandler, JsonInput } from '../handler.ts'
import { asText, listAt, textAt } from '../json-members.ts'
import { malformed } from '../malformed.ts'

export const RETRACTION = 'https://attestry.dev/retraction/v0.1'

export const retraction: JsonHandler = { kind: 'retraction', check, describe }

function check({ predicate, at }: JsonInput): void {
  const seen = new Set<unknown>()
  listAt(predicate, 'targets').forEach((target, position) => {
    if (seen.has(target)) malformed(`${at}/targets/${position}`, 'is there twice')
    seen.add(target)
  })
  if (seen.has(textAt(predicate, 'supersededBy'))) {
    malformed(`${at}/supersededBy`, 'is one of the targets')
  }
}

function describe({ json, predicate }: JsonInput, out: DescriptionBuilder): void {
  const targets = listAt(predicate, 'targets')
  const successor = textAt(predicate, 'supersededBy')
  out.attribute('result', successor === undefined ? 'retracted' : 'superseded')
  for (const target of targets) {
    out.attribute('target-entry', target).digest('subject', 'sha256', asText(target) ?? '')
  }
  if (successor !== undefined) out.digest('evidence', 'sha256', successor)
  out.time('started-on', textAt(predicate, 'effectiveFrom'))
  const subjects = listAt(json, 'subject').map((subject) => textAt(subject, 'digest', 'sha256'))
  if (!subjects.some((subject) => targets.includes(subject))) {
    out.finding('retraction-subject', 'no subject is one of the targets', '/subject')
  }
}
