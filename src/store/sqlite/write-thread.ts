/**
 * A thread that writes to one SQLite file, so that the thread that serves never waits for the disk.
 * Requests are answered in their order. It is started by the first one: most processes that open a log
 * write nothing.
 */
import { parentPort, Worker } from 'node:worker_threads'
import type { Transferable } from 'node:worker_threads'
import { InvariantError } from '../../errors.ts'
import { sqliteCode, WriteError } from './database.ts'

/** What the worker sends for each request. */
type Answer<Value> = { readonly value: Value } | { readonly failure: Failure }

interface Failure {
  readonly message: string
  readonly code: string | undefined
  readonly isInvariant: boolean
}

interface Settle<Value> {
  readonly resolve: (value: Value) => void
  readonly reject: (error: Error) => void
}

const CLOSE = 'close'

export class WriteThread<Request, Value> {
  readonly #module: URL
  readonly #workerData: unknown
  readonly #waiting: Settle<Value>[] = []
  #worker: Worker | undefined
  #ended: Promise<void> | undefined
  #failure: Error | undefined

  constructor(module: URL, workerData: unknown) {
    this.#module = module
    this.#workerData = workerData
  }

  /**
   * @throws WriteError where SQLite refused.
   * @throws InvariantError as the worker does.
   * @throws Error when the thread ended: what became of the write is unknown.
   */
  run(request: Request, transfer: readonly Transferable[] = []): Promise<Value> {
    return new Promise((resolve, reject) => {
      this.#worker ??= this.#start()
      if (this.#failure !== undefined) {
        reject(this.#failure)
        return
      }
      // Whoever waits for an answer keeps the process alive; an idle thread does not.
      if (this.#waiting.push({ resolve, reject }) === 1) this.#worker.ref()
      this.#worker.postMessage(request, transfer)
    })
  }

  /** Answers what waits, and closes the file. */
  async close(): Promise<void> {
    if (this.#worker === undefined) return
    this.#worker.ref()
    this.#worker.postMessage(CLOSE)
    await this.#ended
  }

  #start(): Worker {
    const worker = new Worker(this.#module, { workerData: this.#workerData })
    worker.on('message', (answer: Answer<Value>) => this.#settle(answer))
    worker.on('error', (cause) => this.#fail(cause))
    this.#ended = new Promise((resolve) => {
      worker.once('exit', () => {
        this.#fail()
        resolve()
      })
    })
    worker.unref()
    return worker
  }

  #settle(answer: Answer<Value>): void {
    const settle = this.#waiting.shift()
    if (this.#waiting.length === 0) this.#worker?.unref()
    if ('value' in answer) {
      settle?.resolve(answer.value)
      return
    }
    const { message, code, isInvariant } = answer.failure
    settle?.reject(isInvariant ? new InvariantError(message) : new WriteError(message, code))
  }

  #fail(cause?: unknown): void {
    this.#failure ??= new Error('the thread that writes ended', { cause })
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure)
  }
}

/** The worker's side: `write` answers each request, `close` comes after the last one. */
export function answerWrites(write: (request: never) => unknown, close: () => void): void {
  parentPort?.on('message', (request: unknown) => {
    if (request === CLOSE) {
      close()
      parentPort?.close()
    } else {
      parentPort?.postMessage(attempt(() => write(request as never)))
    }
  })
}

function attempt(write: () => unknown): Answer<unknown> {
  try {
    return { value: write() }
  } catch (error) {
    const { message } = error as Error
    const isInvariant = error instanceof InvariantError
    return { failure: { message, code: sqliteCode(error), isInvariant } }
  }
}
