/**
 * Makes text from statements, receipts and services safe to print. A claim is chosen by whoever
 * signed it, so it may hold terminal control sequences, text that runs backwards or characters
 * that do not show (standards.md NX-15: never print claims unescaped).
 */

// C0, DEL and C1 controls; soft hyphen; zero-width and bidirectional controls; line and paragraph
// separators; byte order mark; interlinear annotation; lone surrogates; the tag characters.
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0\u{e0000}-\u{e0fff}]/gu

/** `text` with every character that a terminal may act on or hide written as `\u{…}`. */
export function escapeText(text: string): string {
  return text.replaceAll(UNSAFE, (character) => {
    const point = character.codePointAt(0)!
    return `\\u{${point.toString(16).padStart(2, '0')}}`
  })
}

/** JSON of `value`, in which unsafe characters are written as JSON's own `\uXXXX` escapes. */
export function escapeJson(value: unknown): string {
  const text = JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'bigint' ? member.toString() : member,
  )
  return escapeJsonText(text)
}

/** JSON text, without a line end, with the same escapes. */
export function escapeJsonText(text: string): string {
  return text.replaceAll(UNSAFE, (character) =>
    Array.from(
      { length: character.length },
      (_, i) => '\\u' + character.charCodeAt(i).toString(16).padStart(4, '0'),
    ).join(''),
  )
}
