/**
 * SCAI attribute report v0.3: named attributes of an artifact, each perhaps with a target and evidence
 * (both by digest). An attribute is a claim: `IsHermeticBuild` says nothing before its evidence was
 * looked at (statements.md §3.5).
 */
import type { JsonHandler } from '../handler.ts'
import { listAt, memberAt, objectAt, textAt } from '../json-members.ts'

export const scai: JsonHandler = {
  kind: 'scai',
  describe: ({ predicate, at }, out) => {
    listAt(predicate, 'attributes').forEach((assertion, index) => {
      const where = `${at}/attributes/${index}`
      out.attribute('scai-attribute', memberAt(assertion, 'attribute'))
      out.digestSet('evidence', memberAt(assertion, 'target', 'digest'), `${where}/target/digest`)
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
