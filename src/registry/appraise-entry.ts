/**
 * The registry's own appraisal of the TEE evidence in one entry: what was established when it was
 * admitted, under the policy of its index and with the collateral that counted then, computed again from
 * the log by the functions of the index and of auditors. Stated as a result (EAR) in a statement by the
 * registrar, it is the same from everybody but for the signature. Advisory: anybody may appraise otherwise.
 */
import { encodeHex } from '../bytes/hex.ts'
import type { LeafIndex } from '../bytes/integers.ts'
import { assertInvariant, NotFoundError } from '../errors.ts'
import { payloadMediaType } from '../payload/payload-content.ts'
import type { AppraisalResult } from '../payload/tee/appraisal-result.ts'
import { EAR_MEDIA_TYPE, signEar } from '../payload/tee/ear-result.ts'
import type { TeeEvidence } from '../payload/tee/evidence-container.ts'
import { isEvidenceMediaType } from '../payload/tee/evidence-media-types.ts'
import { EvidenceError } from '../payload/tee/evidence.ts'
import type { AppraisalOutcome } from '../payload/tee/reappraisal-changes.ts'
import { verdictOfReason } from '../payload/tee/reappraise.ts'
import { gatherGivens } from '../policy/evidence-givens.ts'
import { appraiseAdmitted, readEvidence } from '../policy/tee-evidence.ts'
import type { EvidenceGivens } from '../policy/tee-evidence.ts'
import { signStatement } from '../statement/sign-statement.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import { admittedPreimage, evidenceSource } from './evidence-source.ts'
import { findPolicyAt } from './policy-at.ts'
import type { PolicyAt } from './policy-at.ts'
import type { Registrar, RegistryPorts } from './ports.ts'

/** An entry that holds evidence, and the policy that had it verified. */
export interface AdmittedEvidence extends PolicyAt {
  readonly entryId: string
  readonly leafIndex: LeafIndex
  readonly statement: SignedStatement
}

/** How its appraisal ended, and what took part. */
export interface AppraisedEntry extends AdmittedEvidence {
  readonly evidence: TeeEvidence
  readonly givens: EvidenceGivens
  readonly outcome: AppraisalOutcome
}

/** Little is read for this, and nothing that the evidence names. @throws NotFoundError `ERR_EVIDENCE_…`. */
export async function readAdmittedEvidence(
  entryId: string,
  leafIndex: LeafIndex,
  { log, sha256 }: RegistryPorts,
): Promise<AdmittedEvidence> {
  const statement = parseSignedStatement(await log.readEntry(leafIndex), { sha256 })
  if (!isEvidenceMediaType(payloadMediaType(statement))) {
    throw new NotFoundError('ERR_EVIDENCE_UNKNOWN', `entry ${entryId} holds no TEE evidence`)
  }
  const found = await findPolicyAt(leafIndex, { log, sha256 })
  if (found?.policy.teeEvidence === undefined) {
    throw new NotFoundError(
      'ERR_EVIDENCE_UNVERIFIED',
      `the policy under which entry ${entryId} was admitted had no evidence verified`,
    )
  }
  return { entryId, leafIndex, statement, ...found }
}

/**
 * Appraises as of the registration. Evidence that does not hold, and should not have been admitted, is an
 * answer.
 * @throws EvidenceError where no answer is possible: what is missing or too old is not the evidence.
 * @throws UnavailableError as the appraiser.
 */
export async function appraiseEntry(
  admitted: AdmittedEvidence,
  ports: RegistryPorts,
): Promise<AppraisedEntry> {
  const { log, verifier, appraiser } = ports
  const { leafIndex, statement, policy } = admitted
  const content = { statement, preimage: await admittedPreimage(statement, leafIndex, log) }
  const evidence = readEvidence(content)
  const head = await log.firstHeadCovering(leafIndex)
  assertInvariant(evidence !== undefined, `entry ${leafIndex} holds evidence, and holds none`)
  assertInvariant(head !== undefined, `entry ${leafIndex} is in no signed tree`)
  const at = head.registrationTime
  const givens = await gatherGivens(content, policy, evidenceSource(ports, leafIndex))
  try {
    const appraisal = await appraiseAdmitted({
      ...content,
      policy,
      at,
      givens,
      verifier,
      appraiser,
    })
    assertInvariant(appraisal !== undefined, `the policy of entry ${leafIndex} asks for nothing`)
    return { ...admitted, evidence, givens, outcome: { at, appraisal } }
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error
    if (verdictOfReason(error.reason) === 'cannot-tell') throw error
    return { ...admitted, evidence, givens, outcome: { at, error } }
  }
}

/** The Signed Statement of the registrar that says so. */
export async function stateAppraisal(
  { entryId, policyId, evidence, givens, outcome }: AppraisedEntry,
  { signer, build }: Registrar,
  { issuer, sha256 }: RegistryPorts,
): Promise<Uint8Array> {
  const { collateral, registered = [] } = evidence
  const named = registered.flatMap((id) => givens.registered?.get(encodeHex(id)) ?? [])
  const bundles = [...(collateral === undefined ? [] : [collateral]), ...named]
  const result: AppraisalResult = {
    evidenceSha256: encodeHex(sha256(evidence.evidence)),
    ...{ entryId, outcome, changes: [] },
    basis: { policyId, collateralSha256: bundles.map((one) => encodeHex(sha256(one))) },
  }
  // Not the time of the signature: who asks first must not change what is said.
  const by = { issuer, signer, issuedAt: outcome.at }
  const policyIds = [entryUrl(issuer, policyId)]
  const payload = await signEar({ result, build, policyIds, ...by })
  // The evidence's own subject is the word of whoever registered it.
  const subject = entryUrl(issuer, entryId)
  return signStatement({ payload, subject, contentType: EAR_MEDIA_TYPE, ...by })
}

function entryUrl(issuer: string, entryId: string): string {
  return `${issuer}/entries/${entryId}`
}
