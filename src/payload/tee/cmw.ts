/**
 * RATS Conceptual Message Wrappers (draft-ietf-rats-msg-wrap; statements.md §5.8) in CBOR and JSON: a
 * record `[type, value, ?indicator]`, the same as a CBOR tag (RFC 9277), and collections of both. Only
 * the wrapping; a value is what its type says, and composite evidence counts only as far as its parts
 * are bound to each other.
 */
import { decodeBase64url } from '../../bytes/base64.ts'
import { parseStrictJson } from '../../bytes/strict-json.ts'
import { decodeCbor, type CborMap, type CborValue } from '../../cbor/decode.ts'
import { readHead } from '../../cbor/head.ts'
import { InputError } from '../../errors.ts'
import { EvidenceError } from './evidence.ts'

const WRAPPER_BYTES_MAX = 1024 * 1024
const DEPTH_MAX = 4
const ITEMS_MAX = 64
const COLLECTION_TYPE = '__cmwc_t'
const MAJOR_TAG = 6
/** RFC 9277 §4.3: the tag of CoAP content format `n` is this plus `n`. */
const TAG_BASE = 1668546817
const CONTENT_FORMAT_MAX = 65024

/** What a value is for, by the bits of the indicator. */
export const CMW_ROLES = [
  'reference-values',
  'endorsements',
  'evidence',
  'attestation-results',
  'appraisal-policy',
] as const
export type CmwRole = (typeof CMW_ROLES)[number]

/** A wrapped message, or named ones. */
export type Cmw =
  | {
      readonly kind: 'record'
      /** A media type, or a CoAP content format. */
      readonly type: string | number
      readonly value: Uint8Array
      readonly roles: readonly CmwRole[]
    }
  | {
      readonly kind: 'collection'
      readonly type?: string
      readonly items: ReadonlyMap<string, Cmw>
    }

function malformed(message: string, cause?: unknown): EvidenceError {
  return new EvidenceError('malformed', `CMW: ${message}`, { cause })
}

/**
 * Parses a wrapper in CBOR or JSON.
 * @throws EvidenceError `malformed`.
 */
export function parseCmw(bytes: Uint8Array): Cmw {
  if (bytes.length > WRAPPER_BYTES_MAX) throw malformed('too long')
  const first = bytes[0]
  try {
    // JSON begins with white space, "[" or "{", all below the arrays, maps and tags of CBOR.
    return first !== undefined && first < 0x80 ? parseJson(bytes) : parseCbor(bytes)
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    throw malformed(cause.message, cause)
  }
}

function parseCbor(bytes: Uint8Array): Cmw {
  const head = readHead(bytes, 0)
  if (head.major === MAJOR_TAG) {
    const format = head.value - TAG_BASE
    const value = decodeCbor(bytes.subarray(head.next))
    if (format < 0 || format > CONTENT_FORMAT_MAX || !(value instanceof Uint8Array)) {
      throw malformed('not a tag of a content format')
    }
    return { kind: 'record', type: format, value, roles: [] }
  }
  return fromCbor(decodeCbor(bytes), 0)
}

function fromCbor(value: CborValue, depth: number): Cmw {
  if (Array.isArray(value)) {
    const [type, content, indicator, ...more] = value as readonly CborValue[]
    if (!(content instanceof Uint8Array) || more.length > 0) throw malformed('not a record')
    return record(type, content, indicator)
  }
  if (!(value instanceof Map)) throw malformed('neither a record nor a collection')
  return collection([...(value as CborMap)], depth, fromCbor)
}

function parseJson(bytes: Uint8Array): Cmw {
  return fromJson(parseStrictJson(bytes, { code: 'ERR_PAYLOAD_MALFORMED', what: 'CMW' }), 0)
}

function fromJson(value: unknown, depth: number): Cmw {
  if (Array.isArray(value)) {
    const [type, content, indicator, ...more] = value as readonly unknown[]
    if (typeof content !== 'string' || more.length > 0) throw malformed('not a record')
    return record(type, decodeBase64url(content), indicator)
  }
  if (typeof value !== 'object' || value === null) throw malformed('not a record or collection')
  return collection(Object.entries(value), depth, fromJson)
}

function record(type: unknown, value: Uint8Array, indicator: unknown): Cmw {
  const isFormat = typeof type === 'number' && Number.isInteger(type) && type >= 0
  if (typeof type !== 'string' && !(isFormat && type <= CONTENT_FORMAT_MAX)) {
    throw malformed('the type is neither a media type nor a content format')
  }
  if (indicator === undefined) return { kind: 'record', type, value, roles: [] }
  const isSet = typeof indicator === 'number' && Number.isInteger(indicator)
  if (!isSet || indicator < 1 || indicator >= 2 ** 32) throw malformed('the indicator')
  const roles = CMW_ROLES.filter((_, bit) => Math.floor(indicator / 2 ** bit) % 2 === 1)
  return { kind: 'record', type, value, roles }
}

function collection<Value>(
  entries: readonly (readonly [unknown, Value])[],
  depth: number,
  read: (value: Value, depth: number) => Cmw,
): Cmw {
  if (depth >= DEPTH_MAX || entries.length > ITEMS_MAX) throw malformed('too deep or too many')
  const items = new Map<string, Cmw>()
  let type: string | undefined
  for (const [key, value] of entries) {
    if (key === COLLECTION_TYPE) {
      if (typeof value !== 'string') throw malformed('the type of the collection')
      type = value
      continue
    }
    if (typeof key !== 'string' && typeof key !== 'number') throw malformed('a label')
    const label = String(key)
    if (items.has(label)) throw malformed(`the label ${label} twice`)
    items.set(label, read(value, depth + 1))
  }
  if (items.size === 0) throw malformed('an empty collection')
  return { kind: 'collection', ...(type === undefined ? {} : { type }), items }
}

/** All records of a wrapper with their labels joined by `/`, in order. */
export function cmwRecords(
  cmw: Cmw,
  path = '',
): readonly { readonly path: string; readonly record: Extract<Cmw, { kind: 'record' }> }[] {
  if (cmw.kind === 'record') return [{ path, record: cmw }]
  return [...cmw.items].flatMap(([label, item]) =>
    cmwRecords(item, path === '' ? label : `${path}/${label}`),
  )
}
