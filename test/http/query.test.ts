/** `GET /statements`: every filter, every refusal, and pages that together are one answer. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ATTRIBUTE_PARAMETERS, NUMBER_PARAMETERS } from '../../src/http/filter-parameters.ts'
import type { Description } from '../../src/payload/description.ts'
import { MemoryIndex } from '../../src/store/memory/memory-index.ts'
import { madeUpRecord } from '../support/index-records.ts'
import { TestRegistry } from '../support/test-registry.ts'

interface Row {
  readonly index: number
  readonly entryId: string
}
interface Page {
  readonly treeSize: number
  readonly statements: readonly (Row & Record<string, unknown>)[]
  readonly next?: string
}

const SHA256 = 'ab'.repeat(32)
const COMMIT = 'cd'.repeat(20)
const SIZE = 40

/** Attributes that have few values. */
const CLOSED = new Map([
  ['debug', 'true'],
  ['tee-type', 'sev-snp'],
  ['tcb-status', 'OutOfDate'],
])
/** What entry 7 says of itself by an attribute. */
const valueOf = (name: string): string => CLOSED.get(name) ?? `${name}:it/é +&`

/** Entry 7 alone says everything that can be asked for; 8 and 9 say something else of the same names. */
const EVERYTHING: Partial<Description> = {
  kind: 'provenance',
  type: 'https://slsa.dev/provenance/v1',
  digests: [
    { role: 'subject', algorithm: 'sha256', value: SHA256 },
    { role: 'dependency', algorithm: 'gitCommit', value: COMMIT },
    { role: 'evidence', algorithm: 'dirHash', value: 'A b+C' },
  ],
  attributes: [
    ...Object.values(ATTRIBUTE_PARAMETERS).map((name) => ({ name, value: valueOf(name) })),
    { name: 'measurement', value: 'mrtd:aa01' },
    { name: 'advisory', value: 'INTEL-SA-00615' },
    { name: 'vulnerability', value: 'CVE-2021-44228' },
    { name: 'vulnerability', value: 'GHSA-jfh8-c2jp-5v3q' },
    { name: 'tcb-status', value: 'SW_HARDENING_NEEDED' },
    { name: 'bound-key', value: SHA256 },
    { name: 'fmspc', value: 'b0c06f000000' },
    { name: 'platform-certificate', value: SHA256 },
    { name: 'tcb-svn', value: 'tee-tcb-svn:050103' },
    { name: 'tcb-svn', value: 'pcesvn:000d' },
  ],
  numbers: [
    { name: 'score', value: 7.5 },
    ...NUMBER_PARAMETERS.slice(1).map(({ name }) => ({ name, value: 1_700_000_000 })),
  ],
  findings: [
    { code: 'level-mismatch', message: 'no', pointer: '/predicate' },
    { code: 'alias', message: 'yes' },
  ],
}

let index: MemoryIndex
let service: TestRegistry
let url: string

beforeAll(async () => {
  index = new MemoryIndex()
  const others: Partial<Description> = {
    kind: 'scorecard',
    digests: [{ role: 'dependency', algorithm: 'sha256', value: SHA256 }],
    attributes: [
      ...Object.values(ATTRIBUTE_PARAMETERS).map((name) => ({
        name,
        value: name === 'debug' ? 'false' : 'other',
      })),
      { name: 'measurement', value: 'rtmr0:aa02' },
      { name: 'tcb-svn', value: 'tee-tcb-svn:060104' },
      { name: 'tcb-svn', value: 'pcesvn:0100' },
    ],
    numbers: [
      { name: 'score', value: 2 },
      ...NUMBER_PARAMETERS.slice(1).map(({ name }) => ({ name, value: 1_600_000_000 })),
    ],
  }
  await index.append(
    Array.from({ length: SIZE }, (_, at) => {
      const named = {
        issuer: 'https://a',
        subject: 'pkg:npm/a@1',
        signer: '00ab',
        contentType: 'a/b',
      }
      if (at === 7) return madeUpRecord(at, named, EVERYTHING)
      if (at === 8 || at === 9) return madeUpRecord(at, { issuer: 'https://b' }, others)
      return madeUpRecord(at)
    }),
  )
  service = await TestRegistry.create({ index })
  url = (await service.listen()).url
})
afterAll(() => service.close())

