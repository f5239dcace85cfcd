/**
 * Reads the entries of a data directory with their registration times, in order, for commands that
 * look at a log without serving it. Reads only, and may run beside a serving process; whether what
 * is stored is right is `log check`'s question.
 */
import { leafIndex } from '../bytes/integers.ts'
import type { LeafIndex, UnixSeconds } from '../bytes/integers.ts'
import type { StoredState } from '../log/store.ts'
import { logPaths } from './data-directory.ts'
import type { LogPlace } from './data-directory.ts'
import { openStoreReader } from './stores.ts'

const PAGE = 256

export interface ReadEntry {
  readonly leafIndex: LeafIndex
  readonly entry: Uint8Array
  readonly registrationTime: UnixSeconds
}

export interface ReadLogRequest extends LogPlace {
  readonly onEntry: (entry: ReadEntry) => void
  readonly onProgress?: (entries: number, treeSize: number) => void
}

/**
 * Calls `onEntry` for every entry, and says which log it was.
 * @throws StartError `ERR_LOG_MISSING`.
 */
export async function readLog(request: ReadLogRequest): Promise<StoredState> {
  const { onEntry, onProgress } = request
  const store = await openStoreReader(logPaths(request))
  try {
    const state = await store.readState()
    const { treeSize } = state.treeHead
    let next = 0
    while (next < treeSize) {
      const heads = await store.listBatchHeads(next, PAGE)
      if (heads.length === 0) break
      for (const { treeHead, registrationTime } of heads) {
        const end = Math.min(treeHead.treeSize, treeSize)
        while (next < end) {
          const page = await store.readEntries(leafIndex(next), Math.min(PAGE, end - next))
          if (page.length === 0) return state
          for (const { leafIndex: index, entry } of page) {
            onEntry({ leafIndex: index, entry, registrationTime })
          }
          next += page.length
          onProgress?.(next, treeSize)
        }
      }
    }
    return state
  } finally {
    await store.close()
  }
}
