/**
 * The contract of `log/index-store.ts`: what look-ups rely on, whatever the database. Every adapter's
 * test file runs it. Most of it is one sentence: an answer is what a linear scan gives.
 */
import { describe, expect, it } from 'vitest'
import type { LeafIndex } from '../../src/bytes/integers.ts'
import { ENVELOPES_MAX } from '../../src/log/index-store.ts'
import type {
  IndexedStatement,
  IndexQuery,
  IndexReader,
  IndexRecord,
  IndexWriter,
} from '../../src/log/index-store.ts'
import { MemoryIndex } from '../../src/store/memory/memory-index.ts'
import { madeUpRecord, recordsFrom } from '../support/index-records.ts'
import { randomRecords, randomQuery, seededRandom } from '../support/random-index.ts'

export interface IndexUnderTest {
  readonly writer: IndexWriter
  readonly reader: IndexReader
  /** After the writer's transactions, as whoever runs it does. */
  readonly announce: (treeSize: number) => void
  readonly dispose: () => Promise<void>
}

const LOOKUPS = process.env['ATTESTRY_SLOW'] === '1' ? 10_000 : 600

/** All pages of a query. */
export async function allPages(
  reader: IndexReader,
  query: IndexQuery,
): Promise<readonly IndexedStatement[]> {
  const found: IndexedStatement[] = []
  let page = query
  for (;;) {
    const { statements, next } = await reader.query(page)
    expect(statements.length).toBeLessThanOrEqual(query.limit)
    found.push(...statements)
    if (next === undefined) return found
    const begin = query.order === 'ascending' ? 'indexFrom' : 'indexBelow'
    if (page[begin] !== undefined) {
      expect(query.order === 'ascending' ? next > page[begin] : next < page[begin]).toBe(true)
    }
    page = { ...page, [begin]: next }
  }
}

/** Members in one order, lists sorted: what two records are compared as. */
export function comparable({ description, ...record }: IndexRecord): unknown {
  const sorted = (list: readonly object[]): string[] =>
    list.map((each) => JSON.stringify(Object.entries(each).sort())).sort()
  return {
    ...record,
    entryId: [...record.entryId],
    kind: description.kind,
    type: description.type,
    digests: sorted(description.digests),
    attributes: sorted(description.attributes),
    numbers: sorted(description.numbers),
    findings: sorted(description.findings),
  }
}

