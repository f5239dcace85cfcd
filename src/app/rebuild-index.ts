/**
 * `attestry index rebuild`: deletes the index of a data directory and makes it again from the log, up to
 * the head that was released. Needs the directory for itself: a serving registry has the index open,
 * and makes it again by itself when it cannot use it.
 */
import type { LogStore } from '../log/store.ts'
import { StartError } from '../errors.ts'
import { ProcessLock } from '../store/sqlite/process-lock.ts'
import { removeIndex } from '../store/sqlite/index/open-index.ts'
import { dataPaths } from './data-directory.ts'
import type { DataPaths } from './data-directory.ts'
import { openFollower, prepareIndex } from './open-follower.ts'
import { openGuard, openStoreReader } from './stores.ts'

export interface RebuildIndexRequest {
  readonly data: string
  readonly guard?: string | undefined
  readonly store?: string | undefined
  /** Keep what is there and go on where it ends. */
  readonly resume?: boolean
  readonly onProgress?: (indexed: number, treeSize: number) => void
}

/**
 * Returns the number of entries that are indexed now.
 * @throws StartError `ERR_LOG_MISSING`, or `ERR_LOG_LOCKED` while the log is served.
 */
export async function rebuildIndex(request: RebuildIndexRequest): Promise<number> {
  const { data, guard, store: storeUrl, resume = false, onProgress } = request
  const paths = dataPaths(data, guard, storeUrl)
  // First, because it says that there is no log; a lock would be made beside it, or fail.
  const store = await openStoreReader(paths)
  let lock: ProcessLock | undefined
  try {
    lock = ProcessLock.acquire(paths.lock)
    const treeSize = await releasedSize(store, paths)
    if (!resume) removeIndex(paths.index)
    await prepareIndex(paths, async (at) => (await store.readEntries(at, 1))[0]?.entry)
    await followTo(paths, treeSize, onProgress)
    return treeSize
  } finally {
    lock?.release()
    await store.close()
  }
}

async function followTo(
  paths: DataPaths,
  treeSize: number,
  onProgress: RebuildIndexRequest['onProgress'],
): Promise<void> {
  let [done, fail] = [(): void => undefined, (_error: Error): void => undefined]
  const ended = new Promise<void>((resolve, reject) => ([done, fail] = [resolve, reject]))
  const {
    loop,
    close,
    treeSize: indexed,
  } = await openFollower(paths, {
    onProgress: (size) => {
      onProgress?.(size, treeSize)
      if (size >= treeSize) done()
    },
    // Nobody is served meanwhile: what fails is said at once, and not tried again.
    onFailure: (message) => {
      if (message !== undefined) fail(new Error(`the index was not made: ${message}`))
    },
  })
  try {
    loop.release(treeSize)
    if (indexed < treeSize) await ended
  } finally {
    await close()
  }
}

/** What is signed; entries above it are stored and nobody was told of them yet. */
async function releasedSize(store: LogStore, paths: DataPaths): Promise<number> {
  const { treeHead } = await store.readState()
  const guard = await openGuard(paths)
  try {
    const head = (await guard.read()) ?? (await store.findSignedHead(treeHead.treeSize))
    if (head !== undefined) return Math.min(head.treeHead.treeSize, treeHead.treeSize)
  } finally {
    await guard.close()
  }
  throw new StartError(
    'ERR_GUARD_MISSING',
    `there is no guard at ${paths.guard}, which says how much of the log is signed: name it with --guard`,
  )
}
