/** `GET /statements/{entryId}` and `GET /artifacts/{digest}` over statements of a small supply chain. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { encodeHex } from '../../src/bytes/hex.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { MemoryIndex } from '../../src/store/memory/memory-index.ts'
import { MemoryPayloadStore } from '../../src/store/memory/memory-payload-store.ts'
import { indexLog } from '../support/index-log.ts'
import {
  APPLICATION,
  LIBRARY,
  provenanceOf,
  SOURCE_COMMIT,
  summaryOf,
} from '../support/in-toto-samples.ts'
import { ISSUER, START_TIME, TestRegistry } from '../support/test-registry.ts'

const index = new MemoryIndex()
const payloads = new MemoryPayloadStore()
const ids: string[] = []
let service: TestRegistry
let url: string

async function register(
  payload: Uint8Array,
  subject: string,
  change: object = {},
): Promise<string> {
  const statement = await signStatement({
    ...{ payload, issuer: ISSUER, subject, signer: service.signer },
    contentType: 'application/vnd.in-toto+json',
    ...change,
  })
  const { entryId } = await service.registry.register(statement)
  return entryId
}

beforeAll(async () => {
  service = await TestRegistry.create({ index, payloads })
  url = (await service.listen()).url
  ids.push(
    await register(provenanceOf([LIBRARY], [], '7'), LIBRARY.name),
    await register(provenanceOf([APPLICATION, { name: 'app.tar', digest: { sha256: 'ab'.repeat(32) } }], [LIBRARY]), 'the app'), // prettier-ignore
    await register(summaryOf([LIBRARY]), 'about the library'),
    await register(new Uint8Array([1, 2, 3]), 'an envelope', {
      ...{ contentType: 'application/spdx+json', hash: 'SHA-256' },
    }),
  )
  await indexLog(index, service)
})
afterAll(() => service.close())

async function get(path: string): Promise<Record<string, unknown>> {
  const answer = await fetch(url + path)
  expect(answer.status).toBe(200)
  return (await answer.json()) as Record<string, unknown>
}

interface ArtifactPage {
  readonly treeSize: number
  readonly artifact: unknown
  readonly aliases: unknown
  readonly statements: readonly (Record<string, unknown> & { readonly index: number })[]
  readonly next?: string
}
const artifact = async (path: string): Promise<ArtifactPage> =>
  (await get(`/artifacts/${path}`)) as unknown as ArtifactPage

describe('GET /statements/{entryId}', () => {
  it('decodes an entry: header, what it says, where it is and where its proof is', async () => {
    const view = await get(`/statements/${ids[0]!}`)
    expect(view).toMatchObject({
      ...{ index: 2, treeSize: 6, entryId: ids[0], registeredAt: START_TIME },
      ...{ kind: 'provenance', type: 'https://slsa.dev/provenance/v1', findings: [] },
      ...{ receipt: `/entries/${ids[0]!}`, statement: `/entries/${ids[0]!}/statement` },
      headers: {
        ...{ algorithm: 'ES256', issuer: ISSUER, subject: LIBRARY.name },
        contentType: 'application/vnd.in-toto+json',
        keyId: encodeHex(service.signer.publicKey.kid!),
      },
      digests: expect.arrayContaining([
        { role: 'dependency', algorithm: 'gitCommit', value: SOURCE_COMMIT },
      ]) as unknown,
      attributes: expect.arrayContaining([
        { name: 'invocation-id', value: 'https://ci.example/runs/7' },
      ]) as unknown,
    })
    expect((view['payload'] as { bytes: number }).bytes).toBeGreaterThan(100)
  })

  it('says of a hash envelope whether its content was read', async () => {
    const digest = `sha256:${encodeHex(sha256(new Uint8Array([1, 2, 3])))}`
    expect(await get(`/statements/${ids[3]!}`)).toMatchObject({
      ...{
        kind: 'sbom',
        envelope: { digest, preimage: 'absent' },
        preimage: `/payloads/${digest}`,
      },
      findings: [{ code: 'preimage-absent' }],
      headers: {
        hashEnvelope: { algorithm: 'SHA-256', preimageContentType: 'application/spdx+json' },
      },
    })
  })

  it('says by which entry the content of a hash envelope was deleted', async () => {
    const found = { kind: 'pruned', entryId: new Uint8Array(32).fill(0xab) } as const
    const find = vi.spyOn(payloads, 'find').mockResolvedValue(found)
    const view = await get(`/statements/${ids[3]!}`)
    find.mockRestore()
    expect(view['preimagePrunedBy']).toBe('ab'.repeat(32))
    expect(await get(`/statements/${ids[3]!}`)).not.toHaveProperty('preimagePrunedBy')
    expect(await get(`/statements/${ids[0]!}`)).not.toHaveProperty('preimagePrunedBy')
  })

  it('knows no entry that is not there, and has to wait for one that is not indexed yet', async () => {
    expect((await fetch(`${url}/statements/${'0'.repeat(64)}`)).status).toBe(404)
    expect((await fetch(`${url}/statements/${ids[0]!.toUpperCase()}`)).status).toBe(400)
    expect((await fetch(`${url}/statements/${ids[0]!}?a=1`)).status).toBe(400)
    const entryId = await register(summaryOf([APPLICATION]), 'later')
    const early = await fetch(`${url}/statements/${entryId}`)
    expect([early.status, early.headers.get('retry-after')]).toEqual([503, '1'])
    expect(await early.json()).toMatchObject({ code: 'ERR_INDEX_BEHIND' })
    await indexLog(index, service)
    expect(await get(`/statements/${entryId}`)).toMatchObject({ index: 6, kind: 'vsa' })
  })
})

describe('GET /artifacts/{digest}', () => {
  it('shows both directions: what went in, what came out, and what others say', async () => {
    const found = await artifact(`sha256:${LIBRARY.digest['sha256']!.toUpperCase()}`)
    expect(found.treeSize).toBe(7)
    expect(found.artifact).toEqual({ algorithm: 'sha256', value: LIBRARY.digest['sha256'] })
    expect(found.statements).toMatchObject([
      { index: 4, kind: 'vsa', roles: ['subject'], dependencies: { total: 0, digests: [] } },
      {
        ...{ index: 3, kind: 'provenance', roles: ['dependency'] },
        subjects: {
          total: 2,
          digests: [`sha256:${APPLICATION.digest['sha256']!}`, `sha256:${'ab'.repeat(32)}`],
        },
      },
      {
        ...{ index: 2, kind: 'provenance', roles: ['subject'] },
        dependencies: { total: 1, digests: [`gitCommit:${SOURCE_COMMIT}`] },
      },
    ])
  })

  it('knows the other names of the same subject, and not those of its neighbours', async () => {
    const { aliases } = await artifact(`sha256:${LIBRARY.digest['sha256']!}`)
    expect(aliases).toEqual({
      digests: [{ algorithm: 'sha512', value: LIBRARY.digest['sha512'] }],
      purls: [LIBRARY.name],
      names: [],
    })
    const application = await artifact(`sha256:${APPLICATION.digest['sha256']!}`)
    expect(application.aliases).toEqual({ digests: [], purls: [APPLICATION.name], names: [] })
    const neighbour = await artifact(`sha256:${'ab'.repeat(32)}`)
    expect(neighbour.aliases).toEqual({ digests: [], purls: [], names: ['app.tar'] })
  })

  it('finds by any algorithm', async () => {
    const commit = await artifact(`gitCommit:${SOURCE_COMMIT}`)
    expect(commit.statements.map((row) => row.index)).toEqual([3, 2])
    const sha512 = await artifact(`sha512:${LIBRARY.digest['sha512']!}`)
    expect(sha512.statements.map((row) => row.index)).toEqual([4, 3, 2])
  })

  it('is paged, and each page stands by the size of the first', async () => {
    const path = `sha256:${LIBRARY.digest['sha256']!}`
    const seen: number[] = []
    let page = await artifact(`${path}?limit=1`)
    for (; page.next !== undefined; page = await artifact(`${path}?limit=1&cursor=${page.next}`)) {
      seen.push(...page.statements.map((row) => row.index))
    }
    expect([...seen, ...page.statements.map((row) => row.index)]).toEqual([4, 3, 2])
    const other = await fetch(`${url}/artifacts/gitCommit:${SOURCE_COMMIT}?cursor=AAAA`)
    expect(other.status).toBe(400)
  })

  it('has an empty page for what nothing is known of', async () => {
    expect(await artifact(`sha256:${'0'.repeat(64)}`)).toMatchObject({
      statements: [],
      treeSize: 7,
    })
  })

  it.each(['sha256', 'sha256:', 'sha256:xyz', `sha256:${'0'.repeat(63)}`, ':abc', '%ff'])(
    'refuses %s as a locator',
    async (path) => {
      const answer = await fetch(`${url}/artifacts/${path}`)
      expect(answer.status).toBe(400)
      expect(await answer.json()).toMatchObject({ code: 'ERR_LOCATOR' })
    },
  )
})
