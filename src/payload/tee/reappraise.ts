/**
 * Appraising registered evidence again: at another time, with newer collateral, against reference values
 * (product requirement R28). The appraisal of the registration is repeated first, from the same bytes as
 * the registry had, so that what changed can be told. Pure, like the appraisal itself; no later answer
 * touches the earlier one.
 */
import { sha256 } from '../../bytes/digest.ts'
import { encodeHex } from '../../bytes/hex.ts'
import type { SignatureVerifier } from '../../x509/signature-verifier.ts'
import { appraiseEvidence } from './appraise-evidence.ts'
import type { AppraisalRequest } from './appraise-evidence.ts'
import { encodeCollateral, parseCollateral } from './collateral-bundle.ts'
import type { CollateralBundle } from './collateral-bundle.ts'
import { earStatusOf } from './ear-result.ts'
import type { AppraisalResult } from './appraisal-result.ts'
import type { EarStatus } from './ear.ts'
import type { TeeEvidence } from './evidence-container.ts'
import { EvidenceError } from './evidence.ts'
import type { EvidenceReason } from './evidence.ts'
import { compareOutcomes } from './reappraisal-changes.ts'
import type { AppraisalOutcome } from './reappraisal-changes.ts'
import { matchReferenceValues } from './reference-values.ts'
import type { ReferenceMatch, ReferenceValue } from './reference-values.ts'

/** Everything about one appraisal but the evidence. */
export type AppraisalContext = Omit<AppraisalRequest, 'evidence'>

export interface ReappraisalRequest {
  readonly evidence: TeeEvidence
  /** What the registry appraised with; absent for evidence that is not registered. */
  readonly registration?: AppraisalContext
  /** How to appraise now; `registered` still has the bundles of the entries that the evidence names. */
  readonly context: AppraisalContext
  /** Newer collateral, which replaces what came along, part by part. */
  readonly collateral?: CollateralBundle
  readonly references?: readonly ReferenceValue[]
  /** Id of the entry that holds the evidence, hex. */
  readonly entryId?: string
}

/**
 * `holds`: nothing speaks against it, though there may be findings. `contraindicated`: it holds, and must
 * not be relied on, or the limits refuse it. `cannot-tell`: what is missing or too old is not the
 * evidence, or no reference value is about what it measures.
 */
export type ReappraisalVerdict = 'holds' | 'contraindicated' | 'does-not-hold' | 'cannot-tell'

/** What came out. As an {@link AppraisalResult} it can be signed as an EAR. */
export interface Reappraisal extends AppraisalResult {
  readonly verdict: ReappraisalVerdict
  readonly status: EarStatus
  /** The appraisal of the registration, repeated. */
  readonly before?: AppraisalOutcome
}

/** Reasons that are about collateral and time: other collateral may answer. */
const CURABLE: readonly EvidenceReason[] = [
  ...(['chain-missing', 'certificate-expired', 'certificate-not-yet-valid'] as const),
  ...(['crl-missing', 'crl-malformed', 'crl-issuer', 'crl-signature'] as const),
  ...(['crl-expired', 'crl-not-yet-valid', 'crl-extension', 'collateral-malformed'] as const),
  ...(['tcb-info-missing', 'tcb-info-malformed', 'tcb-info-signature'] as const),
  ...(['tcb-info-expired', 'tcb-info-not-yet-valid', 'fmspc-mismatch', 'pceid-mismatch'] as const),
  ...(['qe-identity-missing', 'qe-identity-malformed', 'qe-identity-signature'] as const),
  ...(['qe-identity-expired', 'qe-identity-not-yet-valid'] as const),
  ...(['attestation-key-missing', 'collateral-unregistered', 'content-missing'] as const),
]
/** Reasons that are the limits' and not the evidence's. */
const REFUSALS: readonly EvidenceReason[] = ['tcb-status', 'debug', 'binding-stale']

