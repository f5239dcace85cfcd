/**
 * Tells names of secrets from their values, so that nobody publishes a value in a log that keeps it
 * for ever (R21). A guess, and meant to be: long, of one piece, and as mixed as only machines write.
 */

const NAME_LENGTH_MAX = 20
/** Bits per character; words and identifiers stay well below. */
const ENTROPY_MIN = 3.5

/** True for a text that looks like the value of a secret rather than like its name. */
export function looksLikeSecretValue(text: string): boolean {
  const pieces = text.split(/[^A-Za-z0-9+/=]+/)
  return pieces.some(
    (piece) =>
      piece.length > NAME_LENGTH_MAX &&
      /[0-9]/.test(piece) &&
      /[A-Za-z]/.test(piece) &&
      entropy(piece) >= ENTROPY_MIN,
  )
}

/** Shannon's, over the characters of the text. */
function entropy(text: string): number {
  const counts = new Map<string, number>()
  for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1)
  return [...counts.values()].reduce((sum, count) => {
    const share = count / text.length
    return sum - share * Math.log2(share)
  }, 0)
}
