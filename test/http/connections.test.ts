/** Connections that idle, take nothing, or are new when the server ends: none holds up what it should not. */
import { once } from 'node:events'
import type { Server } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import type { ConnectionOptions } from 'node:tls'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { drainServer } from '../../src/http/drain.ts'
import { SENDING_BYTES_MAX } from '../../src/http/send-body.ts'
import type { TlsMaterial } from '../../src/http/tls-material.ts'
import { encodePem } from '../../src/x509/pem.ts'
import { issueCertificate, makeCa } from '../support/test-pki.ts'
import { TestRegistry } from '../support/test-registry.ts'
import type { TestRegistryOptions } from '../support/test-registry.ts'

/** More than the buffers of two sockets hold. */
const BIG = new Uint8Array(32 * 1024 * 1024)

const opened: TestRegistry[] = []
const clients: Socket[] = []
async function create(options: TestRegistryOptions = {}): Promise<Server> {
  const service = await TestRegistry.create(options)
  opened.push(service)
  return (await service.listen()).server
}
afterEach(async () => {
  for (const socket of clients.splice(0)) socket.destroy()
  for (const one of opened.splice(0)) await one.close()
})

/** A client, once the server has its connection. */
async function join(server: Server, text = ''): Promise<Socket> {
  const taken = Promise.race([once(server, 'connection'), once(server, 'drop')])
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  clients.push(socket)
  socket.on('error', () => undefined)
  await taken
  socket.write(text)
  return socket
}

