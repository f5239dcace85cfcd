/** Worker threads of the store: started without what an operator has Node load first. */
import type { Worker } from 'node:worker_threads'
import { startWorker } from './start-worker.ts'

/**
 * Starts a worker that has neither the options nor the environment of the process. What operators have
 * loaded first (an SDK for traces) is not for it: a failure of that would end the log, or let the WAL grow.
 */
export function startBareWorker(module: URL, workerData: unknown): Worker {
  return startWorker(module, { workerData, execArgv: [], env: {} })
}
