/**
 * What a statement says, as the index keeps it: values of fields in roles. Known digest algorithms are
 * fields of their own. A row has all of them in one text; look-ups find them by keys (value-hash.ts).
 */
import type { IndexRecord } from '../../../log/index-store.ts'
import { splitNamed } from '../../../payload/description.ts'
import type { DigestRole } from '../../../payload/description.ts'

/** Role 0 is "says"; the others are roles of digests. */
export const ROLES: readonly (DigestRole | undefined)[] = [
  undefined,
  'subject',
  'dependency',
  'evidence',
]
export const ROLE_COUNT: number = ROLES.length
/** The role of what is no digest. */
export const SAYS = 0

export function roleNumber(role: DigestRole): number {
  return ROLES.indexOf(role)
}

/** What values of the statement's own claims are values of, in `field.name`. */
export const FIELD = {
  kind: 'kind',
  type: 'type',
  issuer: 'issuer',
  subject: 'subject',
  signer: 'signer',
  contentType: 'content-type',
  envelope: 'envelope',
} as const
export type ClaimName = keyof typeof FIELD

const ATTRIBUTE_PREFIX = 'attribute:'
/** Filters of the statement's own claims; the others follow their names. */
export const attributeField = (name: string): string => ATTRIBUTE_PREFIX + name
export const numberField = (name: string): string => `number:${name}`
export const svnField = (name: string): string => `svn:${name}`

/** What {@link attributeField} or {@link numberField} was given. */
export const nameOf = (field: string): string => field.slice(field.indexOf(':') + 1)

/** Field of measurements without their names: found, and not told. */
export const BARE_MEASUREMENT = 'measured'
const MEASUREMENT = attributeField('measurement')

const OTHER_DIGEST = 'digest'
const DIGEST_PREFIX = 'digest:'
/** Algorithms that have a field; whatever else a statement names shares one. */
const DIGEST_FIELDS: ReadonlyMap<string, string> = new Map(
  [
    ...['sha1', 'sha224', 'sha256', 'sha384', 'sha512', 'md5'],
    ...['gitCommit', 'gitTree', 'gitBlob', 'gitTag', 'dirHash'],
  ].map((algorithm) => [algorithm, DIGEST_PREFIX + algorithm]),
)

/** Field and text of a digest. */
export function digestTerm(algorithm: string, value: string): readonly [string, string] {
  const field = DIGEST_FIELDS.get(algorithm)
  return field === undefined
    ? [OTHER_DIGEST, `${algorithm.length}:${algorithm}${value}`]
    : [field, value]
}

/** The digest that {@link digestTerm} made these of. */
export function digestOf(field: string, text: string): readonly [string, string] {
  if (field !== OTHER_DIGEST) return [field.slice(DIGEST_PREFIX.length), text]
  const start = text.indexOf(':') + 1
  const end = start + Number(text.slice(0, start - 1))
  return [text.slice(start, end), text.slice(end)]
}

/** A value of a field, in a role. */
export interface Fact {
  readonly field: string
  readonly role: number
  readonly text: string
}

/** All that a record says but its numbers, findings and place. */
export function factsOf(record: IndexRecord): Fact[] {
  const { issuer, subject, signer, contentType, envelope, description } = record
  const facts: Fact[] = []
  const add = (field: string, text: string | undefined, role = SAYS): void => {
    if (text !== undefined) facts.push({ field, role, text })
  }
  add(FIELD.kind, description.kind)
  add(FIELD.type, description.type)
  add(FIELD.issuer, issuer)
  add(FIELD.subject, subject)
  add(FIELD.signer, signer)
  add(FIELD.contentType, contentType)
  add(FIELD.envelope, envelope?.digest)
  for (const { role, algorithm, value } of description.digests) {
    const [field, text] = digestTerm(algorithm, value)
    add(field, text, roleNumber(role))
  }
  for (const { name, value } of description.attributes) add(fieldOf(name), value)
  return facts
}

export function isAttribute({ field }: Fact): boolean {
  return field.startsWith(ATTRIBUTE_PREFIX)
}

const attributeFields = new Map<string, string>()

/** {@link attributeField}, made once: attributes have few names. */
function fieldOf(name: string): string {
  const known = attributeFields.get(name)
  if (known !== undefined) return known
  const field = attributeField(name)
  attributeFields.set(name, field)
  return field
}

/** What a fact is found by: itself, a measurement by its value alone as well, a content type by nothing. */
export function searchedBy(fact: Fact): readonly Fact[] {
  if (fact.field === FIELD.contentType) return []
  if (fact.field !== MEASUREMENT) return [fact]
  return [fact, { field: BARE_MEASUREMENT, role: SAYS, text: splitNamed(fact.text).value }]
}
