/** Project Oak endorsement v1: a developer endorses a binary, as a reference value, for some time. */
import type { JsonHandler } from '../handler.ts'
import { listAt, memberAt, textAt } from '../json-members.ts'
import { malformed } from '../malformed.ts'
import { parseRfc3339 } from '../rfc3339.ts'

export const oakEndorsement: JsonHandler = {
  kind: 'endorsement',
  check: ({ predicate, at }) => {
    const [from, until] = ['notBefore', 'notAfter'].map((name) => {
      const text = textAt(predicate, 'validity', name) ?? ''
      return parseRfc3339(text, name, `${at}/validity/${name}`)
    }) as [number, number]
    if (until >= from) return
    const message = 'ends before it begins'
    malformed(`${at}/validity/notAfter`, message)
  },
  describe: ({ predicate }, out) => {
    for (const claim of listAt(predicate, 'claims')) {
      out.attribute('property', memberAt(claim, 'type'))
    }
    out.time('evaluated-on', memberAt(predicate, 'issuedOn'))
    out.time('started-on', memberAt(predicate, 'validity', 'notBefore'))
    out.time('expires-on', memberAt(predicate, 'validity', 'notAfter'))
  },
}
