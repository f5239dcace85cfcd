/**
 * Patterns for issuers, subjects, predicate types and the like: literal text in which `*` stands for
 * any run of characters. Matching takes time linear in the text times the number of stars and never
 * backtracks further than the last star.
 */

/** True when `text` as a whole matches `pattern`. */
export function matchesPattern(pattern: string, text: string): boolean {
  // Most patterns are one star or none, and are held against every statement.
  const star = pattern.indexOf('*')
  if (star < 0) return pattern === text
  if (pattern.length === 1) return true
  const [first = '', ...rest] = pattern.split('*')
  const last = rest.pop() ?? ''
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

/**
 * True when everything that `inner` matches, `outer` matches too. A star of the inner pattern has to
 * fall into a star of the outer one, and matching `inner` as a text says just that: no literal part
 * of the outer pattern contains a star.
 */
export function coversPattern(outer: string, inner: string): boolean {
  return matchesPattern(outer, inner)
}
