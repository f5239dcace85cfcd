/**
 * JSON documents that decide trust (RFC 8259), read strictly: UTF-8, a size limit, no member twice,
 * no unknown members. `JSON.parse` alone lets the last of two equal names win silently. No schema
 * language here; each document's own parser states its members.
 */
import { InputError } from '../errors.ts'
import type { InputErrorCode } from '../errors.ts'
import { decodeUtf8 } from './bytes.ts'

/** Largest document that is parsed. */
export const JSON_BYTES_MAX = 1_048_576

/** What is being read and which code its errors carry. */
export interface JsonContext {
  readonly code: InputErrorCode
  readonly what: string
}

/**
 * The value of a JSON document.
 * @throws InputError with the context's code for bad UTF-8, bad JSON, a duplicate name or a document over {@link JSON_BYTES_MAX}.
 */
export function parseStrictJson(bytes: Uint8Array, context: JsonContext): unknown {
  if (bytes.length > JSON_BYTES_MAX) {
    throw new InputError(context.code, `${context.what} is larger than ${JSON_BYTES_MAX} bytes`)
  }
  let text: string
  let value: unknown
  try {
    text = decodeUtf8(bytes)
    value = JSON.parse(text)
  } catch (cause) {
    throw new InputError(context.code, `${context.what} is not a JSON document`, { cause })
  }
  assertUniqueNames(text, context)
  return value
}

const [QUOTE, BACKSLASH, COLON, OPEN, CLOSE] = [0x22, 0x5c, 0x3a, 0x7b, 0x7d]
/** Names of one object that are compared one by one; of more, a set is kept. */
const FEW_NAMES = 8

/**
 * Walks well-formed JSON once; a string followed by a colon is a member's name. On the path of every
 * registration, hence by char codes.
 */
function assertUniqueNames(text: string, context: JsonContext): void {
  const open: Names[] = []
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === OPEN) open.push({ list: [] })
    else if (code === CLOSE) open.pop()
    else if (code === QUOTE) {
      const end = endOfString(text, at)
      if (isName(text, end)) addName(open.at(-1), text.slice(at, end), context)
      at = end - 1
    }
  }
}

/** Names of one object that is open. */
interface Names {
  readonly list: string[]
  set?: Set<string>
}

/** Index behind the closing quote: one that is not preceded by an odd number of backslashes. */
function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); ; at = text.indexOf('"', at + 1)) {
    let before = at - 1
    while (text.charCodeAt(before) === BACKSLASH) before--
    if ((at - before) % 2 === 1) return at + 1
  }
}

function addName(names: Names | undefined, quoted: string, context: JsonContext): void {
  if (names === undefined) return
  const name = quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1)
  const { list, set } = names
  if (set === undefined ? list.includes(name) : set.has(name)) {
    throw new InputError(context.code, `${context.what} has the member ${quoted} twice`)
  }
  if (set !== undefined) set.add(name)
  else if (list.push(name) > FEW_NAMES) names.set = new Set(list)
}

/** True when only white space and then a colon follow. */
function isName(text: string, after: number): boolean {
  let code = text.charCodeAt(after)
  for (let at = after; code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;) {
    code = text.charCodeAt(++at)
  }
  return code === COLON
}

/**
 * `value` as an object that has all `required` members, perhaps the `optional` ones, and no others.
 * @throws InputError with the context's code otherwise.
 */
export function readMembers(
  value: unknown,
  members: { readonly required: readonly string[]; readonly optional?: readonly string[] },
  context: JsonContext,
): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InputError(context.code, `${context.what} is not a JSON object`)
  }
  const names = Object.keys(value)
  for (const name of members.required) {
    if (!names.includes(name)) {
      throw new InputError(context.code, `${context.what} lacks the member "${name}"`)
    }
  }
  for (const name of names) {
    if (!members.required.includes(name) && members.optional?.includes(name) !== true) {
      throw new InputError(context.code, `${context.what} has an unknown member "${name}"`)
    }
  }
  return value as Record<string, unknown>
}

/**
 * `value` as non-empty text without control characters.
 * @throws InputError with the context's code otherwise.
 */
export function readText(value: unknown, context: JsonContext): string {
  if (typeof value !== 'string' || value === '' || /[\u0000-\u001f\u007f]/.test(value)) {
    throw new InputError(context.code, `${context.what} is not a non-empty text`)
  }
  return value
}

/**
 * `value` as a list.
 * @throws InputError with the context's code otherwise.
 */
export function readList(value: unknown, context: JsonContext): readonly unknown[] {
  if (!Array.isArray(value)) throw new InputError(context.code, `${context.what} is not a list`)
  return value
}
