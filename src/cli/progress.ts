/** A progress bar on standard error: only on a terminal, a few times a second, gone when done. */

const REDRAW_MS = 100
const BAR_WIDTH = 28

/** One bar for one piece of work. Without a terminal it does nothing at all. */
export class Progress {
  readonly #label: string
  readonly #shown: boolean
  #drawnAt = 0

  constructor(label: string, options: { readonly quiet?: boolean } = {}) {
    this.#label = label
    this.#shown = process.stderr.isTTY && options.quiet !== true
  }

  /** Draws `done` of `total`, unless the last drawing is too fresh. */
  update(done: number, total: number): void {
    if (!this.#shown) return
    const now = Date.now()
    if (now - this.#drawnAt < REDRAW_MS && done < total) return
    this.#drawnAt = now
    const share = total > 0 ? Math.min(1, done / total) : 1
    const filled = Math.round(share * BAR_WIDTH)
    const bar = '#'.repeat(filled).padEnd(BAR_WIDTH, '-')
    const percent = `${Math.floor(share * 100)}%`.padStart(4)
    process.stderr.write(`\r${this.#label} [${bar}] ${percent} ${done}/${total}\u001b[K`)
  }

  /** Removes the bar, so that the next line starts clean. */
  end(): void {
    if (this.#shown) process.stderr.write('\r\u001b[K')
  }
}
