/** The thread of `batch-thread.ts`: a connection of its own that writes batches and saves heads. */
import { workerData } from 'node:worker_threads'
import { BatchWriter } from './batch-writer.ts'
import type { BatchRequest } from './batch-thread.ts'
import { openDatabase } from './database.ts'
import { unpackBatch } from './packed-batch.ts'
import { answerWrites } from './write-thread.ts'

const database = openDatabase(workerData as string)
const writer = new BatchWriter(database)

answerWrites(
  (request: BatchRequest) => {
    if (request.kind === 'save-head') {
      writer.saveSignedHead(request.head)
    } else {
      const { batch, ids } = unpackBatch(request.packed)
      writer.writeBatch(batch, ids)
    }
  },
  () => database.close(),
)
