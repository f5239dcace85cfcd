/**
 * Appraises TEE evidence beside the serving thread: a quote costs as much as a hundred plain statements.
 * One worker thread, a bounded queue, one piece at a time; where the sources run unbuilt, and Node cannot
 * load a TypeScript worker, the work is done on this thread, others having their turn between two pieces.
 * A piece that takes too long ends the thread: evidence that nobody thought of must not stop
 * registrations for good.
 */
import { setImmediate } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { UnavailableError } from '../errors.ts'
import type { Appraisal, AppraisalRequest } from '../payload/tee/appraise-evidence.ts'
import type { EvidenceAppraiser } from '../payload/tee/evidence-appraiser.ts'
import { answerAppraisal, readAppraisal } from './evidence-answer.ts'
import type { EvidenceAnswer } from './evidence-answer.ts'

export const EVIDENCE_QUEUE_MAX = 256
export const EVIDENCE_TIMEOUT_MS = 10_000
const WORKER_HEAP_MIB = 256
const RETRY_AFTER_SECONDS = 2

export interface QueuedAppraiserOptions {
  readonly queueMax?: number
  readonly timeoutMs?: number
  /** The worker's module; `undefined` keeps the work on this thread. */
  readonly worker?: URL | undefined
}

// After the build this file and the worker end in `.js`.
const BUILT_WORKER: URL | undefined = import.meta.url.endsWith('.js')
  ? new URL('./evidence-worker.js', import.meta.url)
  : undefined

export class QueuedAppraiser implements EvidenceAppraiser {
  readonly #queueMax: number
  readonly #timeoutMs: number
  readonly #module: URL | undefined
  #thread: OtherThread | undefined
  #waiting = 0
  /** Resolves when the last request that was taken is answered. */
  #last: Promise<unknown> = Promise.resolve()
  #isClosed = false

  constructor(options: QueuedAppraiserOptions = {}) {
    const { queueMax = EVIDENCE_QUEUE_MAX, timeoutMs = EVIDENCE_TIMEOUT_MS } = options
    this.#queueMax = queueMax
    this.#timeoutMs = timeoutMs
    this.#module = 'worker' in options ? options.worker : BUILT_WORKER
  }

  /** @throws EvidenceError | UnavailableError `ERR_QUEUE_FULL`, `ERR_TIMEOUT` or `ERR_LOG_CLOSING`. */
  async appraise(request: AppraisalRequest): Promise<Appraisal> {
    if (this.#isClosed) {
      throw new UnavailableError('ERR_LOG_CLOSING', 'evidence is appraised no more')
    }
    if (this.#waiting >= this.#queueMax) {
      throw new UnavailableError('ERR_QUEUE_FULL', 'too much evidence waits to be appraised', {
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      })
    }
    this.#waiting += 1
    const answer = this.#last.then(() => this.#execute(request))
    this.#last = answer.catch(() => undefined)
    try {
      return readAppraisal(await answer)
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

  /** The thread is started by the first piece: most processes never see one. */
  async #execute(request: AppraisalRequest): Promise<EvidenceAnswer> {
    if (this.#module === undefined) {
      await setImmediate()
      return answerAppraisal(request)
    }
    if (this.#thread?.isEnded !== false)
      this.#thread = new OtherThread(this.#module, this.#timeoutMs)
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
class OtherThread {
  readonly #worker: Worker
  readonly #timeoutMs: number
  #settle: { resolve(answer: EvidenceAnswer): void; reject(error: Error): void } | undefined
  /** It may end when nobody waits: for want of memory, say. What is posted then is never answered. */
  #isEnded = false

  constructor(module: URL, timeoutMs: number) {
    this.#timeoutMs = timeoutMs
    this.#worker = new Worker(module, {
      resourceLimits: { maxOldGenerationSizeMb: WORKER_HEAP_MIB },
    })
    this.#worker.on('message', (answer: EvidenceAnswer) => this.#settle?.resolve(answer))
    this.#worker.on('error', (cause) => this.#settle?.reject(ended(cause)))
    this.#worker.on('exit', () => {
      this.#isEnded = true
      this.#settle?.reject(ended())
    })
    this.#worker.unref()
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  async execute(request: AppraisalRequest): Promise<EvidenceAnswer> {
    let timer: NodeJS.Timeout | undefined
    // Whoever waits for an answer keeps the process alive; an idle worker does not.
    this.#worker.ref()
    try {
      return await new Promise<EvidenceAnswer>((resolve, reject) => {
        this.#settle = { resolve, reject }
        timer = setTimeout(() => {
          reject(new UnavailableError('ERR_TIMEOUT', 'evidence took too long to appraise'))
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
}

function ended(cause?: unknown): UnavailableError {
  return new UnavailableError('ERR_TIMEOUT', 'the thread that appraises evidence ended', { cause })
}