function tlsMaterial(): TlsMaterial {
  const hour = 3_600_000
  const validity = { notBefore: new Date(Date.now() - hour), notAfter: new Date(Date.now() + hour) }
  const ca = makeCa({ name: 'root', ...validity })
  const { der, privateKey } = issueCertificate({ ca, ...validity })
  const key = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
  return { cert: encodePem('CERTIFICATE', der), key, ca: undefined }
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`

async function shakeHands(options: ConnectionOptions): Promise<Socket> {
  const socket = connectSecurely(options)
  clients.push(socket)
  socket.on('error', () => undefined)
  await once(socket, 'secureConnect')
  return socket
}

/** A client that has begun to read a large answer, and reads on when it is told. */
async function readSlowly(server: Server): Promise<{ socket: Socket; length: () => number }> {
  const socket = await join(server, get('/openapi.yaml'))
  let length = 0
  socket.on('data', (chunk) => (length += chunk.length))
  await once(socket, 'data')
  socket.pause()
  return { socket, length: () => length }
}

/** Answers are still to come for a while after their requests. */
function delayHealth({ registry }: TestRegistry): void {
  const health = registry.checkHealth.bind(registry)
  registry.checkHealth = async () => {
    await wait(300)
    return health()
  }
}

const countOf = (server: Server): Promise<number> =>
  new Promise((resolve, reject) => {
    server.getConnections((error, count) => {
      if (error === null) resolve(count)
      else reject(error)
    })
  })

describe('a server that ends', () => {
  it('sends the rest of an answer that it has begun', async () => {
    const server = await create({ http: { openapi: BIG } })
    const { socket, length } = await readSlowly(server)
    const drained = drainServer(server, 30_000)
    socket.resume()
    await once(socket, 'close')
    await drained
    expect(length()).toBeGreaterThan(BIG.length)
  })

  it('answers what had arrived, however busy it is then', async () => {
    const server = await create()
    const idle = await join(server, get('/health'))
    await once(idle, 'data')
    const clients = [idle, await join(server)]
    const answers = clients.map((socket) => once(socket, 'data') as Promise<[Buffer]>)
    for (const socket of clients) socket.write(get('/health'))
    const drained = drainServer(server, 600_000)
    // Longer than until it looks for what is idle or was never used.
    for (const until = performance.now() + 150; performance.now() < until;);
    for (const [answer] of await Promise.all(answers)) {
      expect(answer.toString()).toMatch(/^HTTP\/1.1 200 /)
    }
    await drained
  })

  it('answers those who wait to be let in', async () => {
    const server = await create()
    const { port } = server.address() as AddressInfo
    const waiting = Array.from({ length: 20 }, () => connect(port, '127.0.0.1'))
    clients.push(...waiting)
    const answers = waiting.map((socket) => once(socket, 'data') as Promise<[Buffer]>)
    for (const socket of waiting) socket.write(get('/health'))
    // The kernel has taken the connections then, and the server has not.
    await new Promise((resolve) => process.nextTick(resolve))
    await drainServer(server, 600_000)
    for (const [answer] of await Promise.all(answers)) {
      expect(answer.toString()).toMatch(/^HTTP\/1.1 200 /)
    }
  })

  it('waits for no connection that was never used', async () => {
    const server = await create()
    await join(server)
    await drainServer(server, 600_000)
    expect(server.listening).toBe(false)
  })

  it('is gone after the grace, whoever still shakes hands', async () => {
    const server = await create({ http: { tls: tlsMaterial() } })
    // The head of a record, and no more.
    const socket = await join(server, '\u0016\u0003\u0001')
    const drained = drainServer(server, 100).then(() => 'drained')
    // A handshake may take ten seconds.
    expect(await Promise.race([drained, wait(6000, 'still there')])).toBe('drained')
    expect(socket.destroyed || (await once(socket, 'close'))).toBeTruthy()
  })
})

describe('a client that takes nothing of its answer', () => {
  it('is cut off', async () => {
    const server = await create({ http: { openapi: BIG }, limits: { answerStallMs: 200 } })
    await readSlowly(server)
    await expect.poll(() => countOf(server), { timeout: 10_000 }).toBe(0)
  })

  it('is not one that takes it slowly, and costs no copy of it, with TLS', async () => {
    const stallMs = 1000
    const limits = { answerStallMs: stallMs }
    const server = await create({ http: { openapi: BIG, tls: tlsMaterial() }, limits })
    const { port } = server.address() as AddressInfo
    const [[atServer], socket] = await Promise.all([
      once(server, 'secureConnection') as Promise<[Socket]>,
      shakeHands({ port, rejectUnauthorized: false }),
    ])
    socket.write(get('/openapi.yaml'))
    let length = 0
    let waiting = 0
    socket.on('data', (chunk) => {
      length += chunk.length
      waiting = Math.max(waiting, atServer.writableLength)
      // A megabyte in less than a tenth of the time: the whole takes it several times.
      socket.pause()
      setTimeout(() => socket.resume(), (chunk.length / 2 ** 20) * (stallMs / 10))
    })
    await expect.poll(() => length, { timeout: 30_000 }).toBeGreaterThan(BIG.length)
    expect(waiting).toBeLessThan(2 ** 20)
  })

  it('is not one that waits for it', async () => {
    const server = await create({ limits: { answerStallMs: 50 } })
    delayHealth(opened[0]!)
    const socket = await join(server, get('/health'))
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).toMatch(/^HTTP\/1.1 200 /)
  })
})

it('clients that take nothing give way when answers hold too much memory', async () => {
  const server = await create({ http: { openapi: BIG } })
  const first = await readSlowly(server)
  const second = await readSlowly(server)
  const readers = Math.floor(SENDING_BYTES_MAX / BIG.length)
  for (let more = 2; more < readers; more++) await readSlowly(server)
  expect(await countOf(server)).toBe(readers)
  // What takes something is not the one that has taken nothing for the longest.
  const enough = first.length() + 2 ** 23
  const pauseInTime = (): void => {
    if (first.length() > enough) first.socket.pause()
  }
  first.socket.on('data', pauseInTime)
  first.socket.resume()
  await once(first.socket, 'pause')
  await readSlowly(server)
  await expect.poll(() => countOf(server)).toBe(readers)
  first.socket.off('data', pauseInTime).resume()
  await expect.poll(first.length, { timeout: 30_000 }).toBeGreaterThan(BIG.length)
  second.socket.resume()
  await once(second.socket, 'close')
  expect(second.length()).toBeLessThan(BIG.length)
})

describe('a client that ends its side after its request', () => {
  for (const tls of [undefined, tlsMaterial()]) {
    it(`gets its answer${tls === undefined ? '' : ', with TLS'}`, async () => {
      const server = await create({ http: { tls } })
      delayHealth(opened[0]!)
      const { port } = server.address() as AddressInfo
      const isOpen = { rejectUnauthorized: false, allowHalfOpen: true }
      const socket = tls === undefined ? await join(server) : await shakeHands({ port, ...isOpen })
      let answer = ''
      socket.on('data', (chunk: Buffer) => (answer += chunk.toString()))
      socket.end(get('/health'))
      await once(socket, 'end')
      expect(answer).toMatch(/^HTTP\/1.1 200 /)
      socket.end()
      await expect.poll(() => countOf(server)).toBe(0)
    })
  }
})

it('an idle connection is closed after its time', async () => {
  const server = await create({ limits: { keepAliveTimeoutMs: 100 } })
  const socket = await join(server, get('/health'))
  await once(socket, 'data')
  await once(socket, 'close')
  expect(await countOf(server)).toBe(0)
})

it('idle connections give way to new ones, whoever still takes an answer', async () => {
  const server = await create({ http: { openapi: BIG }, limits: { connectionsMax: 3 } })
  const { socket: slow, length } = await readSlowly(server)
  for (let nth = 0; nth < 2; nth++) await once(await join(server, get('/health')), 'data')
  const refused = await join(server, get('/health'))
  await once(refused, 'close')
  await expect.poll(() => countOf(server)).toBe(1)
  const socket = await join(server, get('/health'))
  const [answer] = (await once(socket, 'data')) as [Buffer]
  expect(answer.toString()).toMatch(/^HTTP\/1.1 200 /)
  slow.resume()
  await expect.poll(length).toBeGreaterThan(BIG.length)
})
