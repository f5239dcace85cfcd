/** Worker threads that registrations wait for: started without what an operator has Node load first. */
import { Worker } from 'node:worker_threads'

/**
 * Starts a worker that has neither the options nor the environment of the process. What operators have
 * loaded first (an SDK for traces) is not for it: a failure of that would end the log, let the WAL grow, or slow verification down.
 */
export function startBareWorker(module: URL, workerData: unknown): Worker {
  return new Worker(module, { workerData, execArgv: [], env: {} })
}
