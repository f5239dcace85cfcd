/**
 * Verifies Sigstore bundles beside the serving thread: one costs 10 to 20 ms, in which thousands of
 * plain statements are verified. One worker thread, a bounded queue, one bundle at a time; where the
 * sources run unbuilt, and Node cannot load a TypeScript worker, the work is done on this thread.
 * A bundle that keeps the worker busy for too long ends it: a hang of the library's must not stop
 * registrations for good.
 */
import { setImmediate } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { InvariantError, UnavailableError } from '../errors.ts'
import type { BundleVerifier, InnerIdentity } from '../payload/bundle-verifier.ts'
import { readAnswer } from './bundle-answer.ts'
import type { BundleAnswer } from './bundle-answer.ts'
import type { VerifyBundleRequest } from './verify-bundle.ts'

export const BUNDLE_QUEUE_MAX = 256
export const BUNDLE_TIMEOUT_MS = 10_000
const WORKER_HEAP_MIB = 256

export interface SigstoreBundleVerifierOptions {
  /** Bundles that may wait; an auditor, who reads as fast as the answers come, sets no limit. */
  readonly queueMax?: number
  readonly timeoutMs?: number
  /** The worker's module; `undefined` keeps the work on this thread. */
  readonly worker?: URL | undefined
}

/** Answers one request; may be asked for the next one only after that. */
interface Executor {
  execute(request: VerifyBundleRequest): Promise<BundleAnswer>
  close(): Promise<void>
}

// After the build this file and the worker end in `.js`.
const BUILT_WORKER: URL | undefined = import.meta.url.endsWith('.js')
  ? new URL('./bundle-worker.js', import.meta.url)
  : undefined

export class SigstoreBundleVerifier implements BundleVerifier {
  readonly #queueMax: number
  readonly #newExecutor: () => Executor
  #executor: Executor | undefined
  #waiting = 0
  /** Resolves when the last request that was taken is answered. */
  #last: Promise<unknown> = Promise.resolve()
  #isClosed = false

  constructor(options: SigstoreBundleVerifierOptions = {}) {
    const { queueMax = BUNDLE_QUEUE_MAX, timeoutMs = BUNDLE_TIMEOUT_MS } = options
    const worker = 'worker' in options ? options.worker : BUILT_WORKER
    this.#queueMax = queueMax
    this.#newExecutor = () =>
      worker === undefined ? new ThisThread() : new OtherThread(worker, timeoutMs)
  }

  async verify(request: VerifyBundleRequest): Promise<InnerIdentity> {
    if (this.#isClosed)
      throw new UnavailableError('ERR_LOG_CLOSING', 'bundles are verified no more')
    if (this.#waiting >= this.#queueMax) {
      throw new UnavailableError('ERR_QUEUE_FULL', 'too many bundles wait to be verified')
    }
    this.#waiting += 1
    const answer = this.#last.then(() => this.#execute(request))
    this.#last = answer.catch(() => undefined)
    try {
      return readAnswer(await answer)
    } finally {
      this.#waiting -= 1
    }
  }

  /** Answers what waits, and ends the thread. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#last
    await this.#executor?.close()
  }

  /** The thread is started by the first bundle: most processes never see one. */
  async #execute(request: VerifyBundleRequest): Promise<BundleAnswer> {
    this.#executor ??= this.#newExecutor()
    try {
      return await this.#executor.execute(request)
    } catch (error) {
      // It ended, or was ended; the next request starts another one.
      this.#executor = undefined
      throw error
    }
  }
}

class ThisThread implements Executor {
  #answer: ((request: VerifyBundleRequest) => BundleAnswer) | undefined

  async execute(request: VerifyBundleRequest): Promise<BundleAnswer> {
    // Loaded by the first bundle, and between two bundles others have their turn.
    this.#answer ??= await loadChecker()
    await setImmediate()
    return this.#answer(request)
  }

  async close(): Promise<void> {
    // There is no thread to end.
  }
}

async function loadChecker(): Promise<(request: VerifyBundleRequest) => BundleAnswer> {
  const [{ BundleChecker }, { answerRequest }] = await Promise.all([
    import('./verify-bundle.ts'),
    import('./bundle-answer.ts'),
  ])
  const checker = new BundleChecker()
  return (request) => answerRequest(checker, request)
}

class OtherThread implements Executor {
  readonly #worker: Worker
  readonly #timeoutMs: number
  #settle: { resolve(answer: BundleAnswer): void; reject(error: Error): void } | undefined

  constructor(module: URL, timeoutMs: number) {
    this.#timeoutMs = timeoutMs
    this.#worker = new Worker(module, {
      resourceLimits: { maxOldGenerationSizeMb: WORKER_HEAP_MIB },
    })
    this.#worker.on('message', (answer: BundleAnswer) => this.#settle?.resolve(answer))
    this.#worker.on('error', (cause) => this.#settle?.reject(ended(cause)))
    this.#worker.on('exit', () => this.#settle?.reject(ended()))
    this.#worker.unref()
  }

  async execute(request: VerifyBundleRequest): Promise<BundleAnswer> {
    if (this.#settle !== undefined) throw new InvariantError('two bundles at a time')
    let timer: NodeJS.Timeout | undefined
    // Whoever waits for an answer keeps the process alive; an idle worker does not.
    this.#worker.ref()
    try {
      return await new Promise<BundleAnswer>((resolve, reject) => {
        this.#settle = { resolve, reject }
        timer = setTimeout(() => {
          reject(new UnavailableError('ERR_TIMEOUT', 'a bundle took too long to verify'))
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
  return new UnavailableError('ERR_TIMEOUT', 'the thread that verifies bundles ended', { cause })
}
