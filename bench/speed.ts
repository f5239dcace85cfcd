/**
 * `npm run bench`: registrations over HTTP at concurrency 1, 64 and 256 and in bulk, with and without
 * the index, beside what this machine can do at all and three servers that do less.
 */
import { join } from 'node:path'
import { check, number } from './figures.ts'
import type { LoadRequest, LoadResult } from './load.ts'
import { cpuSeconds, memoryMiB } from './process-usage.ts'
import { load, serveAttestry, serveYardstick, type ServerProcess } from './processes.ts'
import { issuerFromPem } from './statements.ts'
import { es256Rate, fsyncMilliseconds } from './yardsticks.ts'

export interface Measured extends LoadResult {
  readonly cpuMicroseconds: number
  readonly peakMiB: number
}

/** Loads `server`, and tells what that took of it. */
export async function measure(
  server: ServerProcess,
  request: Omit<LoadRequest, 'port'>,
): Promise<Measured> {
  const before = cpuSeconds(server.pid)
  const result = await load({ port: server.port, ...request })
  const cpu = cpuSeconds(server.pid) - before
  const cpuMicroseconds = (cpu / request.count) * 1e6
  return { ...result, cpuMicroseconds, peakMiB: memoryMiB(server.pid).peak }
}

interface Served {
  readonly at64: Measured
  readonly at256: Measured
}

/** Warms `server` up (compiled code, caches, a database with pages) and loads it. */
async function measureServed(server: ServerProcess, pem: string): Promise<Served> {
  await measure(server, { pem, concurrency: 16, count: 3_000 })
  const at64 = await measure(server, { pem, concurrency: 64, count: 40_000 })
  const at256 = await measure(server, { pem, concurrency: 256, count: 40_000 })
  return { at64, at256 }
}

/** A bulk client: few connections, several statements in each request. */
const BULK = { concurrency: 32, batch: 16, count: 40_000 } as const
const BULK_NAME = `${BULK.concurrency}, ${BULK.batch} in a request (latency of a request)`

function row(name: string, m: Measured, raw: number): string {
  const cells = [
    name,
    number(m.registrationsPerSecond),
    number(m.registrationsPerSecond / raw, 3),
    number(m.p50Ms, 2),
    number(m.p99Ms, 2),
    number(m.p99Ms / m.p50Ms, 1),
    number(m.cpuMicroseconds),
    number(m.cpuUs),
    number(m.peakMiB),
    Object.keys(m.errors).length === 0 ? '0' : JSON.stringify(m.errors),
  ]
  return `| ${cells.join(' | ')} |`
}

const HEAD = [
  '| server, connections | per second | ÷ raw ES256 | p50 ms | p99 ms | p99 ÷ p50 | CPU µs each | client µs | peak MiB | errors |',
  '|---|---|---|---|---|---|---|---|---|---|',
]

export interface SpeedOptions {
  readonly folder: string
  readonly pem: string
  /** Makes a log and returns its data directory. */
  readonly newData: (name: string) => Promise<string>
}

interface Yardsticks {
  readonly empty: Measured
  readonly plain: Measured
  readonly bare: Served
}

async function measureYardsticks({ folder, pem }: SpeedOptions): Promise<Yardsticks> {
  const emptyServer = await serveYardstick('plain-express', 'empty')
  const empty = await measure(emptyServer, { pem, concurrency: 64, count: 30_000 })
  await emptyServer.stop()
  const spki = Buffer.from(issuerFromPem(pem).publicKey.spki).toString('base64')
  const plainFile = join(folder, 'plain.sqlite')
  const plainServer = await serveYardstick('plain-express', 'plain', plainFile, spki)
  const plain = await measure(plainServer, { pem, concurrency: 64, count: 6_000 })
  await plainServer.stop()
  const bareServer = await serveYardstick('bare-log', join(folder, 'bare.sqlite'), spki)
  const bare = await measureServed(bareServer, pem)
  await bareServer.stop()
  return { empty, plain, bare }
}

export async function speedReport(options: SpeedOptions): Promise<string[]> {
  const { folder, pem, newData } = options
  const fsync = fsyncMilliseconds(folder)
  const raw1 = await es256Rate(1)
  const raw = await es256Rate(2)
  const { empty, plain, bare } = await measureYardsticks(options)

  const server = await serveAttestry(await newData('speed'))
  await measure(server, { pem, concurrency: 16, count: 3_000 })
  const lone = await measure(server, { pem, concurrency: 1, count: 2_000 })
  const { at64, at256 } = await measureServed(server, pem)
  const bulk = await measure(server, { pem, ...BULK })
  await server.stop()

  const other = await serveAttestry(await newData('no-index'), '--index', 'off')
  const noIndex = await measureServed(other, pem)
  const noIndexBulk = await measure(other, { pem, ...BULK })
  await other.stop()
  const of = (whole: number, { registrationsPerSecond }: LoadResult): number =>
    registrationsPerSecond / whole
  const ofBare = (which: keyof Served): string =>
    [noIndex, { at64, at256 }]
      .map((served) => number(of(bare[which].registrationsPerSecond, served[which]), 2))
      .join(' and ')
  const ratio = of(raw, at64)
  const overPlain = of(plain.registrationsPerSecond, at64)
  return [
    `Yardsticks: ES256 ${number(raw1)}/s on one core, **${number(raw)}/s** with two workers in batches of 64 ("raw"); ` +
      `4 KiB append + fdatasync ${number(fsync, 3)} ms median. Statements of ${at64.statementBytes} bytes.`,
    '',
    ...HEAD,
    row('empty Express handler, 64', empty, raw),
    row('plain Express, commit per request, 64', plain, raw),
    row('bare log, 64', bare.at64, raw),
    row('bare log, 256', bare.at256, raw),
    row('attestry, 1', lone, raw),
    row('attestry, 64', at64, raw),
    row('attestry, 256', at256, raw),
    row(`attestry, ${BULK_NAME}`, bulk, raw),
    row('index off, 64', noIndex.at64, raw),
    row('index off, 256', noIndex.at256, raw),
    row(`index off, ${BULK_NAME}`, noIndexBulk, raw),
    '',
    `- lone registration: ${number(lone.p50Ms, 2)} ms = ${number(lone.p50Ms / fsync, 1)} fsyncs (bar: ≤ 20 fsyncs and ≤ 10 ms): ${check(lone.p50Ms / fsync <= 20 && lone.p50Ms <= 10)}`,
    `- at 64: ${number(ratio, 3)} of raw ES256 (bar: ≥ 0.22): ${check(ratio >= 0.22)}`,
    `- at 64: ${number(overPlain, 1)} × plain Express (bar: ≥ 4): ${check(overPlain >= 4)}`,
    `- at 64: p99 = ${number(at64.p99Ms / at64.p50Ms, 1)} × p50 (bars: ≤ 6, ≤ 3): ${check(at64.p99Ms / at64.p50Ms <= 6)}, ${check(at64.p99Ms / at64.p50Ms <= 3)}`,
    `- at 256: ${number(of(raw, at256), 3)} of raw ES256 (bar: ≥ 0.27): ${check(of(raw, at256) >= 0.27)}`,
    `- bulk: ${number(of(raw, bulk), 3)} of raw ES256 (bar: ≥ 0.40): ${check(of(raw, bulk) >= 0.4)}`,
    `- of the bare log (bench/bare-log.ts: what registers statements and does nothing else), without and with index: ${ofBare('at64')} at 64, ${ofBare('at256')} at 256`,
  ]
}
