/**
 * Token buckets, one in total and one per client (SCRAPI §4.3, §5.3). Own code, because the usual
 * middleware costs more than the rest of a request. The number of clients that are remembered is
 * bounded; forgetting one only fills its bucket, and the total limit holds in any case.
 */
import { UnavailableError } from '../errors.ts'

/** Requests a second; a full bucket holds one second's worth, and at least one request. */
export interface RateLimits {
  readonly totalPerSecond: number
  readonly perClientPerSecond: number
  /** Clients on the same machine have only the total limit: they could do worse than flood. */
  readonly loopbackIsExempt: boolean
}

const CLIENTS_MAX = 10_000

interface Bucket {
  tokens: number
  filledAtMs: number
}

/** Limits one kind of request. */
export class RateLimiter {
  readonly #limits: RateLimits
  readonly #now: () => number
  readonly #total: Bucket
  /** In order of last use, so that the first one is the one to forget. */
  readonly #clients = new Map<string, Bucket>()

  /** `now` tells milliseconds of a monotonic clock. */
  constructor(limits: RateLimits, now: () => number) {
    this.#limits = limits
    this.#now = now
    this.#total = { tokens: capacity(limits.totalPerSecond), filledAtMs: now() }
  }

  /**
   * Counts one request of a client; `undefined` is a client without a limit of its own.
   * @throws UnavailableError `ERR_RATE_LIMITED`.
   */
  take(client: string | undefined): void {
    const now = this.#now()
    const { totalPerSecond, perClientPerSecond } = this.#limits
    if (client !== undefined) takeToken(this.#bucketOf(client, now), perClientPerSecond, now)
    try {
      takeToken(this.#total, totalPerSecond, now)
    } catch (error) {
      this.#giveBack(client)
      throw error
    }
  }

  /** Counts what a request turned out to hold beside itself; it is let in already. */
  owe(client: string | undefined, count: number): void {
    this.#total.tokens -= count
    if (client !== undefined) this.#bucketOf(client, this.#now()).tokens -= count
  }

  /** Takes back what {@link take} counted: our own failures never use up a client's budget. */
  refund(client: string | undefined): void {
    this.#giveBack(client)
    this.#total.tokens = Math.min(capacity(this.#limits.totalPerSecond), this.#total.tokens + 1)
  }

  #giveBack(client: string | undefined): void {
    const bucket = client === undefined ? undefined : this.#clients.get(client)
    if (bucket === undefined) return
    bucket.tokens = Math.min(capacity(this.#limits.perClientPerSecond), bucket.tokens + 1)
  }

  #bucketOf(client: string, now: number): Bucket {
    const known = this.#clients.get(client)
    const bucket = known ?? { tokens: capacity(this.#limits.perClientPerSecond), filledAtMs: now }
    if (known !== undefined) this.#clients.delete(client)
    else if (this.#clients.size >= CLIENTS_MAX) {
      for (const oldest of this.#clients.keys()) {
        this.#clients.delete(oldest)
        break
      }
    }
    this.#clients.set(client, bucket)
    return bucket
  }
}

function capacity(perSecond: number): number {
  return Math.max(1, perSecond)
}

function takeToken(bucket: Bucket, perSecond: number, now: number): void {
  const gained = ((now - bucket.filledAtMs) / 1000) * perSecond
  bucket.tokens = Math.min(capacity(perSecond), bucket.tokens + gained)
  bucket.filledAtMs = now
  if (bucket.tokens < 1) {
    throw new UnavailableError(
      'ERR_RATE_LIMITED',
      `Only ${perSecond} requests per second are allowed.`,
      { retryAfterSeconds: (1 - bucket.tokens) / perSecond },
    )
  }
  bucket.tokens -= 1
}
