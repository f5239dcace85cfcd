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

/** Walks well-formed JSON once; a string followed by a colon is a member's name. */
function assertUniqueNames(text: string, context: JsonContext): void {
  const open: Set<string>[] = []
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at)
    if (char === '{') open.push(new Set())
    else if (char === '}') open.pop()
    else if (char === '"') {
      const end = endOfString(text, at)
      if (isName(text, end)) addName(open.at(-1), text.slice(at, end), context)
      at = end - 1
    }
  }
}

function endOfString(text: string, start: number): number {
  let at = start + 1
  while (at < text.length && text.charAt(at) !== '"') at += text.charAt(at) === '\\' ? 2 : 1
  return at + 1
}

function addName(names: Set<string> | undefined, quoted: string, context: JsonContext): void {
  const name = JSON.parse(quoted) as string
  if (names?.has(name) === true) {
    throw new InputError(context.code, `${context.what} has the member ${quoted} twice`)
  }
  names?.add(name)
}

function isName(text: string, after: number): boolean {
  let at = after
  while (' \t\r\n'.includes(text.charAt(at)) && at < text.length) at++
  return text.charAt(at) === ':'
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
