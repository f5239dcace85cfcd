/** `GET /feed`: every index, in order, at least once; as pages and as a stream; whoever is killed. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { drainServer } from '../../src/http/drain.ts'
import type { HttpLimits } from '../../src/http/limits.ts'
import type { IndexReader } from '../../src/log/index-store.ts'
import { MemoryIndex } from '../../src/store/memory/memory-index.ts'
import { openEvents } from '../support/event-source.ts'
import { indexLog } from '../support/index-log.ts'
import { madeUpRecord } from '../support/index-records.ts'
import { TestRegistry } from '../support/test-registry.ts'

interface FeedPage {
  readonly treeSize: number
  readonly events: readonly { readonly index: number; readonly kind: string }[]
  readonly next: number
  readonly more: boolean
}

const isSlow = process.env['ATTESTRY_SLOW'] === '1'
let services: TestRegistry[] = []

afterEach(async () => {
  for (const service of services) await service.close()
  services = []
})

async function serve(
  index: IndexReader,
  limits: Partial<HttpLimits> = {},
): Promise<{
  url: string
  service: TestRegistry
  server: Awaited<ReturnType<TestRegistry['listen']>>['server']
}> {
  const service = await TestRegistry.create({ index, limits })
  services.push(service)
  return { service, ...(await service.listen()) }
}

async function made(count: number, from = 0): Promise<MemoryIndex> {
  const index = new MemoryIndex()
  await grow(index, from + count)
  return index
}

async function grow(index: MemoryIndex, to: number): Promise<void> {
  const { treeSize } = await index.readState()
  const records = Array.from({ length: to - treeSize }, (_, at) =>
    madeUpRecord(treeSize + at, {}, (treeSize + at) % 10 === 0 ? { kind: 'vsa' } : {}),
  )
  if (records.length > 0) await index.append(records)
}

async function page(url: string, query: string): Promise<FeedPage> {
  return (await (await fetch(`${url}/feed?${query}`)).json()) as FeedPage
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, at) => from + at)

describe('GET /feed as pages', () => {
  it('begins at the beginning and goes on after the last index', async () => {
    const { url } = await serve(await made(25))
    const first = await page(url, 'limit=10')
    expect(first.events.map(({ index }) => index)).toEqual(range(0, 10))
    expect(first).toMatchObject({ treeSize: 25, next: 9, more: true })
    const last = await page(url, 'limit=100&after=9')
    expect(last.events.map(({ index }) => index)).toEqual(range(10, 25))
    expect(last).toMatchObject({ next: 24, more: false })
    expect(await page(url, 'after=24')).toMatchObject({ events: [], next: 24, more: false })
  })

  it('moves past what a filter leaves out', async () => {
    const { url } = await serve(await made(25))
    const found = await page(url, 'kind=vsa&limit=2')
    expect(found.events.map(({ index }) => index)).toEqual([0, 10])
    expect(found).toMatchObject({ next: 10, more: true })
    expect(await page(url, 'kind=vsa&after=10')).toMatchObject({ next: 24, more: false })
    expect(await page(url, 'kind=exception&limit=1')).toMatchObject({ events: [], next: 24 })
  })

  it('never goes back when the index is being rebuilt', async () => {
    const { url } = await serve(await made(5))
    expect(await page(url, 'after=700')).toEqual({
      treeSize: 5,
      events: [],
      next: 700,
      more: false,
    })
  })

  it.each(['after=-2', 'after=x', 'limit=0', 'kind=incidents', 'cursor=1', 'after=1&after=2'])(
    'refuses %s',
    async (query) => {
      const { url } = await serve(await made(1))
      expect((await fetch(`${url}/feed?${query}`)).status).toBe(400)
    },
  )
})

describe('GET /feed as a stream', () => {
  it('tells everything there is, and then what comes, without anybody polling', async () => {
    const index = await made(250)
    let queries = 0
    const counting = countQueries(index, () => (queries += 1))
    const { url } = await serve(counting)
    const { status, headers, events, abort } = await openEvents(`${url}/feed?after=99`)
    expect([status, headers.get('content-type')]).toEqual([200, 'text/event-stream'])
    const seen: number[] = []
    for await (const { id, event, data } of events) {
      expect(event).toBe('entry')
      expect((JSON.parse(data) as { index: number }).index).toBe(Number(id))
      seen.push(Number(id))
      if (seen.length === 150) {
        const before = queries
        await new Promise((resolve) => setTimeout(resolve, 200))
        expect(queries).toBe(before)
        await grow(index, 253)
      }
      if (seen.length === 153) break
    }
    abort()
    expect(seen).toEqual(range(100, 253))
  })

  it('tells of a registration', async () => {
    const index = new MemoryIndex()
    const { url, service } = await serve(index)
    const { events, abort } = await openEvents(`${url}/feed?after=1`)
    const next = events.next()
    const { entryId } = await service.registry.register(await service.statement(1))
    await indexLog(index, service)
    const { value } = await next
    expect(JSON.parse(value!.data)).toMatchObject({
      ...{ index: 2, entryId, subject: 'pkg:npm/demo@1.0.0' },
      ...{ receipt: `/entries/${entryId}`, statement: `/entries/${entryId}/statement` },
    })
    abort()
  })

  it('resumes after Last-Event-ID, whatever the URL says', async () => {
    const { url } = await serve(await made(10))
    const { events, abort } = await openEvents(`${url}/feed?after=2`, { 'last-event-id': '6' })
    expect((await events.next()).value!.id).toBe('7')
    abort()
    const refused = await openEvents(`${url}/feed`, { 'last-event-id': 'x' })
    expect(refused.status).toBe(400)
  })

  it('shows that it is alive, and moves the id past what the filter leaves out', async () => {
    const index = await made(25)
    const { url } = await serve(index, { feedHeartbeatMs: 30 })
    const { events, seen, abort } = await openEvents(`${url}/feed?kind=vsa`)
    for (const id of ['0', '10', '20']) expect((await events.next()).value!.id).toBe(id)
    const waiting = events.next()
    await expect.poll(() => seen.lastId).toBe('24')
    await expect.poll(() => seen.comments).toBeGreaterThan(3)
    await grow(index, 31)
    expect((await waiting).value!.id).toBe('30')
    abort()
  })

  it('has a bounded number of streams, and frees them when clients go', async () => {
    const { url } = await serve(await made(3), { feedStreamsMax: 2 })
    const [first] = await Promise.all([openEvents(`${url}/feed`), openEvents(`${url}/feed`)])
    const refused = await fetch(`${url}/feed`, { headers: { accept: 'text/event-stream' } })
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toBe('10')
    expect(await refused.json()).toMatchObject({ code: 'ERR_STREAMS_FULL' })
    expect((await fetch(`${url}/feed`)).status).toBe(200)
    first.abort()
    await expect.poll(async () => (await openEvents(`${url}/feed`)).status).toBe(200)
  })

  it('cuts a client off that takes nothing, and nobody else', async () => {
    const index = await made(30_000)
    const { url, server } = await serve(index, { feedStallMs: 150, feedHeartbeatMs: 20 })
    const { port } = server.address() as { port: number }
    const stuck = connect(port, '127.0.0.1')
    stuck.write('GET /feed?limit=1000 HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n')
    stuck.pause()
    const { events, abort } = await openEvents(`${url}/feed?after=29998`)
    expect((await events.next()).value!.id).toBe('29999')
    const connections = async (): Promise<number> =>
      new Promise((resolve) => server.getConnections((_error, count) => resolve(count)))
    await expect.poll(connections, { timeout: 5000 }).toBe(1)
    await grow(index, 30_001)
    expect((await events.next()).value!.id).toBe('30000')
    abort()
    stuck.destroy()
  })

  it('ends when the server drains, without using up its grace', async () => {
    const { url, server } = await serve(await made(3))
    const { events } = await openEvents(`${url}/feed?after=1`)
    await events.next()
    const closed = once(server, 'close')
    await drainServer(server, 60_000)
    await closed
    expect((await events.next()).done).toBe(true)
  })

  it('answers HEAD at once', async () => {
    const { url } = await serve(await made(3))
    const headers = { accept: 'text/event-stream' }
    expect((await fetch(`${url}/feed`, { method: 'HEAD', headers })).status).toBe(200)
  })
})

describe('a consumer that is killed again and again', () => {
  const total = isSlow ? 10_000 : 1000
  const kills = 20

  it.each(['pages', 'stream'])(
    'sees every index in order, once after dedupe (%s)',
    async (form) => {
      const index = await made(0)
      const { url } = await serve(index)
      const growing = (async () => {
        for (let size = 0; size < total;) {
          size = Math.min(total, size + Math.ceil(total / 60))
          await grow(index, size)
          await new Promise((resolve) => setTimeout(resolve, 5))
        }
      })()
      const seed = Math.floor(Math.random() * 2 ** 31)
      console.info(`feed consumer: seed ${seed}`)
      const random = generator(seed)
      // What survives: events that were handled, and the position, which is saved after them.
      const handled: number[] = []
      let saved = -1
      const consume = form === 'pages' ? consumePages : consumeStream
      // Many long lives may bring it to the end before the last one: no event comes after that.
      for (let life = 0; life <= kills && saved < total - 1; life++) {
        const lifetime = life === kills ? total : Math.ceil((random() * total) / 12)
        let left = lifetime
        await consume(url, saved, (index_) => {
          handled.push(index_)
          // Killed here: handled, and not saved.
          if (--left === 0) return false
          saved = index_
          return index_ < total - 1
        })
      }
      await growing
      const deduped: number[] = []
      for (const at of handled) if (at > (deduped.at(-1) ?? -1)) deduped.push(at)
      expect(deduped).toEqual(range(0, total))
      expect(handled.length).toBeGreaterThan(total)
    },
  )
})

type Handle = (index: number) => boolean

async function consumePages(url: string, saved: number, handle: Handle): Promise<void> {
  for (let after = saved; ;) {
    const { events, next } = await page(url, `after=${after}&limit=97`)
    for (const { index } of events) if (!handle(index)) return
    after = next
  }
}

async function consumeStream(url: string, saved: number, handle: Handle): Promise<void> {
  const { events, abort } = await openEvents(`${url}/feed?after=${saved}&limit=97`)
  for await (const { id } of events) if (!handle(Number(id))) break
  abort()
}

/** xorshift32 */
function generator(seed: number): () => number {
  let state = seed || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

function countQueries(index: MemoryIndex, count: () => void): IndexReader {
  return {
    readState: () => index.readState(),
    query: (query) => {
      count()
      return index.query(query)
    },
    findRecords: (indexes) => index.findRecords(indexes),
    findEnvelopes: (digest) => index.findEnvelopes(digest),
    follow: (listener) => index.follow(listener),
    close: () => index.close(),
  }
}
