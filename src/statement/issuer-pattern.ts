/**
 * Patterns for issuer identifiers: literal text in which `*` stands for any run of characters.
 * Matching takes time linear in the text times the number of stars and never backtracks further
 * than the last star.
 */

/** True when `text` as a whole matches `pattern`. */
export function matchesPattern(pattern: string, text: string): boolean {
  const [first = '', ...rest] = pattern.split('*')
  const last = rest.pop()
  if (last === undefined) return pattern === text
  if (!text.startsWith(first) || text.length < first.length + last.length) return false
  let position = first.length
  const end = text.length - last.length
  for (const part of rest) {
    const found = text.indexOf(part, position)
    if (found < 0 || found + part.length > end) return false
    position = found + part.length
  }
  return text.endsWith(last)
}
