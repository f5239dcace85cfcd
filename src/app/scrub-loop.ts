/**
 * The scrubber: reads everything that is stored again and again, slowly, and checks it as `log check`
 * does, because a start checks the right edge only and a damaged entry may be asked for years later.
 * It remembers where it is, so that restarts do not keep it from ever reaching the end.
 */
import { readFile } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { encodeHex } from '../bytes/hex.ts'
import { encodeUtf8, equalBytes } from '../bytes/bytes.ts'
import type { UnixSeconds } from '../bytes/integers.ts'
import { InvariantError, StartError } from '../errors.ts'
import { nativeHasher, nativeSha256 } from '../keys/native-hash.ts'
import { nodeVerifier } from '../keys/node-verifier.ts'
import { checkLog } from '../log/check-log.ts'
import type { CheckedSoFar } from '../log/check-log.ts'
import type { ScrubState } from '../log/scrub-state.ts'
import type { LogStore } from '../log/store.ts'
import { TILE_WIDTH } from '../merkle/tiles.ts'
import { kindOf } from './check-log.ts'
import { systemClock } from './config.ts'
import type { DataPaths } from './data-directory.ts'
import { replaceFile } from './durable-file.ts'
import { prunedIn } from './pruned-payloads.ts'
import { openStoredPayloads, openStoreReader } from './stores.ts'

export interface ScrubOptions {
  readonly paths: Pick<DataPaths, 'store' | 'scrub'>
  /** Bytes of entries, collateral and payloads that are read a second. */
  readonly rateBytes: number
  /** How long the first pass waits: a start has enough to read. */
  readonly delayMs: number
}

export interface ScrubEvents {
  readonly onState: (state: ScrubState) => void
  /** Something could not be read; it is tried again. */
  readonly onFailure: (message: string) => void
  /** Stored bytes are not what was logged; the loop has ended. */
  readonly onDamage: (message: string) => void
}

/** Small logs are not read without end. */
const PASS_PERIOD_MS = 3_600_000
const RETRY_MS = 60_000
const SAVE_PERIOD_MS = 10_000

export class ScrubLoop {
  readonly #options: ScrubOptions
  readonly #events: ScrubEvents
  readonly #ending = new AbortController()
  readonly #ended: Promise<void>
  #state: ScrubState = { position: 0, treeSize: 0, lastPassAt: undefined, failures: 0 }
  /** Monotonic times in milliseconds. */
  #dueAt = 0
  #savedAt = 0

  private constructor(options: ScrubOptions, events: ScrubEvents) {
    this.#options = options
    this.#events = events
    this.#ended = this.#run()
  }

  static start(options: ScrubOptions, events: ScrubEvents): ScrubLoop {
    return new ScrubLoop(options, events)
  }

  /** Resolves when nothing is read any more. */
  async stop(): Promise<void> {
    this.#ending.abort()
    await this.#ended
  }

  #isStopped(): boolean {
    return this.#ending.signal.aborted
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    await this.#load()
    await this.#sleep(this.#options.delayMs).catch(() => undefined)
    while (!this.#isStopped()) {
      const startedAt = performance.now()
      try {
        await this.#pass()
        await this.#sleep(startedAt + PASS_PERIOD_MS - performance.now())
      } catch (error) {
        if (this.#isStopped()) break
        if (isDamage(error)) {
          // The next start looks here first.
          await this.#save()
          this.#events.onDamage(error.message)
          return
        }
        this.#set({ failures: this.#state.failures + 1 })
        this.#events.onFailure((error as Error).message)
        await this.#sleep(RETRY_MS).catch(() => undefined)
      }
    }
    await this.#save()
  }

  /** Everything once, from where the last pass ended. */
  async #pass(): Promise<void> {
    const store = await openStoreReader(this.#options.paths)
    try {
      await checkLog({
        ...{ store, hasher: nativeHasher, verifier: nodeVerifier, sha256: nativeSha256, kindOf },
        from: this.#state.position,
        isPruned: isPrunedNow(store),
        onProgress: (at) => this.#checked(at),
      })
    } finally {
      await store.close()
    }
    await this.#checkPayloads()
    this.#set({ position: 0, lastPassAt: systemClock.now() })
    await this.#save()
  }

  async #checked({ entries, treeSize, bytes }: CheckedSoFar): Promise<void> {
    // What is at the open end of the log is checked again when more has come.
    this.#set({ position: entries - (entries % TILE_WIDTH), treeSize })
    if (performance.now() - this.#savedAt > SAVE_PERIOD_MS) await this.#save()
    await this.#pace(bytes)
  }

  async #checkPayloads(): Promise<void> {
    const payloads = await openStoredPayloads(this.#options.paths)
    try {
      let last = new Uint8Array(0)
      for (;;) {
        const found = await payloads.after(last)
        if (found === undefined) return
        const { digest, bytes } = found
        if (!equalBytes(nativeSha256(bytes), digest)) {
          throw new InvariantError(`the payload sha256:${encodeHex(digest)} has another digest`)
        }
        last = Uint8Array.from(digest)
        await this.#pace(bytes.length)
      }
    } finally {
      await payloads.close()
    }
  }

  /** Waits as long as so many bytes may take; one piece is never split. */
  async #pace(bytes: number): Promise<void> {
    const now = performance.now()
    this.#dueAt = Math.max(this.#dueAt, now) + (bytes / this.#options.rateBytes) * 1000
    await this.#sleep(this.#dueAt - now)
  }

  /** @throws when the loop is stopped meanwhile. */
  async #sleep(milliseconds: number): Promise<void> {
    const { signal } = this.#ending
    await wait(Math.max(0, milliseconds), undefined, { signal, ref: false })
  }

  #set(change: Partial<ScrubState>): void {
    this.#state = { ...this.#state, ...change }
    this.#events.onState(this.#state)
  }

  async #load(): Promise<void> {
    try {
      const text = await readFile(this.#options.paths.scrub, 'utf8')
      const { position, lastPassAt } = JSON.parse(text) as Record<string, unknown>
      if (isCount(position) && position % TILE_WIDTH === 0) this.#set({ position })
      if (isCount(lastPassAt)) this.#set({ lastPassAt })
    } catch {
      // A place that is lost is a pass that begins anew.
    }
  }

  async #save(): Promise<void> {
    const { position, lastPassAt } = this.#state
    this.#savedAt = performance.now()
    try {
      const text = `${JSON.stringify({ position, lastPassAt })}\n`
      await replaceFile(this.#options.paths.scrub, encodeUtf8(text))
    } catch {
      // Likewise; a full disk is told by others.
    }
  }
}

function isCount(value: unknown): value is UnixSeconds {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isDamage(error: unknown): error is Error {
  return (
    error instanceof InvariantError ||
    (error instanceof StartError && error.code === 'ERR_LOG_CORRUPT')
  )
}

/** Content may be pruned while a pass goes on: what is missing is looked up in the log as it is now. */
function isPrunedNow(store: LogStore): ReturnType<typeof prunedIn> {
  let known = prunedIn(store)
  return async (digest) => {
    if (await known(digest)) return true
    known = prunedIn(store)
    return known(digest)
  }
}
