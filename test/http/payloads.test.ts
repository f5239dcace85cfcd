/** `/payloads/{algorithm}:{hex}`: what is taken, from whom, and what becomes of what is not. */
import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import { request } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import supertest from 'supertest'
import type { Test } from 'supertest'
import { afterEach, describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { UnavailableError, VerificationError } from '../../src/errors.ts'
import type { SubmitterAuthenticator } from '../../src/registry/ports.ts'
import { MemoryPayloadStore } from '../../src/store/memory/memory-payload-store.ts'
import { LOG_ISSUER, TestRegistry } from '../support/test-registry.ts'
import type { TestRegistryOptions } from '../support/test-registry.ts'
import { binary, bytesOf } from './problem-body.ts'

const services: TestRegistry[] = []
afterEach(async () => {
  for (const one of services.splice(0)) await one.close()
})

/** Knows one token. */
const submitters: SubmitterAuthenticator = {
  authenticate: async (authorization) => {
    if (authorization === undefined) return undefined
    if (authorization !== 'Bearer good') throw new VerificationError('ERR_TOKEN_INVALID', 'unknown')
    return { claims: { kind: 'api-token', issuer: LOG_ISSUER, claims: { token_id: 'a' } } }
  },
}

async function create(
  options: TestRegistryOptions = {},
): Promise<{ service: TestRegistry; server: Server; port: number }> {
  const service = await TestRegistry.create({ submitters, ...options })
  services.push(service)
  const { server } = await service.listen()
  return { service, server, port: (server.address() as AddressInfo).port }
}

const nameOf = (bytes: Uint8Array, algorithm = 'sha256'): string =>
  `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`
const put = (server: Server, name: string, bytes: Uint8Array, token = 'good'): Test => {
  const test = supertest(server).put(`/payloads/${name}`)
  if (token !== '') test.set('Authorization', `Bearer ${token}`)
  return test.set('Content-Type', 'application/octet-stream').send(Buffer.from(bytes))
}
const get = (server: Server, name: string): Test =>
  binary(supertest(server).get(`/payloads/${name}`))
const bytes = encodeUtf8('an SBOM of some size')

describe('PUT /payloads', () => {
  it.each(['sha256', 'sha384', 'sha512'])(
    'stores what %s says, once, and serves it',
    async (algorithm) => {
      const { service, server } = await create()
      const name = nameOf(bytes, algorithm)
      expect((await get(server, name)).status).toBe(404)
      const stored = await put(server, name, bytes)
      expect(stored.status).toBe(201)
      expect(stored.headers).toMatchObject({ location: `/payloads/${name}`, 'content-length': '0' })
      expect((await put(server, name, bytes)).status).toBe(204)
      // Entries may name it by its SHA-256, too.
      expect(service.storedPayloads).toEqual([...new Set([name, nameOf(bytes)])])

      const served = await get(server, name)
      expect(served.status).toBe(200)
      expect(bytesOf(served)).toEqual(bytes)
      expect(served.headers).toMatchObject({
        'content-type': 'application/octet-stream',
        'x-content-type-options': 'nosniff',
        'cache-control': 'public, max-age=31536000, immutable',
      })
      const { etag } = served.headers as { etag: string }
      const again = await get(server, name).set('If-None-Match', etag)
      expect(again.status).toBe(304)
      const head = await supertest(server).head(`/payloads/${name}`)
      expect([head.status, head.headers['content-length']]).toEqual([200, String(bytes.length)])
      expect((await supertest(server).head(`/payloads/${nameOf(encodeUtf8('x'))}`)).status).toBe(
        404,
      )
    },
  )

  it('tells the index of a name that is new, though the content is not', async () => {
    const { service, server } = await create()
    const [name, other] = [nameOf(bytes), nameOf(bytes, 'sha384')]
    expect((await put(server, name, bytes)).status).toBe(201)
    expect((await put(server, other, bytes)).status).toBe(204)
    expect((await put(server, other, bytes)).status).toBe(204)
    expect(service.storedPayloads).toEqual([name, other])
  })

  it('takes nothing that has another digest', async () => {
    const { service, server } = await create()
    const name = nameOf(encodeUtf8('something else'))
    const refused = await put(server, name, bytes)
    expect(refused.status).toBe(400)
    expect(refused.headers['content-type']).toBe('application/problem+json')
    expect(refused.body).toMatchObject({ code: 'ERR_PAYLOAD_MISMATCH' })
    expect((await get(server, name)).status).toBe(404)
    expect((await get(server, nameOf(bytes))).status).toBe(404)
    expect(service.storedPayloads).toEqual([])
  })

  it.each([
    ['sha256:', 'empty'],
    [`sha256:${'A'.repeat(64)}`, 'upper case'],
    [`sha384:${'a'.repeat(64)}`, 'too short'],
    [`sha256:${'a'.repeat(128)}`, 'too long'],
    [`md5:${'a'.repeat(32)}`, 'another algorithm'],
    ['..%2f..%2fetc', 'a path'],
  ])('knows no name like %s', async (name) => {
    const { server } = await create()
    const refused = await put(server, name, bytes)
    expect([refused.status, (refused.body as { code: string }).code]).toEqual([400, 'ERR_LOCATOR'])
    expect((await get(server, name)).status).toBe(400)
  })

  it('refuses what is too large: unread where it is declared, at the limit where it is not', async () => {
    const { service, server, port } = await create({ limits: { payloadBytesMax: 1000 } })
    const fits = new Uint8Array(1000).fill(1)
    expect((await put(server, nameOf(fits), fits)).status).toBe(201)
    const large = new Uint8Array(1001).fill(2)
    const declared = await put(server, nameOf(large), large)
    expect(declared.status).toBe(413)
    expect(declared.body).toMatchObject({ code: 'ERR_BODY_TOO_LARGE' })
    const status = await new Promise<number>((resolve, reject) => {
      const headers = { Authorization: 'Bearer good', 'Transfer-Encoding': 'chunked' }
      const path = `/payloads/${nameOf(large)}`
      const sent = request({ port, path, method: 'PUT', headers }, (res) => {
        res.resume()
        resolve(res.statusCode ?? 0)
      })
      sent.on('error', reject)
      for (let at = 0; at < large.length; at += 100) sent.write(large.subarray(at, at + 100))
      sent.end()
    })
    expect(status).toBe(413)
    expect((await get(server, nameOf(large))).status).toBe(404)
    expect(service.storedPayloads).toEqual([nameOf(fits)])
  })

  it('never asks for a body that it would refuse', async () => {
    const { port } = await create({ limits: { payloadBytesMax: 1000 } })
    const ask = (headers: Record<string, string>): Promise<string> =>
      new Promise((resolve, reject) => {
        const sent = request({
          ...{ port, method: 'PUT', path: `/payloads/${nameOf(bytes)}` },
          headers: { Expect: '100-continue', 'Content-Length': '20', ...headers },
        })
        sent.on('continue', () => {
          resolve('continue')
          sent.destroy()
        })
        sent.on('response', (res) => {
          resolve(String(res.statusCode))
          sent.destroy()
        })
        sent.on('error', reject)
        sent.flushHeaders()
      })
    expect(await ask({ Authorization: 'Bearer good' })).toBe('continue')
    expect(await ask({})).toBe('401')
    expect(await ask({ Authorization: 'Bearer good', 'Content-Length': '1001' })).toBe('413')
  })

  it('keeps nothing of an upload that is cut off, and goes on', async () => {
    const { service, server, port } = await create()
    const socket = connect(port, '127.0.0.1')
    socket.write(
      `PUT /payloads/${nameOf(bytes)} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\n` +
        `Content-Length: ${bytes.length}\r\n\r\n`,
    )
    socket.write(bytes.subarray(0, 5))
    await wait(50)
    socket.destroy()
    await wait(50)
    expect((await get(server, nameOf(bytes))).status).toBe(404)
    expect(service.storedPayloads).toEqual([])
    expect(service.failures).toEqual([])
    expect((await put(server, nameOf(bytes), bytes)).status).toBe(201)
  })

  it.each([
    ['before its body is whole', 5],
    ['behind its whole body', bytes.length],
  ])('keeps no slot of a client that goes away %s and before it is let in', async (_when, sent) => {
    let open = (): void => undefined
    const gate = new Promise<void>((resolve) => (open = resolve))
    const slow: SubmitterAuthenticator = {
      authenticate: async (...asked) => {
        await gate
        return submitters.authenticate(...asked)
      },
    }
    // One upload takes them all.
    const limits = { registrationsInFlightMax: 4 }
    const { service, server, port } = await create({ submitters: slow, limits })
    const socket = connect(port, '127.0.0.1')
    socket.write(
      `PUT /payloads/${nameOf(bytes)} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\n` +
        `Content-Length: ${bytes.length}\r\n\r\n`,
    )
    socket.write(bytes.subarray(0, sent))
    await wait(50)
    socket.destroy()
    await wait(50)
    open()
    // What has arrived whole is taken: whoever ended its side may still wait for the answer.
    const isWhole = sent === bytes.length
    await expect.poll(() => service.storedPayloads).toEqual(isWhole ? [nameOf(bytes)] : [])
    expect((await put(server, nameOf(bytes), bytes)).status).toBe(isWhole ? 204 : 201)
  })

  it('two uploads of the same at once both succeed, and one is stored', async () => {
    const { service, server } = await create()
    const uploads = Array.from({ length: 8 }, () => put(server, nameOf(bytes), bytes))
    const statuses = (await Promise.all(uploads)).map(({ status }) => status).sort()
    expect(statuses).toEqual([201, 204, 204, 204, 204, 204, 204, 204])
    expect(service.storedPayloads).toEqual([nameOf(bytes)])
  })

  it('refuses encodings and parts: a digest is of the bytes as they come', async () => {
    const { server } = await create()
    const encoded = put(server, nameOf(bytes), bytes).set('Content-Encoding', 'gzip')
    expect((await encoded).status).toBe(415)
    const part = put(server, nameOf(bytes), bytes).set('Content-Range', 'bytes 0-19/40')
    expect((await part).status).toBe(400)
  })

  it('counts as registrations do: rates, and slots by how large a body may be', async () => {
    const registrationRate = { totalPerSecond: 2, perClientPerSecond: 2, loopbackIsExempt: false }
    const limited = await create({ limits: { registrationRate }, http: { monotonicMs: () => 0 } })
    for (const status of [201, 204, 429]) {
      expect((await put(limited.server, nameOf(bytes), bytes)).status).toBe(status)
    }
    // Four slots for a megabyte, where 256 KiB take one.
    const { service, server } = await create({ limits: { registrationsInFlightMax: 3 } })
    expect((await put(server, nameOf(bytes), bytes)).status).toBe(503)
    const registered = supertest(server).post('/entries').set('Content-Type', 'application/cose')
    expect((await registered.send(Buffer.from(await service.statement(1)))).status).toBe(201)
  })

  it('says that a busy store took nothing', async () => {
    const payloads = new MemoryPayloadStore()
    payloads.put = () => Promise.reject(new UnavailableError('ERR_STORE_BUSY', 'busy'))
    const { server } = await create({ payloads })
    const refused = await put(server, nameOf(bytes), bytes)
    expect(refused.status).toBe(503)
    expect(refused.headers['retry-after']).toBeDefined()
  })

  it('serves no bytes that have another digest, and tells its operator', async () => {
    const payloads = new MemoryPayloadStore()
    const { service, server } = await create({ payloads })
    payloads.find = async () => ({ kind: 'stored', bytes: encodeUtf8('rotten') })
    expect((await get(server, nameOf(bytes))).status).toBe(500)
    expect(service.failures).toHaveLength(1)
  })

  it('tells what was deleted for good from what was never there', async () => {
    const payloads = new MemoryPayloadStore()
    payloads.find = async () => ({ kind: 'pruned', entryId: new Uint8Array(32).fill(0xab) })
    const { server } = await create({ payloads })
    const gone = await supertest(server).get(`/payloads/${nameOf(bytes)}`)
    expect([gone.status, (gone.body as { code: string }).code]).toEqual([410, 'ERR_PAYLOAD_PRUNED'])
    expect((gone.body as { detail: string }).detail).toContain('ab'.repeat(32))
  })

  it('lets pages of other origins upload', async () => {
    const { server } = await create()
    const answer = await supertest(server).options(`/payloads/${nameOf(bytes)}`)
    expect(answer.headers).toMatchObject({ allow: 'GET, HEAD, PUT, OPTIONS' })
    const other = await supertest(server).delete(`/payloads/${nameOf(bytes)}`)
    expect([other.status, other.headers['allow']]).toEqual([405, 'GET, HEAD, PUT, OPTIONS'])
  })
})

describe('who may store', () => {
  it('nobody unknown, unless a registered entry names it', async () => {
    const { service, server } = await create()
    const anonymous = await put(server, nameOf(bytes), bytes, '')
    expect([anonymous.status, anonymous.headers['www-authenticate']]).toEqual([401, 'Bearer'])
    expect(anonymous.body).toMatchObject({ code: 'ERR_TOKEN_MISSING' })
    expect((await put(server, nameOf(bytes), bytes, 'bad')).status).toBe(401)

    // As soon as its entry is there, without waiting for an index.
    await service.registry.register(await service.statement(1, { payload: bytes, hash: 'SHA-512' }))
    expect((await put(server, nameOf(bytes), bytes, '')).status).toBe(401)
    expect((await put(server, nameOf(bytes, 'sha512'), bytes, '')).status).toBe(201)
    const other = encodeUtf8('not what it names')
    expect((await put(server, nameOf(other), other, '')).status).toBe(401)
  })

  it('asks the index about entries that were there before', async () => {
    const asked: string[] = []
    const index = {
      findEnvelopes: async (name: string) => {
        asked.push(name)
        return name === nameOf(bytes) ? [7] : []
      },
    } as unknown as NonNullable<TestRegistryOptions['index']>
    const { server } = await create({ index })
    expect((await put(server, nameOf(bytes), bytes, '')).status).toBe(201)
    const other = encodeUtf8('other')
    expect((await put(server, nameOf(other), other, '')).status).toBe(401)
    expect(asked).toEqual([nameOf(bytes), nameOf(other)])
  })

  it('a refused statement names nothing', async () => {
    const { service, server } = await create()
    const statement = await service.statement(1, {
      ...{ payload: bytes, hash: 'SHA-256', issuer: 'https://nobody.example' },
    })
    await expect(service.registry.register(statement)).rejects.toThrow()
    expect((await put(server, nameOf(bytes), bytes, '')).status).toBe(401)
  })
})