async function get(path: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(url + path)
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

async function find(query: string): Promise<Page> {
  const { status, body } = await get(`/statements?${query}`)
  expect(status, JSON.stringify(body)).toBe(200)
  return body as unknown as Page
}

async function indexes(query: string): Promise<number[]> {
  return (await find(query)).statements.map((row) => row.index)
}

async function pages(query: string): Promise<Page[]> {
  const all = [await find(query)]
  for (let next = all[0]!.next; next !== undefined; next = all.at(-1)!.next) {
    all.push(await find(`${query}&cursor=${next}`))
  }
  return all
}

const text = encodeURIComponent

describe('GET /statements', () => {
  it('answers the newest first, with the size that it covers', async () => {
    const { treeSize, statements, next } = await find('limit=3')
    expect(treeSize).toBe(SIZE)
    expect(statements.map((row) => row.index)).toEqual([39, 38, 37])
    expect(next).toBeDefined()
  })

  it('gives a row everything that lists show, and links to the evidence', async () => {
    const [row] = (await find('indexFrom=7&indexBelow=8')).statements
    const { entryId } = row!
    expect(row).toEqual({
      ...{ index: 7, entryId, registeredAt: 1007, issuer: 'https://a', subject: 'pkg:npm/a@1' },
      ...{ signer: '00ab', contentType: 'a/b', kind: 'provenance', type: EVERYTHING.type },
      ...{ findings: ['alias', 'level-mismatch'] },
      ...{ receipt: `/entries/${entryId}`, statement: `/entries/${entryId}/statement` },
    })
  })

  it.each([
    ...[
      `digest=sha256:${SHA256}&role=subject`,
      `digest=sha256:${SHA256.toUpperCase()}&role=subject`,
    ],
    ...[
      `commit=${COMMIT}`,
      `digest=gitCommit:${COMMIT}`,
      `commit=${COMMIT}&role=dependency,evidence`,
    ],
    ...[
      `digest=${text('dirHash:A b+C')}`,
      'issuer=https://a',
      'subject=pkg:npm/a@1',
      'signer=00ab',
      'signer=00AB',
    ],
    ...['kind=provenance', `type=${text(EVERYTHING.type!)}`],
    ...Object.entries(ATTRIBUTE_PARAMETERS).map(
      ([name, value]) => `${name}=${text(valueOf(value))}`,
    ),
    ...[`attribute=${text('purl:purl:it/é +&')}`, 'scoreMin=7.5', 'scoreMin=7&scoreMax=8'],
    ...[
      'registeredFrom=1007&registeredTo=1007',
      'registeredFrom=1970-01-01T00:16:47Z&registeredTo=1007',
    ],
    ...['fmspc=B0C06F000000', `platformCertificate=${SHA256.toUpperCase()}`],
    ...[`digest=SHA256:${SHA256}&role=subject`, `digest=Sha-256:${SHA256}&role=subject`],
    ...[`digest=gitcommit:${COMMIT}`, 'teeType=SEV-SNP', 'attribute=tee-type:Sev-Snp'],
    ...['tcbStatus=outofdate', 'attribute=tcb-status:SW_HARDENING_NEEDED'],
    ...['advisory=intel-sa-00615', 'attribute=advisory:Intel-SA-00615'],
    ...['vulnerability=cve-2021-44228', 'vulnerability=ghsa-JFH8-c2jp-5v3q'],
    `boundKey=${SHA256.toUpperCase()}`,
    ...['measurement=mrtd:aa01', 'measurement=AA01', 'measurement=mrtd:AA01'],
    ...['tcbSvnBelow=tee-tcb-svn:060103', 'tcbSvnBelow=pcesvn:000E&teeType=sev-snp'],
    ...NUMBER_PARAMETERS.slice(1).map(({ from }) => `${from}=1600000001`),
    ...NUMBER_PARAMETERS.slice(1).map(({ from, to }) => `${from}=1700000000&${to}=1700000000`),
    'tcbDateFrom=2023-11-14T22:13:20Z',
    ...['indexFrom=7&indexBelow=8', `commit=${COMMIT}&kind=provenance&issuer=https://a&scoreMin=1`],
  ])('finds one entry by %s', async (query) => {
    expect(await indexes(query)).toEqual([7])
  })

  it.each([
    [`digest=sha256:${SHA256}`, [9, 8, 7]],
    [`digest=sha256:${SHA256}&order=ascending`, [7, 8, 9]],
    [`digest=sha256:${SHA256}&role=dependency`, [9, 8]],
    [`digest=sha256:${SHA256}&role=subject&role=evidence`, [7]],
    ['level=other&result=other', [9, 8]],
    ['level=other&attribute=result:none', []],
    ['scoreMax=2', [9, 8]],
    ['tcbEvaluationMax=1600000000', [9, 8]],
    ['measurement=aa02', [9, 8]],
    ['measurement=mrtd:aa02', []],
    // Of the TDX module, byte 0 counts only beside the same byte 1; other parts each by itself.
    ['tcbSvnBelow=tee-tcb-svn:060104', [7]],
    ['tcbSvnBelow=tee-tcb-svn:000105', [9, 8, 7]],
    ['tcbSvnBelow=tee-tcb-svn:ff0000', []],
    ['tcbSvnBelow=tee-tcb-svn:06010400', []],
    ['tcbSvnBelow=pcesvn:0100', [7]],
    ['tcbSvnBelow=pcesvn:0101&tcbSvnBelow=tee-tcb-svn:000104', [7]],
    ['tcbSvnBelow=reported-tcb:ffffffff', []],
    ['issuer=https://b&kind=provenance', []],
    ['kind=exception', []],
    ['registeredTo=1001', [1, 0]],
    ['indexFrom=38', [39, 38]],
    ['indexFrom=8&indexBelow=8', []],
    [`indexFrom=${Number.MAX_SAFE_INTEGER}`, []],
  ])('finds all and no others by %s', async (query, expected) => {
    expect(await indexes(query)).toEqual(expected)
  })

  it.each([
    ['dgest=sha256:00', 'dgest'],
    ['digest=sha256', 'digest'],
    ['digest=sha256:abc', 'sha256'],
    [`digest=sha256:${'zz'.repeat(32)}`, 'sha256'],
    ['commit=abc', 'gitCommit'],
    [`commit=${COMMIT}&digest=sha256:${SHA256}`, 'commit'],
    ['role=subject', 'role'],
    [`commit=${COMMIT}&role=owner`, 'role'],
    ['issuer=a&issuer=b', 'issuer'],
    ['issuer=', 'issuer'],
    ['kind=Prov%20enance', 'kind'],
    ['kind=incidents', 'kind is one of provenance, '],
    ['attribute=purl', 'attribute'],
    ['attribute=:x', 'attribute'],
    ['debug=maybe', 'debug'],
    ['attribute=debug:yes', 'debug'],
    ['teeType=snp', 'teeType is one of sgx, tdx, sev-snp, '],
    ['attribute=tee-type:snp', 'teeType is one of '],
    ['tcbStatus=Outdated', 'tcbStatus is one of UpToDate, '],
    ['scoreMin=many', 'scoreMin'],
    ['tcbSvnBelow=pcesvn', 'tcbSvnBelow'],
    ['tcbSvnBelow=pcesvn:abc', 'tcbSvnBelow'],
    ['tcbSvnBelow=pcesvn:', 'tcbSvnBelow'],
    [Array.from({ length: 5 }, () => 'tcbSvnBelow=pcesvn:00').join('&'), 'tcbSvnBelow'],
    ['tcbDateFrom=soon', 'tcbDateFrom'],
    ['tcbEvaluationMin=-1', 'tcbEvaluationMin'],
    ['tee=tdx', 'tee'],
    ['registeredFrom=yesterday', 'registeredFrom'],
    ['indexFrom=-1', 'indexFrom'],
    ['indexBelow=1.5', 'indexBelow'],
    ['order=random', 'order'],
    ['limit=0', 'limit'],
    ['limit=1001', 'limit'],
    ['facts=yes', 'facts'],
    ['cursor=abc', 'cursor'],
    [`subject=${'x'.repeat(8193)}`, 'subject'],
    [Array.from({ length: 65 }, (_, at) => `level=${at}`).join('&'), '64'],
  ])('refuses %s and says why', async (query, named) => {
    const { status, body } = await get(`/statements?${query}`)
    expect(status).toBe(400)
    expect(body['code']).toBe('ERR_REQUEST')
    expect(body['detail']).toContain(named)
  })

  it.each(['ascending', 'descending'])('pages through everything once, %s', async (order) => {
    const all = await pages(`order=${order}&limit=7`)
    const seen = all.flatMap(({ statements }) => statements.map((row) => row.index))
    const expected = Array.from({ length: SIZE }, (_, at) => at)
    expect(seen).toEqual(order === 'ascending' ? expected : expected.reverse())
    expect(all).toHaveLength(6)
  })

  it('allows another limit on the way, and no other change', async () => {
    const { next } = await find('order=ascending&limit=7')
    expect(await indexes(`order=ascending&limit=2&cursor=${next!}`)).toEqual([7, 8])
    for (const query of [
      'limit=7',
      'order=ascending&issuer=https://a',
      'order=ascending&facts=1',
    ]) {
      const { status, body } = await get(`/statements?${query}&cursor=${next!}`)
      expect([status, body['code']]).toEqual([400, 'ERR_REQUEST'])
    }
  })

  it('refuses a cursor in which any character was changed', async () => {
    const { next } = await find('limit=7')
    for (let at = 0; at < next!.length; at++) {
      const other = next![at] === 'A' ? 'B' : 'A'
      const changed = next!.slice(0, at) + other + next!.slice(at + 1)
      expect((await get(`/statements?limit=7&cursor=${changed}`)).status, changed).toBe(400)
    }
  })

  it('says what each statement says with facts=1', async () => {
    const [row] = (await find('issuer=https://a&facts=1')).statements
    const { digests, attributes, numbers, findings } = EVERYTHING
    expect(row!['facts']).toEqual({ digests, attributes, numbers, findings })
    const plain = await find('facts=1&order=ascending&indexFrom=5&limit=10')
    expect(plain.statements.map((one) => one.index)).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13, 14])
  })
})

