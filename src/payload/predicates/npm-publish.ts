/** npm publish v0.1: the registry says that it published these bytes as this version. */
import type { JsonHandler } from '../handler.ts'
import { textAt } from '../json-members.ts'

export const npmPublish: JsonHandler = {
  kind: 'publish',
  describe: ({ predicate }, out) => {
    const name = textAt(predicate, 'name')
    const version = textAt(predicate, 'version')
    out.attribute('package', `${String(name)}@${String(version)}`)
    out.purl(`pkg:npm/${String(name).replace(/^@/, '%40')}@${String(version)}`)
    out.attribute('producer', textAt(predicate, 'registry'))
  },
}
