/**
 * The index of a serving registry: prepared at the start, followed in a worker thread (or, where the
 * sources run unbuilt, on this one), read on a connection of this thread. A failing index is told to
 * the operator and to `/health`; registrations go on.
 */
import type { IndexReader } from '../log/index-store.ts'
import type { RegistryLog } from '../registry/ports.ts'
import { MemoryIndex } from '../store/memory/memory-index.ts'
import { SqliteIndex } from '../store/sqlite/index/sqlite-index.ts'
import { builtWorker } from '../threads/built-worker.ts'
import type { RegistryConfig } from './config.ts'
import { followHere, WorkerFollowing } from './index-following.ts'
import { IndexPace } from './index-pace.ts'
import { prepareIndex } from './open-follower.ts'
import type { FollowedBy } from './open-follower.ts'

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
