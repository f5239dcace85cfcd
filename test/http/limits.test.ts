import { once } from 'node:events'
import type { Server } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import supertest from 'supertest'
import type { Test } from 'supertest'
import { afterEach, describe, expect, it } from 'vitest'
import { drainServer } from '../../src/http/drain.ts'
import { HTTP_LIMITS } from '../../src/http/limits.ts'
import { networkOf } from '../../src/http/client-address.ts'
import { RateLimiter } from '../../src/http/rate-limit.ts'
import { createGate, TestRegistry } from '../support/test-registry.ts'
import type { TestRegistryOptions } from '../support/test-registry.ts'
import { binary, problemOf, readConciseProblem } from './problem-body.ts'
import type { ReadProblem } from './problem-body.ts'

const open: TestRegistry[] = []
async function create(
  options: TestRegistryOptions = {},
): Promise<{ service: TestRegistry; server: Server }> {
  const service = await TestRegistry.create(options)
  open.push(service)
  return { service, server: (await service.listen()).server }
}
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

function post(server: Server, body: Uint8Array): Test {
  const test = supertest(server).post('/entries').set('Content-Type', 'application/cose')
  return binary(test.send(Buffer.from(body)))
}

/** Sends raw bytes and reads until the server closes. */
async function exchange(
  server: Server,
  parts: readonly (string | Uint8Array)[],
): Promise<{ head: string; body: Uint8Array }> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  for (const part of parts) socket.write(part)
  await once(socket, 'close')
  const all = Buffer.concat(chunks)
  const end = all.indexOf('\r\n\r\n')
  return {
    head: all.subarray(0, end).toString('latin1'),
    body: new Uint8Array(all.subarray(end + 4)),
  }
}

function rawProblem({ head, body }: { head: string; body: Uint8Array }): ReadProblem {
  return readConciseProblem(/^content-type: (.*)$/im.exec(head)?.[1]?.trim(), body)
}

const limited = { totalPerSecond: 1000, perClientPerSecond: 3, loopbackIsExempt: false }

describe('rate limits', () => {
  it('answer 429 with Retry-After, and clients apart', async () => {
    const { service, server } = await create({
      limits: { registrationRate: limited, trustProxy: true },
      http: { monotonicMs: () => 0 },
    })
    const statement = await service.statement(1)
    const from = (client: string): Test => post(server, statement).set('X-Forwarded-For', client)
    for (let i = 0; i < 3; i++) expect((await from('192.0.2.1')).status).toBe(201)
    const response = await from('192.0.2.1')
    expect(problemOf(response)).toMatchObject({
      status: 429,
      title: 'Too Many Requests',
      detail: 'Only 3 requests per second are allowed.',
      code: 'ERR_RATE_LIMITED',
    })
    expect(response.headers['retry-after']).toBe('1')
    expect((await from('192.0.2.2')).status).toBe(201)
    // The address that the proxy saw is the last one; what the client claims does not help it.
    expect((await from('192.0.2.99, 192.0.2.1')).status).toBe(429)
  })

  it('do not count clients on this machine unless told to', async () => {
    const exempt = { ...limited, perClientPerSecond: 1, loopbackIsExempt: true }
    const { service, server } = await create({
      limits: { registrationRate: exempt },
      http: { monotonicMs: () => 0 },
    })
    for (let i = 0; i < 5; i++) {
      // Without --trust-proxy the header is not looked at.
      const response = await post(server, await service.statement(i)).set(
        'X-Forwarded-For',
        '192.0.2.1',
      )
      expect(response.status).toBe(201)
    }
  })

  it('limit reads apart from registrations, and health never', async () => {
    const none = { ...limited, perClientPerSecond: 1 }
    const { service, server } = await create({
      limits: { readRate: none },
      http: { monotonicMs: () => 0 },
    })
    const get = (path: string): Test => binary(supertest(server).get(path))
    expect((await get('/heads/current')).status).toBe(200)
    const refused = await get('/heads/current')
    expect(refused.status).toBe(429)
    expect(refused.headers['content-type']).toBe('application/problem+json')
    expect(problemOf(await get('/nowhere'))).toMatchObject({ status: 429 })
    expect((await get('/health')).status).toBe(200)
    expect((await post(server, await service.statement(1))).status).toBe(201)
  })

  it('do not charge a client for our own failures', async () => {
    const { service, server } = await create({
      limits: { registrationRate: { ...limited, perClientPerSecond: 1 } },
      http: { monotonicMs: () => 0 },
    })
    const statement = await service.statement(1)
    const append = service.log.append.bind(service.log)
    service.log.append = () => Promise.reject(new Error('broken'))
    expect((await post(server, statement)).status).toBe(500)
    service.log.append = append
    expect((await post(server, statement)).status).toBe(201)
    expect((await post(server, statement)).status).toBe(429)
  })
})

