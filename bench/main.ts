/**
 * `npm run bench`: the server as its users start it, loaded over HTTP from a separate process at
 * concurrency 1, 64 and 256, beside yardsticks taken in the same run. Prints a table and writes
 * bench/RESULTS.md. `-- --memory` registers 200,000 statements and watches memory instead;
 * `-- --evidence` what TEE evidence costs (evidence-bench.ts),
 * `-- --index [COUNT]` measures the index instead (index-bench.ts), `-- --overload` what happens when
 * more is offered than is taken (overload.ts), `-- --soak MINUTES` what grows with time (soak.ts),
 * `-- --stores` one and two nodes on PostgreSQL beside SQLite (stores-bench.ts).
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { evidenceReport } from './evidence-bench.ts'
import { check, number } from './figures.ts'
import { hostileReport } from './hostile.ts'
import { indexReport } from './index-bench.ts'
import type { LoadResult } from './load.ts'
import { overloadReport } from './overload.ts'
import { cpuSeconds, memoryMiB } from './process-usage.ts'
import { attestry, load, serveAttestry, serveYardstick, type ServerProcess } from './processes.ts'
import { soakReport } from './soak.ts'
import { issuerFromPem, makeIssuerPem } from './statements.ts'
import { storesReport } from './stores-bench.ts'
import { es256Rate, fsyncMilliseconds } from './yardsticks.ts'
import { encodeCoseKey } from '../src/cose/public-key.ts'

const folder = mkdtempSync(join(tmpdir(), 'attestry-bench-'))
const pem = makeIssuerPem()
const publicKey = issuerFromPem(pem).publicKey

async function newData(name: string, ...more: readonly string[]): Promise<string> {
  const key = join(folder, 'issuer.pub.cbor')
  const data = join(folder, name)
  writeFileSync(key, encodeCoseKey(publicKey))
  await attestry('init', '--data', data, '--origin', 'bench.example/log', '--trust', key, ...more)
  return data
}

async function newRegistry(name: string): Promise<ServerProcess> {
  return serveAttestry(await newData(name))
}

interface Measured extends LoadResult {
  readonly cpuMicroseconds: number
  readonly peakMiB: number
}

async function measure(
  server: ServerProcess,
  concurrency: number,
  count: number,
  batch?: number,
): Promise<Measured> {
  const before = cpuSeconds(server.pid)
  const more = batch === undefined ? {} : { batch }
  const result = await load({ port: server.port, concurrency, count, pem, ...more })
  const cpu = cpuSeconds(server.pid) - before
  return { ...result, cpuMicroseconds: (cpu / count) * 1e6, peakMiB: memoryMiB(server.pid).peak }
}

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

/** A bulk client: few connections, several statements in each request. */
const BULK = { connections: 32, statements: 16 } as const

const HEAD = [
  '| server, connections | per second | ÷ raw ES256 | p50 ms | p99 ms | p99 ÷ p50 | CPU µs each | client µs | peak MiB | errors |',
  '|---|---|---|---|---|---|---|---|---|---|',
]

async function speed(): Promise<string[]> {
  const fsync = fsyncMilliseconds(folder)
  const raw1 = await es256Rate(1)
  const raw2 = await es256Rate(2)
  const empty = await serveYardstick('empty')
  const emptyResult = await measure(empty, 64, 30_000)
  await empty.stop()
  const spki = Buffer.from(publicKey.spki).toString('base64')
  const plain = await serveYardstick('plain', join(folder, 'plain.sqlite'), spki)
  const plainResult = await measure(plain, 64, 6_000)
  await plain.stop()

  const server = await newRegistry('speed')
  await measure(server, 16, 3_000) // warm-up: compiled code, caches, a database with pages
  const lone = await measure(server, 1, 2_000)
  const at64 = await measure(server, 64, 40_000)
  const at256 = await measure(server, 256, 40_000)
  const bulk = await measure(server, BULK.connections, 40_000, BULK.statements)
  await server.stop()

  const noIndex = await serveAttestry(await newData('no-index'), '--index', 'off')
  await measure(noIndex, 16, 3_000)
  const noIndex64 = await measure(noIndex, 64, 40_000)
  const noIndex256 = await measure(noIndex, 256, 40_000)
  const noIndexBulk = await measure(noIndex, BULK.connections, 40_000, BULK.statements)
  await noIndex.stop()
  const ratioOf = ({ registrationsPerSecond }: LoadResult): number => registrationsPerSecond / raw2
  const ratio = ratioOf(at64)
  const overPlain = at64.registrationsPerSecond / plainResult.registrationsPerSecond
  return [
    `Yardsticks: ES256 ${number(raw1)}/s on one core, **${number(raw2)}/s** with two workers in batches of 64 ("raw"); ` +
      `4 KiB append + fdatasync ${number(fsync, 3)} ms median. Statements of ${at64.statementBytes} bytes.`,
    '',
    ...HEAD,
    row('empty Express handler, 64', emptyResult, raw2),
    row('plain Express, commit per request, 64', plainResult, raw2),
    row('attestry, 1', lone, raw2),
    row('attestry, 64', at64, raw2),
    row('attestry, 256', at256, raw2),
    row(
      `attestry, ${BULK.connections}, ${BULK.statements} in a request (latency of a request)`,
      bulk,
      raw2,
    ),
    row('index off, 64', noIndex64, raw2),
    row('index off, 256', noIndex256, raw2),
    row(`index off, ${BULK.connections}, ${BULK.statements} in a request`, noIndexBulk, raw2),
    '',
    `- lone registration: ${number(lone.p50Ms, 2)} ms = ${number(lone.p50Ms / fsync, 1)} fsyncs (bar: ≤ 20 fsyncs and ≤ 10 ms): ${check(lone.p50Ms / fsync <= 20 && lone.p50Ms <= 10)}`,
    `- at 64: ${number(ratio, 3)} of raw ES256 (bar: ≥ 0.22): ${check(ratio >= 0.22)}`,
    `- at 64: ${number(overPlain, 1)} × plain Express (bar: ≥ 4): ${check(overPlain >= 4)}`,
    `- at 64: p99 = ${number(at64.p99Ms / at64.p50Ms, 1)} × p50 (bars: ≤ 6, ≤ 3): ${check(at64.p99Ms / at64.p50Ms <= 6)}, ${check(at64.p99Ms / at64.p50Ms <= 3)}`,
    `- at 256: ${number(ratioOf(at256), 3)} of raw ES256 (bar: ≥ 0.27): ${check(ratioOf(at256) >= 0.27)}`,
    `- bulk: ${number(ratioOf(bulk), 3)} of raw ES256 (bar: ≥ 0.40): ${check(ratioOf(bulk) >= 0.4)}`,
  ]
}

