/**
 * The worker thread of `checkpointer.ts`: looks at the WAL from time to time, asks the serving thread
 * to hold its commits when the WAL has to start again, and ends when it is told to.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { CHECKPOINT_PERIOD_MS, Checkpoints } from './checkpoint.ts'
import type { CheckpointsOptions } from './checkpoint.ts'
import { onMessage } from '../../threads/on-message.ts'
import type { FromWorker, ToWorker } from './checkpointer.ts'

const checkpoints = new Checkpoints(workerData as CheckpointsOptions)
let isHolding = false

const send = (message: FromWorker): void => parentPort?.postMessage(message)

const timer = setInterval(() => {
  if (isHolding || !checkpoints.run()) return
  isHolding = true
  send('hold')
}, CHECKPOINT_PERIOD_MS)

onMessage((message: ToWorker) => {
  if (message === 'held') {
    checkpoints.restart()
    isHolding = false
    send('go-on')
    return
  }
  clearInterval(timer)
  checkpoints.close()
  parentPort?.close()
})
