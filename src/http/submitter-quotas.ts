/**
 * What one known submitter may register: so many statements a second, so many bytes a day. A
 * submitter is a token, a workload of an OIDC provider or a client certificate; whoever shows none
 * has the limits of an address only. Kept in memory, so a restart fills the quotas and each of
 * several nodes has its own; they keep one submitter from starving the others, they do not bill.
 */
import { UnavailableError } from '../errors.ts'
import type { Submitter } from '../registry/ports.ts'
import { RateLimiter } from './rate-limit.ts'

/** Undefined: no quota. */
export interface QuotaLimits {
  readonly perSecond: number | undefined
  readonly bytesPerDay: number | undefined
}

const SECONDS_OF_DAY = 86_400
const SUBMITTERS_MAX = 10_000
/** The limit in total is the server's, not a submitter's. */
const UNLIMITED = 1e12

export class SubmitterQuotas {
  readonly #limits: QuotaLimits
  readonly #monotonicMs: () => number
  readonly #rate: RateLimiter | undefined
  /** Bytes that were used and not given back by time yet, in order of last use. */
  readonly #used = new Map<string, { bytes: number; atMs: number }>()

  constructor(limits: QuotaLimits, monotonicMs: () => number) {
    const { perSecond } = limits
    this.#limits = limits
    this.#monotonicMs = monotonicMs
    if (perSecond !== undefined) {
      const rate = { totalPerSecond: UNLIMITED, perClientPerSecond: perSecond }
      this.#rate = new RateLimiter({ ...rate, loopbackIsExempt: false }, monotonicMs)
    }
  }

  /**
   * Counts a registration, before its body is read.
   * @throws UnavailableError `ERR_RATE_LIMITED`.
   */
  begin(submitter: Submitter): void {
    this.#rate?.take(principalOf(submitter))
  }

  /** Counts more registrations of one request; the next request pays for them. */
  owe(submitter: Submitter, count: number): void {
    this.#rate?.owe(principalOf(submitter), count)
  }

  /**
   * Counts the bytes of a body. What was used is given back evenly over a day.
   * @throws UnavailableError `ERR_QUOTA`.
   */
  charge(submitter: Submitter, bytes: number): void {
    const { bytesPerDay } = this.#limits
    if (bytesPerDay === undefined) return
    const principal = principalOf(submitter)
    const atMs = this.#monotonicMs()
    const used = this.#usedBy(principal, { atMs, bytesPerDay })
    if (used + bytes > bytesPerDay) {
      const excess = Math.min(used, used + bytes - bytesPerDay)
      throw new UnavailableError(
        'ERR_QUOTA',
        `a submitter may register ${bytesPerDay} bytes a day`,
        {
          retryAfterSeconds: (excess / bytesPerDay) * SECONDS_OF_DAY,
        },
      )
    }
    this.#remember(principal, { bytes: used + bytes, atMs })
  }

  /** Gives a registration and its bytes back: our own failures use up nobody's quota. */
  refund(submitter: Submitter, bytes: number): void {
    const principal = principalOf(submitter)
    this.#rate?.refund(principal)
    const known = this.#used.get(principal)
    if (known !== undefined) known.bytes = Math.max(0, known.bytes - bytes)
  }

  #usedBy(
    principal: string,
    { atMs, bytesPerDay }: { readonly atMs: number; readonly bytesPerDay: number },
  ): number {
    const known = this.#used.get(principal)
    if (known === undefined) return 0
    const returned = ((atMs - known.atMs) / 1000 / SECONDS_OF_DAY) * bytesPerDay
    return Math.max(0, known.bytes - returned)
  }

  #remember(principal: string, used: { bytes: number; atMs: number }): void {
    this.#used.delete(principal)
    this.#used.set(principal, used)
    if (this.#used.size <= SUBMITTERS_MAX) return
    for (const oldest of this.#used.keys()) {
      this.#used.delete(oldest)
      break
    }
  }
}

/**
 * Who a quota belongs to. A workload is its repository or project where its provider says so: its
 * subject has the branch in it, and anybody can make branches.
 */
export function principalOf({ claims: { kind, issuer, claims } }: Submitter): string {
  const names = ['token_id', 'certificate_sha256', 'repository_id', 'project_id', 'sub']
  const name = names.find((one) => claims[one] !== undefined) ?? ''
  return JSON.stringify([kind, issuer, name, claims[name]])
}
