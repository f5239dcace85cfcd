import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { readConfig } from '../../src/app/config.ts'
import type { ServeFlags, ServiceEvent } from '../../src/app/config.ts'
import { DiskSpace, guardFolder } from '../../src/app/disk-space.ts'
import { freezeLog, readFrozen, unfreezeLog } from '../../src/app/frozen.ts'
import { dataPaths } from '../../src/app/data-directory.ts'
import { initLog } from '../../src/app/init-log.ts'
import { startRegistry } from '../../src/app/start.ts'
import type { RunningRegistry } from '../../src/app/start.ts'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { testSigner } from '../support/test-signer.ts'

const directory = temporaryDirectory()
const signer = testSigner()
let data: string
let directories = 0
let events: ServiceEvent[]
const running: RunningRegistry[] = []

beforeEach(async () => {
  events = []
  data = join(directory, `data-${directories++}`)
  const anchors = [{ kind: 'cose-key' as const, key: signer.publicKey, issuers: ['*'] }]
  await initLog({ data, origin: 'log.example.org', anchors })
})
afterEach(async () => {
  for (const one of running.splice(0)) await one.close()
})

async function start(flags: Partial<ServeFlags> = {}): Promise<RunningRegistry> {
  const report = (event: ServiceEvent): void => void events.push(event)
  const registry = await startRegistry(readConfig({ data, port: 0, ...flags }, { report }))
  running.push(registry)
  return registry
}

async function statement(number: number): Promise<Uint8Array<ArrayBuffer>> {
  const payload = encodeUtf8(String(number))
  const names = { issuer: 'https://issuer.example', subject: 'demo' }
  return new Uint8Array(await signStatement({ payload, ...names, contentType: 'a/b', signer }))
}

function post(url: string, body: Uint8Array<ArrayBuffer>): Promise<Response> {
  const headers = { 'Content-Type': 'application/cose', Accept: 'application/problem+json' }
  return fetch(`${url}/entries`, { method: 'POST', headers, body })
}

async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { code: string }).code
}

function until(condition: () => boolean): Promise<void> {
  return vi.waitFor(() => expect(condition()).toBe(true), { timeout: 10_000 })
}

async function metricsOf({ adminUrl }: RunningRegistry): Promise<Map<string, number>> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text()
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ')
      return [line.slice(0, at), Number(line.slice(at + 1))]
    }),
  )
}

describe('a frozen log', () => {
  it('is read and takes nothing new, across restarts, until it is unfrozen', async () => {
    const { url } = await start()
    const [first, second] = [await statement(1), await statement(2)]
    const registered = await post(url, first)
    expect(registered.status).toBe(201)
    const location = registered.headers.get('location')!

    expect(await freezeLog({ data }, 'moved')).toBeUndefined()
    await until(() => events.some(({ event }) => event === 'frozen'))
    const refused = await post(url, second)
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toBe('30')
    expect(await codeOf(refused)).toBe('ERR_LOG_FROZEN')
    // What it has is given, by its id and for the same statement again.
    expect((await fetch(url + location)).status).toBe(200)
    expect((await post(url, first)).status).toBe(201)
    const named = `sha256:${'0'.repeat(64)}`
    const upload = await fetch(`${url}/payloads/${named}`, { method: 'PUT', body: 'x' })
    expect([upload.status, await codeOf(upload)]).toEqual([503, 'ERR_LOG_FROZEN'])
    const health = await fetch(`${url}/health`)
    expect(health.status).toBe(200)
    expect(await health.json()).toMatchObject({
      status: 'ok',
      registrations: { status: 'refused', reason: 'ERR_LOG_FROZEN' },
    })

    await running.pop()!.close()
    const again = await start()
    expect((await post(again.url, second)).status).toBe(503)
    expect(await freezeLog({ data }, 'again')).toMatchObject({ reason: 'moved' })
    expect(await unfreezeLog({ data })).toBe(true)
    await until(() => events.some(({ event }) => event === 'unfrozen'))
    expect((await post(again.url, second)).status).toBe(201)
    expect(await unfreezeLog({ data })).toBe(false)
  })

  it('gets at most one more journal, which covers what was registered before', async () => {
    const registry = await start({ journalIntervalMs: 50 })
    await post(registry.url, await statement(1))
    await freezeLog({ data }, 'moved')
    await until(() => events.some(({ event }) => event === 'journal'))
    await until(() => events.some(({ event }) => event === 'frozen'))
    const { treeSize } = (await (await fetch(`${registry.url}/health`)).json()) as {
      treeSize: number
    }
    await new Promise((resolve) => setTimeout(resolve, 300))
    await registry.close()
    const journals = events.filter(({ event }) => event === 'journal')
    expect(journals.at(-1)).toMatchObject({ leafIndexes: [treeSize - 1] })
  })

  it('stays frozen when the file is not what we wrote', () => {
    const paths = dataPaths(data)
    writeFileSync(paths.frozen, '{"reason":')
    expect(readFrozen(paths)?.reason).toContain('is not what')
  })

  it('is a log that is there', async () => {
    await expect(freezeLog({ data: join(directory, 'nothing') }, 'x')).rejects.toMatchObject({
      code: 'ERR_LOG_MISSING',
    })
    expect(existsSync(join(directory, 'nothing'))).toBe(false)
    // As where this user may not enter, and the same for root.
    const loop = `${data}.loop`
    symlinkSync(loop, loop)
    await expect(freezeLog({ data: loop }, 'x')).rejects.toMatchObject({ code: 'ERR_DISK' })
  })
})

