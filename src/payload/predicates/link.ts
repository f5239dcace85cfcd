/** in-toto link v0.3: one step of a supply chain, with the materials that it consumed. */
import type { JsonHandler } from '../handler.ts'
import { listAt, memberAt, textAt } from '../json-members.ts'
import { malformed } from '../malformed.ts'
import { describeSources } from './dependencies.ts'

export const link: JsonHandler = {
  kind: 'link',
  check: ({ predicate, at }) => {
    const names = new Set<string>()
    listAt(predicate, 'materials').forEach((material, index) => {
      const name = textAt(material, 'name') ?? ''
      if (names.has(name)) {
        const where = `${at}/materials/${index}/name`
        malformed(where, 'two materials have this name')
      }
      names.add(name)
    })
  },
  describe: ({ predicate, at }, out) => {
    out.attribute('property', `step:${String(memberAt(predicate, 'name'))}`)
    describeSources(out, predicate['materials'], `${at}/materials`)
  },
}
