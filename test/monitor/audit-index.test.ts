/**
 * The index under audit (exit status 19): over a real server and the real tables, one hidden row of any
 * table is named with its entry, a wrong one too; an index that lags is as good as its tree size.
 */
import { randomInt, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { encodeHex } from '../../src/bytes/hex.ts'
import type { AuditReport } from '../../src/monitor/audit-log.ts'
import { encodeAuditState, parseAuditState } from '../../src/monitor/audit-state-file.ts'
import type { IndexRecord } from '../../src/log/index-store.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { auditRegistry } from '../support/audit-registry.ts'
import { indexLog } from '../support/index-log.ts'
import { listPostings, setPosting } from '../support/index-postings.ts'
import {
  APPLICATION,
  LIBRARY,
  provenanceOf,
  summaryOf,
  unreadOf,
} from '../support/in-toto-samples.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { ISSUER, TestRegistry } from '../support/test-registry.ts'
import {
  ALL_LOOKUPS as ALL,
  createIndexedRegistry,
  findIndexFault as findFault,
  serveIndex,
  writeJournal,
} from './indexed-fixture.ts'
import type { IndexedRegistry, Lie } from './indexed-fixture.ts'

const isSlow = process.env['ATTESTRY_SLOW'] === '1'
const directory = temporaryDirectory()

/** A log of a few kinds of statements, covered by a journal. */
async function fill(service: TestRegistry): Promise<void> {
  const payloads = [
    ...[provenanceOf([LIBRARY], []), provenanceOf([APPLICATION], [LIBRARY], '2')],
    ...[summaryOf([LIBRARY]), summaryOf([APPLICATION], 'FAILED'), unreadOf([LIBRARY], 'x')],
  ]
  const scorecard = JSON.stringify({
    ...{ date: '2026-01-02T00:00:00Z', score: 6.5, checks: [], metadata: null },
    repo: { name: 'github.com/a/b', commit: 'ab'.repeat(20) },
    scorecard: { version: 'v5.0.0', commit: 'cd'.repeat(20) },
  })
  for (const [at, payload] of payloads.entries())
    await register(service, payload, `pkg:npm/a@${at}`)
  await register(service, new TextEncoder().encode(scorecard), 'scores', {
    contentType: 'application/vnd.openssf.scorecard+json',
  })
  await register(service, new Uint8Array([1, 2]), 'unread', {
    ...{ contentType: 'application/spdx+json', hash: 'SHA-256' },
  })
  await writeJournal(service)
}

async function register(
  service: TestRegistry,
  payload: Uint8Array,
  subject: string,
  change: object = {},
): Promise<void> {
  service.clock.time += 10
  const contentType = 'application/vnd.in-toto+json'
  const parts = { payload, subject, issuer: ISSUER, signer: service.signer, contentType }
  await service.registry.register(await signStatement({ ...parts, ...change }))
}

describe('an honest index of statements with odd digests', () => {
  const odd = (digest: Record<string, string>): Uint8Array =>
    provenanceOf([APPLICATION], [{ name: 'pkg:npm/odd@1', digest }])

  it.each<[string, Record<string, string>]>([
    ['of another length than its algorithm', { sha256: 'ab'.repeat(20) }],
    ['of an algorithm with a colon in its name', { 'a:b': 'c' }],
    ['of an algorithm with a space in its name', { 'a b': 'c' }],
    ['of an algorithm with a name of 65 letters', { ['a'.repeat(65)]: 'c' }],
    ['of text, which can be asked for', { dirHash: 'A b+C:d' }],
  ])('passes: a digest %s', async (_name, digest) => {
    const indexed = await createIndexedRegistry(
      join(directory, `${randomUUID()}.sqlite`),
      async (service) => {
        await register(service, odd(digest), 'pkg:npm/a@1')
        await writeJournal(service)
      },
    )
    const report = await auditRegistry(indexed.service, indexed.url, { index: ALL })
    expect(report.index).toMatchObject({ records: 4, notComparable: 0 })
    await indexed.close()
  })
})

describe('an honest index of measurements in capitals', () => {
  const DIGEST = encodeHex(sha256(encodeUtf8('https://acme.example/incidents/1')))
  const incident = {
    ...{ _type: 'https://in-toto.io/Statement/v1', subject: [{ digest: { sha256: DIGEST } }] },
    predicateType: 'https://attestry.dev/incident/v0.1',
    predicate: {
      ...{ id: 'https://acme.example/incidents/1', status: 'confirmed', kind: 'tcb-recovery' },
      effect: 'distrust-direct',
      window: { clock: 'registration', fromIndex: 0 },
      selectors: ['mrtd:ABCD', 'ABCD'].map((eq) => ({ all: [{ field: 'tee.measurement', eq }] })),
    },
  }

  it('passes', async () => {
    const indexed = await createIndexedRegistry(
      join(directory, 'capitals.sqlite'),
      async (service) => {
        await register(service, encodeUtf8(JSON.stringify(incident)), 'pkg:npm/a@1')
        await writeJournal(service)
      },
    )
    const report = await auditRegistry(indexed.service, indexed.url, { index: ALL })
    expect(report.index).toMatchObject({ records: 4, notComparable: 0 })
    await indexed.close()
  })
})

describe('an audit of the tables', () => {
  const path = join(directory, 'index.sqlite')
  let indexed: IndexedRegistry
  beforeAll(async () => {
    indexed = await createIndexedRegistry(path, fill)
  })
  afterAll(() => indexed.close())

  async function entryIdOf(leafIndex: number): Promise<string> {
    const { records } = await indexed.reader.findRecords([leafIndex as IndexRecord['leafIndex']])
    return encodeHex(records[0]!.entryId)
  }

  const faultWithout = (
    table: string,
    row: Record<string, unknown>,
  ): ReturnType<typeof findFault> => indexed.without(table, row, () => findFault(indexed))

  const rowsOf = (table: string): Record<string, unknown>[] =>
    indexed.tables.prepare(`SELECT * FROM ${table}`).all() as Record<string, unknown>[]

  /** Some rows, all of them when there is time. */
  function sampleOf<Row>(rows: readonly Row[]): Row[] {
    const start = randomInt(rows.length)
    console.info(`hidden rows: of ${rows.length}, from ${start}`)
    const count = isSlow ? rows.length : Math.min(rows.length, 12)
    return Array.from({ length: count }, (_, at) => rows[(start + at * 7) % rows.length]!)
  }

  it('finds nothing wrong with honest tables, and says what it compared', async () => {
    const { index } = (await auditRegistry(indexed.service, indexed.url, {
      index: ALL,
    })) as Required<AuditReport>
    expect(index).toMatchObject({
      from: 0,
      treeSize: 10,
      records: 10,
      notComparable: 0,
      seed: 'fixed',
    })
    expect(index.lookups).toBeGreaterThan(60)
  })

  it('names a hidden number', async () => {
    for (const row of sampleOf(rowsOf('number'))) {
      const leafIndex = row['leaf_index'] as number
      const entryId = await entryIdOf(leafIndex)
      const fault = await faultWithout('number', row)
      expect(fault, JSON.stringify(row)).toMatchObject({ code: 19, leafIndex, entryId })
    }
  })

  it('names the entry that look-ups by a value do not lead to', async () => {
    for (const posting of sampleOf(listPostings(indexed.tables))) {
      const { leafIndex } = posting
      const entryId = await entryIdOf(leafIndex)
      const fault = await indexed.withoutPosting(posting, () => findFault(indexed))
      expect(fault, JSON.stringify(posting)).toMatchObject({ code: 19, leafIndex, entryId })
    }
  })

  it('names every hidden statement', async () => {
    const rows = rowsOf('statement')
    expect(rows).toHaveLength(10)
    for (const row of rows) {
      const leafIndex = row['leaf_index'] as number
      const entryId = encodeHex(row['entry_id'] as Uint8Array)
      const fault = await faultWithout('statement', row)
      expect(fault).toMatchObject({ code: 19, leafIndex, entryId })
      expect(fault!.message).toBe(`the index hides entry ${leafIndex}`)
    }
  })

  it('names a fault where a time is hidden', async () => {
    for (const row of rowsOf('second').slice(1)) {
      const fault = await faultWithout('second', row)
      expect(fault, JSON.stringify(row)).toMatchObject({ code: 19 })
    }
  })

  it('finds nothing where a look-up leads to what does not say so: a row is asked, too', async () => {
    const posting = { ...listPostings(indexed.tables)[0]!, leafIndex: 9 }
    setPosting(indexed.tables, posting, true)
    expect(await findFault(indexed)).toBeUndefined()
    setPosting(indexed.tables, posting, false)
  })

  it('names what was slipped in', async () => {
    const leafIndex = 9
    const [facts, other] = [leafIndex, 4].map((at) => indexed.tables.prepare('SELECT facts FROM statement WHERE leaf_index = ?').pluck().get(at)) // prettier-ignore
    const slipped = listPostings(indexed.tables).filter((each) => each.leafIndex === 4)
    const set = indexed.tables.prepare('UPDATE statement SET facts = ? WHERE leaf_index = ?')
    set.run(other, leafIndex)
    for (const { key } of slipped) setPosting(indexed.tables, { key, leafIndex }, true)
    const fault = await findFault(indexed)
    set.run(facts, leafIndex)
    expect(fault).toMatchObject({ code: 19, leafIndex, entryId: await entryIdOf(leafIndex) })
  })
})

type Change = (record: IndexRecord) => IndexRecord

/** The record of entry 3 tells something else. */
const changed =
  (change: Change) =>
  (record: IndexRecord): IndexRecord =>
    record.leafIndex === 3 ? change(record) : record
const said =
  (description: Partial<IndexRecord['description']>): Change =>
  (record) => ({ ...record, description: { ...record.description, ...description } })

const serve = (lie?: Lie): ReturnType<typeof serveIndex> => serveIndex(fill, lie)

describe('an audit of what an index answers', () => {
  it.each([
    ['another entry id', (record: IndexRecord) => ({ ...record, entryId: new Uint8Array(32) })],
    ['another time', (record: IndexRecord) => ({ ...record, registrationTime: 1 })],
    ['another issuer', (record: IndexRecord) => ({ ...record, issuer: 'https://other' })],
    ['another kind', said({ kind: 'vsa' })],
    ['another type', said({ type: 'x/y' })],
    ['no digests', said({ digests: [] })],
    ['a digest more', said({ digests: [{ role: 'subject', algorithm: 'sha256', value: 'ab' }] })],
    ['no attributes', said({ attributes: [] })],
    ['another number', said({ numbers: [{ name: 'score', value: 10 }] })],
    ['a finding less or more', said({ findings: [{ code: 'made-up', message: 'x' }] })],
  ])('names an entry of which the index says %s', async (_what, change) => {
    const { service, url, index } = await serve((honest) => ({
      findRecords: async (indexes) => {
        const found = await honest.findRecords(indexes)
        return { ...found, records: found.records.map(changed(change)) }
      },
    }))
    await indexLog(index, service)
    const { records } = await index.findRecords([3 as IndexRecord['leafIndex']])
    const fault = await findFault({ service, url })
    expect(fault).toMatchObject({ code: 19, leafIndex: 3, entryId: encodeHex(records[0]!.entryId) })
    expect(fault!.message).toContain('entry 3')
    await service.close()
  })

  it('is not deceived by records that are whole while look-ups hide an entry', async () => {
    const { service, url, index } = await serve((honest) => ({
      query: async (query) => {
        const found = await honest.query(query)
        const isHidden = query.digest?.algorithm === 'sha512' && query.roles?.[0] === 'dependency'
        return isHidden ? { ...found, statements: [] } : found
      },
    }))
    await indexLog(index, service)
    const fault = await findFault({ service, url })
    expect(fault).toMatchObject({ code: 19, leafIndex: 3 })
    expect(fault!.message).toContain(`digest=sha512:${LIBRARY.digest['sha512']!}&role=dependency`)
    await service.close()
  })

  it('compares an index that lags as far as it reaches, and the rest the next time', async () => {
    const { service, url, index } = await serve()
    await indexLog(index, service, 6)
    const first = await auditRegistry(service, url, { index: ALL })
    expect(first.index).toMatchObject({ from: 0, treeSize: 6, records: 6 })
    expect(first.state.indexed).toEqual({ treeSize: 6, policyIndex: 0 })
    await indexLog(index, service)
    const state = parseAuditState(encodeAuditState(first.state))
    const second = await auditRegistry(service, url, { index: ALL, state })
    expect(second.index).toMatchObject({ from: 6, treeSize: 10, records: 4 })
    const none = await auditRegistry(service, url, { index: ALL, state: second.state })
    expect(none.index).toMatchObject({ from: 10, records: 0, lookups: 0 })
    const whole = await auditRegistry(service, url, { index: { ...ALL, isWhole: true }, state: none.state }) // prettier-ignore
    expect(whole.index).toMatchObject({ from: 0, records: 10 })
    await service.close()
  })

  it('counts what rests on content that cannot be had', async () => {
    const { service, url, index } = await serve()
    await indexLog(index, service)
    const { records } = await index.findRecords([8 as IndexRecord['leafIndex']])
    const { envelope } = records[0]!
    expect(envelope?.preimage).toBe('absent')
    await index.replace([
      { ...records[0]!, envelope: { digest: envelope!.digest, preimage: 'read' } },
    ])
    const report = await auditRegistry(service, url, { index: ALL })
    expect(report.index).toMatchObject({ records: 10, notComparable: 1 })
    await service.close()
  })

  it('says so where there is no index, and asks nothing of one it is told not to ask', async () => {
    const service = await TestRegistry.create()
    await fill(service)
    const { url } = await service.listen()
    expect((await auditRegistry(service, url, { index: ALL })).index).toBeUndefined()
    await service.close()
    const other = await serve(() => ({
      query: async () => {
        throw new Error('asked')
      },
    }))
    await indexLog(other.index, other.service)
    const silent = await auditRegistry(other.service, other.url, {
      index: { lookups: 0, seed: '' },
    })
    expect(silent.index).toMatchObject({ records: 10, lookups: 0 })
    await other.service.close()
  })
})
