/** The worker thread of `indexing.ts`: follows the log, and ends when it is told to. */
import { parentPort, workerData } from 'node:worker_threads'
import { onMessage } from '../threads/on-message.ts'
import type { FromIndexWorker, IndexWorkerData, ToIndexWorker } from './index-following.ts'
import { openFollower } from './open-follower.ts'

const send = (message: FromIndexWorker): void => parentPort?.postMessage(message)

const { loop, close } = await openFollower(workerData as IndexWorkerData, {
  onProgress: (treeSize) => send({ kind: 'progress', treeSize }),
  onFailure: (failure) => send({ kind: 'failure', failure }),
})
// After a worker that ended by itself.
send({ kind: 'failure', failure: undefined })

onMessage((message: ToIndexWorker) => {
  if (message.kind === 'release') loop.release(message.treeSize)
  else if (message.kind === 'payload-stored') loop.payloadStored(message.digest)
  else void close().finally(() => parentPort?.close())
})
