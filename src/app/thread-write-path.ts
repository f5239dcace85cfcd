/**
 * The write path on the thread that writes the store: commit, reading back, signature and guard are
 * one message there and one back. On the serving thread each of them waited for a turn of it, in which
 * half of the clients were served while the other half's batch was nowhere (ADR 0037).
 */
import type { SignedTreeHead } from '../cose/signed-tree-head.ts'
import { nativeHasher } from '../keys/native-hash.ts'
import { CompactRange } from '../log/compact-range.ts'
import type { RangePeak } from '../log/compact-range.ts'
import type { BatchStep } from '../log/observer.ts'
import { notStored } from '../log/write-batch.ts'
import type { WritePath } from '../log/write-path.ts'
import type { BatchThreadOptions } from '../store/sqlite/batch-thread.ts'
import { ownSignedHead } from '../store/sqlite/packed-batch.ts'
import type { SqliteLogStore } from '../store/sqlite/sqlite-log-store.ts'
import { builtWorker } from '../threads/built-worker.ts'
import type { DataPaths } from './data-directory.ts'

/** What the thread opens for itself. */
export type ThreadPaths = Pick<
  DataPaths,
  'store' | 'guard' | 'keys' | 'receiptKey' | 'checkpointKey'
>

/** What follows a commit; the batch itself says the rest. */
export interface AfterCommit {
  readonly peaks: readonly RangePeak[]
  readonly treeSize: number
  readonly from: SignedTreeHead
}

export interface AfterCommitAnswer {
  readonly peaks: readonly RangePeak[]
  readonly treeSize: number
  readonly signed: SignedTreeHead
  /** When each step was done. */
  readonly steps: readonly (readonly [BatchStep, number])[]
}

const BUILT_WORKER = builtWorker('write-path-worker', import.meta.url)

/**
 * Options of a store whose thread goes on after a commit.
 * @param batchWorker undefined where the sources run unbuilt: there is no such thread then.
 */
export function writePathOptions(
  { store, guard, keys, receiptKey, checkpointKey }: ThreadPaths,
  batchWorker: URL | undefined = BUILT_WORKER,
): Required<BatchThreadOptions> | undefined {
  const batchWorkerData = { store, guard, keys, receiptKey, checkpointKey }
  return batchWorker && { batchWorker, batchWorkerData }
}

/** The write path of a store that was opened with {@link writePathOptions}. */
export function threadWritePath(store: SqliteLogStore): WritePath {
  return {
    async write({ commit, range, from }, tell) {
      const { peaks, treeSize } = range
      const after: AfterCommit = { peaks: peaks.map(ownPeak), treeSize, from: ownSignedHead(from) }
      try {
        const answer = (await store.commitThen(commit, after)) as AfterCommitAnswer
        for (const [step, atMs] of answer.steps) tell(step, atMs)
        return {
          kind: 'written',
          range: CompactRange.fromPeaks(answer.treeSize, answer.peaks, nativeHasher),
          signed: answer.signed,
        }
      } catch (error) {
        return notStored(error)
      }
    },
  }
}

/** A view would be cloned with all that lies around it. */
export function ownPeak({ level, hash }: RangePeak): RangePeak {
  return { level, hash: hash.slice() as typeof hash }
}