async function memory(): Promise<string[]> {
  const server = await newRegistry('memory')
  const lines = ['| registrations | RSS MiB | peak MiB | per second |', '|---|---|---|---|']
  for (let total = 20_000; total <= 200_000; total += 20_000) {
    const { registrationsPerSecond } = await measure(server, 64, 20_000)
    const { now, peak } = memoryMiB(server.pid)
    lines.push(
      `| ${number(total)} | ${number(now)} | ${number(peak)} | ${number(registrationsPerSecond)} |`,
    )
    console.log(lines.at(-1))
  }
  await server.stop()
  return lines
}

interface Report {
  readonly title: string
  readonly file: string
  readonly run: () => Promise<readonly string[]>
}

function chooseReport(argv: readonly string[]): Report {
  if (argv.includes('--memory')) {
    const title = 'Memory over 200,000 registrations, 64 connections'
    return { title, file: 'bench/RESULTS-memory.md', run: memory }
  }
  if (argv.includes('--index')) {
    const count = Number(argv[argv.indexOf('--index') + 1] ?? 200_000)
    const title = `Index of ${number(count)} statements with 10 dependencies each`
    return {
      title,
      file: 'bench/RESULTS-index.md',
      run: async () =>
        indexReport({ count, pem, data: await newData('index'), other: await newData('off') }),
    }
  }
  if (argv.includes('--evidence')) {
    const title = 'TEE evidence: cost by kind, and a burst of quotes beside plain registrations'
    const run = async (): Promise<string[]> => evidenceReport({ pem, data: await newData('tee') })
    return { title, file: 'bench/RESULTS-evidence.md', run }
  }
  if (argv.includes('--overload')) {
    const run = (): Promise<string[]> => overloadReport({ pem, newData })
    return { title: 'Overload', file: 'bench/RESULTS-overload.md', run }
  }
  if (argv.includes('--stores')) {
    const run = (): Promise<string[]> => storesReport({ pem, newData })
    return { title: 'SQLite and PostgreSQL', file: 'bench/RESULTS-stores.md', run }
  }
  if (argv.includes('--soak')) {
    const minutes = Number(argv[argv.indexOf('--soak') + 1] ?? 3)
    const title = `Soak of ${number(minutes)} minutes`
    const run = async (): Promise<string[]> =>
      soakReport({ minutes, pem, data: await newData('soak') })
    return { title, file: 'bench/RESULTS-soak.md', run }
  }
  const run = async (): Promise<string[]> => [...(await speed()), '', ...(await hostileReport())]
  return { title: 'Registrations over HTTP', file: 'bench/RESULTS.md', run }
}

try {
  const { title, file, run } = chooseReport(process.argv)
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}, ${number(totalmem() / 2 ** 30)} GiB, Node ${process.version}, client on the same cores.`
  const date = new Date().toISOString().slice(0, 10)
  const lines = [`## ${title}`, '', `${date} · ${machine}`, '', ...(await run())]
  console.log(lines.join('\n'))
  writeFileSync(file, `${lines.join('\n').trimEnd()}\n`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
