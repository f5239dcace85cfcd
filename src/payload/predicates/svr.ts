/** in-toto Simple Verification Result v0.2: properties that a verifier found to hold. */
import type { JsonHandler } from '../handler.ts'
import { listAt, memberAt, textAt } from '../json-members.ts'
import { describeS2c2fTexts } from '../s2c2f-carriers.ts'
import { findNoUri } from './uri-finding.ts'

export const svr: JsonHandler = {
  kind: 'svr',
  describe: ({ predicate, at }, out) => {
    const verifier = textAt(predicate, 'verifier', 'id')
    out.attribute('verifier-id', verifier)
    findNoUri(out, verifier, `${at}/verifier/id`)
    const policies = listAt(predicate, 'verifier', 'policies')
    for (const policy of policies) out.attribute('policy-uri', memberAt(policy, 'uri'))
    out.descriptors('evidence', policies, `${at}/verifier/policies`)
    const properties = listAt(predicate, 'properties')
    for (const property of properties) out.attribute('property', property)
    describeS2c2fTexts(properties, `${at}/properties`, out)
    out.time('evaluated-on', memberAt(predicate, 'timeCreated'))
  },
}
