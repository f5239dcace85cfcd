/**
 * What a look-up costs: no statement scans a table or sorts what it found, a filter that few
 * statements pass keeps every combination cheap, and filters that many pass are worked off in steps.
 */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { IndexQuery, IndexRecord } from '../../src/log/index-store.ts'
import { MemoryIndex } from '../../src/store/memory/memory-index.ts'
import { openDatabase } from '../../src/store/sqlite/database.ts'
import type { SqliteDatabase } from '../../src/store/sqlite/database.ts'
import { Work } from '../../src/store/sqlite/index/cursors.ts'
import { IndexFields } from '../../src/store/sqlite/index/fields.ts'
import { findStatements, QUERY_ROWS_MAX } from '../../src/store/sqlite/index/query.ts'
import { takeSnapshot } from '../../src/store/sqlite/index/snapshot.ts'
import type { IndexSnapshot } from '../../src/store/sqlite/index/snapshot.ts'
import { INDEX_READS, prepareIndexReads } from '../../src/store/sqlite/index/reads.ts'
import { openIndex } from '../../src/store/sqlite/index/open-index.ts'
import { madeUpRecord } from '../support/index-records.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const SIZE = 20_000
const directory = temporaryDirectory()
let database: SqliteDatabase
let snapshot: IndexSnapshot
const scan = new MemoryIndex()

/** Everybody's issuer, two builders that take turns, one subject each, some artifacts in common. */
function record(at: number): IndexRecord {
  const rare = at % 5000 === 1234
  return madeUpRecord(
    at,
    { issuer: 'everyone', signer: `s${at % 2}`, subject: `pkg:npm/p@${at}` },
    {
      kind: 'provenance',
      type: 'https://slsa.dev/provenance/v1',
      digests: [
        { role: 'dependency', algorithm: 'sha256', value: 'aa'.repeat(32) },
        ...(rare
          ? [{ role: 'subject', algorithm: 'sha256', value: 'bb'.repeat(32) } as const]
          : []),
      ],
      attributes: [
        { name: 'builder-id', value: `builder${at % 2}` },
        { name: 'tcb-svn', value: `sgx-tcb-svn:07${at % 2 === 0 ? '08' : '09'}` },
        { name: 'measurement', value: `mrtd:${rare ? 'bb' : 'aa'}` },
        ...(rare ? [{ name: 'invocation-id', value: 'run' } as const] : []),
      ],
      numbers: [
        { name: 'started-on', value: at },
        ...(rare ? [{ name: 'score', value: 9 } as const] : []),
      ],
    },
  )
}

beforeAll(async () => {
  const path = join(directory, 'index.sqlite')
  const { writer } = await openIndex(path, { madeBy: 'test' })
  const records = Array.from({ length: SIZE }, (_, at) => record(at))
  for (let at = 0; at < SIZE; at += 1000) await writer.append(records.slice(at, at + 1000))
  await scan.append(records)
  await writer.close()
  database = openDatabase(path, { readonly: true, isRebuildable: true })
  const reads = prepareIndexReads(database)
  snapshot = takeSnapshot(reads, new IndexFields(reads), SIZE)
}, 60_000)
afterAll(() => {
  database.close()
})

const digest = (letter: string): NonNullable<IndexQuery['digest']> => ({
  algorithm: 'sha256',
  value: letter.repeat(32),
})
const order = { ascending: 'ascending', descending: 'descending' } as const

/** Each is passed by four of 20,000, or by one. */
const SELECTIVE: Readonly<Record<string, Partial<IndexQuery>>> = {
  digest: { digest: digest('bb') },
  'digest in a role': { digest: digest('bb'), roles: ['subject'] },
  subject: { subject: 'pkg:npm/p@6234' },
  invocation: { attributes: [{ name: 'invocation-id', value: 'run' }] },
  score: { numbers: [{ name: 'score', atLeast: 8 }] },
  'a measured value': { attributes: [{ name: 'measurement', value: 'bb' }] },
  time: { registeredFrom: 1000 + 6230, registeredTo: 1000 + 6240 },
  indexes: { indexFrom: 6230, indexBelow: 6240 },
}
/** Each is passed by half of the statements or more. */
const DENSE: readonly Partial<IndexQuery>[] = [
  { issuer: 'everyone' },
  { kind: 'provenance' },
  { type: 'https://slsa.dev/provenance/v1' },
  { signer: 's0' },
  { attributes: [{ name: 'builder-id', value: 'builder0' }] },
  { numbers: [{ name: 'started-on', atLeast: 5 }] },
  { svnsBelow: [{ name: 'sgx-tcb-svn', value: '0800' }] },
]

