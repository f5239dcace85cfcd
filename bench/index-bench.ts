/**
 * `npm run bench -- --index [COUNT]`: how far look-ups are behind while the server registers at full
 * speed, what that costs the registrations, how fast the index is made again, and how long look-ups
 * take on it.
 */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { leafIndex } from '../src/bytes/integers.ts'
import type { IndexQuery, IndexRecord } from '../src/log/index-store.ts'
import { SqliteIndex } from '../src/store/sqlite/index/sqlite-index.ts'
import { check, number, quantile } from './figures.ts'
import { Connection } from './http-client.ts'
import type { LoadResult } from './load.ts'
import { cpuSeconds } from './process-usage.ts'
import { attestry, load, serveAttestry, type ServerProcess } from './processes.ts'

const DEPENDENCIES = 10
/** Statements that one load process signs before it begins. */
const ROUND = 20_000
const CONCURRENCY = 64
const POLL_MS = 50
const LOOKUPS = 2000

export interface IndexBench {
  readonly count: number
  readonly pem: string
  /** Data directories: of the log that is measured, and of one that is served without an index. */
  readonly data: string
  readonly other: string
}

/** Watches how old the oldest entry is that is released and not found yet. */
class LagWatch {
  readonly lags: number[] = []
  readonly #released: { readonly at: number; readonly size: number }[] = []
  readonly #connection: Connection
  #isOver = false
  #running: Promise<void> | undefined

  private constructor(connection: Connection) {
    this.#connection = connection
  }

  static async start({ port }: ServerProcess): Promise<LagWatch> {
    const watch = new LagWatch(await Connection.open('127.0.0.1', port))
    watch.#running = watch.#run()
    return watch
  }

  /** Seconds until everything was found after the load had ended. */
  async end(): Promise<number> {
    const ended = performance.now()
    this.#isOver = true
    await this.#running
    this.#connection.close()
    return (performance.now() - ended) / 1000
  }

  async #run(): Promise<void> {
    for (;;) {
      const { body } = await this.#connection.get('/health')
      const { treeSize, index } = JSON.parse(body.toString()) as {
        readonly treeSize: number
        readonly index: { readonly treeSize: number }
      }
      const now = performance.now()
      if (this.#released.at(-1)?.size !== treeSize) this.#released.push({ at: now, size: treeSize })
      while (this.#released.length > 0 && this.#released[0]!.size <= index.treeSize) {
        this.#released.shift()
      }
      const oldest = this.#released[0]
      this.lags.push(oldest === undefined ? 0 : (now - oldest.at) / 1000)
      if (this.#isOver && oldest === undefined) return
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
  }
}

interface Rounds {
  readonly perSecond: number
  readonly p99Ms: number
  readonly cpuMicroseconds: number
  readonly errors: number
}

async function registerMany(
  server: ServerProcess,
  { count, pem }: Pick<IndexBench, 'count' | 'pem'>,
): Promise<Rounds> {
  const results: (LoadResult & { readonly count: number })[] = []
  const before = cpuSeconds(server.pid)
  for (let done = 0; done < count; done += ROUND) {
    const round = Math.min(ROUND, count - done)
    const request = { port: server.port, concurrency: CONCURRENCY, pem, dependencies: DEPENDENCIES }
    results.push({ ...(await load({ ...request, count: round })), count: round })
    console.error(`registered ${done + round} of ${count}`)
  }
  const seconds = results.reduce((sum, each) => sum + each.count / each.registrationsPerSecond, 0)
  return {
    perSecond: count / seconds,
    p99Ms: Math.max(...results.map(({ p99Ms }) => p99Ms)),
    cpuMicroseconds: ((cpuSeconds(server.pid) - before) / count) * 1e6,
    errors: results.reduce((sum, { errors }) => sum + Object.keys(errors).length, 0),
  }
}

const pick = <Item>(items: readonly Item[]): Item =>
  items[Math.floor(Math.random() * items.length)]!

/** Queries as people ask them, each of a statement that is there. */
const SHAPES: Readonly<Record<string, (record: IndexRecord) => Partial<IndexQuery>>> = {
  'artifact, any role': ({ description }) => ({ digest: pick(description.digests) }),
  'what depends on an artifact': ({ description }) => ({
    digest: pick(description.digests.filter(({ role }) => role === 'dependency')),
    roles: ['dependency'],
  }),
  invocation: ({ description }) => ({
    attributes: description.attributes.filter(({ name }) => name === 'invocation-id'),
  }),
  subject: ({ subject }) => ({ subject: subject! }),
  'builder in a window of a second': ({ description, registrationTime }) => ({
    attributes: description.attributes.filter(({ name }) => name === 'builder-id'),
    registeredFrom: registrationTime,
    registeredTo: registrationTime,
  }),
  'dependency, builder, kind and issuer': ({ description, issuer }) => ({
    digest: pick(description.digests.filter(({ role }) => role === 'dependency')),
    attributes: description.attributes.filter(({ name }) => name === 'builder-id'),
    kind: description.kind,
    issuer: issuer!,
  }),
  'newest of a kind': ({ description }) => ({ kind: description.kind, order: 'descending' }),
}

async function timeLookups(path: string, size: number): Promise<readonly string[]> {
  const index = SqliteIndex.open(path)
  const lines = ['| look-up, pages of 100 | rows | p50 ms | p99 ms |', '|---|---|---|---|']
  try {
    for (const [name, make] of Object.entries(SHAPES)) {
      const times: number[] = []
      let rows = 0
      while (times.length < LOOKUPS) {
        const at = leafIndex(Math.floor(Math.random() * size))
        const record = (await index.findRecords([at])).records[0]!
        if (record.description.kind !== 'provenance') continue
        const query: IndexQuery = { order: 'ascending', limit: 100, ...make(record) }
        const started = performance.now()
        const { statements } = await index.query(query)
        times.push(performance.now() - started)
        rows += statements.length
      }
      const cells = [quantile(times, 0.5), quantile(times, 0.99)].map((ms) => number(ms, 2))
      lines.push(`| ${name} | ${number(rows / LOOKUPS, 1)} | ${cells.join(' | ')} |`)
    }
  } finally {
    await index.close()
  }
  return lines
}

interface HttpTimes {
  readonly p50: number
  readonly p99: number
}

async function timeHttp(server: ServerProcess, path: string, size: number): Promise<HttpTimes> {
  const index = SqliteIndex.open(path)
  const connection = await Connection.open('127.0.0.1', server.port)
  const times: number[] = []
  while (times.length < LOOKUPS) {
    const at = leafIndex(Math.floor(Math.random() * size))
    const digests = (await index.findRecords([at])).records[0]!.description.digests
    if (digests.length === 0) continue
    const { algorithm, value } = pick(digests)
    const started = performance.now()
    const { status } = await connection.get(`/statements?digest=${algorithm}:${value}`)
    if (status !== 200) throw new Error(`a look-up was answered ${status}`)
    times.push(performance.now() - started)
  }
  connection.close()
  await index.close()
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) }
}

