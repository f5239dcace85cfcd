/**
 * `npm run bench -- --soak MINUTES`: half of what the machine can take for a long time, while memory
 * and open files of the server are watched. What grows without end shows as a slope, and it is looked
 * for in what lives after a full collection: garbage sways the memory of the process by more than the bar.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { check, number, trendOf, type Trend } from './figures.ts'
import { readLiveMemory } from './live-bytes.ts'
import { memoryMiB } from './process-usage.ts'
import { load, loadAtRate, serveWatchedAttestry } from './processes.ts'

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
/** Before this, the slope is that of caches which are not full yet, and of a handful of minutes. */
const MINUTES_TO_JUDGE = 30
const MIB = 2 ** 20

export async function soakReport({ minutes, pem, data }: SoakOptions): Promise<string[]> {
  const liveFile = `${data}.live.jsonl`
  const server = await serveWatchedAttestry(data, liveFile)
  const { registrationsPerSecond } = await load({
    ...{ port: server.port, concurrency: 64, count: 6000, pem },
  })
  const perSecond = Math.floor(registrationsPerSecond / 2)
  const samples: Sample[] = []
  const began = Date.now()
  const timer = setInterval(() => {
    const minute = (Date.now() - began) / 60_000
    const { now, own } = memoryMiB(server.pid)
    samples.push({ minute, rssMiB: now, ownMiB: own, files: openFiles(server.pid) })
  }, SAMPLE_MS)
  const result = await loadAtRate({
    ...{ port: server.port, perSecond, seconds: minutes * 60, signed: 0, pem },
  })
  clearInterval(timer)
  await server.stop()

  const isSteady = ({ minute }: { readonly minute: number }): boolean =>
    minute > minutes * WARM_UP_SHARE && minute < minutes
  const steady = samples.filter(isSteady)
  const memory = readLiveMemory(readFileSync(liveFile, 'utf8'))
  const live = memory.sums
    .map(({ minute, bytes }) => ({ minute: minute - began / 60_000, liveMiB: bytes / MIB }))
    .filter(isSteady)
  const grows = growth(live.map(({ minute, liveMiB }) => [minute, liveMiB]))
  const own = growth(steady.map(({ minute, ownMiB }) => [minute, ownMiB]))
  const rss = growth(steady.map(({ minute, rssMiB }) => [minute, rssMiB]))
  const [first, last] = [steady[0], steady.at(-1)]
  const kinds = [['shed', result.shed] as const, ...Object.entries(result.other)]
  const errors = kinds.reduce((sum, [, count]) => sum + count, 0)
  const failures = kinds
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${kind}: ${count}`)
  return [
    `${number(minutes)} minutes at ${number(perSecond)}/s, half of what 64 connections reach.`,
    '',
    '| registered | errors | reads | reads failed | p50 ms | p99 ms | live MiB first, last | own MiB first, last | RSS MiB first, last | open files first, last |',
    '|---|---|---|---|---|---|---|---|---|---|',
    `| ${number(result.accepted)} | ${failures.join(', ') || '0'} | ${number(result.reads)} | ${number(result.readsFailed)} | ` +
      `${number(result.acceptedP50Ms, 1)} | ${number(result.acceptedP99Ms, 1)} | ` +
      `${number(live[0]?.liveMiB ?? 0, 1)}, ${number(live.at(-1)?.liveMiB ?? 0, 1)} | ` +
      `${number(first?.ownMiB ?? 0)}, ${number(last?.ownMiB ?? 0)} | ${number(first?.rssMiB ?? 0)}, ${number(last?.rssMiB ?? 0)} | ${first?.files ?? 0}, ${last?.files ?? 0} |`,
    '',
    `- live memory grows by ${told(grows)} after the first third ` +
      `(bar: < ${SLOPE_PERCENT_PER_HOUR_MAX} %): ${minutes < MINUTES_TO_JUDGE ? 'too short to judge' : check(grows.percent < SLOPE_PERCENT_PER_HOUR_MAX)}`,
    `- memory of its own (RssAnon) beside it, not judged: ${told(own)}; with the pages of the database that are mapped: ${number(rss.slope, 1)} MiB an hour`,
    `- no errors: ${check(errors === 0 && result.readsFailed === 0)}`,
    `- open files do not grow: ${check((last?.files ?? 0) <= (first?.files ?? 0) + 8)}`,
    '',
    `Live is what is left after a full collection, heap and what objects hold outside of it, summed over the ${number(memory.threads)} threads ` +
      `that load what is preloaded (the one that serves, the index, …); ${number(live.length)} minutes of it. It is judged because the memory of the process ` +
      'sways with garbage, and with what the allocator keeps, by more than the bar. Not in it, so only in RssAnon: the threads of store and guard, ' +
      `and what SQLite and OpenSSL allocate for themselves. Each thread stood still for it once a minute, for ${number(memory.pauseMs)} ms at most, ` +
      'which is in the latencies above; and RssAnon is that of a server that is made to collect.',
  ]
}

/** Of MiB an hour, and in percent of the first value. */
interface Growth extends Trend {
  readonly percent: number
  readonly percentError: number
}

function growth(points: readonly (readonly [minute: number, mib: number])[]): Growth {
  const { slope, error } = trendOf(points)
  const percent = 100 / (points[0]?.[1] ?? 1)
  const hourly = { slope: 60 * slope, error: 60 * error }
  return { ...hourly, percent: percent * hourly.slope, percentError: percent * hourly.error }
}

const told = ({ slope, percent, percentError }: Growth): string =>
  `${number(percent, 2)} ± ${number(percentError, 2)} % (${number(slope, 1)} MiB) an hour`

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
