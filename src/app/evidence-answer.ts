/** What crosses the border between threads: an appraisal, or a refusal in a form that can be copied. */
import { appraiseEvidence } from '../payload/tee/appraise-evidence.ts'
import type { Appraisal, AppraisalRequest } from '../payload/tee/appraise-evidence.ts'
import { EvidenceError } from '../payload/tee/evidence.ts'
import type { EvidenceReason } from '../payload/tee/evidence.ts'
import { nodeVerifier } from '../keys/node-verifier.ts'

export type EvidenceAnswer =
  | { readonly kind: 'appraised'; readonly appraisal: Appraisal }
  | { readonly kind: 'refused'; readonly reason: EvidenceReason; readonly message: string }

export async function answerAppraisal(request: AppraisalRequest): Promise<EvidenceAnswer> {
  try {
    return { kind: 'appraised', appraisal: await appraiseEvidence(request, nodeVerifier) }
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error
    const { reason, message } = error
    return { kind: 'refused', reason, message }
  }
}

/** @throws EvidenceError, as the other thread did. */
export function readAppraisal(answer: EvidenceAnswer): Appraisal {
  if (answer.kind === 'appraised') return answer.appraisal
  throw new EvidenceError(answer.reason, answer.message)
}
