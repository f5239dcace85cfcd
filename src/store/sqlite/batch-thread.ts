/**
 * Where batches are written and made durable: on a thread of its own, while the thread that serves
 * reads and verifies what the next batch will hold; or on this one, where the sources run unbuilt and
 * Node cannot load a TypeScript worker. A module of the caller's may go on in that thread with what
 * follows a commit.
 */
import type { SignedTreeHead } from '../../cose/signed-tree-head.ts'
import type { BatchCommit } from '../../log/store.ts'
import { assertInvariant } from '../../errors.ts'
import { builtWorker } from '../../threads/built-worker.ts'
import type { BatchWriter } from './batch-writer.ts'
import type { IdSlice } from './id-tail.ts'
import { ownSignedHead, packBatch } from './packed-batch.ts'
import type { PackedBatch } from './packed-batch.ts'
import { WriteThread } from './write-thread.ts'

export type BatchRequest =
  | { readonly kind: 'batch'; readonly packed: PackedBatch; readonly then?: unknown }
  | { readonly kind: 'save-head'; readonly head: SignedTreeHead }

/** Errors are SQLite's, or say what is wrong with what is stored. */
export interface BatchWrites {
  /** @param then for the caller's module; what it makes of it after the commit is returned. */
  writeBatch(batch: BatchCommit, ids: IdSlice, then?: unknown): Promise<unknown>
  saveSignedHead(head: SignedTreeHead): Promise<void>
  /** After what was begun. */
  close(): Promise<void>
}

export interface BatchThreadOptions {
  /** The worker's module; `undefined` keeps the work on this thread. */
  readonly batchWorker?: URL | undefined
  /** What a module of the caller's is told; by default the path of the file. */
  readonly batchWorkerData?: unknown
}

const BUILT_WORKER = builtWorker('batch-worker', import.meta.url)

/** @param here writes on this thread. */
export function openBatchWrites(
  path: string,
  here: BatchWriter,
  options: BatchThreadOptions,
): BatchWrites {
  const batchWorker = 'batchWorker' in options ? options.batchWorker : BUILT_WORKER
  if (batchWorker === undefined) return new WritesHere(here)
  return new WritesInThread(batchWorker, options.batchWorkerData ?? path)
}

class WritesHere implements BatchWrites {
  readonly #writer: BatchWriter

  constructor(writer: BatchWriter) {
    this.#writer = writer
  }

  async writeBatch(batch: BatchCommit, ids: IdSlice, then?: unknown): Promise<void> {
    assertInvariant(then === undefined, 'nobody goes on after a commit on this thread')
    this.#writer.writeBatch(batch, ids)
  }

  async saveSignedHead(head: SignedTreeHead): Promise<void> {
    this.#writer.saveSignedHead(head)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

class WritesInThread implements BatchWrites {
  readonly #thread: WriteThread<BatchRequest, unknown>

  constructor(worker: URL, workerData: unknown) {
    this.#thread = new WriteThread(worker, workerData)
  }

  writeBatch(batch: BatchCommit, ids: IdSlice, then?: unknown): Promise<unknown> {
    const packed = packBatch(batch, ids)
    return this.#thread.run({ kind: 'batch', packed, then }, [packed.bytes.buffer])
  }

  async saveSignedHead(head: SignedTreeHead): Promise<void> {
    await this.#thread.run({ kind: 'save-head', head: ownSignedHead(head) })
  }

  close(): Promise<void> {
    return this.#thread.close()
  }
}
