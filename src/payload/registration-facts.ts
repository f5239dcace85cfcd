/**
 * What a statement's payload says, as far as rules look at it: an in-toto Statement, other JSON,
 * bytes that nobody here reads, or nothing because only a digest was signed. The payload decides
 * and the media type is a hint (in-toto): JSON that calls itself an in-toto Statement is read as one
 * under any media type, and so is one inside of a DSSE envelope or Sigstore bundle. Never throws for
 * what a payload contains; `malformed` is an answer.
 */
import { parseMeasuredJson } from '../bytes/strict-json.ts'
import type { JsonContext, MeasuredJson } from '../bytes/strict-json.ts'
import { InputError, PayloadError } from '../errors.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import { envelopeForm, openEnvelope } from './envelopes.ts'
import { IN_TOTO_TYPE_PREFIX, readInTotoStatement } from './in-toto.ts'
import type { InTotoStatement } from './in-toto.ts'
import { JSON_DEPTH_MAX } from './json-depth.ts'
import { mediaTypeName, parseMediaType } from './media-types.ts'

export type PayloadFacts =
  /** `within`: where in the payload it is (RFC 6901), when it is inside of an envelope. */
  | { readonly kind: 'in-toto'; readonly statement: InTotoStatement; readonly within?: string }
  /** JSON of another kind, parsed strictly; nested no deeper than JSON_DEPTH_MAX. */
  | { readonly kind: 'json'; readonly value: unknown }
  /** Not JSON, or not JSON that can be relied on, for the reason given. */
  | { readonly kind: 'opaque'; readonly reason: string }
  /** Only a digest was signed, or the payload is detached, and the content is not at hand. */
  | { readonly kind: 'withheld'; readonly declaredInToto: boolean }
  /** Says that it is an in-toto Statement and is none; `pointer` (RFC 6901) names the place. */
  | { readonly kind: 'malformed'; readonly reason: string; readonly pointer: string }

/** True for `application/vnd.in-toto+json` and `application/vnd.in-toto.<predicate>+json`. */
export function isInTotoMediaType(contentType: string | number | undefined): boolean {
  if (typeof contentType !== 'string') return false
  const name = mediaTypeName(contentType)
  if (!name.startsWith('application/vnd.in-toto') || !name.endsWith('+json')) return false
  const middle = name.slice('application/vnd.in-toto'.length, -'+json'.length)
  return middle === '' || middle.startsWith('.')
}

/**
 * Reads the payload of a statement.
 * @param content the signed content where the statement holds only its digest or is detached; the
 * caller has matched it.
 */
export function readPayloadFacts(statement: SignedStatement, content?: Uint8Array): PayloadFacts {
  const { contentType, hashEnvelope } = statement.headers
  const attached = hashEnvelope === undefined ? statement.message.payload : null
  const bytes = content ?? attached
  const type = contentType ?? hashEnvelope?.preimageContentType
  if (bytes === null) return { kind: 'withheld', declaredInToto: mayHoldInToto(type) }
  const facts = readPayloadBytes(bytes, type)
  return facts.kind === 'in-toto' ? facts : (factsInside(bytes, type) ?? facts)
}

/** A wrapped in-toto Statement says the same as a bare one: wrapping it gets around no rule. */
function factsInside(
  bytes: Uint8Array,
  type: string | number | undefined,
): PayloadFacts | undefined {
  try {
    const envelope = openEnvelope(parseMediaType(type).name, bytes)
    if (envelope?.statementBytes === undefined) return undefined
    const inside = readPayloadBytes(envelope.statementBytes, envelope.statementType)
    const { statementPointer: pointer = '' } = envelope
    if (inside.kind === 'in-toto') return { ...inside, within: pointer }
    return inside.kind === 'malformed' ? { ...inside, pointer } : undefined
  } catch (error) {
    // Whoever asks whether the payload is valid hears it; rules see JSON that is no Statement.
    if (!(error instanceof PayloadError)) throw error
    return undefined
  }
}

function mayHoldInToto(type: string | number | undefined): boolean {
  return isInTotoMediaType(type) || envelopeForm(parseMediaType(type).name) !== undefined
}

const PAYLOAD: JsonContext = { code: 'ERR_PAYLOAD_MALFORMED', what: 'payload' }

/** Reads content that is at hand. */
export function readPayloadBytes(
  bytes: Uint8Array,
  contentType: string | number | undefined,
): PayloadFacts {
  const declared = isInTotoMediaType(contentType)
  let json: MeasuredJson
  try {
    json = parseMeasuredJson(bytes, PAYLOAD)
  } catch (error) {
    return unreadable(error, declared)
  }
  const { value, depth } = json
  if (!declared && !callsItselfInToto(value)) {
    if (depth <= JSON_DEPTH_MAX) return { kind: 'json', value }
    return { kind: 'opaque', reason: `payload is nested deeper than ${JSON_DEPTH_MAX}` }
  }
  try {
    return { kind: 'in-toto', statement: readInTotoStatement(value, depth) }
  } catch (error) {
    return unreadable(error, true)
  }
}

function unreadable(error: unknown, declared: boolean): PayloadFacts {
  if (!(error instanceof InputError)) throw error
  const { message: reason } = error
  const pointer = error instanceof PayloadError ? error.pointer : ''
  return declared ? { kind: 'malformed', reason, pointer } : { kind: 'opaque', reason }
}

function callsItselfInToto(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, '_type')) return false
  const { _type: type } = value as { readonly _type: unknown }
  return typeof type === 'string' && type.startsWith(IN_TOTO_TYPE_PREFIX)
}
