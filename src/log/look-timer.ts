/**
 * When one of several nodes looks at what the others did: each second in any case, a moment after it is told of
 * something, and again, ever later, after a look that did not bring what was hoped for.
 */

/** How often an idle node looks, whatever it is told. */
const POLL_MS = 1000
/** An idle node joins what it is told in this time: others may commit a thousand times a second. */
const NOTICE_MS = 50

/** Milliseconds of the first wait and of the longest; each is twice the one before. */
export interface Steps {
  readonly first: number
  readonly max: number
}

export function backOff(times: number, { first, max }: Steps): number {
  return Math.min(max, first * 2 ** times)
}

export class LookTimer {
  readonly #onDue: () => void
  /** A look is due before anything else is done. */
  isDue = false
  #waiting: (() => void)[] = []
  #lookedAt = 0
  #isClosed = false
  #timer: NodeJS.Timeout | undefined
  #poll: NodeJS.Timeout | undefined
  #endPause: () => void = () => undefined

  /** @param onDue called when a look is due. */
  constructor(onDue: () => void) {
    this.#onDue = onDue
  }

  start(): void {
    this.#poll = setInterval(() => this.#due(), POLL_MS).unref()
  }

  /** Somebody else did something. */
  dueAfterNotice(): void {
    this.#dueIn(NOTICE_MS)
  }

  /** Resolves after one look, whatever it brought. */
  next(when: 'now' | 'soon'): Promise<void> {
    if (this.#isClosed) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      if (when === 'now') this.#due()
      // Somebody asks for more than is known here. The work that this makes is bounded.
      else this.#dueIn(Math.max(0, this.#lookedAt + NOTICE_MS - performance.now()))
    })
  }

  /** Who waits for the look that begins. */
  takeWaiting(): (() => void)[] {
    return this.#waiting.splice(0)
  }

  /** Nobody looks any more. */
  endWaiting(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** A look begins. */
  began(): void {
    this.isDue = false
    this.#lookedAt = performance.now()
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /**
   * Makes the next look due.
   * @param isUrgent clients wait: it resolves when the look makes sense.
   */
  async again(isUrgent: boolean, times: number, steps: Steps): Promise<void> {
    if (this.#isClosed) return
    if (!isUrgent) {
      this.#dueIn(Math.max(NOTICE_MS, backOff(times, steps)))
      return
    }
    this.isDue = true
    await this.pause(backOff(times, steps))
  }

  pause(milliseconds: number): Promise<void> {
    if (this.#isClosed) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds)
      this.#endPause = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /** Ends timers and pauses. */
  close(): void {
    this.#isClosed = true
    clearInterval(this.#poll)
    clearTimeout(this.#timer)
    this.#endPause()
  }

  #due(): void {
    this.isDue = true
    this.#onDue()
  }

  #dueIn(milliseconds: number): void {
    if (this.#isClosed) return
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#due()
    }, milliseconds).unref()
  }
}
