/**
 * in-toto Statements v1 and v0.1 and, of their predicates, what admission and verification decide
 * on: the builder and the end of a SLSA provenance (v0.1, v0.2, v1). Read strictly where something
 * is decided, and tolerant of members that are not known, as in-toto asks. What else predicates say
 * is the index's affair; nothing here is verified, only read.
 */
import { parseStrictJson } from '../bytes/strict-json.ts'
import { PayloadError } from '../errors.ts'
import { hexLengths, isHexDigest } from './digest-forms.ts'
import { isShallow, JSON_DEPTH_MAX } from './json-depth.ts'
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
  return readInTotoStatement(parseStrictJson(bytes, { code: CODE, what: 'in-toto Statement' }))
}

/**
 * {@link parseInTotoStatement} for JSON that was parsed strictly before.
 * @throws PayloadError with the pointer of what is wrong.
 */
export function readInTotoStatement(value: unknown): InTotoStatement {
  const json = readObject(value, '', 'the payload')
  if (!isShallow(json)) fail('', `nested deeper than ${JSON_DEPTH_MAX}`)
  const type = readText(member(json, '_type'), '/_type', '_type')
  const version = Object.hasOwn(VERSIONS, type) ? VERSIONS[type] : undefined
  if (version === undefined) fail('/_type', '_type is not a version that is understood (v1, v0.1)')
  const subjects = member(json, 'subject')
  if (!Array.isArray(subjects)) fail('/subject', 'subject is not a list')
  if (subjects.length === 0) fail('/subject', 'there is no subject')
  const predicateType = readPredicateType(member(json, 'predicateType'))
  const provenance = readProvenance(predicateType, member(json, 'predicate'))
  return {
    version,
    subjects: subjects.map(readSubject),
    predicateType,
    ...(provenance === undefined ? {} : { provenance }),
    json,
  }
}

/** True for SLSA provenance of any version, whether it could be read or not. */
export function isProvenance({ predicateType }: InTotoStatement): boolean {
  return predicateType.startsWith(SLSA_PROVENANCE_PREFIX)
}

function readSubject(value: unknown, position: number): InTotoSubject {
  const at = `/subject/${position}`
  const what = `subject ${position}`
  const subject = readObject(value, at, what)
  const name = optionalText(member(subject, 'name'), `${at}/name`, `name of ${what}`)
  const uri = optionalText(member(subject, 'uri'), `${at}/uri`, `uri of ${what}`)
  const digest = new Map<string, string>()
  const set = readObject(member(subject, 'digest'), `${at}/digest`, `digest of ${what}`)
  for (const [algorithm, text] of Object.entries(set)) {
    const pointer = `${at}/digest/${pointerToken(algorithm)}`
    digest.set(algorithm, readDigest(algorithm, text, { pointer, what }))
  }
  if (digest.size === 0) fail(`${at}/digest`, `${what} has no digest`)
  return {
    ...(name === undefined || name === '' ? {} : { name }),
    ...(uri === undefined || uri === '' ? {} : { uri }),
    digest,
  }
}

function readDigest(
  algorithm: string,
  value: unknown,
  { pointer, what }: { readonly pointer: string; readonly what: string },
): string {
  const text = readText(value, pointer, `${algorithm} digest of ${what}`)
  if (isHexDigest(algorithm, text) === false) {
    const lengths = hexLengths(algorithm)!.join(' or ')
    fail(pointer, `${what}: its ${algorithm} digest is not lower-case hex of ${lengths} digits`)
  }
  return text
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

function readProvenance(predicateType: string, value: unknown): SlsaProvenance | undefined {
  const version = predicateType.startsWith(SLSA_PROVENANCE_PREFIX)
    ? predicateType.slice(SLSA_PROVENANCE_PREFIX.length)
    : undefined
  if (version !== 'v1' && version !== 'v0.2' && version !== 'v0.1') return undefined
  const predicate = readObject(value, '/predicate', 'predicate')
  const isV1 = version === 'v1'
  const at = isV1 ? '/predicate/runDetails' : '/predicate'
  const run = isV1 ? readObject(member(predicate, 'runDetails'), at, 'runDetails') : predicate
  const builder = readObject(member(run, 'builder'), `${at}/builder`, 'builder')
  const times = readObject(member(run, 'metadata') ?? {}, `${at}/metadata`, 'metadata')
  const { invocation, finished } = isV1
    ? { invocation: 'invocationId', finished: 'finishedOn' }
    : { invocation: 'buildInvocationId', finished: 'buildFinishedOn' }
  const invocationId = optionalText(
    // v0.1 and v0.2 were written with both names.
    member(times, invocation) ?? member(times, 'buildInvocationID'),
    `${at}/metadata/${invocation}`,
    invocation,
  )
  const finishedAt = `${at}/metadata/${finished}`
  const finishedOn = optionalText(member(times, finished), finishedAt, finished)
  const builderId = readText(member(builder, 'id'), `${at}/builder/id`, 'the builder id')
  return {
    builderId,
    ...(invocationId === undefined || invocationId === '' ? {} : { invocationId }),
    ...(finishedOn === undefined
      ? {}
      : { finishedOnMs: parseRfc3339(finishedOn, finished, finishedAt) }),
  }
}

function readObject(value: unknown, pointer: string, what: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    fail(pointer, value === undefined ? `${what} is missing` : `${what} is not an object`)
  }
  return value as JsonObject
}

function readText(value: unknown, pointer: string, what: string): string {
  if (value === undefined) fail(pointer, `${what} is missing`)
  if (typeof value !== 'string' || value === '' || /[\u0000-\u001f\u007f]/.test(value)) {
    fail(pointer, `${what} is not a non-empty text`)
  }
  return value
}

/** A member of the object itself; protocol buffers' JSON writes an absent one as null, too. */
function member(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? (object[name] ?? undefined) : undefined
}

function optionalText(value: unknown, pointer: string, what: string): string | undefined {
  if (value === undefined || typeof value === 'string') return value
  return fail(pointer, `${what} is not a text`)
}