/** Lists of filters are joined; the rest have different names. */
function combine(filters: readonly Partial<IndexQuery>[]): Partial<IndexQuery> {
  const attributes = filters.flatMap((each) => each.attributes ?? [])
  const numbers = filters.flatMap((each) => each.numbers ?? [])
  const svnsBelow = filters.flatMap((each) => each.svnsBelow ?? [])
  return Object.assign({}, ...filters, { attributes, numbers, svnsBelow }) as Partial<IndexQuery>
}

const subsets = Array.from({ length: 2 ** DENSE.length }, (_, bits) =>
  DENSE.filter((_filter, at) => Math.floor(bits / 2 ** at) % 2 === 1),
)

function find(query: IndexQuery): { leafIndexes: readonly number[]; next?: number; rows: number } {
  const work = new Work(QUERY_ROWS_MAX)
  const { statements, ...rest } = findStatements(snapshot, query, work)
  return { leafIndexes: statements.map(({ leafIndex }) => leafIndex), ...rest, rows: work.rows }
}

describe('plans of the index', () => {
  it.each(Object.entries(INDEX_READS))('%s neither scans nor sorts', (_name, sql) => {
    const rows = database
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all(...Array.from({ length: sql.split('?').length - 1 }, () => 1)) as {
      readonly detail: string
    }[]
    expect(rows.length).toBeGreaterThan(0)
    for (const { detail } of rows) {
      expect(detail).toMatch(/^SEARCH /)
      expect(detail).not.toMatch(/TEMP B-TREE|AUTOMATIC/)
    }
  })

  it.each(Object.entries(SELECTIVE))(
    'with %s every combination reads a few rows, in both orders',
    async (_name, selective) => {
      const { statements } = await scan.query({ ...selective, order: 'ascending', limit: 100 })
      const passed = statements.map(({ leafIndex }) => leafIndex)
      for (const dense of subsets) {
        const isHalved = dense.some((each) => each.signer ?? each.attributes)
        const expected = passed.filter((at) => !isHalved || at % 2 === 0)
        for (const direction of Object.values(order)) {
          const filters = combine([selective, ...dense])
          const query: IndexQuery = { ...filters, order: direction, limit: 100 }
          const { leafIndexes, rows, next } = find(query)
          expect([...leafIndexes].sort((a, b) => a - b)).toEqual(expected)
          expect(next).toBeUndefined()
          expect(rows, JSON.stringify(query)).toBeLessThan(1000)
        }
      }
    },
    60_000,
  )

  it('filters that never meet are worked off in bounded steps', () => {
    const never = combine([
      { signer: 's1' },
      { attributes: [{ name: 'builder-id', value: 'builder0' }] },
      { numbers: [{ name: 'started-on', atLeast: 5 }] },
    ])
    for (const direction of Object.values(order)) {
      let query: IndexQuery = { ...never, order: direction, limit: 10 }
      for (let steps = 0; ; steps++) {
        expect(steps).toBeLessThan(50)
        const { leafIndexes, next, rows } = find(query)
        expect(leafIndexes).toEqual([])
        expect(rows).toBeLessThan(QUERY_ROWS_MAX + 1000)
        if (next === undefined) break
        query = { ...query, [direction === 'ascending' ? 'indexFrom' : 'indexBelow']: next }
      }
    }
  })

  it('a version that nothing is below is worked off in bounded steps', () => {
    const none = { svnsBelow: [{ name: 'sgx-tcb-svn', value: '0708' }], limit: 10 } as const
    let query: IndexQuery = { ...none, order: 'ascending' }
    for (let steps = 1; ; steps++) {
      const { leafIndexes, next, rows } = find(query)
      expect(leafIndexes).toEqual([])
      expect(rows).toBeLessThan(QUERY_ROWS_MAX + 1000)
      if (next === undefined) {
        expect(steps).toBeLessThan(8)
        break
      }
      query = { ...query, indexFrom: next }
    }
    const half = find({ ...none, svnsBelow: [{ name: 'sgx-tcb-svn', value: '0709' }], order: 'descending' }) // prettier-ignore
    expect(half.leafIndexes).toEqual(Array.from({ length: 10 }, (_, at) => SIZE - 2 - 2 * at))
    expect(half.rows).toBeLessThan(400)
  })

  it('a page of what everybody passes costs about its own length', () => {
    const query = { issuer: 'everyone', digest: digest('aa'), limit: 100 } as const
    for (const direction of Object.values(order)) {
      const { leafIndexes, next, rows } = find({ ...query, order: direction })
      expect(leafIndexes).toHaveLength(100)
      expect(next).toBeDefined()
      expect(rows).toBeLessThan(1000)
    }
  })
})
