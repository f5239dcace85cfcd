/** Where the follower of the index runs: a worker thread, or this one where the sources run unbuilt. */
import type { Worker } from 'node:worker_threads'
import type { TreeSize } from '../bytes/integers.ts'
import { startWorker } from '../threads/start-worker.ts'
import { openFollower } from './open-follower.ts'
import type { FollowedBy, FollowedPaths } from './open-follower.ts'

export type IndexWorkerData = FollowedPaths
export type ToIndexWorker =
  | { readonly kind: 'release'; readonly treeSize: number }
  | { readonly kind: 'payload-stored'; readonly digest: string }
  | { readonly kind: 'stop' }
export type FromIndexWorker =
  | { readonly kind: 'progress'; readonly treeSize: TreeSize }
  | { readonly kind: 'failure'; readonly failure: string | undefined }

/** Transactions on a thread that serves, too, are short. */
const ENTRIES_ON_THIS_THREAD = 32
const RESTART_MS = 5000

/** Where the follower runs. */
interface Following {
  send(message: ToIndexWorker): void
  /** Resolves when it has ended. */
  stop(): Promise<void>
}

export function followHere(paths: FollowedPaths, events: FollowedBy): Following {
  const options = { ...events, entriesMax: ENTRIES_ON_THIS_THREAD }
  const opened = openFollower(paths, options).catch((error: unknown) => {
    events.onFailure((error as Error).message)
    return undefined
  })
  return {
    send: (message) =>
      void opened.then((follower) => {
        if (message.kind === 'release') follower?.loop.release(message.treeSize)
        if (message.kind === 'payload-stored') follower?.loop.payloadStored(message.digest)
      }),
    stop: async () => (await opened)?.close(),
  }
}

/** A worker that is started again when it ends by itself. */
export class WorkerFollowing implements Following {
  readonly #start: () => Worker
  readonly #events: FollowedBy
  #worker: Worker
  #ended: Promise<void>
  #released = 0
  #isStopping = false
  #restart: NodeJS.Timeout | undefined

  constructor(module: URL, paths: FollowedPaths, events: FollowedBy) {
    const workerData: IndexWorkerData = { store: paths.store, index: paths.index }
    this.#start = () => startWorker(module, { workerData })
    this.#events = events
    this.#worker = this.#start()
    this.#ended = this.#watch(this.#worker)
  }

  send(message: ToIndexWorker): void {
    if (message.kind === 'release') this.#released = message.treeSize
    this.#worker.postMessage(message)
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    clearTimeout(this.#restart)
    this.#worker.ref()
    this.send({ kind: 'stop' })
    await this.#ended
  }

  #watch(worker: Worker): Promise<void> {
    worker.unref()
    worker.on('message', (message: FromIndexWorker) => {
      if (message.kind === 'progress') this.#events.onProgress?.(message.treeSize)
      else this.#events.onFailure(message.failure)
    })
    let cause = 'its thread ended'
    worker.on('error', (error: Error) => (cause = error.message))
    return new Promise((resolve) => {
      worker.once('exit', () => {
        if (!this.#isStopping) this.#startAgain(cause)
        resolve()
      })
    })
  }

  #startAgain(cause: string): void {
    this.#events.onFailure(cause)
    this.#restart = setTimeout(() => {
      this.#worker = this.#start()
      this.#ended = this.#watch(this.#worker)
      this.send({ kind: 'release', treeSize: this.#released })
    }, RESTART_MS).unref()
  }
}
