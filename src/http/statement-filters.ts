/** What the filters of `GET /statements` (filter-parameters.ts) ask of the index. */
import { InputError } from '../errors.ts'
import type { IndexQuery } from '../log/index-store.ts'
import { canonicalAttribute, splitNamed, STATEMENT_KINDS } from '../payload/description.ts'
import type { AttributeName, DigestRole, StatementKind } from '../payload/description.ts'
import { canBeAskedFor, canonicalDigest, isHexDigest } from '../payload/digest-forms.ts'
import type { NamedDigest } from '../payload/digest-forms.ts'
import { parseRfc3339 } from '../payload/rfc3339.ts'
import { TEE_TYPES } from '../payload/tee/evidence.ts'
import { NOT_EVALUATED } from '../payload/tee/snp-facts.ts'
import { isSvnHex } from '../payload/tee/svn-order.ts'
import { NO_LEVEL, TCB_STATUSES } from '../payload/tee/tcb-level.ts'
import { ATTRIBUTE_PARAMETERS, NUMBER_PARAMETERS } from './filter-parameters.ts'
import { refuse } from './query-parameters.ts'
import type { QueryParameters } from './query-parameters.ts'

/** Each is one more stream of the index to intersect. */
const ATTRIBUTES_MAX = 16

const ROLES: readonly DigestRole[] = ['subject', 'dependency', 'evidence']
const NAME = /^[a-z][a-z0-9-]{0,63}$/
const HEX = /^[0-9a-f]+$/i
const INDEX_MAX = Number.MAX_SAFE_INTEGER
/** Each reads along all statements that have such a version. */
const SVNS_MAX = 4

/**
 * What verified evidence can say of a TCB. Verdicts of other verifiers are in words of their own; those are
 * asked for by `attribute`.
 */
const STATUSES = [...TCB_STATUSES, NO_LEVEL.status, NOT_EVALUATED]

export type StatementFilter = Omit<IndexQuery, 'order' | 'limit'>

/** @throws InputError `ERR_REQUEST` that names the parameter. */
export function readFilter(parameters: QueryParameters): StatementFilter {
  const range = { min: 0, max: INDEX_MAX }
  const digest = readDigest(parameters)
  const roles = parameters.many('role').flatMap((value) => value.split(','))
  if (roles.length > 0 && digest === undefined) refuse('role needs digest or commit')
  for (const role of roles) {
    if (!ROLES.includes(role as DigestRole)) refuse(`role is one of ${ROLES.join(', ')}`)
  }
  const attributes = readAttributes(parameters)
  const numbers = readNumbers(parameters)
  const svnsBelow = readSvns(parameters)
  return withoutAbsent({
    digest,
    roles: roles.length === 0 ? undefined : (roles as DigestRole[]),
    issuer: parameters.one('issuer'),
    subject: parameters.one('subject'),
    signer: lowerHex(parameters.one('signer')),
    kind: readKind(parameters),
    type: parameters.one('type'),
    attributes: attributes.length === 0 ? undefined : attributes,
    numbers: numbers.length === 0 ? undefined : numbers,
    svnsBelow: svnsBelow.length === 0 ? undefined : svnsBelow,
    registeredFrom: readTime(parameters, 'registeredFrom'),
    registeredTo: readTime(parameters, 'registeredTo'),
    indexFrom: parameters.integer('indexFrom', range),
    indexBelow: parameters.integer('indexBelow', range),
  })
}

/** A kind. One that does not exist is refused: to whoever misspells `incident`, nothing is good news. */
export function readKind(parameters: QueryParameters): StatementKind | undefined {
  const asked = parameters.one('kind')
  const kind = STATEMENT_KINDS.find((one) => one === asked)
  if (asked !== kind) refuse(`kind is one of ${STATEMENT_KINDS.join(', ')}`)
  return kind
}

/**
 * `algorithm:value`; of a known hash, name and hex as the index has them, whatever case they came in.
 * @throws InputError `ERR_REQUEST`.
 */
export function parseDigest(text: string): NamedDigest {
  const at = text.indexOf(':')
  const digest = canonicalDigest(text.slice(0, Math.max(0, at)), text.slice(at + 1))
  const { algorithm, value } = digest
  if (canBeAskedFor(algorithm, value)) return digest
  return isHexDigest(algorithm, value) === false
    ? refuse(`this is no ${algorithm} digest: it has another length, or is not hex`)
    : refuse('a digest is its algorithm, a colon and its value: sha256:9f86…')
}

