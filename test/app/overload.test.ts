/**
 * More than a registry can take: what it accepts is registered, the rest is told when to come back,
 * reads are answered, and it goes on as if nothing had been. `npm run bench -- --overload` has times.
 */
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { readConfig } from '../../src/app/config.ts'
import type { ServeFlags, ServiceEvent } from '../../src/app/config.ts'
import { initLog } from '../../src/app/init-log.ts'
import { startRegistry } from '../../src/app/start.ts'
import type { RunningRegistry } from '../../src/app/start.ts'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { testSigner } from '../support/test-signer.ts'

const directory = temporaryDirectory()
const signer = testSigner()
const events: ServiceEvent[] = []
const running: RunningRegistry[] = []
let logs = 0
let statements = 0

afterEach(async () => {
  for (const one of running.splice(0)) await one.close()
})

async function start(flags: ServeFlags): Promise<string> {
  const data = join(directory, `data-${logs++}`)
  const anchors = [{ kind: 'cose-key' as const, key: signer.publicKey, issuers: ['*'] }]
  await initLog({ data, origin: 'log.example.org', anchors })
  const report = (event: ServiceEvent): void => void events.push(event)
  const registry = await startRegistry(readConfig({ data, port: 0, ...flags }, { report }))
  running.push(registry)
  return registry.url
}

interface Answer {
  readonly status: number
  readonly retryAfter: string | null
  readonly location: string | null
}

async function makeStatement(): Promise<Uint8Array<ArrayBuffer>> {
  const payload = encodeUtf8(`${statements++}`)
  const names = { issuer: 'https://issuer.example', subject: 'demo', contentType: 'text/plain' }
  return new Uint8Array(await signStatement({ payload, ...names, signer }))
}

async function post(url: string, body: Uint8Array<ArrayBuffer>): Promise<Answer> {
  const headers = { 'Content-Type': 'application/cose' }
  const response = await fetch(`${url}/entries`, { method: 'POST', headers, body })
  await response.arrayBuffer()
  const { status } = response
  const [retryAfter, location] = ['retry-after', 'location'].map((name) =>
    response.headers.get(name),
  )
  return { status, retryAfter: retryAfter!, location: location! }
}

/** Posts all at once, reads all the while, and checks what came of both. */
async function flood(url: string, count: number): Promise<Map<number, number>> {
  const bodies = await Promise.all(Array.from({ length: count }, makeStatement))
  const over = new AbortController()
  const reads: number[] = []
  const reading = (async () => {
    while (!over.signal.aborted) reads.push((await fetch(`${url}/checkpoint`)).status)
  })()
  const answers = await Promise.all(bodies.map((body) => post(url, body)))
  over.abort()
  await reading
  expect(new Set(reads)).toEqual(new Set([200]))
  for (const { status, retryAfter, location } of answers) {
    if (status === 201) expect((await fetch(url + location!)).status).toBe(200)
    else expect(Number(retryAfter)).toBeGreaterThanOrEqual(1)
  }
  const counts = new Map<number, number>()
  for (const { status } of answers) counts.set(status, (counts.get(status) ?? 0) + 1)
  return counts
}

describe('overload', () => {
  it('of a rate: the rest gets 429, and what comes later is registered', async () => {
    const url = await start({ rateTotal: 20 })
    const counts = await flood(url, 200)
    expect([...counts.keys()].sort()).toEqual([201, 429])
    expect(counts.get(201)).toBeGreaterThanOrEqual(20)
    await expect.poll(async () => (await post(url, await makeStatement())).status).toBe(201)
  })

  it('of what is worked on at a time: the rest gets 503, and what comes later is registered', async () => {
    const url = await start({ registrationsInFlightMax: 4 })
    const counts = await flood(url, 200)
    expect([...counts.keys()].sort()).toEqual([201, 503])
    expect(counts.get(201)).toBeGreaterThanOrEqual(4)
    expect((await post(url, await makeStatement())).status).toBe(201)
  })

  it('is no failure of ours', () => {
    expect(events.filter(({ level }) => level === 'error')).toEqual([])
  })
})
