/**
 * The configuration of a serving registry: read once, typed, frozen, and refused with all its
 * problems at once. The options and their defaults are in `config-options.ts`, where they come from
 * is in `config-sources.ts`; here they become what the parts of a registry are given.
 */
import { StartError } from '../errors.ts'
import { HTTP_LIMITS } from '../http/limits.ts'
import type { HttpLimits } from '../http/limits.ts'
import { parsePkcs11Uri } from '../keys/pkcs11-uri.ts'
import type { Pkcs11Uri } from '../keys/pkcs11-uri.ts'
import type { Clock } from '../log/clock.ts'
import { SERVE_KEYS, SERVE_OPTIONS, optionName } from './config-options.ts'
import type { GivenConfig } from './config-sources.ts'
import { dataPaths, localPaths } from './data-directory.ts'
import type { DataPaths } from './data-directory.ts'
import type { ServeFlags, ServeKey, ServeValues } from './serve-values.ts'
import { LocationError } from './store-location.ts'
import type { TlsConfig } from './tls-files.ts'

export type { ServeFlags } from './serve-values.ts'

/** The key set of an OIDC provider. */
export interface OidcKeyConfig {
  readonly issuer: string
  readonly path: string
}

/** Who may register. */
export interface SubmitterConfig {
  readonly required: boolean
  readonly oidcKeys: readonly OidcKeyConfig[]
}

/** How a log is witnessed. */
export interface WitnessingConfig {
  readonly policyPath: string
  readonly required: boolean
  readonly intervalMs: number
}

/** Where operators look; never the public address. */
export interface AdminConfig {
  readonly host: string
  readonly port: number
}

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

const READS_PER_REGISTRATION = 10
const ANY_HOST: ReadonlySet<string> = new Set(['0.0.0.0', '::', '*'])

type ConfigParts = Partial<Pick<RegistryConfig, 'clock' | 'report'>>

/** The configuration that flags alone make. Throws as {@link configFrom}. */
export function readConfig(flags: ServeFlags, parts: ConfigParts = {}): RegistryConfig {
  return configFrom({ flags, places: {}, problems: [] }, parts)
}

/** Some options that belong together, and what is wrong with them. */
interface Reading {
  readonly values: ServeValues
  /** Says what is wrong with an option, in words that follow its place. */
  readonly refuse: (key: ServeKey, problem: string) => void
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
  const values: Record<ServeKey, unknown> = Object.fromEntries(
    SERVE_KEYS.map((key) => [key, read(key)]),
  ) as Record<ServeKey, unknown>
  return values as unknown as ServeValues
}

/** Where the log is; what the directory itself remembers may be wrong, too. */
function readPaths({ values, refuse }: Reading, problems: string[]): DataPaths {
  const { data = '', guard, store } = values
  try {
    return dataPaths(data, guard, store)
  } catch (error) {
    if (!(error instanceof StartError)) throw error
    if (!(error instanceof LocationError)) problems.push(error.message)
    else for (const { option, problem } of error.problems) refuse(option, problem)
    return localPaths(data)
  }
}

function readSubmitters({ values, refuse }: Reading): SubmitterConfig {
  const oidcKeys = values.oidcJwks.map((text) => {
    const at = text.indexOf('=')
    const [issuer, path] = [text.slice(0, Math.max(0, at)), text.slice(at + 1)]
    if (!issuer.startsWith('https://') || path === '') {
      refuse('oidcJwks', `is ISSUER=FILE with an https: issuer, not "${text}"`)
    }
    return { issuer, path }
  })
  if (new Set(oidcKeys.map(({ issuer }) => issuer)).size < oidcKeys.length) {
    refuse('oidcJwks', 'names an issuer twice')
  }
  return { required: values.auth === 'required', oidcKeys }
}

function readReceiptKey({ values: { receiptKey }, refuse }: Reading): Pkcs11Uri | undefined {
  try {
    return receiptKey === undefined ? undefined : parsePkcs11Uri(receiptKey)
  } catch (error) {
    refuse('receiptKey', `names no key: ${(error as StartError).message}`)
    return undefined
  }
}

function readWitnessing({ values, refuse }: Reading): WitnessingConfig | undefined {
  const { witnessPolicy, requireWitness, witnessIntervalMs: intervalMs } = values
  if (witnessPolicy !== undefined) {
    return { policyPath: witnessPolicy, required: requireWitness, intervalMs }
  }
  if (requireWitness) refuse('requireWitness', 'needs --witness-policy FILE')
  return undefined
}

/** What operators see is not for everybody: it never shares the public port. */
function readAdmin({ values, refuse }: Reading): AdminConfig | undefined {
  const { adminHost, adminPort, host, port } = values
  if (adminPort === undefined) return undefined
  const isSameHost = adminHost === host || [adminHost, host].some((one) => ANY_HOST.has(one))
  if (adminPort === port && adminPort !== 0 && isSameHost) {
    refuse('adminPort', 'is the public port: choose another one')
  }
  return { host: adminHost, port: adminPort }
}

function readTls({ values, refuse }: Reading): TlsConfig | undefined {
  const { tlsCert: certificate, tlsKey: key, tlsClientCa: clientCa } = values
  if (certificate !== undefined && key !== undefined) return { certificate, key, clientCa }
  if (certificate !== undefined) refuse('tlsCert', 'needs --tls-key FILE')
  if (key !== undefined) refuse('tlsKey', 'needs --tls-cert FILE')
  if (clientCa !== undefined) refuse('tlsClientCa', 'needs --tls-cert FILE and --tls-key FILE')
  return undefined
}

function readLimits(values: ServeValues): HttpLimits {
  const usual = HTTP_LIMITS
  const { ratePerClient, rateTotal: total } = values
  const perClient = ratePerClient ?? usual.registrationRate.perClientPerSecond
  const loopbackIsExempt = ratePerClient === undefined
  return {
    ...usual,
    submitterQuota: { perSecond: values.quotaPerSecond, bytesPerDay: values.quotaBytesPerDay },
    bodyBytesMax: values.bodyBytesMax,
    payloadBytesMax: values.payloadBytesMax,
    registrationsInFlightMax: values.registrationsInFlightMax,
    connectionsMax: values.connectionsMax,
    registrationRate: { totalPerSecond: total, perClientPerSecond: perClient, loopbackIsExempt },
    readRate: {
      totalPerSecond: Math.max(usual.readRate.totalPerSecond, total),
      perClientPerSecond: perClient * READS_PER_REGISTRATION,
      loopbackIsExempt,
    },
    trustProxy: values.trustProxy,
  }
}
