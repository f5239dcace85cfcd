/**
 * The configuration of a serving registry: read once from what the command line gives, typed, and
 * refused with all its problems at once. Every default that an operator can change is in this file
 * or in `http/limits.ts`.
 */
import { StartError } from '../errors.ts'
import { HTTP_LIMITS } from '../http/limits.ts'
import type { HttpLimits } from '../http/limits.ts'
import type { Clock } from '../log/clock.ts'
import { PAYLOAD_BYTES_LIMIT } from '../statement/payload-name.ts'
import { parsePkcs11Uri } from '../keys/pkcs11-uri.ts'
import type { Pkcs11Uri } from '../keys/pkcs11-uri.ts'
import { WITNESS_LIMITS } from '../witness/witness-client.ts'
import { dataPaths } from './data-directory.ts'
import type { DataPaths } from './data-directory.ts'

/** Flags of `attestry serve`, as text or as values. */
export interface ServeFlags {
  readonly data: string
  readonly guard?: string | undefined
  /** PKCS #11 URI of the receipt key, when it is in a token. */
  readonly receiptKey?: string | undefined
  readonly host?: string | undefined
  readonly port?: string | number | undefined
  /** Registrations a second from one client; when given, clients on this machine are limited too. */
  readonly ratePerClient?: string | number | undefined
  /** Registrations a second from all clients. */
  readonly rateTotal?: string | number | undefined
  readonly trustProxy?: boolean | undefined
  readonly answerWithinMs?: string | number | undefined
  readonly drainMs?: string | number | undefined
  readonly bodyBytesMax?: string | number | undefined
  /** Largest payload that the payload store takes; 0 takes none. */
  readonly payloadBytesMax?: string | number | undefined
  readonly registrationsInFlightMax?: string | number | undefined
  readonly connectionsMax?: string | number | undefined
  /** tlog-policy file: the witnesses to ask for cosignatures. */
  readonly witnessPolicy?: string | undefined
  /** Release nothing that a quorum of the witness policy has not cosigned. */
  readonly requireWitness?: boolean | undefined
  readonly witnessIntervalMs?: string | number | undefined
  readonly journalIntervalMs?: string | number | undefined
  /** `off` answers no look-ups and follows no log. */
  readonly index?: string | undefined
  /** `required` refuses registrations without a token. */
  readonly auth?: string | undefined
  /** `ISSUER=FILE`: the key set of an OIDC provider. */
  readonly oidcJwks?: readonly string[] | undefined
}

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
  readonly limits: HttpLimits
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
  readonly clock: Clock
  readonly report: (event: ServiceEvent) => void
}

/** Wall-clock time of this machine. */
export const systemClock: Clock = { now: () => Math.floor(Date.now() / 1000) }

const READS_PER_REGISTRATION = 10
const MILLISECONDS_MAX = 600_000

/**
 * Reads the flags.
 * @throws StartError `ERR_CONFIGURATION` that names every problem.
 */
export function readConfig(
  flags: ServeFlags,
  parts: Partial<Pick<RegistryConfig, 'clock' | 'report'>> = {},
): RegistryConfig {
  const problems: string[] = []
  const numbers = new NumberReader(problems)
  if (flags.data === '') problems.push('--data names no directory')
  const config = Object.freeze({
    paths: dataPaths(flags.data, flags.guard),
    receiptKey: readReceiptKey(flags, problems),
    host: flags.host ?? '127.0.0.1',
    port: numbers.read('--port', flags.port, { usual: 8080, min: 0, max: 65_535 }),
    limits: readLimits(flags, numbers),
    answerWithinMs: numbers.read('--answer-within-ms', flags.answerWithinMs, {
      usual: 5000,
      max: MILLISECONDS_MAX,
    }),
    drainMs: numbers.read('--drain-ms', flags.drainMs, { usual: 10_000, max: MILLISECONDS_MAX }),
    submitters: readSubmitters(flags, problems),
    index: readSwitch('--index', flags.index, problems),
    // Well below the minute that the design promises.
    journalIntervalMs: numbers.read('--journal-interval-ms', flags.journalIntervalMs, {
      usual: 30_000,
      max: 60_000,
    }),
    witnessing: readWitnessing(flags, numbers, problems),
    clock: parts.clock ?? systemClock,
    report: parts.report ?? ((event: ServiceEvent) => console.error(JSON.stringify(event))),
  })
  if (problems.length > 0) throw new StartError('ERR_CONFIGURATION', problems.join('; '))
  return config
}

function readSwitch(flag: string, given: string | undefined, problems: string[]): boolean {
  if (given !== undefined && given !== 'on' && given !== 'off') {
    problems.push(`${flag} is on or off, not "${given}"`)
  }
  return given !== 'off'
}

