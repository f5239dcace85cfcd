/**
 * Postings in their runs: whatever was added, in however many transactions, and changed since, a read
 * from any place in both directions gives what a list of all of them gives.
 */
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openDatabase } from '../../src/store/sqlite/database.ts'
import { ASCENDING, DESCENDING } from '../../src/store/sqlite/index/cursors.ts'
import { prepareIndexReads } from '../../src/store/sqlite/index/reads.ts'
import { prepareIndexWrites } from '../../src/store/sqlite/index/writes.ts'
import { migrate, readMigrations } from '../../src/store/sqlite/migrate.ts'
import { PLACES, PostingBatch } from '../../src/store/sqlite/index/posting-batch.ts'
import { PostingEdits } from '../../src/store/sqlite/index/posting-edits.ts'
import { PostingRuns, readRuns } from '../../src/store/sqlite/index/posting-runs.ts'
import { appendRun, runsToMerge } from '../../src/store/sqlite/index/run-merge.ts'
import { randomFrom, seed, slow } from '../support/mutate.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const directory = temporaryDirectory()
const KEY_MAX = 2 ** 42 - 1

/** Tables of an index, and beside them what should be in them. */
class Postings {
  readonly #database: ReturnType<typeof openDatabase>
  readonly #reads
  readonly #writes
  /** Keys of each statement. */
  readonly model: Set<number>[] = []

