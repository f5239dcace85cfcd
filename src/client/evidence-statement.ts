/**
 * What an agent in a trusted environment does with the evidence of its hardware: put it into a container
 * with its collateral and what it is bound to, appraise it as a registry would, and sign a statement of
 * it. What would be refused is refused here, before anything is signed or sent.
 */
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import type { Signer } from '../cose/signer.ts'
import { keyThumbprint } from '../cose/thumbprint.ts'
import { signFittingStatement } from '../statement/sign-fitting-statement.ts'
import type { FittingStatement } from '../statement/sign-fitting-statement.ts'
import type { SignStatementRequest } from '../statement/sign-statement.ts'
import { appraiseEvidence } from '../payload/tee/appraise-evidence.ts'
import type { Appraisal, AppraisalRequest } from '../payload/tee/appraise-evidence.ts'
import { encodeTeeEvidence, TEE_EVIDENCE_MEDIA_TYPE } from '../payload/tee/evidence-container.ts'
import type { TeeEvidence } from '../payload/tee/evidence-container.ts'

export interface EvidenceStatementRequest extends Omit<
  SignStatementRequest,
  'payload' | 'contentType' | 'signer'
> {
  readonly evidence: TeeEvidence
  readonly signer: Signer
  /** What the registry will appraise with. The signer is that of the statement. */
  readonly appraisal: Omit<AppraisalRequest, 'evidence' | 'signer'>
  readonly verifier: SignatureVerifier
}

/** A statement that can be registered, and what its evidence says. */
export interface EvidenceStatement extends FittingStatement {
  /** The container: the content to hand over where only its digest was signed. */
  readonly payload: Uint8Array
  readonly appraisal: Appraisal
}

/**
 * Appraises evidence and signs a statement of it.
 * @throws EvidenceError with the reason for which a registry would refuse it.
 * @throws InputError when the statement lacks what registration demands.
 * @example
 * const { bytes } = await signEvidence({ evidence, signer, issuer, subject, appraisal, verifier })
 * await new ScrapiClient({ url }).register(bytes)
 */
export async function signEvidence(request: EvidenceStatementRequest): Promise<EvidenceStatement> {
  const { evidence, appraisal: context, verifier, ...statement } = request
  const signer = keyThumbprint(request.signer.publicKey)
  const appraisal = await appraiseEvidence({ ...context, evidence, signer }, verifier)
  const payload = encodeTeeEvidence(evidence)
  const contentType = TEE_EVIDENCE_MEDIA_TYPE
  const signed = await signFittingStatement({ ...statement, payload, contentType })
  return { ...signed, payload, appraisal }
}
