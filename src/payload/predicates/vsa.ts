/**
 * SLSA Verification Summary Attestation v1: a verifier says what level an artifact reached under its
 * policy. `FAILED` is as good a statement as `PASSED`. Whether the verifier may speak is the
 * consumer's affair.
 */
import type { JsonHandler } from '../handler.ts'
import { listAt, memberAt, objectAt, textAt } from '../json-members.ts'
import { malformed } from '../malformed.ts'
import { parseSourceUri } from '../source-names.ts'
import { describeS2c2fTexts } from '../s2c2f-carriers.ts'
import { findNoUri } from './uri-finding.ts'

/** Levels and properties that SLSA defines; other names must not begin with `SLSA_`. */
const SLSA_NAME =
  /^SLSA_(?:(?:[A-Z]+_){0,3}LEVEL_(?:[0-9]|UNEVALUATED)|SOURCE_TWO_PARTY_REVIEWED|BUILD_REPRODUCED)$/

export const vsa: JsonHandler = {
  kind: 'vsa',
  check: ({ predicate, at }) => {
    listAt(predicate, 'verifiedLevels').forEach((level, index) => {
      if (typeof level === 'string' && level.startsWith('SLSA_') && !SLSA_NAME.test(level)) {
        const message = `"${level.slice(0, 100)}" is no level of SLSA, and only those begin so`
        malformed(`${at}/verifiedLevels/${index}`, message)
      }
    })
  },
  describe: ({ predicate, at }, out) => {
    const verifier = textAt(predicate, 'verifier', 'id')
    out.attribute('verifier-id', verifier)
    findNoUri(out, verifier, `${at}/verifier/id`)
    const resource = textAt(predicate, 'resourceUri')
    out.attribute('resource-uri', resource).purl(resource)
    if (resource?.startsWith('git+') === true) {
      out.attribute('repository', parseSourceUri(resource)?.repository)
    }
    out.attribute('policy-uri', memberAt(predicate, 'policy', 'uri'))
    out.digestSet('evidence', objectAt(predicate, 'policy')?.['digest'], `${at}/policy/digest`)
    const result = memberAt(predicate, 'verificationResult')
    out.attribute('result', result)
    const levels = listAt(predicate, 'verifiedLevels')
    for (const level of levels) out.attribute('level', level)
    if (result === 'PASSED') describeS2c2fTexts(levels, `${at}/verifiedLevels`, out)
    for (const level of Object.keys(objectAt(predicate, 'dependencyLevels') ?? {})) {
      out.attribute('level', `dependency:${level}`)
    }
    out.time('evaluated-on', memberAt(predicate, 'timeVerified'))
    out.descriptors('evidence', predicate['inputAttestations'], `${at}/inputAttestations`)
  },
}
