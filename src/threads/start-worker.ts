/** Worker threads, for which every failure is one of two events: `error` and `exit`. */
import { Worker } from 'node:worker_threads'
import type { WorkerOptions } from 'node:worker_threads'

/**
 * Starts a worker, which ends when a message of it cannot be read, as after an error that it did not
 * catch: what it said is lost, and whoever waits for it would wait for ever. It fails once, as any thread:
 * some start another one in its place.
 */
export function startWorker(module: URL, options: WorkerOptions): Worker {
  const worker = new Worker(module, options)
  worker.once('messageerror', (cause) => {
    const message = `a message of a thread cannot be read: ${cause.message}`
    worker.emit('error', new Error(message, { cause }))
    void worker.terminate()
  })
  return worker
}
