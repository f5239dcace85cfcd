/**
 * Load at a fixed rate: posts whatever comes back, and reads all the while. A statement that was
 * refused is posted again later, as a client would. Prints one JSON line.
 *
 *     node overload-load.js '{"port":8080,"perSecond":5000,"seconds":5,"signed":4000,"pem":"…"}'
 */
import { quantile } from './figures.ts'
import { Connection } from './http-client.ts'
import { issuerFromPem, makeStatement } from './statements.ts'

export interface OverloadRequest {
  readonly port: number
  /** Posts a second that are offered. */
  readonly perSecond: number
  readonly seconds: number
  /** Statements that are signed before; what goes beyond is signed as it is needed. */
  readonly signed: number
  readonly pem: string
}

export interface OverloadResult {
  readonly offered: number
  readonly accepted: number
  /** 429 and 503 with Retry-After. */
  readonly shed: number
  /** Everything else, by status. */
  readonly other: Readonly<Record<string, number>>
  readonly acceptedP50Ms: number
  readonly acceptedP99Ms: number
  readonly reads: number
  readonly readsFailed: number
  readonly readP99Ms: number
  /** From the end of the load until a registration took no longer than before it. */
  readonly recoveryMs: number
}

const CONNECTIONS_MAX = 512
const TICK_MS = 5
const READ_PAUSE_MS = 5
const PROBE_MS = 20
const IDLE_MS_MAX = 3000
/** Of a soak of many hours the first ones say enough. */
const LATENCIES_MAX = 1_000_000

/** The connection ended: told as the status 0. */
const NO_ANSWER = { status: 0, headers: '' }

const request = JSON.parse(process.argv[2] ?? '{}') as OverloadRequest
const signer = issuerFromPem(request.pem)
const probes: Uint8Array[] = []
for (let i = 0; i < 600; i++) probes.push(await makeStatement(signer))
const statements: Uint8Array[] = []
for (let i = 0; i < request.signed; i++) statements.push(await makeStatement(signer))

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const open = (): Promise<Connection> => Connection.open('127.0.0.1', request.port)

const idle: { readonly connection: Connection; readonly sinceMs: number }[] = []
let opened = 0
let offered = 0
let accepted = 0
let shed = 0
const latencies: number[] = []
const other: Record<string, number> = {}

/** One that the server is not about to close: it ends idle connections after five seconds. */
function takeIdle(): Connection | undefined {
  for (let last = idle.pop(); last !== undefined; last = idle.pop()) {
    const { connection, sinceMs } = last
    if (connection.isOpen && performance.now() - sinceMs < IDLE_MS_MAX) return connection
    connection.close()
    opened -= 1
  }
  return undefined
}

async function post(): Promise<void> {
  // As many are on their way as there are connections: clients of ours wait, too.
  const free = takeIdle()
  if (free === undefined && opened >= CONNECTIONS_MAX) return
  if (free === undefined) opened += 1
  const connection = free ?? (await open())
  const statement = statements.pop() ?? (await makeStatement(signer))
  offered += 1
  const started = performance.now()
  const { status, headers } = await connection.post('/entries', statement).catch(() => NO_ANSWER)
  if (status === 0) opened -= 1
  else idle.push({ connection, sinceMs: performance.now() })
  if (status === 201) {
    accepted += 1
    if (latencies.length < LATENCIES_MAX) latencies.push(performance.now() - started)
  } else {
    statements.unshift(statement)
    if ((status === 429 || status === 503) && /\nretry-after: \d/i.test(headers)) shed += 1
    else other[status] = (other[status] ?? 0) + 1
  }
}

let isOver = false
let reads = 0
let readsFailed = 0
const readLatencies: number[] = []

async function read(): Promise<void> {
  const connection = await open()
  while (!isOver) {
    const started = performance.now()
    const { status } = await connection.get('/checkpoint')
    if (readLatencies.length < LATENCIES_MAX) readLatencies.push(performance.now() - started)
    reads += 1
    if (status !== 200) readsFailed += 1
    await pause(READ_PAUSE_MS)
  }
  connection.close()
}

/** The p99 of single registrations on an idle server. */
async function probe(connection: Connection, count: number): Promise<number> {
  const taken: number[] = []
  for (let i = 0; i < count; i++) {
    const started = performance.now()
    const { status } = await connection.post('/entries', probes.pop()!)
    taken.push(status === 201 ? performance.now() - started : Infinity)
    await pause(PROBE_MS)
  }
  return quantile(taken, 0.99)
}

const prober = await open()
const usualMs = await probe(prober, 50)

const readers = Array.from({ length: 4 }, read)
const pending = new Set<Promise<void>>()
const began = performance.now()
let begun = 0
for (let now = began; now - began < request.seconds * 1000; now = performance.now()) {
  for (const due = ((now - began) / 1000) * request.perSecond; begun < due; begun++) {
    const one = post().finally(() => pending.delete(one))
    pending.add(one)
  }
  await pause(TICK_MS)
}
await Promise.all(pending)
isOver = true
await Promise.all(readers)

prober.close()
const ended = performance.now()
const after = await open()
while ((await probe(after, 5)) > 2 * usualMs && probes.length > 5) await pause(PROBE_MS)
const recoveryMs = performance.now() - ended

const result: OverloadResult = {
  ...{ offered, accepted, shed, other },
  acceptedP50Ms: quantile(latencies, 0.5),
  acceptedP99Ms: quantile(latencies, 0.99),
  ...{ reads, readsFailed, readP99Ms: quantile(readLatencies, 0.99), recoveryMs },
}
console.log(JSON.stringify(result))
process.exit()
