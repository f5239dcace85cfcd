/** in-toto reference v0.1: documents about an artifact that lie elsewhere, an SBOM for instance. */
import type { JsonHandler } from '../handler.ts'
import { textAt } from '../json-members.ts'
import { findNoUri } from './uri-finding.ts'

export const reference: JsonHandler = {
  kind: 'reference',
  describe: ({ predicate, at }, out) => {
    const attester = textAt(predicate, 'attester', 'id')
    out.attribute('attester-id', attester)
    findNoUri(out, attester, `${at}/attester/id`)
    out.descriptors('evidence', predicate['references'], `${at}/references`)
  },
}
