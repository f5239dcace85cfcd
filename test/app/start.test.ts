import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { writeFileSync, renameSync, cpSync, rmSync } from 'node:fs'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { readConfig } from '../../src/app/config.ts'
import type { ServiceEvent, ServeFlags } from '../../src/app/config.ts'
import { checkLog } from '../../src/app/check-log.ts'
import { initLog } from '../../src/app/init-log.ts'
import { startRegistry } from '../../src/app/start.ts'
import type { RunningRegistry } from '../../src/app/start.ts'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { parseCoseKeySet } from '../../src/cose/public-key.ts'
import { parseSignedTreeHead } from '../../src/cose/signed-tree-head.ts'
import { parseReceipt } from '../../src/cose/receipt.ts'
import { verifyInclusionReceipt } from '../../src/cose/verify-receipt.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { nodeSignatureVerifier } from '../support/node-signature-verifier.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { testSigner } from '../support/test-signer.ts'

const directory = temporaryDirectory()
const signer = testSigner()
const events: ServiceEvent[] = []
let data: string
let directories = 0
const running: RunningRegistry[] = []

async function create(): Promise<string> {
  const path = join(directory, `data-${directories++}`)
  const anchors = [{ kind: 'cose-key' as const, key: signer.publicKey, issuers: ['*'] }]
  await initLog({ data: path, origin: 'log.example.org', anchors })
  return path
}

beforeAll(async () => {
  data = await create()
})
afterEach(async () => {
  for (const one of running.splice(0)) await one.close()
})

const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some((one) => one?.address === '::1')
if (!hasIpv6) console.warn('skipped: this machine has no IPv6 loopback')

async function start(path: string, flags: Partial<ServeFlags> = {}): Promise<RunningRegistry> {
  const report = (event: ServiceEvent): void => void events.push(event)
  const registry = await startRegistry(readConfig({ data: path, port: 0, ...flags }, { report }))
  running.push(registry)
  return registry
}

function statement(number: number): Promise<Uint8Array> {
  const payload = encodeUtf8(String(number))
  const names = { issuer: 'https://issuer.example', subject: 'demo' }
  return signStatement({ payload, ...names, contentType: 'text/plain', signer })
}

function post(url: string, body: Uint8Array): Promise<Response> {
  const headers = { 'Content-Type': 'application/cose' }
  return fetch(`${url}/entries`, { method: 'POST', headers, body: new Uint8Array(body) })
}

