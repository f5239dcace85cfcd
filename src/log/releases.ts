/**
 * The tree that is released, what is told of it when the loop releases more, and its newest head, which the guard
 * has at once and the store when nothing else is to do.
 */
import { UnavailableError } from '../errors.ts'
import type { CaughtUp } from './catch-up.ts'
import type { GovernanceEntry } from './registered.ts'
import type { ReleasedTree } from './released-tree.ts'
import type { LogStore } from './store.ts'

export class Releases {
  readonly #store: Pick<LogStore, 'saveSignedHead'>
  readonly #onFatal: (cause: Error) => void
  readonly #followers: ((entry: GovernanceEntry) => void)[] = []
  // Replaced by the loop alone, after the guard holds the new head.
  #tree: ReleasedTree
  #idleTimer: NodeJS.Timeout | undefined
  #isStopped = false

  /** @param tree what is released at the start. */
  constructor(
    tree: ReleasedTree,
    store: Pick<LogStore, 'saveSignedHead'>,
    onFatal: (cause: Error) => void,
  ) {
    this.#tree = tree
    this.#store = store
    this.#onFatal = onFatal
  }

  get tree(): ReleasedTree {
    return this.#tree
  }

  follow(follower: (entry: GovernanceEntry) => void): void {
    this.#followers.push(follower)
  }

  add({ state, tiles, governance }: CaughtUp): void {
    this.#tree = this.#tree.after(state, tiles)
    for (const entry of governance) for (const follow of this.#followers) follow(entry)
  }

  /** Saves the newest head after so long without a batch. */
  saveWhenIdle(idleSaveMs: number): void {
    if (this.#tree.state.isSaved) return
    this.#idleTimer ??= setTimeout(() => {
      this.#idleTimer = undefined
      void this.save()
    }, idleSaveMs).unref()
  }

  /** A batch begins, which saves it, too. */
  saveLater(): void {
    clearTimeout(this.#idleTimer)
    this.#idleTimer = undefined
  }

  /** Copies the newest head from the guard into the store. Never rejects. */
  async save(): Promise<void> {
    clearTimeout(this.#idleTimer)
    const tree = this.#tree
    if (tree.state.isSaved || this.#isStopped) return
    try {
      await this.#store.saveSignedHead(tree.state.signed)
      // A batch may have been released meanwhile; it has saved this head, too.
      if (this.#tree === tree) this.#tree = tree.after({ ...tree.state, isSaved: true }, [])
    } catch (cause) {
      // A busy store gets the head with the next batch; until then the guard has it, durably.
      if (!(cause instanceof UnavailableError)) this.#onFatal(cause as Error)
    }
  }

  /** Nothing is saved any more. */
  stop(): void {
    this.#isStopped = true
  }
}
