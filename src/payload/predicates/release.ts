/** in-toto release v0.2, and v0.1, which named `packageId` `releaseId`: the files of a released version. */
import type { JsonHandler } from '../handler.ts'
import { memberAt, textAt } from '../json-members.ts'
import { malformed } from '../malformed.ts'

export const release: JsonHandler = {
  kind: 'release',
  check: ({ predicate, at }) => {
    // pkg:type/namespace/name@version?qualifiers#subpath; an `@` of a namespace is written %40, or not.
    const name = textAt(predicate, 'purl')?.split(/[?#]/, 1)[0] ?? ''
    if (/^pkg:[a-z][a-z0-9.+-]*\/.*[^/@]@[^/@]+$/i.test(name)) return
    const message = 'is not a package URL with a version'
    malformed(`${at}/purl`, message)
  },
  describe: ({ predicate }, out) => {
    out.purl(memberAt(predicate, 'purl'))
    out.attribute('package', memberAt(predicate, 'packageId') ?? memberAt(predicate, 'releaseId'))
  },
}
