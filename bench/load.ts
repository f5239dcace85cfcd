/**
 * The load process: closed loop, `concurrency` connections, each posts the next statement (or batch of
 * them) when the last one was answered. Statements are signed before the clock starts. Prints one JSON line.
 *
 *     node load.js '{"port":8080,"concurrency":64,"count":20000,"pem":"…"}'
 */
import { quantile } from './figures.ts'
import { Connection } from './http-client.ts'
import { issuerFromPem, makeStatement } from './statements.ts'

export interface LoadRequest {
  readonly port: number
  readonly concurrency: number
  readonly count: number
  readonly pem: string
  /** Statements of one request to `/batches`; by default each is posted to `/entries` alone. */
  readonly batch?: number
  /** Dependencies of each statement. */
  readonly dependencies?: number
}

export interface LoadResult {
  readonly registrationsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  readonly errors: Readonly<Record<string, number>>
  readonly statementBytes: number
}

const SEQUENCE = 'application/cbor-seq'

const request = JSON.parse(process.argv[2] ?? '{}') as LoadRequest
const signer = issuerFromPem(request.pem)
const statements: Uint8Array[] = []
for (let i = 0; i < request.count; i++)
  statements.push(await makeStatement(signer, request.dependencies))
const statementBytes = statements[0]?.length ?? 0

const latencies: number[] = []
const errors: Record<string, number> = {}
let next = 0

async function client(): Promise<void> {
  const connection = await Connection.open('127.0.0.1', request.port)
  for (let i = next++; i < statements.length; i = next++) {
    const started = performance.now()
    const { status } = await connection.post('/entries', statements[i]!)
    latencies.push(performance.now() - started)
    if (status !== 201) fail(String(status), 1)
  }
  connection.close()
}

async function batchClient(size: number): Promise<void> {
  const connection = await Connection.open('127.0.0.1', request.port)
  for (let i = (next += size) - size; i < statements.length; i = (next += size) - size) {
    const batch = statements.slice(i, i + size)
    const started = performance.now()
    const { status, body } = await connection.post('/batches', Buffer.concat(batch), SEQUENCE)
    latencies.push(performance.now() - started)
    const missing = batch.length - (status === 200 ? receiptsIn(body) : 0)
    if (missing > 0) fail(`${status} without a Receipt`, missing)
  }
  connection.close()
}

/** Results with a Receipt, counted by the name of their member: decoding would cost as much as serving. */
function receiptsIn(body: Buffer): number {
  let count = 0
  for (let at = body.indexOf('greceipt'); at >= 0; at = body.indexOf('greceipt', at + 1)) count++
  return count
}

function fail(what: string, count: number): void {
  errors[what] = (errors[what] ?? 0) + count
}

const started = performance.now()
const { batch } = request
const run = batch === undefined ? client : () => batchClient(batch)
await Promise.all(Array.from({ length: request.concurrency }, run))
const seconds = (performance.now() - started) / 1000
const result: LoadResult = {
  registrationsPerSecond: request.count / seconds,
  p50Ms: quantile(latencies, 0.5),
  p99Ms: quantile(latencies, 0.99),
  maxMs: quantile(latencies, 1),
  errors,
  statementBytes,
}
console.log(JSON.stringify(result))
