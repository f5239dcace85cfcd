/**
 * OpenVEX documents (0.2.0 and the form before it), as in-toto predicates or bare. A statement
 * inherits its time from the document, and its products from the subjects of the in-toto Statement
 * around it; a bare document has nobody to inherit products from. Which of several statements counts
 * (the latest one by time, then by registration) is decided by whoever compares them.
 */
import type { DescriptionBuilder } from '../description-builder.ts'
import type { DigestRole } from '../description.ts'
import type { JsonHandler, JsonInput } from '../handler.ts'
import { asText, listAt, memberAt, objectAt, textAt } from '../json-members.ts'
import { malformed } from '../malformed.ts'

/** What the context of every version begins with. */
export const OPENVEX_CONTEXT = 'https://openvex.dev/ns'

/** Names of hash functions as OpenVEX writes them (IANA), and as digest sets do. */
const ALGORITHMS: ReadonlyMap<string, string> = new Map([
  ['sha-256', 'sha256'],
  ['sha-384', 'sha384'],
  ['sha-512', 'sha512'],
])

export const openvex: JsonHandler = { kind: 'vex', check, describe }

function check({ predicate, at }: JsonInput): void {
  if (at !== '') return
  listAt(predicate, 'statements').forEach((statement, position) => {
    if (listAt(statement, 'products').length > 0) return
    const pointer = `${at}/statements/${position}/products`
    const message = 'is missing, and no subject is there to inherit from'
    malformed(pointer, message)
  })
}

function describe({ predicate, at }: JsonInput, out: DescriptionBuilder): void {
  out.attribute('document-id', textAt(predicate, '@id'))
  out.attribute('producer', textAt(predicate, 'author'))
  out.time('evaluated-on', textAt(predicate, 'last_updated') ?? textAt(predicate, 'timestamp'))
  if (
    /^https:\/\/openvex\.dev\/ns(?:\/v0\.0\.\d+)?\/?$/.test(textAt(predicate, '@context') ?? '')
  ) {
    out.finding('vex-older-form', 'the context is older than OpenVEX 0.2.0', `${at}/@context`)
  }
  listAt(predicate, 'statements').forEach((statement, position) => {
    describeStatement(statement, `${at}/statements/${position}`, out)
  })
}

function describeStatement(statement: unknown, pointer: string, out: DescriptionBuilder): void {
  const name = textAt(statement, 'vulnerability') ?? textAt(statement, 'vulnerability', 'name')
  const status = textAt(statement, 'status') ?? ''
  out.attribute('vulnerability', name)
  for (const alias of listAt(statement, 'vulnerability', 'aliases')) {
    out.attribute('vulnerability', alias)
  }
  out.attribute('vex-status', status)
  out.attribute('vex-status', `${name ?? ''}:${status}`)
  const justification = textAt(statement, 'justification') ?? ''
  if (justification !== '' && status !== 'not_affected') {
    const message = `a justification is for not_affected, not for ${status}`
    out.finding('vex-justification-unexpected', message, `${pointer}/justification`)
  }
  if (status === 'affected' && textAt(statement, 'action_statement') === undefined) {
    const message = 'it does not say what to do about it'
    out.finding('vex-action-absent', message, `${pointer}/action_statement`)
  }
  for (const product of listAt(statement, 'products')) {
    describeProduct(product, 'subject', out)
    for (const part of listAt(product, 'subcomponents')) describeProduct(part, 'dependency', out)
  }
}

/** Identifiers of what the statement is about; of its parts only the digests. */
function describeProduct(product: unknown, role: DigestRole, out: DescriptionBuilder): void {
  const names = [asText(product), textAt(product, '@id'), textAt(product, 'identifiers', 'purl')]
  for (const name of names) {
    if (role === 'subject') out.purl(name)
    // A purl of an OCI image has the digest for its version.
    const found = /^pkg:oci\/[^?#]*@sha256(?::|%3[Aa])([0-9a-fA-F]{64})(?:[?#]|$)/.exec(name ?? '')
    if (found !== null) out.digest(role, 'sha256', found[1]!)
  }
  for (const [name, value] of Object.entries(objectAt(product, 'hashes') ?? {})) {
    out.digestSet(role, { [ALGORITHMS.get(name) ?? name]: value })
  }
}

/** True for JSON that says it is an OpenVEX document. */
export function looksLikeOpenVex(json: unknown): boolean {
  const context = memberAt(json, '@context')
  return context === OPENVEX_CONTEXT || asText(context)?.startsWith(`${OPENVEX_CONTEXT}/`) === true
}
