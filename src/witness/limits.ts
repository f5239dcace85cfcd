/** Limits of witnessing. */
export interface WitnessLimits {
  /** Least time from the start of one round to the next: 43,200 rounds a day at the usual 2 s. */
  readonly intervalMs: number
  readonly timeoutMs: number
  /** A witness that keeps failing is asked this seldom in the end. */
  readonly backoffMsMax: number
}

export const WITNESS_LIMITS: WitnessLimits = {
  intervalMs: 2000,
  timeoutMs: 5000,
  backoffMsMax: 60_000,
}
