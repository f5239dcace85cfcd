/**
 * Cuts values out of JSON text exactly as they stand there: a signature, or a hash over a bundle, is
 * over bytes, and parsed JSON written again is other bytes. For text that JSON.parse has accepted.
 */

/** Where a value begins, and where the text behind it does. */
export interface JsonSlice {
  readonly start: number
  readonly end: number
}

const BLANK = ' \t\r\n'

function skipBlank(text: string, from: number): number {
  let at = from
  while (at < text.length && BLANK.includes(text.charAt(at))) at += 1
  return at
}

function endOfString(text: string, start: number): number {
  let at = start + 1
  while (at < text.length && text.charAt(at) !== '"') at += text.charAt(at) === '\\' ? 2 : 1
  return at + 1
}

function endOfValue(text: string, start: number): number {
  let depth = 0
  let at = start
  do {
    const char = text.charAt(at)
    if (char === '"') {
      at = endOfString(text, at)
      continue
    }
    if (char === '{' || char === '[') depth += 1
    else if (char === '}' || char === ']') depth -= 1
    at += 1
    // A number or a name ends where something else begins.
    while (depth === 0 && at < text.length && /[\w.+-]/.test(text.charAt(at))) at += 1
  } while (depth > 0 && at < text.length)
  return at
}

/** The members of the object, or the items of the list, that begins at `start`. */
function* children(text: string, start: number): Generator<{ name?: string; value: JsonSlice }> {
  const isObject = text.charAt(start) === '{'
  if (!isObject && text.charAt(start) !== '[') return
  let at = skipBlank(text, start + 1)
  while (at < text.length && !'}]'.includes(text.charAt(at))) {
    let name: string | undefined
    if (isObject) {
      const end = endOfString(text, at)
      name = JSON.parse(text.slice(at, end)) as string
      at = skipBlank(text, skipBlank(text, end) + 1)
    }
    const value = { start: at, end: endOfValue(text, at) }
    yield name === undefined ? { value } : { name, value }
    at = skipBlank(text, value.end)
    if (text.charAt(at) === ',') at = skipBlank(text, at + 1)
  }
}

/** The value of a member of the object that begins at `start`. */
export function findMember(text: string, name: string, start = 0): JsonSlice | undefined {
  for (const child of children(text, skipBlank(text, start))) {
    if (child.name === name) return child.value
  }
  return undefined
}

/** The items of the list that begins at `start`. */
export function listItems(text: string, start: number): JsonSlice[] {
  return [...children(text, skipBlank(text, start))].map(({ value }) => value)
}
