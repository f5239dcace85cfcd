/**
 * Costly work beside the serving thread: one worker thread, a bounded queue, one request at a time. Where
 * there is no worker (sources that run unbuilt; Node cannot load a TypeScript worker) the work is done
 * on this thread, others having their turn between two requests. A request that keeps the worker busy for
 * too long ends it: a hang must not stop registrations for good.
 */
import { setImmediate } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import { assertInvariant, UnavailableError } from '../errors.ts'
import { startWorker } from './start-worker.ts'

export interface QueuedWorkOptions<Request, Answer> {
  /** Requests that may wait. */
  readonly queueMax: number
  readonly timeoutMs: number
  /** The worker's module; `undefined` keeps the work on this thread. */
  readonly worker: URL | undefined
  /** Does the work on this thread. */
  readonly here: (request: Request) => Promise<Answer>
  /** What clients are told. */
  readonly says: QueuedWorkMessages
  readonly retryAfterSeconds?: number
}

export interface QueuedWorkMessages {
  readonly closed: string
  readonly full: string
  readonly slow: string
  readonly ended: string
}

const WORKER_HEAP_MIB = 256

export class QueuedWork<Request, Answer> {
  readonly #options: QueuedWorkOptions<Request, Answer>
  #thread: OtherThread<Request, Answer> | undefined
  #waiting = 0
  /** Resolves when the last request that was taken is answered. */
  #last: Promise<unknown> = Promise.resolve()
  #isClosed = false

  constructor(options: QueuedWorkOptions<Request, Answer>) {
    this.#options = options
  }

  /** @throws UnavailableError `ERR_QUEUE_FULL`, `ERR_TIMEOUT` or `ERR_LOG_CLOSING`; and as the work. */
  async run(request: Request): Promise<Answer> {
    const { queueMax, says, retryAfterSeconds = 1 } = this.#options
    if (this.#isClosed) throw new UnavailableError('ERR_LOG_CLOSING', says.closed)
    if (this.#waiting >= queueMax) {
      throw new UnavailableError('ERR_QUEUE_FULL', says.full, { retryAfterSeconds })
    }
    this.#waiting += 1
    const answer = this.#last.then(() => this.#execute(request))
    this.#last = answer.catch(() => undefined)
    try {
      return await answer
    } finally {
      this.#waiting -= 1
    }
  }

  /** Answers what waits, and ends the thread. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#last
    await this.#thread?.close()
  }

  /** The thread is started by the first request: most processes never see one. */
  async #execute(request: Request): Promise<Answer> {
    const { worker, here } = this.#options
    if (worker === undefined) {
      await setImmediate()
      return here(request)
    }
    // It may have ended by itself when nobody waited: for want of memory, say.
    if (this.#thread?.isEnded !== false) this.#thread = new OtherThread(worker, this.#options)
    try {
      return await this.#thread.execute(request)
    } catch (error) {
      // It ended, or was ended; the next request starts another one.
      this.#thread = undefined
      throw error
    }
  }
}

/** Answers one request; may be asked for the next one only after that. */
class OtherThread<Request, Answer> {
  readonly #worker: Worker
  readonly #timeoutMs: number
  readonly #says: QueuedWorkMessages
  #settle: { resolve(answer: Answer): void; reject(error: Error): void } | undefined
  #isEnded = false

  constructor(
    module: URL,
    { timeoutMs, says }: Pick<QueuedWorkOptions<Request, Answer>, 'timeoutMs' | 'says'>,
  ) {
    this.#timeoutMs = timeoutMs
    this.#says = says
    this.#worker = startWorker(module, {
      resourceLimits: { maxOldGenerationSizeMb: WORKER_HEAP_MIB },
    })
    this.#worker.on('message', (answer: Answer) => this.#settle?.resolve(answer))
    this.#worker.on('error', (cause) => this.#settle?.reject(this.#ended(cause)))
    this.#worker.on('exit', () => {
      this.#isEnded = true
      this.#settle?.reject(this.#ended())
    })
    this.#worker.unref()
  }

  /** What is posted to a thread that ended is never answered. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  async execute(request: Request): Promise<Answer> {
    assertInvariant(this.#settle === undefined, 'two requests at a time')
    let timer: NodeJS.Timeout | undefined
    // Whoever waits for an answer keeps the process alive; an idle worker does not.
    this.#worker.ref()
    try {
      return await new Promise<Answer>((resolve, reject) => {
        this.#settle = { resolve, reject }
        timer = setTimeout(() => {
          reject(new UnavailableError('ERR_TIMEOUT', this.#says.slow))
          void this.#worker.terminate()
        }, this.#timeoutMs)
        this.#worker.postMessage(request)
      })
    } finally {
      clearTimeout(timer)
      this.#settle = undefined
      this.#worker.unref()
    }
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }

  #ended(cause?: unknown): UnavailableError {
    return new UnavailableError('ERR_TIMEOUT', this.#says.ended, { cause })
  }
}
