/** The worker thread of `queued-appraiser.ts`: appraises one piece of evidence after the other. */
import { setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import type { AppraisalRequest } from '../payload/tee/appraise-evidence.ts'
import { onMessage } from '../threads/on-message.ts'
import { answerAppraisal } from './evidence-answer.ts'

/** Lower than what serves: where cores are few, a burst of evidence waits, and nothing else does. */
const NICENESS = 10

// Only on Linux is this about the calling thread; elsewhere it would slow the whole process down.
if (process.platform === 'linux') setPriority(0, NICENESS)

onMessage((request: AppraisalRequest) => {
  // What is no refusal ends the thread, and whoever waits is told so.
  void answerAppraisal(request).then((answer) => parentPort?.postMessage(answer))
})
