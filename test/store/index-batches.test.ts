/** What a transaction of the index gathers before it is inserted: nothing is lost, and all is in order. */
import { describe, expect, it } from 'vitest'
import { inHashOrder } from '../../src/store/sqlite/hash-order.ts'
import { factKey } from '../../src/store/sqlite/index-facts.ts'
import type { RowInserts } from '../../src/store/sqlite/index-writes.ts'
import { PostingBatch } from '../../src/store/sqlite/posting-batch.ts'
import { seededRandom } from '../support/random-index.ts'

/** Whole numbers below what is asked for. */
function numbers(seed: number): (below: number) => number {
  const random = seededRandom(seed)
  return (below) => Math.floor(random() * below)
}

/** Keeps the rows that are inserted. */
function collector(columns: number): { readonly rows: unknown[][]; readonly inserts: RowInserts } {
  const rows: unknown[][] = []
  const run = (...values: readonly unknown[]): void => {
    for (let at = 0; at < values.length; at += columns) rows.push(values.slice(at, at + columns))
  }
  const statement = { run } as unknown as RowInserts['one']
  return { rows, inserts: { columns, one: statement, many: statement } }
}

describe('postings of a transaction', () => {
  it('come in the order of their key, each once, however many and however large they are', () => {
    const random = numbers(3)
    const leafIndexes = Array.from({ length: 999 }, (_, at) => 5_000_000_000 + 3 * at)
    const batch = new PostingBatch()
    for (const count of [4000, 3]) {
      const added = new Map<string, readonly [number, number, number]>()
      batch.begin(leafIndexes)
      for (let i = 0; i < count; i++) {
        const termId = random(2) === 0 ? 1 + random(5) : 2_000_000_000 + random(1000)
        const [role, place] = [random(4), random(leafIndexes.length)]
        added.set(`${termId} ${role} ${place}`, [termId, role, leafIndexes[place]!])
        for (let twice = 0; twice < 2; twice++) batch.add(factKey(termId, role), place)
      }
      const { rows, inserts } = collector(3)
      batch.insert(inserts)
      const expected = [...added.values()].sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2])
      expect(rows).toEqual(expected)
    }
  })
})

describe('terms in the order of their hashes', () => {
  it('are the same terms, in ranges that ascend, and within a range as they came', () => {
    const random = numbers(4)
    const hashes = [0, 2 ** 53 - 1, 2 ** 41, 2 ** 41 - 1]
    for (let i = 0; i < 10_000; i++) hashes.push(random(2 ** 21) * 2 ** 32 + random(2 ** 32))
    const ordered = inHashOrder(hashes.map((hash, came) => ({ hash, came })))
    expect(new Set(ordered.map(({ came }) => came)).size).toBe(hashes.length)
    for (const [at, { hash, came }] of ordered.entries()) {
      expect(hash).toBe(hashes[came])
      const before = ordered[at - 1]
      if (before === undefined) continue
      const [range, last] = [hash, before.hash].map((each) => Math.floor(each / 2 ** 41)) as [number, number] // prettier-ignore
      expect(last <= range).toBe(true)
      if (last === range) expect(before.came).toBeLessThan(came)
    }
    expect(inHashOrder([])).toEqual([])
  })
})
