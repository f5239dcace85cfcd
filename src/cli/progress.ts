/** A progress bar on standard error: only on a terminal, a few times a second, gone when done. */

const REDRAW_MS = 100
const BAR_WIDTH = 28

/** One bar for one piece of work. Without a terminal it does nothing at all. */
export class Progress {
  readonly #label: string
  readonly #shown: boolean
  #drawnAt = 0
  /** Where and when this run began: work that was resumed did not happen in no time. */
  #start: { readonly done: number; readonly at: number } | undefined

  constructor(label: string, options: { readonly quiet?: boolean } = {}) {
    this.#label = label
    this.#shown = process.stderr.isTTY && options.quiet !== true
  }

  /** Draws `done` of `total`, unless the last drawing is too fresh. */
  update(done: number, total: number): void {
    if (!this.#shown) return
    const now = Date.now()
    this.#start ??= { done, at: now }
    if (now - this.#drawnAt < REDRAW_MS && done < total) return
    this.#drawnAt = now
    const share = total > 0 ? Math.min(1, done / total) : 1
    const filled = Math.round(share * BAR_WIDTH)
    const bar = '#'.repeat(filled).padEnd(BAR_WIDTH, '-')
    const percent = `${Math.floor(share * 100)}%`.padStart(4)
    process.stderr.write(
      `\r${this.#label} [${bar}] ${percent} ${done}/${total}${this.#pace(done, total, now)}\u001b[K`,
    )
  }

  /** Rate and time left, once there is something to tell them from. */
  #pace(done: number, total: number, now: number): string {
    const start = this.#start ?? { done, at: now }
    const seconds = (now - start.at) / 1000
    if (seconds < 1 || done <= start.done) return ''
    const rate = (done - start.done) / seconds
    const left = Math.ceil((total - done) / rate)
    const minutes = Math.floor(left / 60)
    const time = minutes > 0 ? `${minutes} min ${left % 60} s` : `${left} s`
    return ` ${Math.round(rate)}/s, ${time} left`
  }

  /** Removes the bar, so that the next line starts clean. */
  end(): void {
    if (this.#shown) process.stderr.write('\r\u001b[K')
  }
}
