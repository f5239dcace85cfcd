/**
 * How long a client waits between tries (SCRAPI §5.1, standards.md IS-14): Retry-After is a minimum;
 * without it the pause doubles; jitter keeps clients apart; tries and total waiting are bounded.
 * Time is counted as what was waited, so no clock is needed; randomness and waiting are injected.
 */
import { UnavailableError } from '../errors.ts'

export interface PatienceOptions {
  readonly wait: (milliseconds: number) => Promise<void>
  /** Uniform in [0, 1). */
  readonly random: () => number
  readonly triesMax: number
  readonly waitSecondsMax: number
}

const FIRST_PAUSE_SECONDS = 0.5
const PAUSE_SECONDS_MAX = 30
const JITTER = 0.25

/** The remaining patience of one call. */
export class Patience {
  readonly #options: PatienceOptions
  #tries = 0
  #waitedSeconds = 0

  constructor(options: PatienceOptions) {
    this.#options = options
  }

  /**
   * Waits before the next try.
   * @throws UnavailableError `ERR_TIMEOUT` when the tries or the time are used up, without waiting.
   */
  async pause(retryAfterSeconds: number | undefined, what: string): Promise<void> {
    const { wait, random, triesMax, waitSecondsMax } = this.#options
    this.#tries += 1
    const backoff = Math.min(PAUSE_SECONDS_MAX, FIRST_PAUSE_SECONDS * 2 ** (this.#tries - 1))
    // Retry-After may be exceeded, never undercut; a pause of our own may vary both ways.
    const seconds =
      retryAfterSeconds === undefined
        ? backoff * (1 - JITTER + 2 * JITTER * random())
        : retryAfterSeconds + Math.min(1, 0.1 + JITTER * retryAfterSeconds) * random()
    if (this.#tries >= triesMax || this.#waitedSeconds + seconds > waitSecondsMax) {
      const waited = `after ${this.#tries} tries and ${Math.round(this.#waitedSeconds)} s`
      throw new UnavailableError('ERR_TIMEOUT', `${what} ${waited}; ask again later`, {
        retryAfterSeconds: Math.ceil(seconds),
      })
    }
    this.#waitedSeconds += seconds
    await wait(seconds * 1000)
  }
}