export function describeIndexStore(name: string, make: () => Promise<IndexUnderTest>): void {
  const withIndex = (test: (index: IndexUnderTest) => Promise<void>) => async (): Promise<void> => {
    const index = await make()
    try {
      await test(index)
    } finally {
      await index.dispose()
    }
  }
  const ascending = { order: 'ascending', limit: 100 } as const
  const indexesOf = (statements: readonly { readonly leafIndex: LeafIndex }[]): number[] =>
    statements.map(({ leafIndex: index }) => index)

  describe(`index store: ${name}`, () => {
    it(
      'is empty at first, and answers',
      withIndex(async ({ reader, writer }) => {
        expect(await reader.readState()).toEqual({ treeSize: 0 })
        expect(await writer.readState()).toEqual({ treeSize: 0 })
        expect(await reader.query(ascending)).toEqual({ treeSize: 0, statements: [] })
        expect(await reader.query({ ...ascending, issuer: 'a' })).toEqual({
          treeSize: 0,
          statements: [],
        })
        expect(await recordsFrom(reader, 0, 10)).toEqual({ treeSize: 0, records: [] })
        expect(await reader.findEnvelopes('sha256:00')).toEqual([])
        expect(await writer.listAbsentPreimages(10)).toEqual([])
      }),
    )

    it(
      'gives back whole records, with everything in them',
      withIndex(async ({ reader, writer }) => {
        const records = randomRecords(seededRandom(1), 0, 200)
        await writer.append(records.slice(0, 70))
        await writer.append(records.slice(70))
        const read = await recordsFrom(reader, 0, 1000)
        expect(read.treeSize).toBe(200)
        expect(read.records.map(comparable)).toEqual(records.map(comparable))
        const some = await reader.findRecords([7, 3, 3, 199, 200].map((at) => at as LeafIndex))
        expect(some.records.map(comparable)).toEqual(
          [3, 7, 199].map((at) => comparable(records[at]!)),
        )
        const middle = await recordsFrom(reader, 198, 10)
        expect(indexesOf(middle.records)).toEqual([198, 199])
      }),
    )

    it(
      'takes records only where it ends, and all of a call or none',
      withIndex(async ({ reader, writer }) => {
        await writer.append([madeUpRecord(0), madeUpRecord(1)])
        const gap = [madeUpRecord(2), madeUpRecord(4)]
        for (const wrong of [[madeUpRecord(1)], [madeUpRecord(3)], gap]) {
          await expect(writer.append(wrong)).rejects.toThrow()
          expect(await reader.readState()).toEqual({ treeSize: 2 })
          expect(indexesOf((await reader.query(ascending)).statements)).toEqual([0, 1])
        }
        await writer.append([madeUpRecord(2, { issuer: 'after' })])
        const { statements } = await reader.query({ ...ascending, issuer: 'after' })
        expect(indexesOf(statements)).toEqual([2])
      }),
    )

    it(
      'gives a value one number, however often a transaction names it before it is stored',
      withIndex(async ({ reader, writer }) => {
        const count = 150
        const shared = [1, 2, 3].map((at) => ({ name: 'purl', value: `pkg:npm/${at}` }) as const)
        const records = Array.from({ length: count }, (_, at) =>
          madeUpRecord(
            at,
            { issuer: 'same', subject: 'same', signer: `${at % 40}` },
            {
              attributes: [...shared, { name: 'package', value: 'x'.repeat(300 + (at % 3)) }],
            },
          ),
        )
        await writer.append(records.slice(0, 100))
        await writer.append(records.slice(100))
        const all = Array.from({ length: count }, (_, at) => at)
        const find = async (query: Partial<IndexQuery>): Promise<number[]> =>
          indexesOf(await allPages(reader, { ...ascending, ...query }))
        expect(await find({ issuer: 'same' })).toEqual(all)
        expect(await find({ subject: 'same', attributes: [...shared] })).toEqual(all)
        expect(await find({ signer: '7' })).toEqual(all.filter((at) => at % 40 === 7))
        const long = { name: 'package', value: 'x'.repeat(301) } as const
        expect(await find({ attributes: [long] })).toEqual(all.filter((at) => at % 3 === 1))
        const read = await recordsFrom(reader, 0, count)
        expect(read.records.map(comparable)).toEqual(records.map(comparable))
      }),
    )

    it(
      'keeps apart what only looks alike: roles, algorithms, names, hex and text',
      withIndex(async ({ reader, writer }) => {
        const digest = (role: 'subject' | 'dependency', algorithm: string, value: string) => ({
          digests: [{ role, algorithm, value }],
        })
        await writer.append([
          madeUpRecord(0, { issuer: 'abcd' }, digest('subject', 'sha256', 'abcd')),
          madeUpRecord(1, { subject: 'abcd' }, digest('dependency', 'sha256', 'abcd')),
          madeUpRecord(2, { signer: 'abcd' }, digest('subject', 'sha1', 'abcd')),
          madeUpRecord(3, {}, digest('subject', 'odd:algorithm', 'abcd')),
          madeUpRecord(4, {}, digest('subject', 'odd', 'algorithm:abcd')),
          madeUpRecord(5, {}, { attributes: [{ name: 'purl', value: 'abcd' }] }),
          madeUpRecord(6, {}, { attributes: [{ name: 'package', value: 'ABCD' }] }),
        ])
        const find = async (query: Partial<IndexQuery>): Promise<number[]> =>
          indexesOf((await reader.query({ ...ascending, ...query })).statements)
        const sha256 = { algorithm: 'sha256', value: 'abcd' }
        expect(await find({ digest: sha256 })).toEqual([0, 1])
        expect(await find({ digest: sha256, roles: ['dependency'] })).toEqual([1])
        expect(await find({ digest: sha256, roles: ['evidence', 'subject'] })).toEqual([0])
        expect(await find({ digest: { algorithm: 'odd:algorithm', value: 'abcd' } })).toEqual([3])
        expect(await find({ digest: { algorithm: 'odd', value: 'algorithm:abcd' } })).toEqual([4])
        expect(await find({ issuer: 'abcd' })).toEqual([0])
        expect(await find({ signer: 'abcd' })).toEqual([2])
        expect(await find({ attributes: [{ name: 'purl', value: 'abcd' }] })).toEqual([5])
        expect(await find({ attributes: [{ name: 'purl', value: 'ABCD' }] })).toEqual([])
      }),
    )

    it(
      'counts both ends of a range, and a number of the same statement suffices',
      withIndex(async ({ reader, writer }) => {
        const scores = [[1], [2, 9], [3], []]
        await writer.append(
          scores.map((values, at) =>
            madeUpRecord(at, {}, { numbers: values.map((value) => ({ name: 'score', value })) }),
          ),
        )
        const find = async (range: object, more: Partial<IndexQuery> = {}): Promise<number[]> => {
          const query = { ...ascending, ...more, numbers: [{ name: 'score' as const, ...range }] }
          return indexesOf((await reader.query(query)).statements)
        }
        expect(await find({ atLeast: 2 })).toEqual([1, 2])
        expect(await find({ atMost: 2 })).toEqual([0, 1])
        expect(await find({ atLeast: 3, atMost: 3 })).toEqual([2])
        expect(await find({ atLeast: 4, atMost: 8 })).toEqual([])
        expect(await find({})).toEqual([0, 1, 2])
        expect(await find({}, { order: 'descending' })).toEqual([2, 1, 0])
        expect(await find({}, { registeredFrom: 1001, registeredTo: 1002 })).toEqual([1, 2])
      }),
    )

    it(
      'finds hash envelopes by their digest, and those whose content was absent',
      withIndex(async ({ reader, writer }) => {
        const envelope = (digest: string, preimage: 'read' | 'absent') => ({
          envelope: { digest, preimage },
        })
        await writer.append([
          madeUpRecord(0, envelope('sha256:aa', 'absent')),
          madeUpRecord(1, envelope('sha256:bb', 'read')),
          madeUpRecord(2, envelope('sha256:aa', 'absent')),
          madeUpRecord(3, envelope('sha256:cc', 'absent')),
        ])
        expect(await reader.findEnvelopes('sha256:aa')).toEqual([0, 2])
        expect(await writer.findEnvelopes('sha256:aa', 1)).toEqual([2])
        expect(await reader.findEnvelopes('sha256:bb')).toEqual([1])
        const [first] = await writer.listAbsentPreimages(1)
        const rest = await writer.listAbsentPreimages(5, first)
        expect([first, ...rest].sort()).toEqual(['sha256:aa', 'sha256:cc'])
        const many = Array.from({ length: ENVELOPES_MAX + 1 }, (_, at) =>
          madeUpRecord(4 + at, envelope('sha256:dd', 'read')),
        )
        await writer.append(many)
        const found = await reader.findEnvelopes('sha256:dd')
        expect(found).toHaveLength(ENVELOPES_MAX)
        expect(await reader.findEnvelopes('sha256:dd', found.at(-1)! + 1)).toEqual([
          4 + ENVELOPES_MAX,
        ])
      }),
    )

    it(
      'replaces what was indexed without its content, and nothing of it is left',
      withIndex(async ({ reader, writer }) => {
        const random = seededRandom(2)
        const records = randomRecords(random, 0, 50)
        await writer.append(records)
        const others = randomRecords(random, 0, 50)
        const replaced = [...records]
        for (const at of [4, 30, 31]) {
          const { description, envelope } = others[at]!
          replaced[at] = { ...records[at]!, ...(envelope ? { envelope } : {}), description }
        }
        await writer.replace([4, 30, 31].map((at) => replaced[at]!))
        const read = await recordsFrom(reader, 0, 100)
        expect(read.records.map(comparable)).toEqual(replaced.map(comparable))
        const scan = new MemoryIndex()
        await scan.append(replaced)
        for (let i = 0; i < 200; i++) await expectSame(reader, scan, randomQuery(random, records))
        await expect(writer.replace([madeUpRecord(50)])).rejects.toThrow()
      }),
    )

    it(
      'tells who follows, until they stop',
      withIndex(async ({ reader, writer, announce }) => {
        const seen: number[] = []
        const stop = reader.follow((treeSize) => seen.push(treeSize))
        await writer.append([madeUpRecord(0)])
        announce(1)
        stop()
        await writer.append([madeUpRecord(1)])
        announce(2)
        expect(seen.at(-1)).toBe(1)
      }),
    )

    it(
      `${LOOKUPS} random look-ups equal the linear scan, page by page, while it grows`,
      async () => {
        const seed = Number(process.env['ATTESTRY_SEED'] ?? Math.floor(Math.random() * 1e9))
        console.info(`index look-ups (${name}): ATTESTRY_SEED=${seed}`)
        const random = seededRandom(seed)
        const index = await make()
        const scan = new MemoryIndex()
        const records: IndexRecord[] = []
        try {
          for (let i = 0; i < LOOKUPS; i++) {
            if (i % Math.ceil(LOOKUPS / 20) === 0) {
              const more = randomRecords(
                random,
                records.length,
                1 + Math.floor(random() * 150),
                records.at(-1),
              )
              records.push(...more)
              await index.writer.append(more)
              await scan.append(more)
            }
            await expectSame(index.reader, scan, randomQuery(random, records))
          }
        } finally {
          await index.dispose()
        }
      },
      process.env['ATTESTRY_SLOW'] === '1' ? 900_000 : 120_000,
    )

    it(
      'pages go on where they were, however much was added meanwhile',
      withIndex(async ({ reader, writer }) => {
        const add = async (from: number, count: number): Promise<void> =>
          writer.append(
            Array.from({ length: count }, (_, at) =>
              madeUpRecord(from + at, { issuer: `i${at % 2}` }),
            ),
          )
        await add(0, 20)
        const up = { order: 'ascending', limit: 4, issuer: 'i0' } as const
        const down = { ...up, order: 'descending' } as const
        const first = { up: await reader.query(up), down: await reader.query(down) }
        await add(20, 20)
        const rest = await allPages(reader, { ...up, indexFrom: first.up.next! })
        expect(indexesOf([...first.up.statements, ...rest])).toEqual(evenUpTo(40))
        const back = await allPages(reader, { ...down, indexBelow: first.down.next! })
        expect(indexesOf([...first.down.statements, ...back]).reverse()).toEqual(evenUpTo(20))
      }),
    )
  })
}

const evenUpTo = (end: number): number[] => Array.from({ length: end / 2 }, (_, at) => 2 * at)

async function expectSame(
  reader: IndexReader,
  scan: MemoryIndex,
  query: IndexQuery,
): Promise<void> {
  const { statements: expected, treeSize } = await scan.query({ ...query, limit: 1_000_000 })
  const found = await allPages(reader, query)
  const place = ({ leafIndex: index }: IndexedStatement): number => index
  expect(found.map(place), JSON.stringify(query)).toEqual(expected.map(place))
  expect(found.slice(0, 2), JSON.stringify(query)).toEqual(expected.slice(0, 2))
  expect((await reader.query(query)).treeSize).toBe(treeSize)
}
