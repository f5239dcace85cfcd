/**
 * Runs WAL checkpoints beside the commits: in a worker thread, or, where the sources run unbuilt and
 * Node cannot load a TypeScript worker, on a connection of this thread. Commits wait on a promise
 * when the WAL has to start again; a lock would block the event loop that serves.
 */
import type { Worker } from 'node:worker_threads'
import { startBareWorker } from '../../threads/bare-worker.ts'
import { builtWorker } from '../../threads/built-worker.ts'
import { CHECKPOINT_PERIOD_MS, Checkpoints } from './checkpoint.ts'
import type { CheckpointsOptions } from './checkpoint.ts'

export interface Checkpointer {
  /** Set while commits have to wait; resolves when they may go on. */
  readonly hold: Promise<void> | undefined
  stop(): Promise<void>
}

export interface CheckpointerOptions {
  /** Resolves when no commit is running; new ones wait on `hold`. */
  readonly idle?: () => Promise<void>
  /** The worker's module; `undefined` keeps the work on this thread. */
  readonly worker?: URL | undefined
  /** Length of the WAL, in frames, at which it has to start again. */
  readonly walFramesMax?: number | undefined
}

export type FromWorker = 'hold' | 'go-on'
export type ToWorker = 'held' | 'stop'

const BUILT_WORKER = builtWorker('checkpoint-worker', import.meta.url)

export function startCheckpointer(path: string, options: CheckpointerOptions = {}): Checkpointer {
  const { walFramesMax, idle = () => Promise.resolve() } = options
  const worker = 'worker' in options ? options.worker : BUILT_WORKER
  const workerOptions = { path, framesMax: walFramesMax }
  if (worker === undefined) return startHere(workerOptions)
  return new WorkerCheckpointer(worker, workerOptions, idle)
}

class WorkerCheckpointer implements Checkpointer {
  readonly #worker: Worker
  readonly #idle: () => Promise<void>
  readonly #ended: Promise<void>
  // A worker that fails costs speed, not safety: this thread goes on in its place.
  #substitute: Checkpointer | undefined
  #isStopping = false
  #goOn: (() => void) | undefined
  hold: Promise<void> | undefined

  constructor(module: URL, options: CheckpointsOptions, idle: () => Promise<void>) {
    this.#idle = idle
    this.#worker = startBareWorker(module, options)
    this.#worker.on('message', (message: FromWorker) => {
      if (message === 'go-on') this.#release()
      else this.#holdCommits()
    })
    this.#worker.on('error', () => {
      this.#release()
      if (!this.#isStopping) this.#substitute = startHere(options)
    })
    this.#ended = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#release()
        resolve()
      })
    })
    this.#worker.unref()
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    this.#worker.ref()
    this.#send('stop')
    await this.#ended
    await this.#substitute?.stop()
  }

  #holdCommits(): void {
    this.hold = new Promise((resolve) => {
      this.#goOn = resolve
    })
    // Commits that wait keep the process alive, which the worker otherwise does not.
    this.#worker.ref()
    void this.#idle().then(() => this.#send('held'))
  }

  #release(): void {
    if (!this.#isStopping) this.#worker.unref()
    this.hold = undefined
    this.#goOn?.()
    this.#goOn = undefined
  }

  #send(message: ToWorker): void {
    this.#worker.postMessage(message)
  }
}

function startHere(options: CheckpointsOptions): Checkpointer {
  const checkpoints = new Checkpoints(options)
  const timer = setInterval(() => {
    // This thread commits, too: nothing has to be held.
    if (checkpoints.run()) checkpoints.restart()
  }, CHECKPOINT_PERIOD_MS).unref()
  return {
    hold: undefined,
    async stop() {
      clearInterval(timer)
      checkpoints.close()
    },
  }
}
