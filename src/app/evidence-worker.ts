/** The worker thread of `queued-appraiser.ts`: appraises one piece of evidence after the other. */
import { parentPort } from 'node:worker_threads'
import type { AppraisalRequest } from '../payload/tee/appraise-evidence.ts'
import { answerAppraisal } from './evidence-answer.ts'

parentPort?.on('message', (request: AppraisalRequest) => {
  // What is no refusal ends the thread, and whoever waits is told so.
  void answerAppraisal(request).then((answer) => parentPort?.postMessage(answer))
})
