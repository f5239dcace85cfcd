/** The name that was probably meant by one that nobody knows. */

/** Slips of the pen that are forgiven: more of them make another word. */
const SLIPS_MAX = 2

/** The known name with the fewest slips from `name`, if they are few; undefined when none is near. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  let nearest: string | undefined
  let fewest = SLIPS_MAX + 1
  for (const candidate of known) {
    const slips = countSlips(name.slice(0, 64), candidate)
    if (slips < fewest) [nearest, fewest] = [candidate, slips]
  }
  return nearest
}

/** Letters to put in, leave out or replace, to make `b` of `a` (Levenshtein). */
function countSlips(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}
