/** What every resource is given. */
import type { Registry } from '../registry/registry.ts'
import type { AccessLog } from './access-log.ts'
import type { EventStreams } from './event-streams.ts'
import type { HttpLimits } from './limits.ts'
import type { HttpObserver } from './observer.ts'
import type { RateLimiter } from './rate-limit.ts'
import type { RegistrationSlots } from './registration-slots.ts'
import type { SubmitterQuotas } from './submitter-quotas.ts'
import type { HttpTracer } from './tracer.ts'

export interface HttpContext {
  readonly registry: Registry
  readonly limits: HttpLimits
  readonly registrations: RateLimiter
  readonly reads: RateLimiter
  readonly slots: RegistrationSlots
  /** What each known submitter may still register. */
  readonly quotas: SubmitterQuotas
  /** Clients that follow the feed. */
  readonly feeds: EventStreams
  /** Bytes of openapi.yaml. */
  readonly openapi: Uint8Array
  /** JSON Schemas of the governance documents, by file name. */
  readonly schemas: ReadonlyMap<string, Uint8Array>
  /** Counts what is answered. */
  readonly observer: HttpObserver | undefined
  /** Tells some of the requests to the operator. */
  readonly accessLog: AccessLog | undefined
  /** Makes spans of requests. */
  readonly tracer: HttpTracer | undefined
  /** Milliseconds of a monotonic clock. */
  readonly monotonicMs: () => number
  /** Told of every failure that is ours, with the id that the client was given. */
  readonly onFailure: (error: unknown, requestId: string) => void
  /** True once the server stops accepting: connections are closed after their answer then. */
  readonly isDraining: () => boolean
}