describe('pages', () => {
  it('all cover the tree size of the first, while the log goes on', async () => {
    const growing = new MemoryIndex()
    await growing.append([0, 1, 2, 3].map((at) => madeUpRecord(at)))
    const other = await TestRegistry.create({ index: growing })
    const { url: base } = await other.listen()
    const read = async (query: string): Promise<Page> =>
      (await (await fetch(`${base}/statements?${query}`)).json()) as Page
    const first = await read('order=ascending&limit=2')
    await growing.append([4, 5].map((at) => madeUpRecord(at)))
    const second = await read(`order=ascending&limit=2&cursor=${first.next!}`)
    expect(second.statements.map((row) => row.index)).toEqual([2, 3])
    expect([second.treeSize, second.next]).toEqual([4, undefined])
    await other.close()
  })

  it('wait for an index that is being rebuilt, and are never shorter for it', async () => {
    const before = new MemoryIndex()
    await before.append([0, 1, 2, 3].map((at) => madeUpRecord(at)))
    const serving = await TestRegistry.create({ index: before })
    const { url: base } = await serving.listen()
    const { next } = (await (await fetch(`${base}/statements?limit=2`)).json()) as Page
    const rebuilding = await TestRegistry.create({ index: new MemoryIndex() })
    const { url: later } = await rebuilding.listen()
    const answer = await fetch(`${later}/statements?limit=2&cursor=${next!}`)
    expect(answer.status).toBe(503)
    expect(answer.headers.get('retry-after')).toBe('1')
    expect(await answer.json()).toMatchObject({ code: 'ERR_INDEX_BEHIND' })
    await serving.close()
    await rebuilding.close()
  })

  it('of whole records end early when they are large', async () => {
    const large = new MemoryIndex()
    const attributes = Array.from({ length: 500 }, (_, at) => ({
      name: 'property' as const,
      value: `${at}:${'x'.repeat(1000)}`,
    }))
    await large.append(Array.from({ length: 64 }, (_, at) => madeUpRecord(at, {}, { attributes })))
    const heavy = await TestRegistry.create({ index: large })
    const { url: base } = await heavy.listen()
    const seen: number[] = []
    let longest = 0
    for (let cursor = ''; ;) {
      const answer = await fetch(`${base}/statements?facts=1&order=ascending&limit=1000${cursor}`)
      const page = (await answer.json()) as Page
      longest = Math.max(longest, page.statements.length)
      seen.push(...page.statements.map((row) => row.index))
      if (page.next === undefined) break
      cursor = `&cursor=${page.next}`
    }
    expect(seen).toEqual(Array.from({ length: 64 }, (_, at) => at))
    expect(longest).toBe(32)
    await heavy.close()
  })
})

describe('without an index', () => {
  it.each(['/statements', `/statements/${'0'.repeat(64)}`, `/artifacts/sha256:${SHA256}`, '/feed'])(
    '%s is answered 503, and registrations go on',
    async (path) => {
      const plain = await TestRegistry.create()
      const { url: base } = await plain.listen()
      for (const accept of ['application/json', 'text/event-stream']) {
        const answer = await fetch(base + path, { headers: { accept } })
        expect(answer.status).toBe(503)
        expect(answer.headers.get('retry-after')).toBe('30')
        expect(await answer.json()).toMatchObject({ code: 'ERR_INDEX_OFF' })
      }
      const registered = await plain.registry.register(await plain.statement(1))
      expect(registered.status).toBe('registered')
      await plain.close()
    },
  )
})
