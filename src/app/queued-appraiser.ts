/**
 * Appraises TEE evidence beside the serving thread: a quote costs as much as a hundred plain statements,
 * and evidence that nobody thought of must not stop registrations (`threads/queued-work.ts`).
 */
import type { Appraisal, AppraisalRequest } from '../payload/tee/appraise-evidence.ts'
import type { EvidenceAppraiser } from '../payload/tee/evidence-appraiser.ts'
import { builtWorker } from '../threads/built-worker.ts'
import { QueuedWork } from '../threads/queued-work.ts'
import { answerAppraisal, readAppraisal } from './evidence-answer.ts'
import type { EvidenceAnswer } from './evidence-answer.ts'

const QUEUE_MAX = 256
const TIMEOUT_MS = 10_000
const RETRY_AFTER_SECONDS = 2

export interface QueuedAppraiserOptions {
  readonly queueMax?: number
  readonly timeoutMs?: number
  /** The worker's module; `undefined` keeps the work on this thread. */
  readonly worker?: URL | undefined
}

const BUILT_WORKER = builtWorker('evidence-worker', import.meta.url)

const SAYS = {
  closed: 'evidence is appraised no more',
  full: 'too much evidence waits to be appraised',
  slow: 'evidence took too long to appraise',
  ended: 'the thread that appraises evidence ended',
} as const

export class QueuedAppraiser implements EvidenceAppraiser {
  readonly #work: QueuedWork<AppraisalRequest, EvidenceAnswer>

  constructor(options: QueuedAppraiserOptions = {}) {
    const { queueMax = QUEUE_MAX, timeoutMs = TIMEOUT_MS } = options
    this.#work = new QueuedWork({
      ...{ queueMax, timeoutMs, says: SAYS, retryAfterSeconds: RETRY_AFTER_SECONDS },
      worker: 'worker' in options ? options.worker : BUILT_WORKER,
      here: answerAppraisal,
    })
  }

  /** @throws EvidenceError | UnavailableError `ERR_QUEUE_FULL`, `ERR_TIMEOUT` or `ERR_LOG_CLOSING`. */
  async appraise(request: AppraisalRequest): Promise<Appraisal> {
    return readAppraisal(await this.#work.run(request))
  }

  /** Answers what waits, and ends the thread. */
  close(): Promise<void> {
    return this.#work.close()
  }
}
