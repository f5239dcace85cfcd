/**
 * Exceptions: somebody answers for letting something pass that a rule would stop (R6, R11): for named
 * rules, in named environments, for digests or purls, until a day, and on the ground of a threat
 * model that is cited by digest. Whose exceptions count is for policies to say.
 */
import type { DescriptionBuilder } from '../description-builder.ts'
import { isHexDigest } from '../digest-forms.ts'
import type { JsonHandler, JsonInput } from '../handler.ts'
import { asText, listAt, memberAt, objectAt, textAt } from '../json-members.ts'
import { malformed } from '../malformed.ts'
import { parseRfc3339 } from '../rfc3339.ts'

export const EXCEPTION = 'https://attestry.dev/exception/v0.1'

export const exception: JsonHandler = { kind: 'exception', check, describe }

function check({ predicate, at }: JsonInput): void {
  listAt(predicate, 'scope', 'digests').forEach((digest, position) => {
    checkDigests(digest, `${at}/scope/digests/${position}`)
  })
  checkDigests(memberAt(predicate, 'threatModel', 'digest'), `${at}/threatModel/digest`)
  listAt(predicate, 'scope', 'purls').forEach((purl, position) => {
    // An exception for everything is no exception.
    if (!/^pkg:[a-z0-9.+-]+\/[^*]/.test(asText(purl) ?? '')) {
      malformed(`${at}/scope/purls/${position}`, 'does not name a type and the beginning of a name')
    }
  })
  const issuedOn = textAt(predicate, 'issuedOn')
  const expiresOn = textAt(predicate, 'expiresOn') ?? ''
  if (
    issuedOn !== undefined &&
    parseRfc3339(expiresOn, 'expiresOn') <= parseRfc3339(issuedOn, 'issuedOn')
  ) {
    malformed(`${at}/expiresOn`, 'is not after issuedOn')
  }
}

function checkDigests(set: unknown, pointer: string): void {
  for (const [algorithm, value] of Object.entries(set ?? {})) {
    if (isHexDigest(algorithm, String(value)) === false) {
      malformed(`${pointer}/${algorithm}`, 'is not lower-case hex of its length')
    }
  }
}

function describe({ predicate }: JsonInput, out: DescriptionBuilder): void {
  out.attribute('document-id', textAt(predicate, 'id'))
  out.attribute('verifier-id', textAt(predicate, 'approver', 'id'))
  out.attribute('target-entry', textAt(predicate, 'supersedes'))
  for (const rule of listAt(predicate, 'rules')) out.attribute('property', rule)
  for (const digest of listAt(predicate, 'scope', 'digests')) out.digestSet('subject', digest)
  for (const purl of listAt(predicate, 'scope', 'purls')) out.purl(purl)
  out.digestSet('evidence', objectAt(predicate, 'threatModel', 'digest'))
  out.time('started-on', textAt(predicate, 'issuedOn'))
  out.time('expires-on', textAt(predicate, 'expiresOn'))
}
