/** in-toto link v0.3: one step of a supply chain, with the materials that it consumed. */
import { PayloadError } from '../../errors.ts'
import type { JsonHandler } from '../handler.ts'
import { listAt, memberAt, textAt } from '../json-members.ts'
import { describeSources } from './dependencies.ts'

export const link: JsonHandler = {
  kind: 'link',
  check: ({ predicate, at }) => {
    const names = new Set<string>()
    listAt(predicate, 'materials').forEach((material, index) => {
      const name = textAt(material, 'name') ?? ''
      if (names.has(name)) {
        const where = `${at}/materials/${index}/name`
        throw new PayloadError('ERR_PAYLOAD_MALFORMED', where, 'two materials have this name')
      }
      names.add(name)
    })
  },
  describe: ({ predicate, at }, out) => {
    out.attribute('property', `step:${String(memberAt(predicate, 'name'))}`)
    describeSources(out, predicate['materials'], `${at}/materials`)
  },
}
