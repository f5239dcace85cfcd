/**
 * The load process: closed loop, `concurrency` connections, each posts the next statement (or batch of
 * them) when the last one was answered. Statements are signed before the clock starts. Prints one JSON line.
 *
 *     node load.js '{"port":8080,"concurrency":64,"count":20000,"pem":"…"}'
 */
import { quantile } from './figures.ts'
import { Connection, postRequest, type Answer } from './http-client.ts'
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
  /** CPU of the load itself, microseconds of each registration. */
  readonly cpuUs: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  readonly errors: Readonly<Record<string, number>>
  readonly statementBytes: number
}

const SEQUENCE = 'application/cbor-seq'

const request = JSON.parse(process.argv[2] ?? '{}') as LoadRequest
const signer = issuerFromPem(request.pem)
/** Statements of one request; 1 is posted to `/entries` alone. */
const size = request.batch ?? 1
const requests: Buffer[] = []
let statementBytes = 0
for (let left = request.count; left > 0; left -= size) {
  const statements: Uint8Array[] = []
  for (let i = 0; i < Math.min(left, size); i++)
    statements.push(await makeStatement(signer, request.dependencies))
  statementBytes = statements[0]!.length
  requests.push(
    request.batch === undefined
      ? postRequest('/entries', statements[0]!)
      : postRequest('/batches', Buffer.concat(statements), SEQUENCE),
  )
}

const latencies: number[] = []
const errors: Record<string, number> = {}
let next = 0

/** Posts the next request whenever the last one is answered, until there are no more. */
async function client(): Promise<void> {
  const connection = await Connection.open('127.0.0.1', request.port)
  await new Promise<void>((resolve, reject) => {
    const postNext = (): void => {
      const index = next++
      if (index >= requests.length) {
        resolve()
        return
      }
      const started = performance.now()
      const answered = (answer: Answer): void => {
        latencies.push(performance.now() - started)
        count(answer, index === requests.length - 1 ? lastSize : size)
        postNext()
      }
      connection.exchange(requests[index]!, answered, reject)
    }
    postNext()
  })
  connection.close()
}

const lastSize = request.count - (requests.length - 1) * size

function count({ status, body }: Answer, statements: number): void {
  if (request.batch === undefined) {
    if (status !== 201) fail(String(status), 1)
    return
  }
  const missing = statements - (status === 200 ? receiptsIn(body) : 0)
  if (missing > 0) fail(`${status} without a Receipt`, missing)
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

const cpuBefore = process.cpuUsage()
const started = performance.now()
await Promise.all(Array.from({ length: request.concurrency }, client))
const seconds = (performance.now() - started) / 1000
const { user, system } = process.cpuUsage(cpuBefore)
const cpuUs = (user + system) / request.count
const result: LoadResult = {
  registrationsPerSecond: request.count / seconds,
  cpuUs,
  p50Ms: quantile(latencies, 0.5),
  p99Ms: quantile(latencies, 0.99),
  maxMs: quantile(latencies, 1),
  errors,
  statementBytes,
}
console.log(JSON.stringify(result))
