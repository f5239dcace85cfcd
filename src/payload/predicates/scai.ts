/**
 * SCAI attribute report v0.3: named attributes of an artifact, each perhaps with a target and evidence
 * (both by digest). An attribute is a claim: `IsHermeticBuild` says nothing before its evidence was
 * looked at (statements.md §3.5).
 */
import type { DescriptionBuilder } from '../description-builder.ts'
import type { JsonHandler } from '../handler.ts'
import { asList, asText, listAt, memberAt, objectAt, textAt } from '../json-members.ts'
import { REFERENCE_ATTRIBUTE } from '../tee/reference-values.ts'

const isReference = (assertion: unknown): boolean =>
  memberAt(assertion, 'attribute') === REFERENCE_ATTRIBUTE

export const scai: JsonHandler = {
  kind: 'scai',
  kindOf: ({ predicate }) =>
    listAt(predicate, 'attributes').some(isReference) ? 'reference-values' : 'scai',
  describe: ({ predicate, at }, out) => {
    listAt(predicate, 'attributes').forEach((assertion, index) => {
      const where = `${at}/attributes/${index}`
      out.attribute('scai-attribute', memberAt(assertion, 'attribute'))
      out.digestSet('evidence', memberAt(assertion, 'target', 'digest'), `${where}/target/digest`)
      if (isReference(assertion)) {
        describeReference(memberAt(assertion, 'conditions', 'measurements'), where, out)
        return
      }
      const evidence = objectAt(assertion, 'evidence')
      out.digestSet('evidence', evidence?.['digest'], `${where}/evidence/digest`)
      if (evidence === undefined) {
        out.finding('without-evidence', 'an attribute without evidence', where)
      }
    })
    const producer = textAt(predicate, 'producer', 'uri') ?? textAt(predicate, 'producer', 'name')
    out.attribute('producer', producer)
    out.digestSet('dependency', memberAt(predicate, 'producer', 'digest'), `${at}/producer/digest`)
  },
}

/** What a TEE should measure, in the form of tee/reference-values.ts. */
function describeReference(measurements: unknown, where: string, out: DescriptionBuilder): void {
  const values = Object.entries(objectAt(measurements) ?? {}).flatMap(([name, given]) =>
    (Array.isArray(given) ? asList(given) : [given]).map((value) => [name, value] as const),
  )
  if (values.length === 0) out.finding('no-reference-values', 'no measurements are named', where)
  for (const [name, value] of values) {
    const hex = asText(value)?.toLowerCase() ?? ''
    if (/^(?:[0-9a-f]{2})+$/.test(hex)) out.attribute('measurement', `${name}:${hex}`)
    else out.finding('no-reference-values', `"${name}" is not in hex`, where)
  }
}