function readDigest(parameters: QueryParameters): IndexQuery['digest'] {
  const digest = parameters.one('digest')
  const commit = parameters.one('commit')
  if (digest !== undefined && commit !== undefined)
    refuse('commit is a digest: give one of the two')
  if (commit !== undefined) return parseDigest(`gitCommit:${commit}`)
  return digest === undefined ? undefined : parseDigest(digest)
}

function readAttributes(parameters: QueryParameters): NonNullable<IndexQuery['attributes']> {
  const named = Object.entries(ATTRIBUTE_PARAMETERS).flatMap(([parameter, name]) =>
    parameters.many(parameter).map((text) => {
      const value = parameter === 'tcbStatus' ? oneOf(parameter, STATUSES, text) : text
      return { name, value: canonical(name, value) }
    }),
  )
  const any = parameters.many('attribute').map((text) => {
    const at = text.indexOf(':')
    const name = text.slice(0, Math.max(0, at))
    if (!NAME.test(name) || at + 1 === text.length)
      refuse('attribute is a name, a colon and a value')
    return {
      name: name as AttributeName,
      value: canonical(name as AttributeName, text.slice(at + 1)),
    }
  })
  const attributes = [...named, ...any]
  if (attributes.length > ATTRIBUTES_MAX) refuse(`a query has at most ${ATTRIBUTES_MAX} attributes`)
  return attributes
}

function canonical(name: AttributeName, value: string): string {
  // To whoever asks what was open to a debugger, an empty answer would be good news.
  if (name === 'debug' && value !== 'true' && value !== 'false') refuse('debug is true or false')
  if (name === 'tee-type') return oneOf('teeType', TEE_TYPES, value)
  if (name === 'submitter' && !value.includes(':')) {
    refuse('submitter is the name of a claim, a colon and its value')
  }
  return canonicalAttribute(name, value)
}

/** One of a few words, in any case. */
function oneOf(parameter: string, words: readonly string[], text: string): string {
  const word = words.find((each) => each.toLowerCase() === text.toLowerCase())
  return word ?? refuse(`${parameter} is one of ${words.join(', ')}`)
}

/** Hex in the case of the index; anything else as it is. */
function lowerHex<Text extends string | undefined>(value: Text): Text | string {
  return value !== undefined && HEX.test(value) ? value.toLowerCase() : value
}

function readNumbers(parameters: QueryParameters): NonNullable<IndexQuery['numbers']> {
  const read = (parameter: string, form: (typeof NUMBER_PARAMETERS)[number]['form']) => {
    if (form === 'decimal') return parameters.decimal(parameter)
    if (form === 'time') return readTime(parameters, parameter)
    return parameters.integer(parameter, { min: 0, max: INDEX_MAX })
  }
  return NUMBER_PARAMETERS.flatMap(({ name, from, to, form }) => {
    const range = withoutAbsent({ atLeast: read(from, form), atMost: read(to, form) })
    return Object.keys(range).length === 0 ? [] : [{ name, ...range }]
  })
}

function readSvns(parameters: QueryParameters): NonNullable<IndexQuery['svnsBelow']> {
  const limits = parameters.many('tcbSvnBelow').map((text) => {
    const { name, value } = splitNamed(text)
    const limit = { name, value: value.toLowerCase() }
    if (NAME.test(name) && isSvnHex(limit.value)) return limit
    return refuse('tcbSvnBelow is a name, a colon and bytes in hex, like pcesvn:000d')
  })
  if (limits.length > SVNS_MAX) refuse(`a query has at most ${SVNS_MAX} limits of tcbSvnBelow`)
  return limits
}

/** RFC 3339, or seconds since 1970. */
function readTime(parameters: QueryParameters, name: string): number | undefined {
  const text = parameters.one(name)
  if (text === undefined) return undefined
  if (/^[0-9]{1,12}$/.test(text)) return Number(text)
  try {
    return Math.floor(parseRfc3339(text, name) / 1000)
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    return refuse(`${name} is a time like 2026-01-31T12:00:00Z, or seconds since 1970`)
  }
}

type Present<T> = { [Name in keyof T]?: Exclude<T[Name], undefined> }

function withoutAbsent<T extends object>(members: T): Present<T> {
  const present = Object.entries(members).filter(([, value]) => value !== undefined)
  return Object.fromEntries(present) as Present<T>
}
