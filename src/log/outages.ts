/**
 * Which of store and guard a node has lost, told once and not once a look. A look that succeeds read both
 * of them; one that fails says only which of them it failed at.
 */
import type { UnavailableError } from '../errors.ts'
import type { Reach, ReachObserver } from './observer.ts'

export class Outages {
  readonly #tell: ReachObserver | undefined
  readonly #lost = new Set<Reach['place']>()

  constructor(tell: ReachObserver | undefined) {
    this.#tell = tell
  }

  failed(error: UnavailableError): void {
    const place = error.code === 'ERR_GUARD_UNREACHABLE' ? 'guard' : 'store'
    if (this.#lost.has(place)) return
    this.#lost.add(place)
    this.#tell?.({ place, error })
  }

  ended(): void {
    for (const place of this.#lost) this.#tell?.({ place })
    this.#lost.clear()
  }
}
