/**
 * What DSSE envelopes and Sigstore bundles share in their JSON: strict parsing, base64 in either
 * alphabet (the DSSE protocol demands both of a reader), and errors that name the place. Values are
 * read only from members of the object itself.
 */
import { decodeBase64 } from '../bytes/base64.ts'
import { parseStrictJson } from '../bytes/strict-json.ts'
import { InputError } from '../errors.ts'
import { isShallow, JSON_DEPTH_MAX } from './json-depth.ts'
import { asObject, memberAt } from './json-members.ts'
import type { JsonObject } from './json-members.ts'
import { malformed } from './malformed.ts'

/** Largest envelope or bundle that is looked into (statements.md §1). */
export const ENVELOPE_BYTES_MAX: number = 512 * 1024

/**
 * The JSON value of an envelope.
 * @throws PayloadError for what is too large, no strict JSON, or nested too deeply.
 */
export function parseEnvelopeJson(bytes: Uint8Array, what: string): unknown {
  if (bytes.length > ENVELOPE_BYTES_MAX) {
    malformed('', `${what} is larger than ${ENVELOPE_BYTES_MAX} bytes`)
  }
  let value: unknown
  try {
    value = parseStrictJson(bytes, { code: 'ERR_PAYLOAD_MALFORMED', what })
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    return malformed('', cause.message, cause)
  }
  if (!isShallow(value)) malformed('', `${what} is nested deeper than ${JSON_DEPTH_MAX}`)
  return value
}

/** @throws PayloadError unless `value` is an object. */
export function readObject(value: unknown, pointer: string): JsonObject {
  return asObject(value) ?? malformed(pointer, 'expected an object')
}

/** @throws PayloadError unless the member is a non-empty list of at most `countMax`. */
export function readItems(
  parent: JsonObject,
  name: string,
  { pointer, countMax }: { readonly pointer: string; readonly countMax: number },
): readonly unknown[] {
  const list = memberAt(parent, name)
  const at = `${pointer}/${name}`
  if (!Array.isArray(list) || list.length === 0) return malformed(at, 'expected a non-empty list')
  if (list.length > countMax) malformed(at, `more than ${countMax} members`)
  return list
}

/** A member that is a text; `null` and the empty text count as absent, as protocol buffers write it. */
export function optionalText(
  parent: JsonObject,
  name: string,
  pointer: string,
): string | undefined {
  const value = memberAt(parent, name)
  if (value === undefined || value === '') return undefined
  if (typeof value === 'string') return value
  return malformed(`${pointer}/${name}`, 'expected a text')
}

/** @throws PayloadError unless the member is a non-empty text. */
export function readText(parent: JsonObject, name: string, pointer: string): string {
  return (
    optionalText(parent, name, pointer) ??
    malformed(`${pointer}/${name}`, 'expected a non-empty text')
  )
}

/** @throws PayloadError unless the member is a non-empty text in base64. */
export function readBytes(parent: JsonObject, name: string, pointer: string): Uint8Array {
  const text = readText(parent, name, pointer)
  try {
    return decodeEitherBase64(text)
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    return malformed(`${pointer}/${name}`, 'expected base64', cause)
  }
}

/**
 * Bytes of base64 or base64url, padded or not: one alphabet a text, no loose bits, no white space.
 * @throws InputError `ERR_BYTES_ENCODING`.
 */
function decodeEitherBase64(text: string): Uint8Array {
  const isUrl = /[-_]/.test(text)
  if (isUrl && /[+/]/.test(text)) {
    throw new InputError('ERR_BYTES_ENCODING', 'base64 in two alphabets at once')
  }
  const standard = isUrl ? text.replaceAll('-', '+').replaceAll('_', '/') : text
  const isPadded = standard.endsWith('=')
  return decodeBase64(
    isPadded ? standard : standard.padEnd(Math.ceil(standard.length / 4) * 4, '='),
  )
}
