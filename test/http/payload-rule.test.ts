/** Payloads through the real server: what is broken is answered with its place, in both forms. */
import supertest from 'supertest'
import { afterEach, describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { decodeCbor } from '../../src/cbor/decode.ts'
import type { CborMap } from '../../src/cbor/decode.ts'
import { readProblem } from '../../src/client/problem-details.ts'
import { TestRegistry } from '../support/test-registry.ts'
import { hasVectors, readVector } from '../support/vectors.ts'
import { binary, bytesOf } from './problem-body.ts'

const open: TestRegistry[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

async function register(
  payload: Uint8Array,
  { accept = '*/*', contentType = 'application/vnd.in-toto+json' } = {},
): Promise<supertest.Response> {
  const service = await TestRegistry.create()
  open.push(service)
  const statement = await service.statement(1, { payload, contentType })
  const { server } = await service.listen()
  const test = supertest(server).post('/entries').set('Content-Type', 'application/cose')
  return binary(test.set('Accept', accept).send(Buffer.from(statement)))
}

const broken = encodeUtf8(
  JSON.stringify({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'a', digest: { sha256: 'ab'.repeat(32) } }],
    predicateType: 'https://slsa.dev/verification_summary/v1',
    predicate: { verifier: {}, resourceUri: 'x' },
  }),
)

describe('a broken payload', () => {
  it('is refused with a pointer in concise problem details', async () => {
    const response = await register(broken)
    expect(response.status).toBe(400)
    const map = decodeCbor(bytesOf(response)) as CborMap
    const custom = map.get('https://attestry.dev/problem') as CborMap
    expect(custom.get(0)).toBe('ERR_POLICY_REJECTED')
    expect(custom.get(2)).toBe('payload')
    expect(custom.get(3)).toBe('/predicate/policy')
    expect(map.get(-2)).toBe('/predicate/policy: is missing')
    const problem = readProblem(400, response.headers['content-type'] ?? '', bytesOf(response))
    expect(problem).toMatchObject({ pointer: '/predicate/policy' })
  })

  it('and in problem+json', async () => {
    const response = await register(broken, { accept: 'application/problem+json' })
    const problem: unknown = JSON.parse(new TextDecoder().decode(bytesOf(response)))
    expect(problem).toMatchObject({
      ...{ status: 400, title: 'Rejected', code: 'ERR_POLICY_REJECTED', rule: 'payload' },
      pointer: '/predicate/policy',
    })
  })
})

describe.skipIf(!hasVectors)('real samples register', () => {
  it.each([
    ['provenance/slsa/artifact-attestation.slsa-v1.statement.json', undefined],
    ['provenance/slsa/oci-kubectl-linux-amd64-in-toto.json', undefined],
    ['provenance/slsa/slsa1-provenance.json', undefined],
    ['provenance/slsa/oci-dsse-att.json', 'application/vnd.in-toto+dsse'],
    ['provenance/scai/hermetic-evidence/hermetic-build.scai.json', undefined],
    ['provenance/in-toto/reference.json', undefined],
    ['evaluations/spdx/alpine-small-spdx.json', 'application/spdx+json'],
    ['evaluations/cyclonedx/valid-bom-1.6.json', 'application/vnd.cyclonedx+json'],
  ])('%s', async (path, contentType) => {
    const options = contentType === undefined ? {} : { contentType }
    expect((await register(readVector(path), options)).status).toBe(201)
  })
})