describe('the disk floor', () => {
  it('sheds registrations and uploads, and no read', async () => {
    const { url } = await start({ diskFloorBytes: 10 ** 15 - 1 })
    const refused = await post(url, await statement(1))
    expect([refused.status, await codeOf(refused)]).toEqual([503, 'ERR_DISK_FLOOR'])
    expect((await fetch(`${url}/checkpoint`)).status).toBe(200)
    expect(events.find(({ event }) => event === 'disk-low')).toMatchObject({ level: 'error' })
  })

  it('0 is no floor', async () => {
    const { url } = await start({ diskFloorBytes: 0 })
    expect((await post(url, await statement(1))).status).toBe(201)
  })

  it('opens again only well above the floor, and says both once', async () => {
    let free: number | Error = 200
    const disk = new DiskSpace({
      floorBytes: 100,
      places: [
        { name: 'data', path: 'data' },
        { name: 'guard', path: 'guard' },
      ],
      report: (event) => void events.push(event),
      readFree: async (path) => {
        if (path === 'data') return 1000
        if (free instanceof Error) throw free
        return free
      },
    })
    const states: boolean[] = []
    for (free of [200, 99, 105, 109, 110, 105, 99, new Error('gone'), 200]) {
      await disk.look()
      states.push(disk.isLow)
    }
    expect(states).toEqual([false, true, true, true, false, false, true, false, false])
    expect(events.map(({ event }) => event)).toEqual([
      ...['disk-low', 'disk-recovered', 'disk-low', 'disk-unknown', 'disk-recovered'],
    ])
    expect(events[0]).toMatchObject({ places: [{ name: 'guard', freeBytes: 99 }] })
  })

  it('a guard that is no file is on no disk of ours', () => {
    expect(guardFolder('postgres://db/guard')).toBeUndefined()
    expect(guardFolder('/var/lib/guard')).toBe('/var/lib')
  })
})

