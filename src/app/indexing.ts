/**
 * The index of a serving registry: prepared at the start, followed in a worker thread (or, where the
 * sources run unbuilt, on this one), read on a connection of this thread. A failing index is told to
 * the operator and to `/health`; registrations go on.
 */
import type { Worker } from 'node:worker_threads'
import type { TreeSize } from '../bytes/integers.ts'
import type { IndexReader } from '../log/index-store.ts'
import type { RegistryLog } from '../registry/ports.ts'
import { MemoryIndex } from '../store/memory/memory-index.ts'
import { SqliteIndex } from '../store/sqlite/sqlite-index.ts'
import { builtWorker } from '../threads/built-worker.ts'
import { startWorker } from '../threads/start-worker.ts'
import type { RegistryConfig } from './config.ts'
import { IndexPace } from './index-pace.ts'
import { openFollower, prepareIndex } from './open-follower.ts'
import type { FollowedBy, FollowedPaths } from './open-follower.ts'

export type IndexWorkerData = FollowedPaths
export type ToIndexWorker =
  | { readonly kind: 'release'; readonly treeSize: number }
  | { readonly kind: 'payload-stored'; readonly digest: string }
  | { readonly kind: 'stop' }
export type FromIndexWorker =
  | { readonly kind: 'progress'; readonly treeSize: TreeSize }
  | { readonly kind: 'failure'; readonly failure: string | undefined }

/** A registry's index while it is served. */
export interface Indexing {
  readonly reader: IndexReader
  /** Content of hash envelopes was stored: `sha256:…`. */
  payloadStored(digest: string): void
  /** What a registration waits for while the index is behind; undefined when it is not. */
  pace(): Promise<void> | undefined
  close(): Promise<void>
}

export interface IndexingOptions extends Pick<RegistryConfig, 'paths' | 'report'> {
  /** Says what is released. */
  readonly log: Pick<RegistryLog, 'currentHead' | 'readEntry'>
}

/** How often to look at what is released: the more entries a transaction has, the less each costs. */
const PERIOD_MS = 200
/** Transactions on a thread that serves, too, are short. */
const ENTRIES_ON_THIS_THREAD = 32
const RESTART_MS = 5000

const BUILT_WORKER = builtWorker('index-worker', import.meta.url)

/** Starts to index. Never throws: what keeps it from working is told. */
export async function startIndexing(options: IndexingOptions): Promise<Indexing> {
  const { paths, report } = options
  try {
    const reader = await openReader(options)
    return follow(options, reader)
  } catch (error) {
    const { message } = error as Error
    report({ level: 'error', event: 'index-failed', path: paths.index, message })
    return {
      reader: new MemoryIndex(`the index could not be opened: ${message}`),
      payloadStored: () => undefined,
      pace: () => undefined,
      close: async () => undefined,
    }
  }
}

async function openReader({ paths, log, report }: IndexingOptions): Promise<SqliteIndex> {
  // The last entry of an index that is ahead of the log is not in it.
  const reset = await prepareIndex(paths, async (at) =>
    at < log.currentHead().treeHead.treeSize ? log.readEntry(at) : undefined,
  )
  if (reset !== undefined) report({ level: 'info', event: 'index-rebuilding', reason: reset })
  return SqliteIndex.open(paths.index, (message) =>
    report({ level: 'error', event: 'index-damaged', path: paths.index, message }),
  )
}

/** Where the follower runs. */
interface Following {
  send(message: ToIndexWorker): void
  /** Resolves when it has ended. */
  stop(): Promise<void>
}

function follow(options: IndexingOptions, reader: SqliteIndex): Indexing {
  const { paths, log, report } = options
  let isFailing = false
  const pace = new IndexPace(() => performance.now())
  const events: FollowedBy = {
    onProgress: (treeSize) => {
      pace.indexed(treeSize)
      reader.announce(treeSize)
    },
    onFailure: (failure) => {
      pace.failing(failure !== undefined)
      reader.noteFailure(failure)
      if (failure === undefined && !isFailing) return
      isFailing = failure !== undefined
      if (failure === undefined) report({ level: 'info', event: 'index-recovered' })
      else report({ level: 'error', event: 'index-failed', path: paths.index, message: failure })
    },
  }
  const following =
    BUILT_WORKER === undefined
      ? followHere(paths, events)
      : new WorkerFollowing(BUILT_WORKER, paths, events)
  let released = 0
  const look = (): void => {
    const { treeSize } = log.currentHead().treeHead
    if (treeSize > released) {
      following.send({ kind: 'release', treeSize })
      // What a start finds is caught up with first; nobody waits for that.
      if (released > 0) pace.released(treeSize)
    }
    released = treeSize
  }
  look()
  const timer = setInterval(look, PERIOD_MS).unref()
  return {
    reader,
    payloadStored: (digest) => following.send({ kind: 'payload-stored', digest }),
    pace: () => pace.wait(),
    close: async () => {
      clearInterval(timer)
      await following.stop()
      await reader.close()
    },
  }
}

function followHere(paths: FollowedPaths, events: FollowedBy): Following {
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
class WorkerFollowing implements Following {
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
