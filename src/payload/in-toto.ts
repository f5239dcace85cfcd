/**
 * in-toto Statements v1 and v0.1 and, of their predicates, what admission and verification decide
 * on: the builder and the end of a SLSA provenance (v0.1, v0.2, v1). Read strictly where something
 * is decided, and tolerant of members that are not known, as in-toto asks. What else predicates say
 * is the index's affair; nothing here is verified, only read.
 */
import { parseMeasuredJson } from '../bytes/strict-json.ts'
import { PayloadError } from '../errors.ts'
import { hexLengths, isHexDigest } from './digest-forms.ts'
import { JSON_DEPTH_MAX } from './json-depth.ts'
import { pointerToken } from './json-members.ts'
import type { JsonObject } from './json-members.ts'
import { parseRfc3339 } from './rfc3339.ts'

/** Values of `_type` that are understood. */
const VERSIONS: Readonly<Record<string, InTotoStatement['version']>> = {
  'https://in-toto.io/Statement/v1': 'v1',
  'https://in-toto.io/Statement/v0.1': 'v0.1',
}
/** What every version's `_type` begins with. */
export const IN_TOTO_TYPE_PREFIX = 'https://in-toto.io/Statement/'
/** What the predicate type of every version of SLSA provenance begins with. */
const SLSA_PROVENANCE_PREFIX = 'https://slsa.dev/provenance/'

const PREDICATE_TYPE_LENGTH_MAX = 2048
/** An artifact that a statement is about. */
export interface InTotoSubject {
  readonly name?: string
  readonly uri?: string
  /** Text by algorithm; never empty. */
  readonly digest: ReadonlyMap<string, string>
}

/** What is decided on in a SLSA provenance. */
export interface SlsaProvenance {
  readonly builderId: string
  readonly invocationId?: string
  /** Claimed end of the build, in milliseconds since 1970. */
  readonly finishedOnMs?: number
}

export interface InTotoStatement {
  readonly version: 'v1' | 'v0.1'
  /** Never empty. */
  readonly subjects: readonly InTotoSubject[]
  readonly predicateType: string
  /** For predicate types of SLSA provenance that are known. */
  readonly provenance?: SlsaProvenance
  /** The whole document as it was parsed; nested at most {@link JSON_DEPTH_MAX} deep. */
  readonly json: JsonObject
}

export type { JsonObject }

const CODE = 'ERR_PAYLOAD_MALFORMED'

function fail(pointer: string, message: string): never {
  throw new PayloadError(CODE, pointer, `in-toto Statement: ${message}`)
}

/**
 * Parses the payload of an in-toto statement.
 * @throws InputError `ERR_PAYLOAD_MALFORMED`, with a pointer where it has one, for duplicate members,
 * nesting over {@link JSON_DEPTH_MAX}, another `_type`, no subject, a subject without a digest, or a
 * predicate type that is not a URI; and for a SLSA provenance without a builder id or with a bad time.
 */
export function parseInTotoStatement(bytes: Uint8Array): InTotoStatement {
  const { value, depth } = parseMeasuredJson(bytes, { code: CODE, what: 'in-toto Statement' })
  return readInTotoStatement(value, depth)
}

/**
 * {@link parseInTotoStatement} for JSON that was parsed strictly before.
 * @param depth of the document.
 * @throws PayloadError with the pointer of what is wrong.
 */
export function readInTotoStatement(value: unknown, depth: number): InTotoStatement {
  const json = readObject(value, '', 'the payload')
  if (depth > JSON_DEPTH_MAX) fail('', `nested deeper than ${JSON_DEPTH_MAX}`)
  const type = readText(member(json, '_type'), '/_type', '_type')
  const version = Object.hasOwn(VERSIONS, type) ? VERSIONS[type] : undefined
  if (version === undefined) fail('/_type', '_type is not a version that is understood (v1, v0.1)')
  const subjects = member(json, 'subject')
  if (!Array.isArray(subjects)) fail('/subject', 'subject is not a list')
  if (subjects.length === 0) fail('/subject', 'there is no subject')
  const predicateType = readPredicateType(member(json, 'predicateType'))
  const provenance = readProvenance(predicateType, member(json, 'predicate'))
  const statement = { version, subjects: subjects.map(readSubject), predicateType, json }
  return provenance === undefined ? statement : { ...statement, provenance }
}

/** True for SLSA provenance of any version, whether it could be read or not. */
export function isProvenance({ predicateType }: InTotoStatement): boolean {
  return predicateType.startsWith(SLSA_PROVENANCE_PREFIX)
}

// Pointers and names of places are put together when something is wrong there, not for every statement.

function readSubject(value: unknown, position: number): InTotoSubject {
  if (!isObject(value)) return failObject(value, `/subject/${position}`, `subject ${position}`)
  const name = subjectText(value, 'name', position)
  const uri = subjectText(value, 'uri', position)
  const set = member(value, 'digest')
  if (!isObject(set)) {
    return failObject(set, `/subject/${position}/digest`, `digest of subject ${position}`)
  }
  const digest = new Map<string, string>()
  for (const algorithm of Object.keys(set)) {
    digest.set(algorithm, readDigest(algorithm, set[algorithm], position))
  }
  if (digest.size === 0) fail(`/subject/${position}/digest`, `subject ${position} has no digest`)
  const subject: { digest: typeof digest; name?: string; uri?: string } = { digest }
  if (name !== undefined && name !== '') subject.name = name
  if (uri !== undefined && uri !== '') subject.uri = uri
  return subject
}