describe('the listener for operators', () => {
  it('is not there unless it is asked for', async () => {
    expect((await start()).adminUrl).toBeUndefined()
  })

  it('is never the public one', async () => {
    const refused = { data, port: 8080, adminPort: 8080 }
    expect(() => readConfig(refused)).toThrow('--admin-port is the public port')
    expect(() => readConfig({ ...refused, host: '0.0.0.0' })).toThrow('--admin-port')
    expect(readConfig({ ...refused, host: '192.0.2.1' }).admin).toMatchObject({ port: 8080 })
    const { url } = await start({ adminPort: 0 })
    for (const path of ['/metrics', '/health/live', '/health/ready']) {
      expect((await fetch(url + path)).status).toBe(404)
    }
  })

  it('only reads', async () => {
    const { adminUrl } = await start({ adminPort: 0 })
    expect((await fetch(`${adminUrl}/metrics`, { method: 'POST' })).status).toBe(405)
    expect((await fetch(`${adminUrl}/entries`)).status).toBe(404)
    const live = await fetch(`${adminUrl}/health/live`)
    expect([live.status, await live.json()]).toEqual([200, { status: 'live' }])
    expect(live.headers.get('access-control-allow-origin')).toBeNull()
  })

  it('counts registrations, refusals by rule, batches and events', async () => {
    const registry = await start({ adminPort: 0 })
    await post(registry.url, await statement(1))
    const unknown = testSigner()
    const names = { issuer: 'https://issuer.example', subject: 'demo', contentType: 'a/b' }
    const foreign = await signStatement({ payload: encodeUtf8('x'), ...names, signer: unknown })
    await post(registry.url, new Uint8Array(foreign))
    await fetch(`${registry.url}/entries/nonsense`)
    const metrics = await metricsOf(registry)
    expect(Object.fromEntries(metrics)).toMatchObject({
      'attestry_registrations_total{status="registered"}': 1,
      attestry_registration_seconds_count: 1,
      'attestry_requests_total{kind="registrations"}': 2,
      'attestry_requests_total{kind="reads"}': 1,
      'attestry_problems_total{status="400",code="ERR_POLICY_REJECTED"}': 1,
      'attestry_problems_total{status="400",code="ERR_LOCATOR"}': 1,
      attestry_batch_entries_count: 1,
      'attestry_batch_seconds_count{step="commit"}': 1,
      'attestry_batch_seconds_count{step="guard"}': 1,
      attestry_tree_size: 3,
      attestry_queue_entries: 0,
      attestry_batch_age_seconds: 0,
      attestry_frozen: 0,
      attestry_disk_low: 0,
      'attestry_check{check="head"}': 1,
      'attestry_check{check="guard"}': 1,
      'attestry_check{check="batch"}': 1,
      'attestry_events_total{event="started",level="info"}': 1,
    })
    expect([...metrics.keys()].filter((name) => name.startsWith('attestry_refusals'))).toEqual([
      'attestry_refusals_total{rule="issuer-key"}',
    ])
    expect(metrics.get('attestry_disk_free_bytes{place="data"}')).toBeGreaterThan(0)
    expect(metrics.get('attestry_disk_free_bytes{place="guard"}')).toBeGreaterThan(0)
    expect(metrics.get('attestry_store_bytes')).toBeGreaterThan(0)
  })

  it('every metric of ours is explained to operators', async () => {
    const registry = await start({ adminPort: 0 })
    const text = await (await fetch(`${registry.adminUrl}/metrics`)).text()
    const names = [...text.matchAll(/^# HELP (attestry_\S+)/gm)].map(([, name]) => name!)
    const guide = readFileSync(new URL('../../docs/operating.md', import.meta.url), 'utf8')
    expect(names.length).toBeGreaterThan(15)
    expect(names.filter((name) => !guide.includes(`\`${name}\``))).toEqual([])
  })

  it('is ready when its parts are, and says which one is not', async () => {
    const registry = await start({ adminPort: 0 })
    const ask = async (): Promise<[number, { status: string; checks: Record<string, object> }]> => {
      const response = await fetch(`${registry.adminUrl}/health/ready`)
      return [response.status, (await response.json()) as never]
    }
    const [status, ready] = await ask()
    expect([status, ready.status]).toEqual([200, 'ready'])
    expect(ready.checks).toMatchObject({
      head: { status: 'ok', treeSize: 2 },
      guard: { status: 'ok', treeSize: 2 },
      index: { status: 'ok' },
      disk: { status: 'ok' },
      frozen: { status: 'ok' },
      draining: { status: 'ok' },
    })
    await freezeLog({ data }, 'moved')
    await until(() => events.some(({ event }) => event === 'frozen'))
    const [stillServing, frozen] = await ask()
    expect([stillServing, frozen.status]).toEqual([200, 'read-only'])
    expect(frozen.checks['frozen']).toMatchObject({ status: 'degraded', reason: 'moved' })
  })

  it('tells the end before the public address is gone', async () => {
    const registry = await start({ adminPort: 0 })
    await registry.close()
    await expect(fetch(`${registry.adminUrl}/health/live`)).rejects.toThrow()
  })
})
