/**
 * The postings of statements that follow each other, in the order of their key. Each is one number, a
 * key and the place of its statement among these: numbers sort without objects around them, and nothing
 * of them is left for the garbage collector.
 */
const CAPACITY_MIN = 1024
/** Statements of one run as it is written: with a key, below 2^53. */
export const PLACES: number = 2 ** 11

export class PostingBatch {
  #numbers = new Float64Array(CAPACITY_MIN)
  #length = 0

  /** The statement at that place is found by the key; the same may be said twice. */
  add(key: number, place: number): void {
    if (this.#length === this.#numbers.length) this.#grow()
    this.#numbers[this.#length++] = key * PLACES + place
  }

  /** Gives all of them in order, each once, and forgets them. Returns how many they are. */
  drain(take: (key: number, place: number) => void): number {
    let [last, count] = [-1, 0]
    for (const number of this.#numbers.subarray(0, this.#length).sort()) {
      if (number === last) continue
      last = number
      count++
      const key = Math.floor(number / PLACES)
      take(key, number - key * PLACES)
    }
    this.#length = 0
    return count
  }

  /** Forgets what was added. */
  clear(): void {
    this.#length = 0
  }

  #grow(): void {
    const numbers = new Float64Array(2 * this.#length)
    numbers.set(this.#numbers)
    this.#numbers = numbers
  }
}
