/**
 * Keeps registrations from running away from the index (libraries.md §10: back-pressure). While the
 * oldest entry that is not indexed has waited too long, each new registration waits a moment. An index
 * that fails holds nobody up, and no wait is longer than a second.
 */

/** Together with the look every 200 ms and a transaction, this keeps the lag below a second. */
const BEHIND_MS_MAX = 300
const WAIT_MS_MAX = 1000

interface Mark {
  readonly treeSize: number
  readonly atMs: number
}

export class IndexPace {
  readonly #now: () => number
  #marks: Mark[] = []
  readonly #waiting = new Set<() => void>()
  #isFailing = false

  /** `now` tells milliseconds of a monotonic clock. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** The log has released this many entries. */
  released(treeSize: number): void {
    this.#marks.push({ treeSize, atMs: this.#now() })
    // Of those that have waited too long only the largest matters: an index may fail for days.
    while (this.#isOverdue(this.#marks[1])) this.#marks.shift()
  }

  /** The index covers this many. */
  indexed(treeSize: number): void {
    this.#marks = this.#marks.filter((mark) => mark.treeSize > treeSize)
    if (!this.#isBehind()) this.#letGo()
  }

  failing(isFailing: boolean): void {
    this.#isFailing = isFailing
    if (isFailing) this.#letGo()
  }

  /** Undefined when there is nothing to wait for. */
  wait(): Promise<void> | undefined {
    if (!this.#isBehind()) return undefined
    return new Promise((resolve) => {
      const letGo = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(letGo)
        resolve()
      }
      const timer = setTimeout(letGo, WAIT_MS_MAX).unref()
      this.#waiting.add(letGo)
    })
  }

  #isBehind(): boolean {
    return !this.#isFailing && this.#isOverdue(this.#marks[0])
  }

  #isOverdue(mark: Mark | undefined): boolean {
    return mark !== undefined && this.#now() - mark.atMs > BEHIND_MS_MAX
  }

  #letGo(): void {
    for (const letGo of this.#waiting) letGo()
  }
}