describe('startRegistry', () => {
  it('registers, and its published key verifies the Receipt', async () => {
    const { url } = await start(data)
    const body = await statement(1)
    const response = await post(url, body)
    expect(response.status).toBe(201)
    const receipt = parseReceipt(new Uint8Array(await response.arrayBuffer()))
    expect(receipt.claims).toMatchObject({
      issuer: 'https://log.example.org',
      subject: 'log.example.org',
    })
    const keySet = await fetch(`${url}/.well-known/scitt-keys`)
    const [key] = parseCoseKeySet(new Uint8Array(await keySet.arrayBuffer()))
    expect(key!.kid).toEqual(receipt.keyId)
    expect(key!.algorithm).toBe(-7)
    await verifyInclusionReceipt({
      receipt,
      entry: parseSignedStatement(body).entry,
      key: key!,
      leafRule: 'entry',
      requireTreeSizeClaim: true,
      verifier: nodeSignatureVerifier,
    })
    expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ status: 'ok' })
  })

  it('keeps entries, keys and heads over a restart', async () => {
    const first = await start(data)
    const response = await post(first.url, await statement(2))
    const location = response.headers.get('location')!
    const read = async (url: string): Promise<Uint8Array> =>
      new Uint8Array(await (await fetch(url)).arrayBuffer())
    const head = await read(`${first.url}/heads/current`)
    const { treeSize } = parseSignedTreeHead(head).treeHead
    const keys = await read(`${first.url}/.well-known/scitt-keys`)
    await first.close()
    expect(await first.closed).toEqual({ kind: 'closed' })

    const { url } = await start(data)
    expect((await fetch(url + location)).status).toBe(200)
    expect(await read(`${url}/heads/${treeSize}`)).toEqual(head)
    // The journal that was written when the first one ended.
    const now = parseSignedTreeHead(await read(`${url}/heads/current`))
    expect(now.treeHead.treeSize).toBe(treeSize + 1)
    expect(await read(`${url}/.well-known/scitt-keys`)).toEqual(keys)
  })

  it('can be checked while it serves', async () => {
    const { url } = await start(data)
    await post(url, await statement(3))
    const report = await checkLog({ data })
    expect(report.guard).toBe(report.entries)
  })

  it('keeps a second process off the same directory', async () => {
    await start(data)
    await expect(start(data)).rejects.toMatchObject({ code: 'ERR_LOG_LOCKED' })
  })

  it('refuses to start without its guard, and says what to do', async () => {
    const path = await create()
    rmSync(`${path}.guard`)
    await expect(start(path)).rejects.toMatchObject({ code: 'ERR_GUARD_MISSING' })
    await expect(start(path)).rejects.toThrow('guard adopt')
    await expect(start(path)).rejects.toThrow(`no guard for this log at ${path}.guard,`)
  })

  it('refuses to start on an older copy of the directory', async () => {
    const path = await create()
    cpSync(path, `${path}.copy`, { recursive: true })
    const registry = await start(path)
    await post(registry.url, await statement(1))
    await registry.close()
    rmSync(path, { recursive: true })
    renameSync(`${path}.copy`, path)
    await expect(start(path)).rejects.toMatchObject({ code: 'ERR_GUARD_AHEAD' })
  })

  it('refuses a directory without a log, and makes nothing there', async () => {
    const path = join(directory, 'nothing')
    await expect(start(path)).rejects.toMatchObject({ code: 'ERR_LOG_MISSING' })
  })

  it('refuses another receipt key', async () => {
    const path = await create()
    const pem = signer.privateKey.export({ format: 'pem', type: 'pkcs8' })
    writeFileSync(join(path, 'keys', 'receipt.pem'), pem)
    await expect(start(path)).rejects.toMatchObject({ code: 'ERR_KEY_MISMATCH' })
  })

  it('refuses an address that is taken, and gives the directory free again', async () => {
    const first = await start(data)
    const other = await create()
    const port = new URL(first.url).port
    await expect(start(other, { port })).rejects.toMatchObject({ code: 'ERR_CONFIGURATION' })
    await start(other)
  })

  it.skipIf(!hasIpv6)('listens on an IPv6 address as it is, and as URLs have it', async () => {
    for (const host of ['::1', '[::1]']) {
      const registry = await start(data, { host })
      expect(registry.url).toMatch(/^http:\/\/\[::1\]:/)
      await registry.close()
    }
  })

  it('answers what is in flight before it ends', async () => {
    const registry = await start(data)
    const { url } = registry
    const bodies = await Promise.all(Array.from({ length: 50 }, (_, n) => statement(1000 + n)))
    // Connections that are open are served to the end; that is what a drain promises.
    const posted = bodies.map((body) => post(url, body))
    await Promise.any(posted)
    await registry.close()
    for (const settled of await Promise.allSettled(posted)) {
      if (settled.status === 'fulfilled') expect(settled.value.status).toBe(201)
    }
    await expect(fetch(`${url}/health`)).rejects.toThrow()
    const entries = (await checkLog({ data })).entries
    const { url: again } = await start(data)
    let answered = 0
    for (const [at, settled] of (await Promise.allSettled(posted)).entries()) {
      if (settled.status !== 'fulfilled') continue
      answered += 1
      expect((await post(again, bodies[at]!)).status).toBe(201)
    }
    expect(answered).toBeGreaterThan(0)
    expect((await checkLog({ data })).entries).toBe(entries)
  })

  it('ends by itself after a fatal error', async () => {
    const path = await create()
    const registry = await start(path)
    await post(registry.url, await statement(1))
    // Somebody else takes the guard away from under it.
    const { SqliteGuard } = await import('../../src/store/sqlite/sqlite-guard.ts')
    const guard = SqliteGuard.open(`${path}.guard`)
    const head = (await guard.read())!
    await guard.advance(head, { ...head, registrationTime: 1, bytes: Uint8Array.of(1) })
    await guard.close()
    expect((await post(registry.url, await statement(2))).status).toBe(503)
    expect(await registry.closed).toMatchObject({ kind: 'fatal' })
    expect(events.some(({ event }) => event === 'fatal')).toBe(true)
    await expect(start(path)).rejects.toThrow()
  })
})

describe('readConfig', () => {
  it('has defaults for everything but the directory', () => {
    expect(readConfig({ data: '/tmp/x' })).toMatchObject({
      host: '127.0.0.1',
      port: 8080,
      paths: { directory: '/tmp/x', guard: '/tmp/x.guard' },
      limits: {
        bodyBytesMax: 262_144,
        registrationRate: { loopbackIsExempt: true },
        trustProxy: false,
      },
    })
  })

  it('limits clients on this machine once a rate is named', () => {
    const { limits } = readConfig({ data: 'x', ratePerClient: '2.5' })
    expect(limits.registrationRate).toMatchObject({
      perClientPerSecond: 2.5,
      loopbackIsExempt: false,
    })
    expect(limits.readRate).toMatchObject({ perClientPerSecond: 25, loopbackIsExempt: false })
  })

  it('names all problems at once', () => {
    const flags = { data: '', port: '99999', ratePerClient: '-1', bodyBytesMax: '1e3' }
    for (const flag of ['--data', '--port', '--rate-per-client', '--body-bytes-max']) {
      expect(() => readConfig(flags)).toThrow(flag)
    }
  })
})