/** Appraises evidence again. Evidence that does not hold is an answer, not an error. */
export async function reappraise(
  request: ReappraisalRequest,
  verifier: SignatureVerifier,
): Promise<Reappraisal> {
  const { evidence, registration, references, entryId } = request
  const before =
    registration === undefined
      ? undefined
      : await appraiseOnce({ ...registration, evidence }, verifier)
  const outcome = await outcomeNow(request, verifier)
  const matched = matchReferences(outcome, references)
  const result: AppraisalResult = {
    evidenceSha256: encodeHex(sha256(evidence.evidence)),
    ...(entryId === undefined ? {} : { entryId }),
    outcome,
    changes: before === undefined ? [] : compareOutcomes(before, outcome),
    ...(matched === undefined ? {} : { references: matched }),
  }
  const status = earStatusOf(result)
  return {
    ...result,
    status,
    verdict: verdictOf(result, status),
    ...(before === undefined ? {} : { before }),
  }
}

async function outcomeNow(
  { evidence, context, collateral }: ReappraisalRequest,
  verifier: SignatureVerifier,
): Promise<AppraisalOutcome> {
  // How old a checkpoint may be is a question of the registration: later it only gets older.
  const { checkpointAgeMax: _age, ...limits } = context.limits
  let replaced: TeeEvidence
  try {
    replaced =
      collateral === undefined ? evidence : withCollateral(evidence, collateral, context.registered)
  } catch (error) {
    return failed(context.at, error)
  }
  return appraiseOnce({ ...context, limits, evidence: replaced }, verifier)
}

async function appraiseOnce(
  request: AppraisalRequest,
  verifier: SignatureVerifier,
): Promise<AppraisalOutcome> {
  try {
    return { at: request.at, appraisal: await appraiseEvidence(request, verifier) }
  } catch (error) {
    return failed(request.at, error)
  }
}

function failed(at: number, error: unknown): AppraisalOutcome {
  if (error instanceof EvidenceError) return { at, error }
  throw error
}

/**
 * The evidence with newer collateral in place of all that it brought or named. Certificates add up, since
 * vendors serve them one by one; old lists are left out where there are new ones, as they have run out.
 */
function withCollateral(
  evidence: TeeEvidence,
  newer: CollateralBundle,
  bundles: AppraisalContext['registered'] = new Map(),
): TeeEvidence {
  const { registered = [], collateral: own, ...rest } = evidence
  const named = registered.flatMap((id) => bundles.get(encodeHex(id)) ?? [])
  const older = [...(own === undefined ? [] : [own]), ...named].map(parseCollateral)
  const certificates = [...older, newer].flatMap((bundle) => bundle.certificates ?? [])
  const joined = Object.assign({}, ...older.reverse(), newer) as CollateralBundle
  const all = certificates.length === 0 ? joined : { ...joined, certificates }
  return { ...rest, collateral: encodeCollateral(all) }
}

function matchReferences(
  outcome: AppraisalOutcome,
  references: readonly ReferenceValue[] | undefined,
): ReferenceMatch | undefined {
  if (references === undefined || !('appraisal' in outcome)) return undefined
  const { facts, platform } = outcome.appraisal
  return matchReferenceValues(
    [...facts.measurements, ...(platform?.measurements ?? [])],
    references,
  )
}

function verdictOf(
  { outcome, references }: AppraisalResult,
  status: EarStatus,
): ReappraisalVerdict {
  if ('error' in outcome) return verdictOfReason(outcome.error.reason)
  if (status === 'contraindicated') return 'contraindicated'
  return references?.result === 'no-reference' ? 'cannot-tell' : 'holds'
}

/** What it says about evidence that it does not verify for this reason. */
export function verdictOfReason(reason: EvidenceReason): ReappraisalVerdict {
  if (REFUSALS.includes(reason)) return 'contraindicated'
  return CURABLE.includes(reason) ? 'cannot-tell' : 'does-not-hold'
}
