/**
 * The port behind which evidence is appraised at admission: milliseconds a piece, so a server does it
 * on another thread. An answer depends on the request alone.
 */
import type { Appraisal, AppraisalRequest } from './appraise-evidence.ts'

export interface EvidenceAppraiser {
  /**
   * Appraises evidence.
   * @throws EvidenceError with the reason.
   * @throws UnavailableError `ERR_QUEUE_FULL` when too many are waiting.
   */
  appraise(request: AppraisalRequest): Promise<Appraisal>
}
