/** Seeded mutations of byte strings. A failure prints its seed; ATTESTRY_SEED repeats it. */

/** True when the long versions of the suites were asked for. */
export const slow: boolean = process.env['ATTESTRY_SLOW'] === '1'

/** The seed of this run, printed once. */
export const seed = Number(process.env['ATTESTRY_SEED'] ?? Date.now() % 2 ** 31)
console.info(`seed ${seed} (repeat with ATTESTRY_SEED=${seed})`)

/** Uniform integers in [0, n) from a seed (mulberry32). */
export function randomFrom(start: number): (n: number) => number {
  let state = start >>> 0
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * n)
  }
}

/** One mutation: flip, set, insert, delete, truncate, duplicate a run, or splice in a length bomb. */
export function mutate(bytes: Uint8Array, random: (n: number) => number): Uint8Array {
  const at = random(bytes.length)
  const cut = (start: number, end: number, middle: ArrayLike<number> = []): Uint8Array => {
    const rest = bytes.subarray(end)
    const result = new Uint8Array(start + middle.length + rest.length)
    result.set(bytes.subarray(0, start))
    result.set(middle, start)
    result.set(rest, start + middle.length)
    return result
  }
  switch (random(8)) {
    case 0: {
      const flipped = bytes.slice()
      flipped[at] = flipped[at]! ^ (1 << random(8))
      return flipped
    }
    case 1: {
      const set = bytes.slice()
      set[at] = [0, 1, 0x18, 0x5f, 0x7f, 0x80, 0x9f, 0xbf, 0xc2, 0xd2, 0xf6, 0xff][random(12)]!
      return set
    }
    case 2:
      return cut(at, at, [random(256)])
    case 3:
      return cut(at, at + 1 + random(4))
    case 4:
      return bytes.slice(0, at)
    case 5:
      return cut(at, at, bytes.subarray(at, at + random(32)))
    case 6:
      return cut(at, at + 1, [0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])
    default: {
      const other = random(bytes.length)
      const swapped = bytes.slice()
      ;[swapped[at], swapped[other]] = [swapped[other]!, swapped[at]!]
      return swapped
    }
  }
}
