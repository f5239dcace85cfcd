/**
 * in-toto Statements v1 and v0.1 and, of their predicates, what admission and verification decide
 * on: the builder and the end of a SLSA provenance (v0.1, v0.2, v1). Read strictly where something
 * is decided, and tolerant of members that are not known, as in-toto asks. What else predicates say
 * is the index's affair; nothing here is verified, only read.
 */
import type { JsonContext } from '../bytes/strict-json.ts'
import { parseStrictJson, readList, readText } from '../bytes/strict-json.ts'
import { InputError } from '../errors.ts'
import { isShallow, JSON_DEPTH_MAX } from './json-depth.ts'
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
/** Hex digits of the digests whose form is known; others are texts (`dirHash`, `arn` …). */
const HEX_DIGITS: Readonly<Record<string, readonly number[]>> = {
  sha1: [40],
  sha256: [64],
  sha384: [96],
  sha512: [128],
  gitCommit: [40, 64],
  gitTree: [40, 64],
  gitBlob: [40, 64],
  gitTag: [40, 64],
}

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

export type JsonObject = Readonly<Record<string, unknown>>

const CONTEXT: JsonContext = { code: 'ERR_PAYLOAD_MALFORMED', what: 'in-toto Statement' }
const about = (what: string): JsonContext => ({ ...CONTEXT, what })

function fail(message: string): never {
  throw new InputError('ERR_PAYLOAD_MALFORMED', `in-toto Statement: ${message}`)
}

/**
 * Parses the payload of an in-toto statement.
 * @throws InputError `ERR_PAYLOAD_MALFORMED` for duplicate members, nesting over
 * {@link JSON_DEPTH_MAX}, another `_type`, no subject, a subject without a digest, or a predicate
 * type that is not a URI; and for a SLSA provenance without a builder id or with a bad time.
 */
export function parseInTotoStatement(bytes: Uint8Array): InTotoStatement {
  return readInTotoStatement(parseStrictJson(bytes, CONTEXT))
}

/** {@link parseInTotoStatement} for JSON that was parsed strictly before. */
export function readInTotoStatement(value: unknown): InTotoStatement {
  const json = readObject(value, 'the payload')
  if (!isShallow(json)) fail(`nested deeper than ${JSON_DEPTH_MAX}`)
  const type = readText(member(json, '_type'), about('_type of the in-toto Statement'))
  const version = Object.hasOwn(VERSIONS, type) ? VERSIONS[type] : undefined
  if (version === undefined) fail('_type is not a version that is understood (v1, v0.1)')
  const subjects = readList(member(json, 'subject'), about('subject of the in-toto Statement'))
  if (subjects.length === 0) fail('there is no subject')
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
  const what = `subject ${position}`
  const subject = readObject(value, what)
  const name = optionalText(member(subject, 'name'), `name of ${what}`)
  const uri = optionalText(member(subject, 'uri'), `uri of ${what}`)
  const digest = new Map<string, string>()
  for (const [algorithm, text] of Object.entries(
    readObject(member(subject, 'digest'), `digest of ${what}`),
  )) {
    digest.set(algorithm, readDigest(algorithm, text, what))
  }
  if (digest.size === 0) fail(`${what} has no digest`)
  return {
    ...(name === undefined || name === '' ? {} : { name }),
    ...(uri === undefined || uri === '' ? {} : { uri }),
    digest,
  }
}

function readDigest(algorithm: string, value: unknown, what: string): string {
  const text = readText(value, about(`${algorithm} digest of ${what}`))
  const lengths = Object.hasOwn(HEX_DIGITS, algorithm) ? HEX_DIGITS[algorithm] : undefined
  if (lengths !== undefined && !(lengths.includes(text.length) && /^[0-9a-f]+$/.test(text))) {
    fail(`${what}: its ${algorithm} digest is not lower-case hex of ${lengths.join(' or ')} digits`)
  }
  return text
}

/** A URI with scheme and authority in lower case, so that two spellings cannot pass for two types. */
function readPredicateType(value: unknown): string {
  const text = readText(value, about('predicateType of the in-toto Statement'))
  const uri = /^[a-z][a-z0-9+.-]*:(?:\/\/([^/?#]*))?/.exec(text)
  const hasCapitals = /[A-Z]/.test(uri?.[1] ?? '')
  if (uri === null || hasCapitals || text.length > PREDICATE_TYPE_LENGTH_MAX || /\s/.test(text)) {
    fail('predicateType is not a URI with a lower-case scheme and host')
  }
  return text
}

function readProvenance(predicateType: string, value: unknown): SlsaProvenance | undefined {
  const version = predicateType.startsWith(SLSA_PROVENANCE_PREFIX)
    ? predicateType.slice(SLSA_PROVENANCE_PREFIX.length)
    : undefined
  if (version !== 'v1' && version !== 'v0.2' && version !== 'v0.1') return undefined
  const predicate = readObject(value, 'predicate')
  const isV1 = version === 'v1'
  const run = isV1 ? readObject(member(predicate, 'runDetails'), 'runDetails') : predicate
  const builder = readObject(member(run, 'builder'), 'builder')
  const metadata = member(run, 'metadata') ?? {}
  const { invocation, finished } = isV1
    ? { invocation: 'invocationId', finished: 'finishedOn' }
    : { invocation: 'buildInvocationId', finished: 'buildFinishedOn' }
  const times = readObject(metadata, 'metadata')
  const invocationId = optionalText(
    // v0.1 and v0.2 were written with both names.
    member(times, invocation) ?? member(times, 'buildInvocationID'),
    invocation,
  )
  const finishedOn = optionalText(member(times, finished), finished)
  return {
    builderId: readText(member(builder, 'id'), about('builder id of the provenance')),
    ...(invocationId === undefined || invocationId === '' ? {} : { invocationId }),
    ...(finishedOn === undefined ? {} : { finishedOnMs: parseRfc3339(finishedOn, finished) }),
  }
}

function readObject(value: unknown, what: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    fail(`${what} is not an object`)
  }
  return value as JsonObject
}

/** A member of the object itself; protocol buffers' JSON writes an absent one as null, too. */
function member(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? (object[name] ?? undefined) : undefined
}

function optionalText(value: unknown, what: string): string | undefined {
  if (value === undefined || typeof value === 'string') return value
  return fail(`${what} is not a text`)
}