describe('RateLimiter', () => {
  it('fills buckets with time, up to one second’s worth', () => {
    let now = 0
    const limiter = new RateLimiter({ ...limited, perClientPerSecond: 2 }, () => now)
    limiter.take('a')
    limiter.take('a')
    expect(() => limiter.take('a')).toThrow('Only 2 requests per second')
    now = 500
    limiter.take('a')
    expect(() => limiter.take('a')).toThrow()
    now = 100_000
    limiter.take('a')
    limiter.take('a')
    expect(() => limiter.take('a')).toThrow()
  })

  it('lets one request through now and then at less than one a second', () => {
    let now = 0
    const limiter = new RateLimiter({ ...limited, perClientPerSecond: 0.5 }, () => now)
    limiter.take('a')
    now = 1000
    expect(() => limiter.take('a')).toThrow('Only 0.5 requests per second')
    now = 2000
    limiter.take('a')
  })

  it('limits all clients together, without charging the one it refuses', () => {
    const limiter = new RateLimiter({ ...limited, totalPerSecond: 2 }, () => 0)
    limiter.take('a')
    limiter.take(undefined)
    expect(() => limiter.take('b')).toThrow('Only 2 requests')
    limiter.refund('a')
    limiter.take('b')
  })

  it('holds the total for any number of clients', () => {
    const limiter = new RateLimiter({ ...limited, totalPerSecond: 20_000 }, () => 0)
    for (let i = 0; i < 20_000; i++) limiter.take(`client ${i}`)
    expect(() => limiter.take('another')).toThrow('Only 20000 requests')
  })

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ])('takes %s as %s', (address, client) => {
    expect(networkOf(address)).toBe(client)
  })
})

describe('queues', () => {
  it('answer 503 with Retry-After before a body is read', async () => {
    const { service, server } = await create({ limits: { registrationsInFlightMax: 2 } })
    service.hold.committing = createGate()
    const waiting = [1, 2].map(async (n) => post(server, await service.statement(n)))
    while ((await post(server, await service.statement(3))).status !== 503) continue
    const refused = await post(server, await service.statement(3))
    expect(problemOf(refused)).toMatchObject({
      status: 503,
      title: 'Service Unavailable',
      code: 'ERR_QUEUE_FULL',
    })
    expect(refused.headers['retry-after']).toBe('1')
    service.hold.committing.open()
    for (const response of await Promise.all(waiting)) expect(response.status).toBe(201)
    expect((await post(server, await service.statement(3))).status).toBe(201)
  })

  it('answer 503 when the log’s own queue is full', async () => {
    const { service, server } = await create({ logLimits: { queueEntriesMax: 1 } })
    service.hold.committing = createGate()
    const posted = []
    for (let n = 0; n < 4; n++) posted.push(post(server, await service.statement(n)).then((r) => r))
    const first = await Promise.any(posted)
    expect(problemOf(first)).toMatchObject({ status: 503, code: 'ERR_QUEUE_FULL' })
    service.hold.committing.open()
    const statuses = (await Promise.all(posted)).map(({ status }) => status)
    expect(new Set(statuses)).toEqual(new Set([201, 503]))
  })
})

describe('bodies', () => {
  it('over the limit are refused by their declared length, unread', async () => {
    const { server } = await create()
    const response = await post(server, new Uint8Array(HTTP_LIMITS.bodyBytesMax + 1))
    expect(problemOf(response)).toMatchObject({
      status: 413,
      title: 'Content Too Large',
      code: 'ERR_BODY_TOO_LARGE',
    })
  })

  it('of unknown length are refused as soon as they are over the limit', async () => {
    const { server } = await create({ limits: { bodyBytesMax: 1000 } })
    const chunk = `3e8\r\n${'x'.repeat(1000)}\r\n`
    const head =
      'POST /entries HTTP/1.1\r\nHost: x\r\nContent-Type: application/cose\r\n' +
      'Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n'
    const answer = await exchange(server, [head, chunk, chunk, '0\r\n\r\n'])
    expect(answer.head).toMatch(/^HTTP\/1.1 413 /)
    expect(rawProblem(answer)).toMatchObject({ code: 'ERR_BODY_TOO_LARGE' })
  })

  it('that are expected to be refused are not asked for', async () => {
    const { server } = await create()
    const head =
      'POST /entries HTTP/1.1\r\nHost: x\r\nContent-Type: application/cose\r\n' +
      'Content-Length: 999999999\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n'
    const answer = await exchange(server, [head])
    expect(answer.head).toMatch(/^HTTP\/1.1 413 /)
  })

  it('are asked for when 100-continue is expected', async () => {
    const { service, server } = await create()
    const statement = await service.statement(1)
    const head =
      'POST /entries HTTP/1.1\r\nHost: x\r\nContent-Type: application/cose\r\n' +
      `Content-Length: ${statement.length}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`
    const answer = await exchange(server, [head, statement])
    expect(answer.head).toMatch(/^HTTP\/1.1 100 /)
    expect(Buffer.from(answer.body).toString('latin1')).toMatch(/^HTTP\/1.1 201 /)
  })

  it('that do not arrive in time are answered 408', async () => {
    const { server } = await create({ limits: { requestTimeoutMs: 200, headersTimeoutMs: 100 } })
    const head =
      'POST /entries HTTP/1.1\r\nHost: x\r\nContent-Type: application/cose\r\n' +
      'Content-Length: 100\r\n\r\n'
    const answer = await exchange(server, [head, 'half'])
    expect(answer.head).toMatch(/^HTTP\/1.1 408 /)
    expect(rawProblem(answer)).toMatchObject({ code: 'ERR_REQUEST_TIMEOUT' })
  })

  it('that are cut off free their place', async () => {
    const { service, server } = await create({ limits: { registrationsInFlightMax: 1 } })
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    socket.write(
      'POST /entries HTTP/1.1\r\nHost: x\r\nContent-Type: application/cose\r\n' +
        'Content-Length: 100\r\n\r\nhalf',
    )
    const statement = await service.statement(1)
    while ((await post(server, statement)).status !== 503) continue
    socket.destroy()
    let status = 503
    while (status === 503) status = (await post(server, statement)).status
    expect(status).toBe(201)
  })
})

