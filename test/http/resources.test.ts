import type { Server } from 'node:http'
import supertest from 'supertest'
import type { Test } from 'supertest'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeBase64url } from '../../src/bytes/base64.ts'
import { decodeUtf8, encodeUtf8 } from '../../src/bytes/bytes.ts'
import { parseCoseKey, parseCoseKeySet } from '../../src/cose/public-key.ts'
import { parseReceipt } from '../../src/cose/receipt.ts'
import { verifyConsistencyReceipt } from '../../src/cose/verify-receipt.ts'
import { parseSignedTreeHead } from '../../src/cose/signed-tree-head.ts'
import { InvariantError } from '../../src/errors.ts'
import { nodeSignatureVerifier } from '../support/node-signature-verifier.ts'
import { TestRegistry } from '../support/test-registry.ts'
import { testSigner } from '../support/test-signer.ts'
import { binary, bytesOf, problemOf } from './problem-body.ts'

let service: TestRegistry
let server: Server
let entryId: string
const retired = { ...testSigner().publicKey, kid: encodeUtf8('key-2025'), algorithm: -7 }

beforeAll(async () => {
  service = await TestRegistry.create({ retiredKeys: [{ key: retired, retired: true }] })
  server = (await service.listen()).server
  ;({ entryId } = await service.registry.register(await service.statement(1)))
  await service.registry.register(await service.statement(2))
})
afterAll(() => service.close())

function get(path: string): Test {
  return binary(supertest(server).get(path))
}

describe('keys', () => {
  it('are a COSE_KeySet with the active key first', async () => {
    const response = await get('/.well-known/scitt-keys').set('Accept', 'application/cbor')
    expect(response.headers['content-type']).toBe('application/cbor')
    const keys = parseCoseKeySet(bytesOf(response))
    expect(keys.map(({ kid }) => kid)).toEqual([service.serviceSigner.publicKey.kid, retired.kid])
  })

  it.each([
    ['base64url', () => encodeBase64url(service.serviceSigner.publicKey.kid!)],
    ['base64url of a retired key', () => encodeBase64url(retired.kid)],
    ['raw', () => 'key-2025'],
    ['escaped raw', () => 'key%2D2025'],
  ])('are found by %s kid, as one COSE_Key', async (_name, kid) => {
    const response = await get(`/.well-known/scitt-keys/${kid()}`)
    expect(response.status).toBe(200)
    expect(response.headers['content-type']).toBe('application/cbor')
    expect(parseCoseKey(bytesOf(response)).kind).toBe('ec')
  })

  it.each(['unknown', 'key-2025=', 'key-2025%2Fx', '..%2f', 'a'.repeat(2000)])(
    'are not found by %s',
    async (kid) => {
      expect(problemOf(await get(`/.well-known/scitt-keys/${kid}`))).toMatchObject({
        status: 404,
        title: 'No such key',
        detail: 'No key could be found for this kid value',
      })
    },
  )
})

describe('immutable resources', () => {
  it.each([
    ['a Receipt against a head', () => `/entries/${entryId}/receipts/3`],
    ['a head', () => '/heads/3'],
    ['a consistency Receipt', () => '/consistency/2/4'],
  ])('%s may be cached for ever', async (_name, path) => {
    const first = await get(path())
    expect(first.status).toBe(200)
    expect(first.headers['cache-control']).toBe('public, max-age=31536000, immutable')
    await service.registry.register(await service.statement(Math.floor(performance.now() * 1000)))
    const second = await get(path())
    expect(bytesOf(second)).toEqual(bytesOf(first))
    for (const tags of [`"x", W/${first.headers['etag']}`, '*']) {
      const known = await get(path()).set('If-None-Match', tags)
      expect(known.status).toBe(304)
      expect(bytesOf(known)).toHaveLength(0)
    }
  })

  it.each(['/heads/99999', '/consistency/2/99999', '/heads/00'])(
    'are not cached while they are not there: %s',
    async (path) => {
      const response = await get(path)
      expect(response.status).toBeGreaterThanOrEqual(400)
      expect(response.headers['cache-control']).toBe('no-store')
      expect(response.headers['etag']).toBeUndefined()
    },
  )

  it('mutable ones are not stored', async () => {
    for (const path of ['/heads/current', `/entries/${entryId}`, '/health', '/']) {
      expect((await get(path)).headers['cache-control']).toBe('no-store')
    }
  })

  it('consistency Receipts verify from one served head to the next', async () => {
    const head = parseSignedTreeHead(bytesOf(await get('/heads/2')))
    const receipt = parseReceipt(bytesOf(await get('/consistency/2/4')))
    const { treeSize } = await verifyConsistencyReceipt({
      receipt,
      rootHash1: head.treeHead.rootHash,
      treeSize1: 2,
      key: service.serviceSigner.publicKey,
      requireTreeSizeClaim: true,
      verifier: nodeSignatureVerifier,
    })
    expect(treeSize).toBe(4)
  })
})

