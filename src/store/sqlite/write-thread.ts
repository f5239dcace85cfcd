/**
 * A thread that writes to one SQLite file, so that the thread that serves never waits for the disk.
 * Requests are answered in their order. It is started by the first one: most processes that open a log
 * write nothing.
 */
import { parentPort } from 'node:worker_threads'
import type { Transferable, Worker } from 'node:worker_threads'
import { InvariantError } from '../../errors.ts'
import { startBareWorker } from '../../threads/bare-worker.ts'
import { onMessage } from '../../threads/on-message.ts'
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
  #isClosing = false

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
      // First: what cannot be sent is never answered, and must not take another one's answer.
      this.#worker.postMessage(request, transfer)
      // Whoever waits for an answer keeps the process alive; an idle thread does not.
      if (this.#waiting.push({ resolve, reject }) === 1) this.#worker.ref()
    })
  }

  /** Answers what waits, and closes the file. */
  async close(): Promise<void> {
    if (this.#worker === undefined) return
    this.#isClosing = true
    this.#worker.ref()
    this.#worker.postMessage(CLOSE)
    await this.#ended
  }

  #start(): Worker {
    const worker = startBareWorker(this.#module, this.#workerData)
    worker.on('message', (answer: Answer<Value>) => this.#settle(answer))
    worker.on('error', (cause: Error) => this.#fail(cause))
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
    if (this.#waiting.length === 0 && !this.#isClosing) this.#worker?.unref()
    if ('value' in answer) {
      settle?.resolve(answer.value)
      return
    }
    const { message, code, isInvariant } = answer.failure
    settle?.reject(isInvariant ? new InvariantError(message) : new WriteError(message, code))
  }

  /** Operators are told the message alone, so it says why; errors from a thread may be of no class. */
  #fail(cause?: { readonly message?: unknown }): void {
    const why = typeof cause?.message === 'string' ? `: ${cause.message}` : ''
    this.#failure ??= new Error(`the thread that writes ended${why}`, { cause })
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure)
  }
}

/** What a worker has opened. */
export interface Writing {
  write(request: never): unknown
  close(): unknown
}

/**
 * The worker's side: one request after the other. Opened by the first one and as part of it, so that a
 * file that cannot be opened is an answer like any other; the next request tries again.
 */
export function answerWrites(open: () => Writing | Promise<Writing>): void {
  let opened: Writing | undefined
  const write = async (request: unknown): Promise<unknown> =>
    (opened ??= await open()).write(request as never)
  const answer = async (request: unknown): Promise<void> => {
    if (request === CLOSE) {
      await opened?.close()
      parentPort?.close()
    } else {
      parentPort?.postMessage(await attempt(() => write(request)))
    }
  }
  let last = Promise.resolve()
  onMessage((request: unknown) => {
    last = last.then(() => answer(request))
  })
}

async function attempt(write: () => Promise<unknown>): Promise<Answer<unknown>> {
  try {
    return { value: await write() }
  } catch (error) {
    const { message } = error as Error
    const isInvariant = error instanceof InvariantError
    return { failure: { message, code: sqliteCode(error), isInvariant } }
  }
}
