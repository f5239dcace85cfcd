/**
 * Recognises what a payload is (statements.md §7.1) and holds it against its rules: the one reader
 * behind describe-statement.ts and validate-payload.ts. The payload decides and the media type is a
 * hint: JSON that calls itself an in-toto Statement is read as one under any media type.
 */
import { JSON_BYTES_MAX } from '../bytes/strict-json.ts'
import { PayloadError } from '../errors.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import { openEnvelope } from './envelopes.ts'
import type { OpenedEnvelope } from './envelopes.ts'
import type { BytesHandler, BytesInput, JsonInput } from './handler.ts'
import type { InTotoStatement } from './in-toto.ts'
import { asObject } from './json-members.ts'
import type { JsonObject } from './json-members.ts'
import { malformed } from './malformed.ts'
import { findMediaHandler, recogniseBareJson, recogniseBytes } from './media-handlers.ts'
import { governanceKind, parseMediaType } from './media-types.ts'
import type { GovernanceKind, MediaType } from './media-types.ts'
import { payloadContent, payloadMediaType } from './payload-content.ts'
import { findPredicate } from './predicates.ts'
import type { JsonEntry } from './predicates.ts'
import { readPayloadBytes } from './registration-facts.ts'
import type { PayloadFacts } from './registration-facts.ts'
import { checkSchema } from './schema-check.ts'

/** What a payload turned out to be; everything that has rules has been held against them. */
export type ReadPayload =
  | { readonly form: 'governance'; readonly kind: GovernanceKind }
  /** Only a digest is here, or the content is larger than what is read. */
  | { readonly form: 'unread'; readonly why: 'preimage-absent' | 'preimage-too-large' }
  | {
      readonly form: 'json'
      readonly entry: JsonEntry
      readonly input: JsonInput
      readonly inToto?: InTotoStatement
    }
  /** A predicate type without a reader; `alias` when it is a draft's name for another content. */
  | { readonly form: 'in-toto'; readonly inToto: InTotoStatement; readonly alias?: JsonEntry }
  | { readonly form: 'bytes'; readonly handler: BytesHandler; readonly input: BytesInput }
  | {
      readonly form: 'envelope'
      readonly envelope: OpenedEnvelope
      readonly inner?: ReadPayload
      readonly innerType?: MediaType
    }
  | { readonly form: 'opaque' }

export interface ReadRequest {
  readonly statement: SignedStatement
  /** Content of a hash envelope; the caller has held it against the digest. */
  readonly preimage?: Uint8Array | undefined
  /** The payload as it was read before, so that it is parsed once. */
  readonly facts?: PayloadFacts
}

/**
 * @throws PayloadError when the payload says that it is of a known kind, and is not of its form.
 */
export function readPayload(request: ReadRequest): ReadPayload {
  const { statement, preimage } = request
  const mediaType = payloadMediaType(statement)
  const governance = governanceKind(mediaType.name)
  if (governance !== undefined) return { form: 'governance', kind: governance }
  const bytes = payloadContent(statement, preimage)
  if (bytes === undefined) return { form: 'unread', why: 'preimage-absent' }
  if (bytes.length > JSON_BYTES_MAX) return { form: 'unread', why: 'preimage-too-large' }
  return readContent({ statement, mediaType, bytes }, { facts: request.facts, opens: true })
}

interface ContentOptions {
  /** Of the same bytes, where they were read before. */
  readonly facts?: PayloadFacts | undefined
  /** Whether an envelope is opened: one inside of another is not. */
  readonly opens: boolean
}

function readContent(input: BytesInput, { facts, opens }: ContentOptions): ReadPayload {
  const { mediaType, bytes } = input
  const read = facts ?? readPayloadBytes(bytes, mediaType.name)
  if (read.kind === 'in-toto') {
    const { within, statement } = read
    if (within === undefined) return readInToto(statement)
    return readInside(within, () => readInToto(statement))
  }
  const envelope = opens ? openEnvelope(mediaType.name, bytes) : undefined
  if (envelope !== undefined) return readEnvelope(envelope, input)
  if (read.kind === 'malformed') malformed(read.pointer, read.reason)
  const handler = findMediaHandler(mediaType) ?? recogniseBytes(mediaType, bytes)
  if (handler?.bytes !== undefined) {
    handler.bytes.check(input)
    return { form: 'bytes', handler: handler.bytes, input }
  }
  const json = read.kind === 'json' ? asObject(read.value) : undefined
  if (handler?.json !== undefined) {
    if (read.kind === 'opaque') malformed('', read.reason)
    if (json === undefined) malformed('', 'payload is not a JSON object')
    return readBare(handler.json, json, mediaType)
  }
  const entry = json === undefined ? undefined : recogniseBareJson(mediaType, json)
  if (json === undefined || entry === undefined) return { form: 'opaque' }
  return readBare(entry, json, mediaType)
}

function readBare(entry: JsonEntry, json: JsonObject, { name }: MediaType): ReadPayload {
  return checked(entry, { json, predicate: json, at: '', type: name })
}

function readInToto(inToto: InTotoStatement): ReadPayload {
  const { json, predicateType: type } = inToto
  const entry = findPredicate(type)
  if (entry === undefined) return { form: 'in-toto', inToto }
  const predicate = asObject(json['predicate'])
  try {
    if (predicate === undefined) malformed('/predicate', 'is missing, or no object')
    return { ...checked(entry, { json, predicate, at: '/predicate', type }), inToto }
  } catch (error) {
    // A draft's name promises nothing: what does not fit is no fault of the statement.
    if (entry.draft !== true || !(error instanceof PayloadError)) throw error
    return { form: 'in-toto', inToto, alias: entry }
  }
}

function checked(entry: JsonEntry, input: JsonInput): Extract<ReadPayload, { form: 'json' }> {
  checkSchema(entry.schema, input.predicate, input.at)
  entry.handler.check?.(input)
  return { form: 'json', entry, input }
}

function readEnvelope(envelope: OpenedEnvelope, { statement }: BytesInput): ReadPayload {
  const { statementBytes: bytes, statementType, statementPointer = '' } = envelope
  if (bytes === undefined) return { form: 'envelope', envelope }
  const innerType = parseMediaType(statementType)
  const inner = readInside(statementPointer, () =>
    readContent({ statement, mediaType: innerType, bytes }, { opens: false }),
  )
  return { form: 'envelope', envelope, inner, innerType }
}

/** A pointer leads to a place in the payload: to the envelope's base64, and not into it. */
function readInside(statementPointer: string, read: () => ReadPayload): ReadPayload {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof PayloadError)) throw error
    const { pointer, message } = error
    return malformed(statementPointer, `what is signed inside: ${pointer}: ${message}`)
  }
}
