/**
 * Keeps a follower going: it works when something is released and waits when nothing is left. What
 * fails is told, and tried again after a pause that grows; nothing that happens here ends a process.
 */
import { Follower } from './follow-log.ts'
import type { FollowerOptions } from './follow-log.ts'

const PAUSE_MIN_MS = 500
const PAUSE_MAX_MS = 30_000

export interface FollowLoopOptions extends FollowerOptions {
  /** Told why it does not go on, and with `undefined` that it does again. */
  readonly onFailure: (message: string | undefined) => void
}

export class FollowLoop {
  readonly #options: FollowLoopOptions
  readonly #ended: Promise<void>
  #follower: Follower | undefined
  #released = 0
  #stored: string[] = []
  #isStopping = false
  #pauseMs = 0
  #wake: () => void = () => undefined

  private constructor(options: FollowLoopOptions) {
    this.#options = options
    this.#ended = this.#loop()
  }

  static start(options: FollowLoopOptions): FollowLoop {
    return new FollowLoop(options)
  }

  /** Entries below this may be indexed. */
  release(treeSize: number): void {
    this.#released = Math.max(this.#released, treeSize)
    this.#wake()
  }

  /** Content of hash envelopes is at hand now. */
  payloadStored(digest: string): void {
    this.#stored.push(digest)
    this.#wake()
  }

  /** Resolves after the transaction that is under way. */
  stop(): Promise<void> {
    this.#isStopping = true
    this.#follower?.stop()
    this.#wake()
    return this.#ended
  }

  async #loop(): Promise<void> {
    while (!this.#isStopping) {
      const woken = new Promise<void>((resolve) => (this.#wake = resolve))
      try {
        await this.#work()
        this.#pauseMs = 0
        await woken
      } catch (error) {
        this.#options.onFailure((error as Error).message)
        await this.#pause()
      }
    }
  }

  async #work(): Promise<void> {
    const isNew = this.#follower === undefined
    this.#follower ??= await Follower.open(this.#options)
    this.#follower.release(this.#released)
    for (const digest of this.#stored.splice(0)) this.#follower.payloadStored(digest)
    if (this.#isStopping) return
    if (isNew) await this.#follower.recheckPreimages()
    await this.#follower.run()
    if (this.#pauseMs > 0) this.#options.onFailure(undefined)
  }

  async #pause(): Promise<void> {
    // From where the tables end: what is in memory may not be what is stored.
    this.#follower = undefined
    this.#pauseMs = Math.min(PAUSE_MAX_MS, Math.max(PAUSE_MIN_MS, 2 * this.#pauseMs))
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#pauseMs)
      this.#wake = () => {
        if (!this.#isStopping) return
        clearTimeout(timer)
        resolve()
      }
      if (this.#isStopping) this.#wake()
    })
  }
}
