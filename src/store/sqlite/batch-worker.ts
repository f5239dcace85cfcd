/** The thread of `batch-thread.ts`: a connection of its own that writes batches and saves heads. */
import { workerData } from 'node:worker_threads'
import { BatchWriter } from './batch-writer.ts'
import type { BatchRequest } from './batch-thread.ts'
import { openFor } from './database.ts'
import type { SqliteDatabase } from './database.ts'
import { unpackBatch } from './packed-batch.ts'
import { answerWrites } from './write-thread.ts'
import type { Writing } from './write-thread.ts'

answerWrites(() => openFor(workerData as string, {}, startWriting))

function startWriting(database: SqliteDatabase): Writing {
  const writer = new BatchWriter(database)
  return {
    write: (request: BatchRequest) => {
      if (request.kind === 'save-head') {
        writer.saveSignedHead(request.head)
      } else {
        const { batch, ids } = unpackBatch(request.packed)
        writer.writeBatch(batch, ids)
      }
    },
    close: () => database.close(),
  }
}
