/**
 * Terms in the order of their hashes, as far as pages of `term_hash` go. Values that come in any order
 * lead all over that table, and each step there waits for memory; in order, neighbours share a page.
 */

/** More than the pages of most indexes: within one, terms stay as they came. */
const RANGES = 4096
/** Hashes are below 2^53. */
const WIDTH = 2 ** 53 / RANGES

const rangeOf = (hash: number): number => Math.floor(hash / WIDTH)

/** A copy, counted out into ranges of the hash: one pass, and no comparisons. */
export function inHashOrder<Hashed extends { readonly hash: number }>(
  terms: readonly Hashed[],
): Hashed[] {
  const places = new Int32Array(RANGES + 1)
  for (const { hash } of terms) places[rangeOf(hash) + 1]! += 1
  for (let range = 0; range < RANGES; range++) places[range + 1]! += places[range]!
  // Where each range begins; moves to its end while it is filled.
  const ordered = new Array<Hashed>(terms.length)
  for (const term of terms) {
    const range = rangeOf(term.hash)
    ordered[places[range]!] = term
    places[range]! += 1
  }
  return ordered
}