function readSubmitters(
  { auth = 'optional', oidcJwks = [] }: ServeFlags,
  problems: string[],
): SubmitterConfig {
  if (auth !== 'optional' && auth !== 'required') {
    problems.push(`--auth is optional or required, not "${auth}"`)
  }
  const oidcKeys = oidcJwks.map((text) => {
    const at = text.indexOf('=')
    const [issuer, path] = [text.slice(0, Math.max(0, at)), text.slice(at + 1)]
    if (!issuer.startsWith('https://') || path === '') {
      problems.push(`--oidc-jwks is ISSUER=FILE with an https: issuer, not "${text}"`)
    }
    return { issuer, path }
  })
  if (new Set(oidcKeys.map(({ issuer }) => issuer)).size < oidcKeys.length) {
    problems.push('--oidc-jwks names an issuer twice')
  }
  return { required: auth === 'required', oidcKeys }
}

function readReceiptKey({ receiptKey }: ServeFlags, problems: string[]): Pkcs11Uri | undefined {
  try {
    return receiptKey === undefined ? undefined : parsePkcs11Uri(receiptKey)
  } catch (error) {
    problems.push(`--receipt-key: ${(error as StartError).message}`)
    return undefined
  }
}

function readWitnessing(
  { witnessPolicy, requireWitness = false, witnessIntervalMs }: ServeFlags,
  numbers: NumberReader,
  problems: string[],
): WitnessingConfig | undefined {
  const intervalMs = numbers.read('--witness-interval-ms', witnessIntervalMs, {
    usual: WITNESS_LIMITS.intervalMs,
    max: MILLISECONDS_MAX,
  })
  if (witnessPolicy !== undefined) {
    return { policyPath: witnessPolicy, required: requireWitness, intervalMs }
  }
  if (requireWitness) problems.push('--require-witness needs --witness-policy FILE')
  return undefined
}

function readLimits(flags: ServeFlags, numbers: NumberReader): HttpLimits {
  const usual = HTTP_LIMITS
  const rate = { max: 1_000_000, whole: false }
  const perClient = numbers.read('--rate-per-client', flags.ratePerClient, {
    usual: usual.registrationRate.perClientPerSecond,
    ...rate,
  })
  const total = numbers.read('--rate-total', flags.rateTotal, {
    usual: usual.registrationRate.totalPerSecond,
    ...rate,
  })
  const loopbackIsExempt = flags.ratePerClient === undefined
  return {
    ...usual,
    bodyBytesMax: numbers.read('--body-bytes-max', flags.bodyBytesMax, {
      usual: usual.bodyBytesMax,
      max: 16 * 1024 * 1024,
    }),
    payloadBytesMax: numbers.read('--payload-bytes-max', flags.payloadBytesMax, {
      usual: usual.payloadBytesMax,
      min: 0,
      max: PAYLOAD_BYTES_LIMIT,
    }),
    registrationsInFlightMax: numbers.read('--in-flight-max', flags.registrationsInFlightMax, {
      usual: usual.registrationsInFlightMax,
      max: 65_536,
    }),
    connectionsMax: numbers.read('--connections-max', flags.connectionsMax, {
      usual: usual.connectionsMax,
      max: 1_000_000,
    }),
    registrationRate: { totalPerSecond: total, perClientPerSecond: perClient, loopbackIsExempt },
    readRate: {
      totalPerSecond: Math.max(usual.readRate.totalPerSecond, total),
      perClientPerSecond: perClient * READS_PER_REGISTRATION,
      loopbackIsExempt,
    },
    trustProxy: flags.trustProxy ?? usual.trustProxy,
  }
}

interface NumberRule {
  readonly usual: number
  readonly max: number
  readonly min?: number
  readonly whole?: boolean
}

/** Reads numbers and collects what is wrong with them. */
class NumberReader {
  readonly #problems: string[]

  constructor(problems: string[]) {
    this.#problems = problems
  }

  read(flag: string, given: string | number | undefined, rule: NumberRule): number {
    if (given === undefined) return rule.usual
    const { max, min = 1, whole = true } = rule
    const shape = whole ? /^[0-9]{1,9}$/ : /^[0-9]{1,9}(\.[0-9]{1,3})?$/
    const value = shape.test(String(given)) ? Number(given) : Number.NaN
    if (value >= min && value <= max) return value
    const kind = whole ? 'a whole number' : 'a number'
    this.#problems.push(`${flag} is ${kind} from ${min} to ${max}, not "${given}"`)
    return rule.usual
  }
}