describe('every path and method', () => {
  it.each([
    ['GET', '/nowhere', 404],
    ['POST', '/nowhere', 404],
    ['OPTIONS', '/nowhere', 404],
    ['GET', '//', 404],
    ['GET', '/entries/', 404],
    ['GET', '/Entries', 404],
    ['GET', '/%', 404],
    ['GET', '/entries', 405],
    ['PUT', '/entries', 405],
    ['DELETE', `/entries/${'0'.repeat(64)}`, 405],
    ['POST', '/.well-known/scitt-keys', 405],
  ])('%s %s is answered %i, as a concise problem', async (method, path, status) => {
    const agent = supertest(server) as unknown as Record<string, (path: string) => Test>
    const response = await binary(agent[method.toLowerCase()]!(path))
    expect(problemOf(response).status).toBe(status)
    expect(response.headers['x-content-type-options']).toBe('nosniff')
    if (status === 405) expect(response.headers['allow']).toMatch(/OPTIONS/)
  })

  it('names the allowed methods', async () => {
    expect((await get('/entries')).headers['allow']).toBe('POST, OPTIONS')
    const response = await supertest(server).delete('/heads/current')
    expect(response.status).toBe(405)
    expect(response.headers['allow']).toBe('GET, HEAD, OPTIONS')
    expect(response.headers['content-type']).toBe('application/problem+json')
  })

  it('answers HEAD like GET, without a body', async () => {
    const full = await get(`/entries/${entryId}`)
    const response = await supertest(server).head(`/entries/${entryId}`)
    expect(response.status).toBe(200)
    expect(response.headers['content-type']).toBe('application/cose')
    expect(response.headers['content-length']).toBe(full.headers['content-length'])
    expect((await supertest(server).head('/entries/x')).status).toBe(400)
  })

  it('answers preflights', async () => {
    const response = await supertest(server)
      .options('/entries')
      .set('Origin', 'https://page.example')
      .set('Access-Control-Request-Method', 'POST')
    expect(response.status).toBe(204)
    expect(response.headers['access-control-allow-origin']).toBe('*')
    expect(response.headers['access-control-allow-methods']).toBe('POST, OPTIONS')
    expect(response.headers['access-control-allow-headers']).toContain('Content-Type')
  })

  it('lets pages read what they need', async () => {
    for (const response of [await get(`/entries/${entryId}`), await get('/entries/x')]) {
      expect(response.headers['access-control-allow-origin']).toBe('*')
      expect(response.headers['access-control-expose-headers']).toMatch(/Location, Retry-After/)
      expect(response.headers['x-powered-by']).toBeUndefined()
    }
  })

  it('says nothing about its inside when it fails, and reports it', async () => {
    const inclusionProof = service.log.inclusionProof.bind(service.log)
    service.log.inclusionProof = () => Promise.reject(new InvariantError('secret inside'))
    const response = await get(`/entries/${entryId}`)
    service.log.inclusionProof = inclusionProof
    const problem = problemOf(response)
    expect(problem).toMatchObject({ status: 500, code: 'ERR_INVARIANT' })
    expect(JSON.stringify(problem)).not.toContain('secret')
    expect(service.failures).toHaveLength(1)
  })
})

describe('Express without our prototypes, as from Node 24 on', () => {
  it('answers the same', async () => {
    const plain = await TestRegistry.create({ http: { plainExpressFrom: 0 } })
    const other = (await plain.listen()).server
    const type = 'application/cose'
    const post = supertest(other).post('/entries').set('Content-Type', type)
    const registered = await binary(post.send(Buffer.from(await plain.statement(1))))
    expect(registered.status).toBe(201)
    expect((await supertest(other).get(registered.headers['location']!)).status).toBe(200)
    expect(problemOf(await binary(supertest(other).put('/entries'))).status).toBe(405)
    expect(problemOf(await binary(supertest(other).get('/x'))).status).toBe(404)
    await plain.close()
  })
})

describe('the service', () => {
  it('is healthy', async () => {
    const response = await get('/health')
    expect(response.headers['content-type']).toBe('application/json')
    expect(JSON.parse(decodeUtf8(bytesOf(response)))).toMatchObject({ status: 'ok' })
  })

  it('is not healthy when its log has stopped', async () => {
    service.fatal.push(new Error('disk'))
    const response = await get('/health')
    service.fatal.pop()
    expect(response.status).toBe(503)
    expect(JSON.parse(decodeUtf8(bytesOf(response)))).toMatchObject({ status: 'failing' })
  })

  it('names its resources as JSON, not HTML', async () => {
    const response = await get('/').set('Accept', 'text/html')
    expect(response.headers['content-type']).toBe('application/json')
    expect(JSON.parse(decodeUtf8(bytesOf(response)))).toMatchObject({
      links: { register: '/entries' },
    })
  })

  it('serves its description', async () => {
    const response = await get('/openapi.yaml')
    expect(decodeUtf8(bytesOf(response))).toMatch(/^# The HTTP interface/)
  })
})
