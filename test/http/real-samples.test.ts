/**
 * Every real sample of provenance and evaluations, signed by an admitted issuer and registered over
 * HTTP: admitted as what it is, or refused at the place that ../shared/vectors/README.md names.
 * Sigstore bundles: test/registry/inner-signatures.test.ts; statements of SCITT: test/registry.
 */
import { extname } from 'node:path'
import supertest from 'supertest'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeUtf8 } from '../../src/bytes/bytes.ts'
import { signFittingStatement } from '../../src/statement/sign-fitting-statement.ts'
import { ISSUER, TestRegistry } from '../support/test-registry.ts'
import { hasVectors, listVectors, readVector } from '../support/vectors.ts'
import { binary, bytesOf } from './problem-body.ts'

/** Files that are not what they say they are, and where. */
const REFUSED: Readonly<Record<string, string>> = {
  'evaluations/openvex/v020-1.vex.json': '/timestamp',
  'evaluations/openvex/v020-2.vex.json': '/timestamp',
  'evaluations/scorecard/invalid-scorecard.json': '/repo/name',
  'evaluations/vulns/certify-novuln-v02.json': '/subject/0/digest/sha256',
  'evaluations/vulns/certify-vuln-v02.json': '/subject/0/digest',
  'evaluations/vulns/certify-vuln.json': '/subject/0/digest',
  'provenance/in-toto/model-manifest.json': '/_type',
  'provenance/in-toto/release.json': '/subject/0/digest/sha256',
  'provenance/in-toto/svr-1.json': '/subject/0/digest/sha256',
  'provenance/in-toto/svr-2.json': '/subject/0/digest/sha256',
  'provenance/in-toto/svr-3.json': '/subject/0/digest/sha256',
}

function mediaTypeOf(path: string): string {
  if (extname(path) === '.jsonl') return 'application/vnd.in-toto+dsse'
  if (/\.(?:dsse|1f575092)\.json$|dsse-att\.json$/.test(path)) return 'application/vnd.in-toto+dsse'
  if (path.includes('/cyclonedx/')) return 'application/vnd.cyclonedx+json'
  if (path.includes('/spdx/')) return 'application/spdx+json'
  if (path.includes('/openvex/')) return 'application/vnd.openvex+json'
  if (path.includes('/osv/')) return 'application/osv+json'
  if (path.includes('/scorecard/')) return 'application/vnd.ossf.scorecard+json'
  return 'application/vnd.in-toto+json'
}

const samples = [
  ...listVectors('provenance', '.json'),
  ...listVectors('provenance', '.jsonl'),
  ...listVectors('evaluations', '.json'),
]

describe.skipIf(!hasVectors)('a real sample, over HTTP', () => {
  let service: TestRegistry
  let url: string
  beforeAll(async () => {
    service = await TestRegistry.create()
    ;({ url } = await service.listen())
  })
  afterAll(() => service.close())

  it.each(samples)('%s', async (path) => {
    const { bytes } = await signFittingStatement({
      ...{ payload: readVector(path), contentType: mediaTypeOf(path) },
      ...{ issuer: ISSUER, subject: `urn:sample:${path}`, signer: service.signer },
    })
    const sent = supertest(url)
      .post('/entries')
      .set('Content-Type', 'application/cose')
      .set('Accept', 'application/cose, application/problem+json')
    const answer = await binary(sent.send(Buffer.from(bytes)))
    const pointer = REFUSED[path]
    if (pointer === undefined) {
      expect({ path, status: answer.status }).toEqual({ path, status: 201 })
    } else {
      expect(answer.status).toBe(400)
      const problem = JSON.parse(decodeUtf8(bytesOf(answer))) as object
      expect(problem).toMatchObject({ rule: 'payload', pointer })
    }
  })
})

if (!hasVectors) console.warn('skipped: real samples over HTTP need shared/vectors')
