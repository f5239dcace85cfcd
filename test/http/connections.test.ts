/** Connections that idle, take nothing, or are new when the server ends: none holds up what it should not. */
import { once } from 'node:events'
import type { Server } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { drainServer } from '../../src/http/drain.ts'
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

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`

/** A client that has begun to read a large answer, and reads on when it is told. */
async function readSlowly(server: Server): Promise<{ socket: Socket; length: () => number }> {
  const socket = await join(server, get('/openapi.yaml'))
  let length = 0
  socket.on('data', (chunk) => (length += chunk.length))
  await once(socket, 'data')
  socket.pause()
  return { socket, length: () => length }
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

  it('waits for no connection that was never used', async () => {
    const server = await create()
    await join(server)
    await drainServer(server, 600_000)
    expect(server.listening).toBe(false)
  })

  it('is gone after the grace, whoever still shakes hands', async () => {
    const hour = 3_600_000
    const validity = { notBefore: new Date(Date.now() - hour), notAfter: new Date(Date.now() + hour) } // prettier-ignore
    const { der, privateKey } = issueCertificate({ ca: makeCa({ name: 'root', ...validity }), ...validity }) // prettier-ignore
    const key = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
    const cert = encodePem('CERTIFICATE', der)
    const server = await create({ http: { tls: { cert, key, ca: undefined } } })
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

  it('is not one that waits for it', async () => {
    const server = await create({ limits: { answerStallMs: 50 } })
    const service = opened[0]!
    const health = service.registry.checkHealth.bind(service.registry)
    service.registry.checkHealth = async () => {
      await wait(300)
      return health()
    }
    const socket = await join(server, get('/health'))
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).toMatch(/^HTTP\/1.1 200 /)
  })
})

it('an idle connection is closed after its time', async () => {
  const server = await create({ limits: { keepAliveTimeoutMs: 100 } })
  const socket = await join(server, get('/health'))
  await once(socket, 'data')
  await once(socket, 'close')
  expect(await countOf(server)).toBe(0)
})

it('idle connections give way to new ones', async () => {
  const server = await create({ limits: { connectionsMax: 2 } })
  for (let nth = 0; nth < 2; nth++) await once(await join(server, get('/health')), 'data')
  const refused = await join(server, get('/health'))
  await once(refused, 'close')
  await expect.poll(() => countOf(server)).toBe(0)
  const socket = await join(server, get('/health'))
  const [answer] = (await once(socket, 'data')) as [Buffer]
  expect(answer.toString()).toMatch(/^HTTP\/1.1 200 /)
})