  constructor(name: string) {
    this.#database = openDatabase(join(directory, name), { create: true, isRebuildable: true })
    const migrations = readMigrations(new URL('../../migrations/sqlite-index/', import.meta.url))
    migrate(this.#database, { apply: true, migrations })
    const insert = 'INSERT INTO progress VALUES (1, NULL, ?, 0, randomblob(8))'
    this.#database.prepare(insert).run('test')
    this.#reads = prepareIndexReads(this.#database)
    this.#writes = prepareIndexWrites(this.#database)
  }

  get runs(): ReturnType<typeof readRuns> {
    return readRuns(this.#reads, this.model.length)
  }

  /** Each page has one place where it begins, and each place has a page. */
  get pageCount(): number {
    const count = (table: string): number =>
      this.#database.prepare(`SELECT count(*) FROM ${table}`).pluck().get() as number
    expect(count('page_start')).toBe(count('posting_page'))
    return count('page_start JOIN posting_page USING (page_id)')
  }

  /** Work of a look-up that finds nothing. */
  get rowsOfNothing(): number {
    const reading = { from: 0, count: 4 }
    return new PostingRuns(this.#reads, this.runs).read([KEY_MAX - 1], ASCENDING, reading).rows
  }

  append(statements: readonly Set<number>[]): void {
    const batch = new PostingBatch()
    for (const [place, keys] of statements.entries()) for (const key of keys) batch.add(key, place)
    const range = { first: this.model.length, end: this.model.length + statements.length }
    this.#database.transaction(() => appendRun(this.#reads, this.#writes, range, batch))()
    this.model.push(...statements)
  }

  replace(changed: ReadonlyMap<number, Set<number>>): void {
    const edits = new PostingEdits(this.#reads, this.#writes)
    for (const [leafIndex, keys] of changed) {
      edits.change(leafIndex, this.model[leafIndex]!, keys)
      this.model[leafIndex] = keys
    }
    this.#database.transaction(() => edits.apply(this.runs))()
  }

  /** Reads from places all over, of these keys. */
  check(random: (n: number) => number, pool: readonly number[], times: number): void {
    const postings = new PostingRuns(this.#reads, this.runs)
    for (let i = 0; i < times; i++) {
      const keys = [0, 1, 2].slice(random(3)).map(() => pool[random(pool.length)]!)
      const direction = random(2) === 0 ? ASCENDING : DESCENDING
      const count = 1 + random(random(4) === 0 ? 1000 : 8)
      const from = random(this.model.length + 2)
      const all = [...this.model.entries()]
        .filter(
          ([at, has]) => (at - from) * direction.step >= 0 && keys.some((key) => has.has(key)),
        )
        .map(([at]) => at)
      if (direction === DESCENDING) all.reverse()
      const { indexes, rows } = postings.read(keys, direction, { from, count })
      expect(indexes, JSON.stringify({ keys, from, count })).toEqual(all.slice(0, count))
      expect(rows).toBeGreaterThanOrEqual(indexes.length)
      const at = random(this.model.length + 1)
      expect(postings.has(keys[0]!, at)).toBe(this.model[at]?.has(keys[0]!) ?? false)
    }
  }

  close(): void {
    this.#database.close()
  }
}

/** Few values that nearly all have, more that some have, and many that come once. */
function statement(random: (n: number) => number, pool: number[]): Set<number> {
  const keys = new Set<number>()
  for (let i = random(12); i > 0; i--) {
    const key = random(3) === 0 ? pool[random(5)]! : pool[random(pool.length)]!
    keys.add(random(3) > 0 ? key : random(2 ** 30) * 4096 + random(4))
  }
  for (const key of [KEY_MAX, pool[2]!]) if (random(10) > 0) keys.add(key)
  return keys
}

describe('postings in runs', () => {
  it(`are found from any place, in both directions, and changed (seed ${seed})`, () => {
    for (let round = 0; round < (slow ? 40 : 4); round++) {
      const random = randomFrom(seed + round)
      const pool = [0, KEY_MAX, 8, ...Array.from({ length: 60 }, () => random(2 ** 30) * 4096)]
      const postings = new Postings(`${round}.sqlite`)
      while (postings.model.length < 4000) {
        const count = 1 + random(random(3) === 0 ? PLACES : 30)
        postings.append(Array.from({ length: count }, () => statement(random, pool)))
        if (random(3) > 0) continue
        const changed = Array.from({ length: 1 + random(20) }, () => random(postings.model.length))
        postings.replace(new Map(changed.map((at) => [at, statement(random, pool)])))
        // Pages of which hardly anything is left.
        const first = random(postings.model.length)
        const stretch = postings.model.slice(first, first + 400).entries()
        const left = [...stretch].map(([at, keys]) => [first + at, random(90) === 0 ? keys : new Set<number>()] as const) // prettier-ignore
        if (random(3) === 0) postings.replace(new Map(left))
        postings.check(random, pool, 10)
      }
      postings.check(random, pool, 300)
      postings.close()
    }
  }, 600_000)

  it('are found in pages of which one posting is left, and leave those, too', () => {
    const postings = new Postings('tiny.sqlite')
    postings.append(Array.from({ length: 1000 }, () => new Set([5])))
    // The last one of the first page and the first one of the second.
    const kept = [336, 337]
    const others = [...postings.model.keys()].filter((at) => !kept.includes(at))
    postings.replace(new Map(others.map((at) => [at, new Set<number>()])))
    postings.check(randomFrom(seed), [5], 300)
    postings.replace(new Map(kept.map((at) => [at, new Set<number>()])))
    postings.check(randomFrom(seed), [5], 30)
    postings.replace(new Map(kept.map((at) => [at, new Set([5, 6])])))
    postings.check(randomFrom(seed), [5, 6], 300)
    postings.close()
  })

  it('are in few pages, though they came one by one where pages were full', () => {
    const postings = new Postings('full.sqlite')
    postings.append(Array.from({ length: 2000 }, (_, at) => new Set(at % 2 === 0 ? [5] : [4, 6])))
    const before = postings.pageCount
    for (let at = 1; at < 1000; at += 2) postings.replace(new Map([[at, new Set([5])]]))
    expect(postings.pageCount).toBeLessThan(2 * before)
    postings.check(randomFrom(seed), [4, 5, 6], 200)
    postings.close()
  })

  it('are in few runs, however many transactions there were', () => {
    const postings = new Postings('many.sqlite')
    for (let at = 0; at < 1500; at++) postings.append([new Set([1, 2, at + 3])])
    // Fewer than eight of each length: of 1, 8, 64, 512 and 4096 postings.
    expect(postings.runs.length).toBeLessThan(5 * 8)
    expect(postings.pageCount).toBeGreaterThanOrEqual(postings.runs.length)
    // A look into each of them is work.
    expect(postings.rowsOfNothing).toBeGreaterThanOrEqual(8 * postings.runs.length)
    expect(postings.rowsOfNothing).toBeLessThanOrEqual(16 * postings.runs.length)
    postings.check(randomFrom(seed), [1, 2, 3, 700, 1502, 5000], 200)
    postings.close()
  })

  it('are kept as they are once they are many', () => {
    const run = (at: number, postings: number): Parameters<typeof runsToMerge>[0][number] => ({
      ...{ run_id: at, first_index: at, end_index: at + 1, postings },
    })
    const lengths = (postings: readonly number[]): readonly number[] =>
      runsToMerge(postings.map((each, at) => run(at, each))).map((each) => each.postings)
    expect(lengths([])).toEqual([])
    expect(lengths(Array<number>(7).fill(100))).toEqual([])
    expect(lengths(Array<number>(8).fill(100))).toEqual(Array(8).fill(100))
    expect(lengths([9000, ...Array<number>(8).fill(100)])).toEqual(Array(8).fill(100))
    // Shorter ones that stand between are taken along.
    const mixed = [100, 100, 100, 1, 1, 100, 100, 100]
    expect(lengths(mixed)).toEqual(mixed)
    // What makes one with those before is written once.
    const chain = [...Array<number>(7).fill(800), ...Array<number>(8).fill(100)]
    expect(lengths([9000, ...chain])).toEqual(chain)
    expect(lengths(Array<number>(20).fill(2 ** 20))).toEqual([])
    expect(lengths([2 ** 20, 2 ** 20 - 1])).toEqual([])
    expect(lengths([2 ** 20, 2 ** 19 - 1, 2 ** 19])).toEqual([])
    expect(lengths([2 ** 20, 2 ** 19, 2 ** 19])).toEqual([2 ** 19, 2 ** 19])
  })

  it.each([[13_000], [24_000], [60_000], [1_000_000]])(
    'are merged a few million at a time, %s or fewer in a transaction',
    (most) => {
      const random = randomFrom(seed)
      const runs: { run_id: number; first_index: number; end_index: number; postings: number }[] =
        []
      let [all, longest] = [0, 0]
      for (let at = 0; all < 130_000_000; at++) {
        const postings = Math.ceil(most / 2) + random(Math.ceil(most / 2))
        all += postings
        runs.push({ run_id: at, first_index: at, end_index: at + 1, postings })
        const old = runsToMerge(runs)
        if (old.length === 0) continue
        const sum = old.reduce((total, run) => total + run.postings, 0)
        longest = Math.max(longest, sum)
        runs.splice(-old.length, old.length, { ...runs.at(-old.length)!, postings: sum })
      }
      expect(longest).toBeLessThan(2 ** 21)
      // Ten million statements with two dependencies each.
      expect(runs.length).toBeLessThan(150)
    },
  )

  it('come in order, each once, however large they are', () => {
    const random = randomFrom(seed)
    const batch = new PostingBatch()
    for (const count of [4000, 3]) {
      const added = new Map<string, readonly [number, number]>()
      for (let i = 0; i < count; i++) {
        const key = random(2) === 0 ? random(5) : KEY_MAX - random(1000)
        const place = random(3) === 0 ? PLACES - 1 : random(PLACES)
        added.set(`${key} ${place}`, [key, place])
        for (let twice = 0; twice < 2; twice++) batch.add(key, place)
      }
      const drained: (readonly [number, number])[] = []
      expect(batch.drain((key, place) => drained.push([key, place]))).toBe(added.size)
      expect(drained).toEqual([...added.values()].sort((a, b) => a[0] - b[0] || a[1] - b[1]))
    }
  })
})
