/**
 * Who submitted, in look-ups (R4): a run finds exactly its entries, and an index that says otherwise than the
 * journals is named with the entry (exit status 19).
 */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sha256 } from '../../src/bytes/digest.ts'
import { Follower } from '../../src/index/follow-log.ts'
import type { IndexReader, IndexRecord, IndexWriter } from '../../src/log/index-store.ts'
import { nodeVerifier } from '../../src/keys/node-verifier.ts'
import { encodeAuditState, parseAuditState } from '../../src/monitor/audit-state-file.ts'
import {
  encodeRegistrationPolicy,
  REGISTRATION_POLICY_MEDIA_TYPE,
} from '../../src/policy/registration-policy.ts'
import type { Submitter } from '../../src/registry/ports.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import type { MemoryIndex } from '../../src/store/memory/memory-index.ts'
import { auditRegistry } from '../support/audit-registry.ts'
import { listPostings } from '../support/index-postings.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import type { TestRegistry } from '../support/test-registry.ts'
import { ISSUER, LOG_ISSUER } from '../support/test-registry.ts'
import {
  ALL_LOOKUPS,
  createIndexedRegistry,
  findIndexFault,
  serveIndex,
  writeJournal,
} from './indexed-fixture.ts'
import type { Lie } from './indexed-fixture.ts'

const directory = temporaryDirectory()
const PROVIDER = 'https://token.example'

function submitter(run: number, repository = 'a/b'): Submitter {
  const claims = { repository, run_id: String(run), ref: 'refs/heads/main' }
  return { claims: { kind: 'oidc', issuer: PROVIDER, audience: 'log', claims } }
}

/** Entries 2 to 8: of run 1, of run 2 and of nobody, the last three hash envelopes. */
const SUBMITTERS = [1, 2, 0, 1, 2, 0, 1]

async function fill(service: TestRegistry): Promise<void> {
  for (const [at, run] of SUBMITTERS.entries()) {
    service.clock.time += 1
    const bytes = await signStatement({
      ...{
        payload: new Uint8Array([at]),
        subject: `s${at}`,
        issuer: ISSUER,
        signer: service.signer,
      },
      contentType: 'application/octet-stream',
      ...(at < 4 ? {} : { hash: 'SHA-256' as const }),
    })
    await service.registry.register(bytes, run === 0 ? undefined : submitter(run))
  }
}

async function follow(service: TestRegistry, index: IndexWriter, upTo?: number): Promise<void> {
  const follower = await Follower.open({
    ...{ log: service.store, index, sha256, verifier: nodeVerifier },
    readCheckpointKeys: async () => [],
    readPreimage: async () => undefined,
  })
  follower.release(upTo ?? service.log.currentHead().treeHead.treeSize)
  await follower.run()
}

async function find(url: string, query: string): Promise<number[]> {
  const response = await fetch(`${url}/statements?${query}&order=ascending`)
  const body = (await response.json()) as { statements: { index: number }[] }
  expect(response.status, JSON.stringify(body)).toBe(200)
  return body.statements.map(({ index }) => index)
}

/** From its entry on nobody writes journals. */
function nobodysPolicy(service: TestRegistry): Promise<Uint8Array> {
  const { operator, clock } = service
  return signStatement({
    payload: encodeRegistrationPolicy({
      ...{ version: 1, algorithms: ['ES256'], contentTypes: ['*'] },
      operatorKeys: [operator.publicKey],
    }),
    ...{ issuer: LOG_ISSUER, subject: 'policy', signer: operator, issuedAt: clock.time },
    contentType: REGISTRATION_POLICY_MEDIA_TYPE,
  })
}

const serve = (lie?: Lie): ReturnType<typeof serveIndex> => serveIndex(fill, lie)

describe('a look-up by submitter', () => {
  let opened: Awaited<ReturnType<typeof serve>>
  beforeAll(async () => {
    opened = await serve()
    await follow(opened.service, opened.index)
  })
  afterAll(() => opened.service.close())

  it.each([
    ['submitter=run_id:1', [2, 5, 8]],
    ['submitter=run_id:2', [3, 6]],
    ['submitter=run_id:3', []],
    ['submitter=repository:a/b', [2, 3, 5, 6, 8]],
    [`submitter=run_id:1&submitter=issuer:${PROVIDER}&submitter=kind:oidc`, [2, 5, 8]],
    ['submitter=run_id:1&submitter=run_id:2', []],
  ])('%s finds exactly its entries', async (query, expected) => {
    expect(await find(opened.url, query)).toEqual(expected)
  })

  it('refuses what names no claim, which nothing would be found by', async () => {
    const response = await fetch(`${opened.url}/statements?submitter=4320093439`)
    expect(response.status).toBe(400)
    expect(await response.text()).toContain(
      'submitter is the name of a claim, a colon and its value',
    )
  })

  it('shows it with the entry', async () => {
    const page = await fetch(`${opened.url}/statements?indexFrom=2&indexBelow=3&facts=1`)
    expect(await page.text()).toContain('{"name":"submitter","value":"run_id:1"}')
  })
})

