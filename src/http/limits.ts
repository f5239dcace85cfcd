/** The limits of the HTTP surface, each with a name; operators and tests may set others. */
import type { RateLimits } from './rate-limit.ts'
import type { QuotaLimits } from './submitter-quotas.ts'

export interface HttpLimits {
  /** An entry is at most 65,535 bytes; the rest is for an unprotected header that is dropped. */
  readonly bodyBytesMax: number
  /** All statements of a batch together, and how many they may be. */
  readonly batchBytesMax: number
  readonly batchStatementsMax: number
  /** A payload of the payload store; 0 takes none. */
  readonly payloadBytesMax: number
  /** Registrations whose body is being read or that wait for their answer. */
  readonly registrationsInFlightMax: number
  readonly connectionsMax: number
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  /**
   * An idle connection is kept so long: for longer than a proxy before this server keeps it, or the proxy
   * sends a request into a connection that is just being closed.
   */
  readonly keepAliveTimeoutMs: number
  /** A client that takes nothing of its answer for so long is cut off. */
  readonly answerStallMs: number
  readonly registrationRate: RateLimits
  readonly readRate: RateLimits
  /** Of each submitter that shows a token or a certificate. */
  readonly submitterQuota: QuotaLimits
  /** Clients that follow the feed at a time. */
  readonly feedStreamsMax: number
  /** An idle stream shows this often that it is alive. */
  readonly feedHeartbeatMs: number
  /** A stream whose client takes nothing for so long is cut off; it resumes where it was. */
  readonly feedStallMs: number
  /** Take the client from X-Forwarded-For: a proxy that sets it stands before this server. */
  readonly trustProxy: boolean
}

export const HTTP_LIMITS: HttpLimits = {
  bodyBytesMax: 256 * 1024,
  batchBytesMax: 4 * 1024 * 1024,
  batchStatementsMax: 256,
  payloadBytesMax: 1024 * 1024,
  registrationsInFlightMax: 1024,
  connectionsMax: 4096,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 65_000,
  answerStallMs: 60_000,
  registrationRate: { totalPerSecond: 20_000, perClientPerSecond: 100, loopbackIsExempt: true },
  readRate: { totalPerSecond: 40_000, perClientPerSecond: 1000, loopbackIsExempt: true },
  submitterQuota: { perSecond: undefined, bytesPerDay: undefined },
  feedStreamsMax: 128,
  feedHeartbeatMs: 15_000,
  feedStallMs: 10_000,
  trustProxy: false,
}
