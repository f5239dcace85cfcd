/**
 * The worker thread of `checkpointer.ts`: looks at the WAL from time to time, asks the serving thread
 * to hold its commits when the WAL has to start again, and ends when it is told to.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { CHECKPOINT_BUSY_MS, CHECKPOINT_PERIOD_MS, Checkpoints } from './checkpoint.ts'
import { onMessage } from '../../threads/on-message.ts'
import type { FromWorker, ToWorker, WorkerOptions } from './checkpointer.ts'
import { openDatabase } from './database.ts'

const { path, framesMax } = workerData as WorkerOptions
const database = openDatabase(path, { busyMs: CHECKPOINT_BUSY_MS })
const checkpoints = new Checkpoints(database, framesMax)
let isHolding = false

const send = (message: FromWorker): void => parentPort?.postMessage(message)

const timer = setInterval(() => {
  if (isHolding || !checkpoints.run()) return
  isHolding = true
  send('hold')
}, CHECKPOINT_PERIOD_MS)

onMessage((message: ToWorker) => {
  if (message === 'held') {
    try {
      checkpoints.restart()
    } finally {
      isHolding = false
      send('go-on')
    }
    return
  }
  clearInterval(timer)
  database.close()
  parentPort?.close()
})
