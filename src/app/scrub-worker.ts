/** The worker thread of `scrubbing.ts`: scrubs, and ends when it is told to. */
import { parentPort, workerData } from 'node:worker_threads'
import { onMessage } from '../threads/on-message.ts'
import { ScrubLoop } from './scrub-loop.ts'
import type { ScrubOptions } from './scrub-loop.ts'
import type { FromScrubWorker } from './scrubbing.ts'

const send = (message: FromScrubWorker): void => parentPort?.postMessage(message)

const loop = ScrubLoop.start(workerData as ScrubOptions, {
  onState: (state) => send({ kind: 'state', state }),
  onFailure: (message) => send({ kind: 'failure', message }),
  onDamage: (message) => send({ kind: 'damage', message }),
})

// Any message is the word to stop.
onMessage(() => void loop.stop().finally(() => parentPort?.close()))
