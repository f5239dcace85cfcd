/**
 * in-toto Statements v1 and v0.1 and, of their predicates, what admission and verification decide
 * on: slsa-provenance.ts. Read strictly where something is decided, and tolerant of members that are
 * not known, as in-toto asks. What else predicates say is the index's affair; nothing here is
 * verified, only read.
 */
import { parseMeasuredJson } from '../bytes/strict-json.ts'
import { hexLengths, isHexDigest } from './digest-forms.ts'
import {
  fail,
  failObject,
  isObject,
  isPlainText,
  member,
  readObject,
  readText,
} from './in-toto-members.ts'
import { JSON_DEPTH_MAX } from './json-depth.ts'
import { pointerToken } from './json-members.ts'
import type { JsonObject } from './json-members.ts'
import { readProvenance } from './slsa-provenance.ts'
import type { SlsaProvenance } from './slsa-provenance.ts'

/** Values of `_type` that are understood. */
const VERSIONS: Readonly<Record<string, InTotoStatement['version']>> = {
  'https://in-toto.io/Statement/v1': 'v1',
  'https://in-toto.io/Statement/v0.1': 'v0.1',
}
/** What every version's `_type` begins with. */
export const IN_TOTO_TYPE_PREFIX = 'https://in-toto.io/Statement/'

const PREDICATE_TYPE_LENGTH_MAX = 2048
/** An artifact that a statement is about. */
export interface InTotoSubject {
  readonly name?: string
  readonly uri?: string
  /** Text by algorithm; never empty. */
  readonly digest: ReadonlyMap<string, string>
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

/**
 * Parses the payload of an in-toto statement.
 * @throws InputError `ERR_PAYLOAD_MALFORMED`, with a pointer where it has one, for duplicate members,
 * nesting over {@link JSON_DEPTH_MAX}, another `_type`, no subject, a subject without a digest, or a
 * predicate type that is not a URI; and for a SLSA provenance without a builder id or with a bad time.
 */
export function parseInTotoStatement(bytes: Uint8Array): InTotoStatement {
  const context = { code: 'ERR_PAYLOAD_MALFORMED', what: 'in-toto Statement' } as const
  const { value, depth } = parseMeasuredJson(bytes, context)
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
