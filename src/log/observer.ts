/**
 * The ports through which the log tells where on the write path a batch is, for whoever measures, and
 * what it cannot reach, for whoever has to act. They decide nothing: an observer never throws and never
 * delays a batch. Adapters: `app/metrics.ts`, `app/operating.ts`.
 */
import type { UnavailableError } from '../errors.ts'

/** Steps of a batch in their order; one that fails is followed by the first of the next batch. */
export type BatchStep = 'begun' | 'committed' | 'verified' | 'signed' | 'guarded'

/** Told of each step once it is done, or later, with its time. A log has one batch at a time. */
export interface LogObserver {
  /**
   * @param atMs when it was done, in milliseconds since 1970 with fractions, counted on from the start of
   *   the process: setting the clock does not change it.
   */
  onBatch(step: BatchStep, entriesCount: number, atMs: number): void
}

/** A store or a guard of several nodes that cannot be reached, or can again. */
export interface Reach {
  readonly place: 'store' | 'guard'
  /** Absent: it answers again. */
  readonly error?: UnavailableError
}

/** Told once when a place is lost, and once when it is back. */
export type ReachObserver = (reach: Reach) => void
