/**
 * The postings of one transaction, in the order of their key. Each is one number, a key (`factKey`)
 * and the place of its record among those that are inserted: numbers sort without objects around them,
 * and nothing of them is left for the garbage collector.
 */
import { termOf } from './index-facts.ts'
import type { RowInserts } from './index-writes.ts'
import { RowBatch } from './row-batch.ts'

const CAPACITY_MIN = 1024

export class PostingBatch {
  #numbers = new Float64Array(CAPACITY_MIN)
  #length = 0
  #leafIndexes: readonly number[] = []
  #places = 1

  /** @param leafIndexes of the records, ascending. */
  begin(leafIndexes: readonly number[]): void {
    this.#length = 0
    this.#leafIndexes = leafIndexes
    // A power of two: a number is divided by it without rounding.
    this.#places = 1
    while (this.#places < leafIndexes.length) this.#places *= 2
  }

  /** The record at that place is found by the key; the same may be said twice. */
  add(key: number, place: number): void {
    if (this.#length === this.#numbers.length) this.#grow()
    this.#numbers[this.#length++] = key * this.#places + place
  }

  insert(inserts: RowInserts): void {
    const rows = new RowBatch(inserts)
    let last = -1
    for (const number of this.#numbers.subarray(0, this.#length).sort()) {
      if (number === last) continue
      last = number
      const key = Math.floor(number / this.#places)
      const { termId, role } = termOf(key)
      rows.values.push(termId, role, this.#leafIndexes[number - key * this.#places])
      rows.endRow()
    }
    rows.end()
  }

  #grow(): void {
    const numbers = new Float64Array(2 * this.#length)
    numbers.set(this.#numbers)
    this.#numbers = numbers
  }
}
