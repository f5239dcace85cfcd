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

/** A JSON document, and how deeply its lists and objects are nested: 0 for a number or a text alone. */
export interface MeasuredJson {
  readonly value: unknown
  readonly depth: number
}

/**
 * The value of a JSON document.
 * @throws InputError with the context's code for bad UTF-8, bad JSON, a duplicate name or a document over {@link JSON_BYTES_MAX}.
 */
export function parseStrictJson(bytes: Uint8Array, context: JsonContext): unknown {
  return parseMeasuredJson(bytes, context).value
}

/** {@link parseStrictJson}, and the depth, which the same walk tells. */
export function parseMeasuredJson(bytes: Uint8Array, context: JsonContext): MeasuredJson {
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
  return { value, depth: new Walk(text, context).depth() }
}

const [QUOTE, BACKSLASH, COLON, OPEN, CLOSE] = [0x22, 0x5c, 0x3a, 0x7b, 0x7d]
const [OPEN_LIST, CLOSE_LIST] = [0x5b, 0x5d]
/** Names of one object that are compared one by one; of more, a set is kept. */
const FEW_NAMES = 8

/**
 * Walks well-formed JSON once; a string followed by a colon is a member's name. On the path of every
 * registration, hence by char codes, and names are compared where they stand.
 */
class Walk {
  private readonly text: string
  private readonly context: JsonContext
  /** First and last+1 index of every name of the objects that are open, the outermost's first. */
  private readonly names: number[] = []
  private namesEnd = 0
  /** Where in `names` each open object begins. */
  private readonly objects: number[] = []
  /** Names, unescaped, of open objects by their level: of those with many, or with an escaped one. */
  private sets: Map<number, Set<string>> | undefined

  constructor(text: string, context: JsonContext) {
    this.text = text
    this.context = context
  }

  /** How deep it gets. @throws InputError for a name that an object has twice. */
  depth(): number {
    const { text } = this
    let depth = 0
    let deepest = 0
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (code === QUOTE) {
        const end = endOfString(text, at)
        if (isName(text, end)) this.addName(at + 1, end - 1)
        at = end - 1
      } else if (code === OPEN || code === OPEN_LIST) {
        if (code === OPEN) this.objects.push(this.namesEnd)
        if (++depth > deepest) deepest = depth
      } else if (code === CLOSE || code === CLOSE_LIST) {
        if (code === CLOSE) this.closeObject()
        depth--
      }
    }
    return deepest
  }

  private closeObject(): void {
    this.sets?.delete(this.objects.length)
    this.namesEnd = this.objects.pop() ?? 0
  }

  private addName(start: number, end: number): void {
    const { text, names, objects, namesEnd } = this
    const first = objects[objects.length - 1]!
    const isFew = namesEnd - first < 2 * FEW_NAMES
    const set = this.sets?.get(objects.length)
    if (set !== undefined || !isFew || hasEscape(text, start, end)) {
      this.addToSet(set ?? this.startSet(first), start, end)
      return
    }
    for (let i = first; i < namesEnd; i += 2) {
      const other = names[i]!
      const isAsLong = names[i + 1]! - other === end - start
      if (isAsLong && equalRanges(text, other, start, end - start)) this.refuse(start, end)
    }
    names[namesEnd] = start
    names[namesEnd + 1] = end
    this.namesEnd += 2
  }

  /** The names of the innermost object so far, none of which is escaped. */
  private startSet(first: number): Set<string> {
    const set = new Set<string>()
    for (let i = first; i < this.namesEnd; i += 2) {
      set.add(this.text.slice(this.names[i], this.names[i + 1]))
    }
    this.sets ??= new Map()
    this.sets.set(this.objects.length, set)
    return set
  }

  private addToSet(set: Set<string>, start: number, end: number): void {
    const { text } = this
    const name = hasEscape(text, start, end)
      ? (JSON.parse(text.slice(start - 1, end + 1)) as string)
      : text.slice(start, end)
    if (set.has(name)) this.refuse(start, end)
    set.add(name)
  }

  private refuse(start: number, end: number): never {
    const { code, what } = this.context
    throw new InputError(
      code,
      `${what} has the member ${this.text.slice(start - 1, end + 1)} twice`,
    )
  }
}

/** Index behind the closing quote: one that is not preceded by an odd number of backslashes. */
function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); ; at = text.indexOf('"', at + 1)) {
    let before = at - 1
    while (text.charCodeAt(before) === BACKSLASH) before--
    if ((at - before) % 2 === 1) return at + 1
  }
}

function hasEscape(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (text.charCodeAt(at) === BACKSLASH) return true
  return false
}

function equalRanges(text: string, a: number, b: number, length: number): boolean {
  for (let i = 0; i < length; i++) {
    if (text.charCodeAt(a + i) !== text.charCodeAt(b + i)) return false
  }
  return true
}

/** True when only white space and then a colon follow. */
function isName(text: string, after: number): boolean {
  let code = text.charCodeAt(after)
  for (let at = after; code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;) {
    code = text.charCodeAt(++at)
  }
  return code === COLON
}