describe('an audit of what the index says of submitters', () => {
  it('names every posting of one that is hidden, of hash envelopes too', async () => {
    const indexed = await createIndexedRegistry(
      join(directory, `${randomUUID()}.sqlite`),
      async (service) => {
        await fill(service)
        await writeJournal(service)
      },
      follow,
    )
    const report = await auditRegistry(indexed.service, indexed.url, { index: ALL_LOOKUPS })
    expect(report.index).toMatchObject({ records: 10, notComparable: 0 })
    const postings = listPostings(indexed.tables).filter(
      ({ fact }) => fact.field === 'attribute:submitter',
    )
    expect(postings).toHaveLength(5 * 5)
    for (const posting of postings) {
      const fault = await indexed.withoutPosting(posting, () => findIndexFault(indexed))
      expect(fault).toMatchObject({ code: 19, leafIndex: posting.leafIndex })
      expect(fault!.message).toContain('submitter')
    }
    await indexed.close()
  })

  type Attributes = IndexRecord['description']['attributes']
  type Change = (attributes: Attributes) => Attributes

  /** An index that says something else of one entry. */
  const lieAbout =
    (leafIndex: number, change: Change) =>
    (honest: MemoryIndex): Partial<IndexReader> => ({
      findRecords: async (indexes) => {
        const found = await honest.findRecords(indexes)
        const records = found.records.map((record) => {
          if (record.leafIndex !== leafIndex) return record
          const { description } = record
          const attributes = change(description.attributes)
          return { ...record, description: { ...description, attributes } }
        })
        return { ...found, records }
      },
    })
  const withRun1: Change = (all) => [...all, { name: 'submitter', value: 'run_id:1' }]
  const withNobody: Change = (all) => all.filter(({ name }) => name !== 'submitter')

  it.each<[string, number, Change]>([
    ['nobody', 5, () => []],
    ['nobody, a hash envelope', 6, () => []],
    ['another run', 5, (all) => withRun1(all).map((one) => ({ ...one, value: one.value.replace('run_id:1', 'run_id:2') }))], // prettier-ignore
    ['somebody where nobody is known', 4, withRun1],
    ['somebody of the journal itself', 9, withRun1],
  ])('names an entry of which it says %s', async (_what, leafIndex, change) => {
    const { service, url, index } = await serve(lieAbout(leafIndex, change))
    await writeJournal(service)
    await service.registry.register(await service.statement(50))
    await writeJournal(service)
    await follow(service, index)
    expect(await findIndexFault({ service, url })).toMatchObject({ code: 19, leafIndex })
    await service.close()
  })

  it.each([5, 6])(
    'names what a look-up hides while its record is whole: entry %i',
    async (hidden) => {
      const { service, url, index } = await serve((honest) => ({
        query: async (query) => {
          const found = await honest.query(query)
          const isLie = query.attributes?.some(({ name }) => name === 'submitter') === true
          const statements = found.statements.filter(({ leafIndex }) => leafIndex !== hidden)
          return isLie ? { ...found, statements } : found
        },
      }))
      await writeJournal(service)
      await follow(service, index)
      const fault = await findIndexFault({ service, url })
      expect(fault).toMatchObject({ code: 19, leafIndex: hidden })
      expect(fault!.message).toContain(`hides entry ${hidden}`)
      await service.close()
    },
  )

  it('reads on to the journal where the index does not reach that far', async () => {
    const { service, url, index } = await serve(lieAbout(2, () => []))
    // The journal is in another bundle.
    const bytes = Array.from({ length: 256 }, (_, at) => service.statement(100 + at))
    for (const one of await Promise.all(bytes)) await service.registry.register(one)
    await writeJournal(service)
    await follow(service, index, 4)
    expect(await findIndexFault({ service, url })).toMatchObject({ code: 19, leafIndex: 2 })
    await service.close()
  })

  it('says nothing of entries that no journal is about: the newest, and those of no registrar', async () => {
    const { service, url, index } = await serve()
    await writeJournal(service)
    await service.registry.register(await service.statement(60), submitter(1))
    await service.registry.register(await nobodysPolicy(service))
    await service.registry.register(await service.statement(61), submitter(2))
    await follow(service, index)
    const report = await auditRegistry(service, url, { index: ALL_LOOKUPS })
    expect(report.index).toMatchObject({ records: 13 })
    await service.close()
  })

  it('compares what no journal was about the last time', async () => {
    const { service, url, index } = await serve(lieAbout(10, withNobody))
    await writeJournal(service)
    await service.registry.register(await service.statement(60), submitter(3))
    await follow(service, index)
    const first = await auditRegistry(service, url, { index: { ...ALL_LOOKUPS, lookups: 0 } })
    expect(first.index).toMatchObject({ from: 0, records: 11 })
    await writeJournal(service)
    await follow(service, index)
    const state = parseAuditState(encodeAuditState(first.state))
    expect(await findIndexFault({ service, url }, { state })).toMatchObject({
      code: 19,
      leafIndex: 10,
    })
    await service.close()
  })

  it('goes on the next time where it ended', async () => {
    const { service, url, index } = await serve()
    await writeJournal(service)
    await follow(service, index, 4)
    const first = await auditRegistry(service, url, { index: ALL_LOOKUPS })
    expect(first.index).toMatchObject({ from: 0, records: 4 })
    await follow(service, index)
    const state = parseAuditState(encodeAuditState(first.state))
    const second = await auditRegistry(service, url, { index: ALL_LOOKUPS, state })
    expect(second.index).toMatchObject({ from: 4, records: 6 })
    expect(second.index!.lookups).toBeGreaterThan(0)
    await service.close()
  })
})
