/**
 * The configuration of a serving registry: read once, typed, frozen, and refused with all its
 * problems at once. The options and their defaults are in `config-options.ts`, where they come from
 * is in `config-sources.ts`; here they become what a registry is given, part by part as in
 * `config-sections.ts`.
 */
import { StartError } from '../errors.ts'
import type { HttpLimits } from '../http/limits.ts'
import type { Pkcs11Uri } from '../keys/pkcs11-uri.ts'
import type { Clock } from '../log/clock.ts'
import { SERVE_KEYS, SERVE_OPTIONS, optionName } from './config-options.ts'
import {
  readAdmin,
  readLimits,
  readPaths,
  readReceiptKey,
  readSubmitters,
  readTls,
  readWitnessing,
} from './config-sections.ts'
import type { AdminConfig, Reading, SubmitterConfig, WitnessingConfig } from './config-sections.ts'
import type { GivenConfig } from './config-sources.ts'
import type { DataPaths } from './data-directory.ts'
import type { ServeFlags, ServeKey, ServeValues } from './serve-values.ts'
import type { TlsConfig } from './tls-files.ts'

export type { ServeFlags } from './serve-values.ts'

/** One line for the operator: what happened, machine-readable. */
export interface ServiceEvent {
  readonly level: 'info' | 'error'
  readonly event: string
  readonly [field: string]: unknown
}

/** Everything that a registry is started with. */
export interface RegistryConfig {
  readonly paths: DataPaths
  /** Undefined: the receipt key is in the key directory. */
  readonly receiptKey: Pkcs11Uri | undefined
  readonly host: string
  readonly port: number
  /** Undefined: no listener for operators. */
  readonly admin: AdminConfig | undefined
  /** One request in so many is told; 0 for none. */
  readonly accessLogEvery: number
  /** Whether spans are made for the operator's OpenTelemetry SDK. */
  readonly traces: boolean
  /** Undefined: plain HTTP. */
  readonly tls: TlsConfig | undefined
  readonly limits: HttpLimits
  /** Free bytes below which nothing new is taken; 0 for no floor. */
  readonly diskFloorBytes: number
  /** How long a client waits for its Receipt before it is answered 202, or 503. */
  readonly answerWithinMs: number
  /** How long requests in flight may take when the registry is stopped. */
  readonly drainMs: number
  /** Undefined: no witness is asked. */
  readonly witnessing: WitnessingConfig | undefined
  readonly submitters: SubmitterConfig
  /** Whether look-ups are answered. */
  readonly index: boolean
  /** How long an entry waits for the journal that covers it. */
  readonly journalIntervalMs: number
  /** Bytes a second that the scrubber reads; 0 for no scrubber. */
  readonly scrubRateBytes: number
  readonly clock: Clock
  readonly report: (event: ServiceEvent) => void
}

/** Wall-clock time of this machine. */
export const systemClock: Clock = { now: () => Math.floor(Date.now() / 1000) }

type ConfigParts = Partial<Pick<RegistryConfig, 'clock' | 'report'>>

/** The configuration that flags alone make. Throws as {@link configFrom}. */
export function readConfig(flags: ServeFlags, parts: ConfigParts = {}): RegistryConfig {
  return configFrom({ flags, places: {}, problems: [] }, parts)
}

/**
 * Reads what was gathered.
 * @throws StartError `ERR_CONFIGURATION` that names every problem and where it is.
 */
export function configFrom(given: GivenConfig, parts: ConfigParts = {}): RegistryConfig {
  const problems = [...given.problems]
  const refuse = (key: ServeKey, problem: string): void => {
    problems.push(`${given.places[key] ?? `--${optionName(key)}`} ${problem}`)
  }
  const values = readValues(given.flags, refuse)
  const reading = { values, refuse }
  if (values.data === undefined && given.flags.data === undefined) {
    refuse('data', 'is missing: it names the data directory')
  }
  const config = Object.freeze({
    paths: readPaths(reading, problems),
    receiptKey: readReceiptKey(reading),
    host: values.host,
    port: values.port,
    admin: readAdmin(reading),
    tls: readTls(reading),
    accessLogEvery: values.accessLog,
    traces: values.traces,
    limits: readLimits(values),
    diskFloorBytes: values.diskFloorBytes,
    answerWithinMs: values.answerWithinMs,
    drainMs: values.drainMs,
    submitters: readSubmitters(reading),
    index: values.index,
    journalIntervalMs: values.journalIntervalMs,
    scrubRateBytes: values.scrubRateBytes,
    witnessing: readWitnessing(reading),
    clock: parts.clock ?? systemClock,
    report: parts.report ?? ((event: ServiceEvent) => console.error(JSON.stringify(event))),
  })
  if (problems.length > 0) throw new StartError('ERR_CONFIGURATION', problems.join('; '))
  return config
}

/** Each option by itself; one that cannot be read is refused and has its default. */
function readValues(flags: ServeFlags, refuse: Reading['refuse']): ServeValues {
  const read = (key: ServeKey): unknown => {
    const { usual, read } = SERVE_OPTIONS[key]
    try {
      return flags[key] === undefined ? usual : read(flags[key])
    } catch (error) {
      if (!(error instanceof StartError)) throw error
      refuse(key, error.message)
      return usual
    }
  }
  return Object.fromEntries(SERVE_KEYS.map((key) => [key, read(key)])) as unknown as ServeValues
}