function subjectText(
  subject: JsonObject,
  name: 'name' | 'uri',
  position: number,
): string | undefined {
  const value = member(subject, name)
  if (value === undefined || typeof value === 'string') return value
  return fail(`/subject/${position}/${name}`, `${name} of subject ${position} is not a text`)
}

function readDigest(algorithm: string, value: unknown, position: number): string {
  const isFit = isPlainText(value) && isHexDigest(algorithm, value) !== false
  if (isFit) return value
  const what = `subject ${position}`
  const pointer = `/subject/${position}/digest/${pointerToken(algorithm)}`
  readText(value, pointer, `${algorithm} digest of ${what}`)
  const lengths = hexLengths(algorithm)!.join(' or ')
  return fail(
    pointer,
    `${what}: its ${algorithm} digest is not lower-case hex of ${lengths} digits`,
  )
}

/** Predicate types in the wild that are no URIs: OpenVEX's own example of an attestation has one. */
const NO_URIS: readonly string[] = ['text/vex']

/** A URI with scheme and authority in lower case, so that two spellings cannot pass for two types. */
function readPredicateType(value: unknown): string {
  const text = readText(value, '/predicateType', 'predicateType')
  if (NO_URIS.includes(text)) return text
  const uri = /^[a-z][a-z0-9+.-]*:(?:\/\/([^/?#]*))?/.exec(text)
  const hasCapitals = /[A-Z]/.test(uri?.[1] ?? '')
  if (uri === null || hasCapitals || text.length > PREDICATE_TYPE_LENGTH_MAX || /\s/.test(text)) {
    fail('/predicateType', 'predicateType is not a URI with a lower-case scheme and host')
  }
  return text
}

/** Where a version of SLSA provenance has what is decided on. */
interface ProvenanceLayout {
  readonly isV1: boolean
  readonly run: string
  readonly builder: string
  readonly builderId: string
  readonly metadata: string
  readonly invocation: string
  readonly invocationAt: string
  readonly finished: string
  readonly finishedAt: string
}

function layout(isV1: boolean, invocation: string, finished: string): ProvenanceLayout {
  const run = isV1 ? '/predicate/runDetails' : '/predicate'
  const [builder, metadata] = [`${run}/builder`, `${run}/metadata`]
  const names = { builderId: `${builder}/id`, invocation, finished }
  const places = {
    invocationAt: `${metadata}/${invocation}`,
    finishedAt: `${metadata}/${finished}`,
  }
  return { isV1, run, builder, metadata, ...names, ...places }
}

const LAYOUT_V1 = layout(true, 'invocationId', 'finishedOn')
const LAYOUT_V0 = layout(false, 'buildInvocationId', 'buildFinishedOn')

function layoutOf(predicateType: string): ProvenanceLayout | undefined {
  if (!predicateType.startsWith(SLSA_PROVENANCE_PREFIX)) return undefined
  const version = predicateType.slice(SLSA_PROVENANCE_PREFIX.length)
  if (version === 'v1') return LAYOUT_V1
  return version === 'v0.2' || version === 'v0.1' ? LAYOUT_V0 : undefined
}

function readProvenance(predicateType: string, value: unknown): SlsaProvenance | undefined {
  const at = layoutOf(predicateType)
  if (at === undefined) return undefined
  const predicate = readObject(value, '/predicate', 'predicate')
  const run = at.isV1
    ? readObject(member(predicate, 'runDetails'), at.run, 'runDetails')
    : predicate
  const builder = readObject(member(run, 'builder'), at.builder, 'builder')
  const times = readObject(member(run, 'metadata') ?? {}, at.metadata, 'metadata')
  const invocationId = optionalText(
    // v0.1 and v0.2 were written with both names.
    member(times, at.invocation) ?? member(times, 'buildInvocationID'),
    at.invocationAt,
    at.invocation,
  )
  const finishedOn = optionalText(member(times, at.finished), at.finishedAt, at.finished)
  const builderId = readText(member(builder, 'id'), at.builderId, 'the builder id')
  const provenance: { builderId: string; invocationId?: string; finishedOnMs?: number } = {
    builderId,
  }
  if (invocationId !== undefined && invocationId !== '') provenance.invocationId = invocationId
  if (finishedOn !== undefined) {
    provenance.finishedOnMs = parseRfc3339(finishedOn, at.finished, at.finishedAt)
  }
  return provenance
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function failObject(value: unknown, pointer: string, what: string): never {
  return fail(pointer, value === undefined ? `${what} is missing` : `${what} is not an object`)
}

function readObject(value: unknown, pointer: string, what: string): JsonObject {
  return isObject(value) ? value : failObject(value, pointer, what)
}

function isPlainText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && !/[\u0000-\u001f\u007f]/.test(value)
}

function readText(value: unknown, pointer: string, what: string): string {
  if (isPlainText(value)) return value
  return fail(
    pointer,
    value === undefined ? `${what} is missing` : `${what} is not a non-empty text`,
  )
}

/** A member of the object itself; protocol buffers' JSON writes an absent one as null, too. */
function member(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? (object[name] ?? undefined) : undefined
}

function optionalText(value: unknown, pointer: string, what: string): string | undefined {
  if (value === undefined || typeof value === 'string') return value
  return fail(pointer, `${what} is not a text`)
}
