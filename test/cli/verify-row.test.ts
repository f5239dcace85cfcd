/** What `--verify` of the look-ups says about rows that are true, and about rows that are not. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { canonicalDigest, RowVerifier } from '../../src/cli/query/verify-row.ts'
import type { RowCheck, RowClaim } from '../../src/cli/query/verify-row.ts'
import { QueryClient } from '../../src/client/query-client.ts'
import type { StatementRow } from '../../src/client/statement-row.ts'
import { LIBRARY } from '../support/in-toto-samples.ts'
import { QueryRegistry } from '../support/query-registry.ts'
import { ISSUER, TestRegistry } from '../support/test-registry.ts'

let registry: QueryRegistry
let client: QueryClient
let rows: readonly StatementRow[]
const digest = `sha256:${LIBRARY.digest['sha256']!}`

beforeAll(async () => {
  registry = await QueryRegistry.create()
  client = new QueryClient({ url: registry.url, wait: async () => undefined })
  rows = (await client.find({ order: 'ascending' })).statements
})
afterAll(() => registry.close())

function check(row: StatementRow, claim?: RowClaim, trust = registry.trust()): Promise<RowCheck> {
  return new RowVerifier(client, trust).check(row, claim)
}

describe('a row that is true', () => {
  it('is verified, with what was asked about it', async () => {
    for (const row of rows.slice(2)) expect(await check(row)).toEqual({ status: 'verified' })
    expect(await check(rows[3]!, { digest, roles: ['dependency'] })).toEqual({ status: 'verified' })
  })

  it('has a Receipt that holds, where nobody speaks for its issuer', async () => {
    const trust = registry.trust({ issuers: false })
    expect(await check(rows[4]!, undefined, trust)).toEqual({ status: 'receipt' })
  })

  it('cannot be told under a trust file of another log', async () => {
    const other = await TestRegistry.create()
    const keys = [{ ...other.serviceSigner.publicKey, algorithm: other.serviceSigner.algorithm }]
    const [log] = registry.trust().logs
    const trust = { ...registry.trust(), logs: [{ ...log!, keys }] }
    const found = await check(rows[4]!, undefined, trust)
    expect(['wrong', 'cannot-tell']).toContain(found.status)
    expect(found.code).toMatch(/^ERR_RECEIPT/)
    await other.close()
  })
})

describe('a row that is not true', () => {
  it.each([
    ['index', { index: 3 }, 'the Receipt is for index 4'],
    ['time', { registeredAt: 2_000_000_000 }, 'after that of the Receipt'],
    ['issuer', { issuer: 'https://evil.example' }, `its issuer is ${ISSUER}`],
    ['subject', { subject: 'x' }, 'its subject is about'],
    ['signer', { signer: '00' }, 'its signer is'],
    ['content type', { contentType: 'a/b' }, 'its contentType is application/vnd.in-toto+json'],
    ['kind', { kind: 'vex' }, 'its kind is vsa'],
    ['type', { type: 'https://slsa.dev/provenance/v1' }, 'its type is'],
    ['content', { envelope: { digest, preimage: 'read' } }, 'its content has another digest'],
    ['entry', { entryId: 'a'.repeat(64) }, 'there is no such entry'],
  ])('is wrong about its %s', async (_name, change, reason) => {
    const found = await check({ ...rows[4]!, ...change })
    expect(found.status).toBe('wrong')
    expect(found.reason).toContain(reason)
  })

  it('is wrong about what was asked', async () => {
    const other = `sha256:${'0'.repeat(64)}`
    expect(await check(rows[4]!, { digest: other })).toEqual({
      ...{ status: 'wrong', reason: `it does not name ${other}` },
    })
    const roles = ['subject', 'evidence']
    expect(await check(rows[4]!, { digest, roles })).toMatchObject({
      reason: `it does not have ${digest} as evidence`,
    })
  })

  it('is found out where another statement is served for it', async () => {
    const lying = new QueryClient({
      url: registry.url,
      fetch: (url, init) => fetch(url.replace(rows[4]!.entryId, rows[3]!.entryId), init),
    })
    expect(await new RowVerifier(lying, registry.trust()).check(rows[4]!)).toEqual({
      ...{ status: 'wrong', reason: 'another statement is served under this entry id' },
    })
  })

  it('cannot be told while nobody answers', async () => {
    const away = new QueryClient({
      ...{ url: registry.url, wait: async () => undefined },
      fetch: () => Promise.reject(new Error('away')),
    })
    const found = await new RowVerifier(away, registry.trust()).check(rows[4]!)
    expect(found).toMatchObject({ status: 'cannot-tell', code: 'ERR_NETWORK' })
  })
})

it.each([
  ['sha256:' + 'AB'.repeat(32), 'sha256:' + 'ab'.repeat(32)],
  ['SHA256:' + 'AB'.repeat(32), 'sha256:' + 'ab'.repeat(32)],
  ['gitCommit:' + 'AB'.repeat(20), 'gitCommit:' + 'ab'.repeat(20)],
  // Not hashes that we know: the registry compares these as they are, hex or not.
  ['arn:ABCDEF', 'arn:ABCDEF'],
  ['dirHash:h1:Abc=', 'dirHash:h1:Abc='],
])('a digest that is asked for as %s is compared as %s', (asked, compared) => {
  expect(canonicalDigest(asked)).toBe(compared)
})
