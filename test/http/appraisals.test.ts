/** `GET /entries/{id}/appraisal` over HTTP: answers, caches, problems, and what `inspect` shows of it. */
import supertest from 'supertest'
import { afterEach, describe, expect, it } from 'vitest'
import { QueuedAppraiser } from '../../src/app/queued-appraiser.ts'
import { concatBytes } from '../../src/bytes/bytes.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { encodeHex } from '../../src/bytes/hex.ts'
import { inspectBytes } from '../../src/cli/inspect/inspect-bytes.ts'
import { renderItems } from '../../src/cli/inspect/item.ts'
import { keyThumbprint } from '../../src/cose/thumbprint.ts'
import { encodeCollateral } from '../../src/payload/tee/collateral-bundle.ts'
import { EvidenceRegistry } from '../support/evidence-registry.ts'
import { makeDcap, testIntel } from '../support/intel-pki.ts'
import type { TestRegistryOptions } from '../support/test-registry.ts'
import { binary, bytesOf, problemOf } from './problem-body.ts'

let registry: EvidenceRegistry
afterEach(() => registry.close())

async function register(options: TestRegistryOptions = {}, trailing = 0): Promise<string> {
  const intel = [encodeHex(sha256(testIntel.root.der))]
  registry = await EvidenceRegistry.create({ roots: { intel } }, options)
  return registerMore(trailing)
}
async function registerMore(trailing = 0): Promise<string> {
  const key = keyThumbprint(registry.service.signer.publicKey)
  const { quote, collateral } = makeDcap({
    ...{ tee: 'tdx', debug: true, trailing: new Uint8Array(trailing) },
    reportData: concatBytes(key, new Uint8Array(32)),
  })
  return registry.register(
    await registry.evidence({
      ...{ format: 'tdx-quote', evidence: quote, collateral: encodeCollateral(collateral) },
      binding: { type: 'key' },
    }),
  )
}
const CONCISE = 'application/concise-problem-details+cbor'
const get = (entryId: string): supertest.Test =>
  binary(supertest(registry.url).get(`/entries/${entryId}/appraisal`)).set('Accept', CONCISE)
const codeOf = (response: supertest.Response): unknown => [
  response.status,
  problemOf(response).code,
]

describe('an appraisal over HTTP', () => {
  it('is a statement that caches may keep for a while, and inspect reads', async () => {
    const entryId = await register()
    const answer = await get(entryId)
    expect(answer.status).toBe(200)
    expect(answer.headers).toMatchObject({
      'content-type': 'application/cose',
      'cache-control': 'public, max-age=3600',
    })
    const etag = answer.headers['etag']!
    expect((await get(entryId).set('If-None-Match', etag)).status).toBe(304)
    const head = await supertest(registry.url).head(`/entries/${entryId}/appraisal`)
    expect([head.status, head.headers['etag']]).toEqual([200, etag])
    const { kind, items } = inspectBytes(bytesOf(answer))
    const text = [kind, ...renderItems(items)].join('\n')
    expect(text).toMatch(/status +contraindicated/)
    expect(text).toMatch(new RegExp(`sub \\(2\\) +"https://log\\.example/1/entries/${entryId}"`))
    expect(text).toMatch(/appraised at the registration +2026-/)
    expect(text).toMatch(/under the policy +[0-9a-f]{64}\n +collateral +sha256:[0-9a-f]{64}/)
    expect(text).toMatch(/finding debug-environment +the environment can be looked into/)
    expect(text).not.toMatch(/appraised again/)
  })

  it('has a problem with a code of its own in each other case', async () => {
    const entryId = await register()
    expect(codeOf(await get('x'))).toEqual([400, 'ERR_LOCATOR'])
    expect(codeOf(await get('0'.repeat(64)))).toEqual([404, 'ERR_ENTRY_UNKNOWN'])
    const plain = await registry.register(await registry.statement(new Uint8Array([1])))
    const none = await get(plain)
    expect(codeOf(none)).toEqual([404, 'ERR_EVIDENCE_UNKNOWN'])
    expect(none.headers['cache-control']).toBe('no-store')
    const post = await binary(
      supertest(registry.url).post(`/entries/${entryId}/appraisal`).set('Accept', CONCISE),
    )
    expect(codeOf(post)).toEqual([405, 'ERR_METHOD_NOT_ALLOWED'])
    const { service } = registry
    await service.registry.register(await service.policyStatement({}))
    expect(codeOf(await get(await registerMore(1)))).toEqual([404, 'ERR_EVIDENCE_UNVERIFIED'])
    expect((await get(entryId)).status).toBe(200)
  })

  it('is 503 with Retry-After while registrations fill the queue', async () => {
    const entryId = await register()
    const appraiser = new QueuedAppraiser({ queueMax: 0 })
    Object.assign(registry.service.ports, { appraiser })
    const answer = await get(entryId)
    expect(codeOf(answer)).toEqual([503, 'ERR_APPRAISER_BUSY'])
    expect(answer.headers['retry-after']).toBe('2')
    expect(problemOf(answer).detail).toBe('too much evidence waits to be appraised')
    await appraiser.close()
  })

  it('counts as a read: what is too much is 429', async () => {
    const readRate = { totalPerSecond: 1, perClientPerSecond: 1, loopbackIsExempt: false }
    const entryId = await register({ limits: { readRate } })
    const answers = [await get(entryId), await get(entryId)]
    expect(answers.map(({ status }) => status)).toEqual([200, 429])
  })
})