describe('what is not HTTP', () => {
  it.each([
    ['garbage', 'garbage\r\n\r\n', 400, 'ERR_REQUEST'],
    ['an unknown method', 'FROB / HTTP/1.1\r\nHost: x\r\n\r\n', 400, 'ERR_REQUEST'],
    ['large headers', `GET / HTTP/1.1\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`, 431, 'ERR_HEADERS_TOO_LARGE'], // prettier-ignore
    ['no host', 'GET /health HTTP/1.1\r\n\r\n', 400, 'ERR_REQUEST'],
    ['a tunnel', 'CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\n\r\n', 400, 'ERR_REQUEST'],
    ['an expectation', 'GET / HTTP/1.1\r\nHost: x\r\nExpect: 200-ok\r\nConnection: close\r\n\r\n', 417, 'ERR_EXPECTATION'], // prettier-ignore
  ])('is answered with a concise problem: %s', async (_name, request, status, code) => {
    const { server } = await create()
    const answer = await exchange(server, [request])
    expect(answer.head).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(rawProblem(answer)).toMatchObject({ code })
  })

  it('HTTP/1.0 names no host', async () => {
    const { server } = await create()
    const answer = await exchange(server, ['GET /health HTTP/1.0\r\n\r\n'])
    expect(answer.head).toMatch(/^HTTP\/1.1 200 /)
  })

  it('headers that do not arrive in time are answered 408', async () => {
    const { server } = await create({ limits: { requestTimeoutMs: 200, headersTimeoutMs: 100 } })
    const answer = await exchange(server, ['GET / HTTP/1.1\r\nHost'])
    expect(answer.head).toMatch(/^HTTP\/1.1 408 /)
    expect(rawProblem(answer)).toMatchObject({ code: 'ERR_REQUEST_TIMEOUT' })
  })
})

/** Resolves when a registration reaches the log. */
function isInFlight({ log }: TestRegistry): Promise<void> {
  return new Promise((resolve) => {
    const append = log.append.bind(log)
    log.append = (candidate) => {
      resolve()
      return append(candidate)
    }
  })
}

describe('a connection that is idle', () => {
  it('is kept for longer than proxies keep theirs, and says so', async () => {
    const { server } = await create()
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    socket.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n')
    const [answer] = (await once(socket, 'data')) as [Buffer]
    socket.destroy()
    // 60 s in nginx and at the load balancers of the large clouds.
    expect(Number(/Keep-Alive: timeout=(\d+)/.exec(answer.toString())?.[1])).toBeGreaterThan(60)
  })
})

describe('draining', () => {
  it('answers what is in flight, then closes', async () => {
    const { service, server } = await create()
    service.hold.committing = createGate()
    const statement = await service.statement(1)
    const waiting = post(server, statement).then((response) => response)
    await isInFlight(service)
    const drained = drainServer(server, 10_000)
    await expect(post(server, statement).timeout(1000)).rejects.toThrow()
    service.hold.committing.open()
    expect((await waiting).status).toBe(201)
    await drained
    expect(server.listening).toBe(false)
  })

  it('cuts what takes longer than the grace', async () => {
    const { service, server } = await create()
    service.hold.committing = createGate()
    const waiting = post(server, await service.statement(1)).then(
      () => 'answered',
      () => 'cut',
    )
    await isInFlight(service)
    await drainServer(server, 50)
    expect(await waiting).toBe('cut')
  })
})
