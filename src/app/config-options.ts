/**
 * Every option of `attestry serve` with its default, in one table: the flags, the names in a
 * configuration file, the environment variables and docs/configuration.md are made from it. A name
 * is the same in all of them: `ratePerClient` is `--rate-per-client`, `rate-per-client` in a file and
 * `ATTESTRY_RATE_PER_CLIENT`.
 */
import { HTTP_LIMITS } from '../http/limits.ts'
import { PAYLOAD_BYTES_LIMIT } from '../statement/payload-name.ts'
import { WITNESS_LIMITS } from '../witness/limits.ts'
import { choice, group, list, number, onOff, text, toggle } from './config-values.ts'
import type { ConfigOption } from './config-values.ts'
import type { ServeKey, ServeValues } from './serve-values.ts'

const MILLISECONDS = { max: 600_000 }
const RATE = { min: 0.001, max: 1_000_000, whole: false }

const LOG = group('Log', {
  data: text(undefined, {
    placeholder: 'dir',
    help: 'data directory, made by `attestry init`',
    isPath: true,
  }),
  store: text(undefined, {
    placeholder: 'url',
    help: 'PostgreSQL database of the log, for several nodes',
    usualText: 'a file in DIR, or what DIR was last served with',
  }),
  guard: text(undefined, {
    placeholder: 'path',
    help: 'guard of the log: a file, or the URL of a database in another PostgreSQL cluster',
    usualText: 'DIR.guard beside DIR',
    isPath: true,
  }),
  receiptKey: text(undefined, {
    placeholder: 'uri',
    help: 'PKCS #11 URI of the receipt key, when a token holds it',
    usualText: 'the key file in DIR',
  }),
  index: onOff(true, { help: 'whether to keep an index and answer look-ups' }),
  // Well below the minute that the design promises.
  journalIntervalMs: number(
    30_000,
    { max: 60_000 },
    { help: 'longest wait of an entry for the registration journal, ms' },
  ),
  scrubRateBytes: number(
    1024 * 1024,
    { min: 0, max: 1e12 },
    { help: 'bytes a second that are read to find damage; 0 for never' },
  ),
})

const LISTENING = group('Address', {
  host: text('127.0.0.1', { placeholder: 'address', help: 'address to listen on' }),
  port: number(
    8080,
    { min: 0, max: 65_535 },
    { placeholder: 'port', help: 'port to listen on; 0 for any free one' },
  ),
  trustProxy: toggle({ help: 'take the client from X-Forwarded-For, which a proxy must set' }),
  tlsCert: text(undefined, {
    placeholder: 'file',
    help: 'certificate chain (PEM) to end TLS with; SIGHUP reads it again',
    usualText: 'plain HTTP',
    isPath: true,
  }),
  tlsKey: text(undefined, {
    placeholder: 'file',
    help: 'private key (PEM) of that certificate',
    isPath: true,
  }),
  tlsClientCa: text(undefined, {
    placeholder: 'file',
    help: 'authorities (PEM) whose client certificates make a submitter known',
    usualText: 'none is asked for',
    isPath: true,
  }),
})

const OPERATION = group('Operation', {
  adminPort: number(
    undefined,
    { min: 0, max: 65_535 },
    {
      placeholder: 'port',
      help: 'port for /metrics, /health/live and /health/ready',
      usualText: 'none',
    },
  ),
  adminHost: text('127.0.0.1', { placeholder: 'address', help: 'address of that port' }),
  accessLog: number(
    0,
    { min: 0, max: 1_000_000 },
    { help: 'log one request in so many; 0 logs none' },
  ),
  traces: toggle({ help: 'make OpenTelemetry spans, for the SDK that is loaded with --import' }),
})

const SUBMITTERS = group('Submitters', {
  auth: choice(['optional', 'required'], 'optional', { help: 'tokens of submitters' }),
  oidcJwks: list({
    placeholder: 'issuer=file',
    help: 'key set of an OIDC provider of the policy',
    isPath: true,
  }),
})

const LIMITS = group('Limits', {
  ratePerClient: number(undefined, RATE, {
    help: 'registrations a second from one client; when given, clients on this machine have it too',
    usualText: String(HTTP_LIMITS.registrationRate.perClientPerSecond),
  }),
  rateTotal: number(HTTP_LIMITS.registrationRate.totalPerSecond, RATE, {
    help: 'registrations a second from all clients',
  }),
  quotaPerSecond: number(undefined, RATE, {
    help: 'registrations a second of one token, workload or client certificate',
    usualText: 'no quota',
  }),
  quotaBytesPerDay: number(
    undefined,
    { max: 10 ** 15 - 1 },
    { help: 'bytes a day of one token, workload or client certificate', usualText: 'no quota' },
  ),
  bodyBytesMax: number(
    HTTP_LIMITS.bodyBytesMax,
    { max: 16 * 1024 * 1024 },
    { help: 'largest body of a registration, bytes' },
  ),
  payloadBytesMax: number(
    HTTP_LIMITS.payloadBytesMax,
    { min: 0, max: PAYLOAD_BYTES_LIMIT },
    { help: 'largest payload that is stored, bytes; 0 stores none' },
  ),
  registrationsInFlightMax: number(
    HTTP_LIMITS.registrationsInFlightMax,
    { max: 65_536 },
    { flag: 'in-flight-max', help: 'registrations that are worked on at a time' },
  ),
  connectionsMax: number(
    HTTP_LIMITS.connectionsMax,
    { max: 1_000_000 },
    { help: 'open connections' },
  ),
  diskFloorBytes: number(
    128 * 1024 * 1024,
    { min: 0, max: 10 ** 15 - 1 },
    { help: 'free bytes below which nothing new is taken; 0 for no floor' },
  ),
  answerWithinMs: number(5000, MILLISECONDS, {
    help: 'how long a client waits for its Receipt before it is told to come back, ms',
  }),
  drainMs: number(10_000, MILLISECONDS, {
    help: 'how long requests in flight may take at the end, ms',
  }),
})

const WITNESSES = group('Witnesses', {
  witnessPolicy: text(undefined, {
    placeholder: 'file',
    help: 'tlog-policy file: witnesses that cosign the checkpoints',
    usualText: 'none is asked',
    isPath: true,
  }),
  requireWitness: toggle({
    help: 'release nothing that the quorum of the policy has not cosigned',
  }),
  witnessIntervalMs: number(WITNESS_LIMITS.intervalMs, MILLISECONDS, {
    help: 'least time between two requests to a witness, ms',
  }),
})

/** In the order of the help. */
export const SERVE_OPTIONS: { readonly [Key in ServeKey]: ConfigOption<ServeValues[Key]> } = {
  ...LOG,
  ...LISTENING,
  ...OPERATION,
  ...SUBMITTERS,
  ...LIMITS,
  ...WITNESSES,
}

export const SERVE_KEYS: readonly ServeKey[] = Object.keys(SERVE_OPTIONS) as ServeKey[]

/** `rate-per-client`: the name in a file, and after `--` on the command line. */
export function optionName(key: ServeKey): string {
  const { flag } = SERVE_OPTIONS[key]
  return flag ?? key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

const VARIABLE_PREFIX = 'ATTESTRY_'

/** `ATTESTRY_RATE_PER_CLIENT`. */
export function variableName(key: ServeKey): string {
  return VARIABLE_PREFIX + optionName(key).toUpperCase().replaceAll('-', '_')
}
