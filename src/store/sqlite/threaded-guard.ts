/**
 * The file guard of a serving process: {@link SqliteGuard}, advanced on a thread of its own. The
 * event loop reads and parses the next requests while the guard's fsync runs (measured in bench/).
 * One advance is under way at a time; the log awaits each before it signs anything else.
 */
import { Worker } from 'node:worker_threads'
import type { SignedTreeHead } from '../../cose/signed-tree-head.ts'
import { InvariantError, StartError } from '../../errors.ts'
import type { Guard } from '../../log/guard.ts'
import { SqliteGuard } from './sqlite-guard.ts'

export interface AdvanceRequest {
  readonly from: SignedTreeHead
  readonly to: SignedTreeHead
}

export type AdvanceAnswer =
  | { readonly isAdvanced: true }
  | { readonly isAdvanced: false; readonly message: string; readonly code: string | undefined }

interface Advancing {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

// After the build this file and the worker end in `.js`; unbuilt, Node cannot load the worker.
const BUILT_WORKER: URL | undefined = import.meta.url.endsWith('.js')
  ? new URL('./guard-worker.js', import.meta.url)
  : undefined

/** Opens the guard at `path` as {@link SqliteGuard.open} does; without a built worker it is that one. */
export function openThreadedGuard(path: string, worker: URL | undefined = BUILT_WORKER): Guard {
  const guard = SqliteGuard.open(path)
  return worker === undefined ? guard : new ThreadedGuard(guard, worker)
}

class ThreadedGuard implements Guard {
  readonly #guard: SqliteGuard
  readonly #module: URL
  #worker: Worker | undefined
  #ended: Promise<void> | undefined
  #advancing: Advancing | undefined

  constructor(guard: SqliteGuard, module: URL) {
    this.#guard = guard
    this.#module = module
  }

  read(): Promise<SignedTreeHead | undefined> {
    return this.#guard.read()
  }

  create(head: SignedTreeHead): Promise<void> {
    return this.#guard.create(head)
  }

  advance(from: SignedTreeHead, to: SignedTreeHead): Promise<void> {
    const worker = this.#start()
    return new Promise((resolve, reject) => {
      this.#advancing = { resolve, reject }
      // An advance under way keeps the process alive, which the idle worker does not.
      worker.ref()
      const request: AdvanceRequest = { from, to }
      worker.postMessage(request)
    })
  }

  async close(): Promise<void> {
    const worker = this.#worker
    if (worker !== undefined) {
      worker.ref()
      worker.postMessage('close')
      await this.#ended
    }
    await this.#guard.close()
  }

  #start(): Worker {
    if (this.#worker !== undefined) return this.#worker
    const worker = (this.#worker = new Worker(this.#module, { workerData: this.#guard.path }))
    worker.on('message', (answer: AdvanceAnswer) => {
      worker.unref()
      this.#settle(answer.isAdvanced ? undefined : failure(this.#guard.path, answer))
    })
    // Whether the guard was advanced is not known then: the log stops.
    worker.on('error', (cause) => {
      this.#settle(new InvariantError('the thread of the guard failed', { cause }))
    })
    this.#ended = new Promise((resolve) => {
      worker.once('exit', () => {
        this.#settle(new InvariantError('the thread of the guard ended'))
        resolve()
      })
    })
    return worker
  }

  #settle(error: Error | undefined): void {
    const advancing = this.#advancing
    this.#advancing = undefined
    if (error === undefined) advancing?.resolve()
    else advancing?.reject(error)
  }
}

function failure(path: string, { message, code }: { message: string; code: string | undefined }) {
  if (code === 'ERR_GUARD_FORK' || code === 'ERR_GUARD_MISSING')
    return new StartError(code, message)
  return new InvariantError(`the guard ${path} was not advanced: ${message}`)
}