/** The whole report. */
export async function indexReport({ count, pem, data, other }: IndexBench): Promise<string[]> {
  const path = join(data, 'index.sqlite')
  const warmUp = { count: 2000, pem }
  const off = await serveAttestry(other, '--index', 'off')
  await registerMany(off, warmUp)
  const without = await registerMany(off, { count: Math.min(count, 2 * ROUND), pem })
  await off.stop()

  const server = await serveAttestry(data)
  await registerMany(server, warmUp)
  const watch = await LagWatch.start(server)
  const within = await registerMany(server, { count, pem })
  const caughtUpAfter = await watch.end()
  const size = count + warmUp.count
  const http = await timeHttp(server, path, size)
  await server.stop()
  const bytes = statSync(path).size
  const lookups = await timeLookups(path, size)
  const rebuilt = JSON.parse(await attestry('index', 'rebuild', '--json', '--data', data)) as {
    readonly perSecond: number
    readonly seconds: number
  }
  const row = (name: string, { perSecond, p99Ms, cpuMicroseconds, errors }: Rounds): string =>
    `| ${name} | ${number(perSecond)} | ${number(p99Ms, 1)} | ${number(cpuMicroseconds)} | ${errors} |`
  const lag = Math.max(...watch.lags)
  const cost = within.cpuMicroseconds - without.cpuMicroseconds
  return [
    `| registering, ${CONCURRENCY} connections | per second | p99 ms | CPU µs each | errors |`,
    '|---|---|---|---|---|',
    row('index off', without),
    row('index on', within),
    '',
    `- lag while registering: ${number(lag, 2)} s at most, ${number(quantile(watch.lags, 0.5), 2)} s median; caught up ${number(caughtUpAfter, 2)} s after the end (bar: ≤ 1 s): ${check(lag <= 1)}`,
    `- cost of the index: ${number(cost)} CPU µs per statement`,
    `- made again: ${number(rebuilt.perSecond)} statements/s (${number(rebuilt.seconds, 1)} s)`,
    `- size: ${number(bytes / 2 ** 20)} MiB, ${number(bytes / size)} bytes per statement`,
    '',
    ...lookups,
    '',
    `- by artifact over HTTP: ${number(http.p50, 2)} ms median, ${number(http.p99, 2)} ms p99 (bar: ≤ 5 ms median): ${check(http.p50 <= 5)}`,
  ]
}
