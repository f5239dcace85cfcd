/** The worker's side of `start-worker.ts`. */
import { parentPort } from 'node:worker_threads'

/**
 * Hears what this thread is sent. A message that cannot be read ends the thread, as any other error that
 * nobody catches: whoever waits for its answer would wait for ever.
 */
export function onMessage(listener: (message: never) => void): void {
  parentPort?.on('message', listener as (message: unknown) => void)
  parentPort?.on('messageerror', (cause) => {
    throw new Error(`a message to a thread cannot be read: ${cause.message}`, { cause })
  })
}
