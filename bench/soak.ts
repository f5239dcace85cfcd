/**
 * `npm run bench -- --soak MINUTES`: half of what the machine can take for a long time, while memory
 * and open files of the server are watched. What grows without end shows as a slope.
 */
import { readdirSync, readlinkSync } from 'node:fs'
import { check, number } from './figures.ts'
import { memoryMiB } from './process-usage.ts'
import { load, loadAtRate, serveAttestry } from './processes.ts'

export interface SoakOptions {
  readonly minutes: number
  readonly pem: string
  readonly data: string
}

interface Sample {
  readonly minute: number
  readonly rssMiB: number
  readonly ownMiB: number
  readonly files: number
}

const SAMPLE_MS = 1000
/** Memory of the first part is still being filled: caches, compiled code. */
const WARM_UP_SHARE = 1 / 3
const SLOPE_PERCENT_PER_HOUR_MAX = 1
/** Before this, the slope is that of garbage which nobody needed to collect yet. */
const MINUTES_TO_JUDGE = 30

export async function soakReport({ minutes, pem, data }: SoakOptions): Promise<string[]> {
  const server = await serveAttestry(data)
  const { registrationsPerSecond } = await load({
    ...{ port: server.port, concurrency: 64, count: 6000, pem },
  })
  const perSecond = Math.floor(registrationsPerSecond / 2)
  const samples: Sample[] = []
  const began = performance.now()
  const timer = setInterval(() => {
    const minute = (performance.now() - began) / 60_000
    const { now, own } = memoryMiB(server.pid)
    samples.push({ minute, rssMiB: now, ownMiB: own, files: openFiles(server.pid) })
  }, SAMPLE_MS)
  const result = await loadAtRate({
    ...{ port: server.port, perSecond, seconds: minutes * 60, signed: 0, pem },
  })
  clearInterval(timer)
  await server.stop()

  const steady = samples.filter(
    ({ minute }) => minute > minutes * WARM_UP_SHARE && minute < minutes,
  )
  const hourly = (of: 'rssMiB' | 'ownMiB'): number =>
    60 * slopeOf(steady.map((sample) => [sample.minute, sample[of]]))
  const slope = (100 * hourly('ownMiB')) / (steady[0]?.ownMiB ?? 1)
  const [first, last] = [steady[0], steady.at(-1)]
  const kinds = [['shed', result.shed] as const, ...Object.entries(result.other)]
  const errors = kinds.reduce((sum, [, count]) => sum + count, 0)
  const told = kinds.filter(([, count]) => count > 0).map(([kind, count]) => `${kind}: ${count}`)
  return [
    `${number(minutes)} minutes at ${number(perSecond)}/s, half of what 64 connections reach.`,
    '',
    '| registered | errors | reads | reads failed | p50 ms | p99 ms | own MiB first, last | RSS MiB first, last | open files first, last |',
    '|---|---|---|---|---|---|---|---|---|',
    `| ${number(result.accepted)} | ${told.join(', ') || '0'} | ${number(result.reads)} | ${number(result.readsFailed)} | ` +
      `${number(result.acceptedP50Ms, 1)} | ${number(result.acceptedP99Ms, 1)} | ` +
      `${number(first?.ownMiB ?? 0)}, ${number(last?.ownMiB ?? 0)} | ${number(first?.rssMiB ?? 0)}, ${number(last?.rssMiB ?? 0)} | ${first?.files ?? 0}, ${last?.files ?? 0} |`,
    '',
    `- memory of its own grows by ${number(slope, 2)} % (${number(hourly('ownMiB'), 1)} MiB) an hour after the first third ` +
      `(bar: < ${SLOPE_PERCENT_PER_HOUR_MAX} %): ${minutes < MINUTES_TO_JUDGE ? 'too short to judge' : check(slope < SLOPE_PERCENT_PER_HOUR_MAX)}`,
    `- with the pages of the database that are mapped: ${number(hourly('rssMiB'), 1)} MiB an hour`,
    `- no errors: ${check(errors === 0 && result.readsFailed === 0)}`,
    `- open files do not grow: ${check((last?.files ?? 0) <= (first?.files ?? 0) + 8)}`,
  ]
}

/** Without sockets, which come and go with the load. Zero where there is no /proc. */
function openFiles(pid: number): number {
  const folder = `/proc/${pid}/fd`
  try {
    return readdirSync(folder).filter((name) => !isSocket(`${folder}/${name}`)).length
  } catch {
    return 0
  }
}

/** One that was closed meanwhile counts as one. */
function isSocket(path: string): boolean {
  try {
    return readlinkSync(path).startsWith('socket:')
  } catch {
    return true
  }
}

/** Least squares. */
function slopeOf(points: readonly (readonly [number, number])[]): number {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
  const [x, y] = [mean(points.map(([a]) => a)), mean(points.map(([, b]) => b))]
  const above = points.reduce((sum, [a, b]) => sum + (a - x) * (b - y), 0)
  const below = points.reduce((sum, [a]) => sum + (a - x) ** 2, 0)
  return below === 0 ? 0 : above / below
}
