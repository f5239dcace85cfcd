/**
 * `npm run bench -- --overload`: a registry that takes a tenth of what this machine could is offered
 * twice, five times and ten times as much. The bars are ratios, so they hold on any machine.
 */
import { check, number } from './figures.ts'
import type { OverloadResult } from './overload-load.ts'
import { load, loadAtRate, serveAttestry } from './processes.ts'

export interface OverloadOptions {
  readonly pem: string
  /** Makes a log and returns its data directory. */
  readonly newData: (name: string) => Promise<string>
}

const SECONDS = 5
const FACTORS = [1, 2, 5, 10] as const
const P99_FACTOR_MAX = 10
const READS_OK_MIN = 0.999
const RECOVERY_MS_MAX = 5000

const HEAD = [
  '| offered ÷ capacity | offered | accepted | shed | other | p50 ms | p99 ms | reads | reads failed | read p99 ms | recovery s |',
  '|---|---|---|---|---|---|---|---|---|---|---|',
]

export async function overloadReport({ pem, newData }: OverloadOptions): Promise<string[]> {
  const free = await serveAttestry(await newData('free'))
  await load({ port: free.port, concurrency: 64, count: 2000, pem })
  const usual = await load({ port: free.port, concurrency: 64, count: 6000, pem })
  await free.stop()
  const capacity = Math.max(50, Math.floor(usual.registrationsPerSecond / 10))

  const data = await newData('overload')
  const server = await serveAttestry(data, '--rate-total', String(capacity))
  await load({ port: server.port, concurrency: 8, count: 500, pem })
  const results: OverloadResult[] = []
  for (const factor of FACTORS) {
    const perSecond = capacity * factor
    const signed = capacity * (SECONDS + 2)
    results.push(await loadAtRate({ port: server.port, perSecond, seconds: SECONDS, signed, pem }))
  }
  await server.stop()
  return [
    `Capacity set to ${number(capacity)}/s (\`--rate-total\`), a tenth of the ` +
      `${number(usual.registrationsPerSecond)}/s that 64 connections reach; ${SECONDS} s each, one server.`,
    '',
    ...HEAD,
    ...results.map((result, i) => row(FACTORS[i]!, result)),
    '',
    ...bars(results),
  ]
}

function row(factor: number, r: OverloadResult): string {
  const other = Object.keys(r.other).length === 0 ? '0' : JSON.stringify(r.other)
  const cells = [
    ...[`${factor} ×`, number(r.offered), number(r.accepted), number(r.shed), other],
    ...[number(r.acceptedP50Ms, 1), number(r.acceptedP99Ms, 1), number(r.reads)],
    ...[number(r.readsFailed), number(r.readP99Ms, 1), number(r.recoveryMs / 1000, 2)],
  ]
  return `| ${cells.join(' | ')} |`
}

function bars(results: readonly OverloadResult[]): string[] {
  const [usual, ...over] = results
  const p99 = Math.max(...over.map(({ acceptedP99Ms }) => acceptedP99Ms)) / usual!.acceptedP99Ms
  const reads = over.map((r) => (r.reads - r.readsFailed) / r.reads)
  const others = over.flatMap(({ other }) => Object.keys(other))
  const recovery = Math.max(...over.map(({ recoveryMs }) => recoveryMs))
  return [
    `- accepted p99 under overload ÷ p99 at capacity: ${number(p99, 1)} (bar: ≤ ${P99_FACTOR_MAX}): ${check(p99 <= P99_FACTOR_MAX)}`,
    `- everything that is not accepted is 429 or 503 with Retry-After: ${check(others.length === 0)}`,
    `- reads answered: ${number(100 * Math.min(...reads), 2)} % (bar: ≥ 99.9 %): ${check(Math.min(...reads) >= READS_OK_MIN)}`,
    `- recovery: ${number(recovery / 1000, 2)} s at most (bar: ≤ 5 s): ${check(recovery <= RECOVERY_MS_MAX)}`,
  ]
}
