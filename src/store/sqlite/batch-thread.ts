/**
 * Where batches are written and made durable: on a thread of its own, while the thread that serves
 * reads and verifies what the next batch will hold; or on this one, where the sources run unbuilt and
 * Node cannot load a TypeScript worker.
 */
import type { SignedTreeHead } from '../../cose/signed-tree-head.ts'
import type { BatchCommit } from '../../log/store.ts'
import { builtWorker } from '../../threads/built-worker.ts'
import type { BatchWriter } from './batch-writer.ts'
import type { IdSlice } from './id-tail.ts'
import { ownSignedHead, packBatch } from './packed-batch.ts'
import type { PackedBatch } from './packed-batch.ts'
import { WriteThread } from './write-thread.ts'

export type BatchRequest =
  | { readonly kind: 'batch'; readonly packed: PackedBatch }
  | { readonly kind: 'save-head'; readonly head: SignedTreeHead }

/** Errors are SQLite's, or say what is wrong with what is stored. */
export interface BatchWrites {
  writeBatch(batch: BatchCommit, ids: IdSlice): Promise<void>
  saveSignedHead(head: SignedTreeHead): Promise<void>
  /** After what was begun. */
  close(): Promise<void>
}

export interface BatchThreadOptions {
  /** The worker's module; `undefined` keeps the work on this thread. */
  readonly batchWorker?: URL | undefined
}

const BUILT_WORKER = builtWorker('batch-worker', import.meta.url)

/** @param here writes on this thread. */
export function openBatchWrites(
  path: string,
  here: BatchWriter,
  { batchWorker = BUILT_WORKER }: BatchThreadOptions,
): BatchWrites {
  return batchWorker === undefined ? new WritesHere(here) : new WritesInThread(batchWorker, path)
}

class WritesHere implements BatchWrites {
  readonly #writer: BatchWriter

  constructor(writer: BatchWriter) {
    this.#writer = writer
  }

  async writeBatch(batch: BatchCommit, ids: IdSlice): Promise<void> {
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
  readonly #thread: WriteThread<BatchRequest, void>

  constructor(worker: URL, path: string) {
    this.#thread = new WriteThread(worker, path)
  }

  writeBatch(batch: BatchCommit, ids: IdSlice): Promise<void> {
    const packed = packBatch(batch, ids)
    return this.#thread.run({ kind: 'batch', packed }, [packed.bytes.buffer])
  }

  saveSignedHead(head: SignedTreeHead): Promise<void> {
    return this.#thread.run({ kind: 'save-head', head: ownSignedHead(head) })
  }

  close(): Promise<void> {
    return this.#thread.close()
  }
}
