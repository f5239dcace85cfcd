/**
 * The rule `tee-evidence`: under a policy that asks for it, raw TEE evidence verifies before it is
 * admitted (ADR 0025). The refusal begins with the reason of the evidence, which is stable. Policies
 * without the member admit as before, and the index says that nothing was verified.
 */
import { equalBytes } from '../bytes/bytes.ts'
import type { UnixSeconds } from '../bytes/integers.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { keyThumbprint } from '../cose/thumbprint.ts'
import { InputError } from '../errors.ts'
import { payloadContent, payloadMediaType } from '../payload/payload-content.ts'
import { appraiseEvidence } from '../payload/tee/appraise-evidence.ts'
import type { Appraisal, AppraisalRequest, NonceLog } from '../payload/tee/appraise-evidence.ts'
import { EvidenceError } from '../payload/tee/evidence.ts'
import type { EvidenceAppraiser } from '../payload/tee/evidence-appraiser.ts'
import type { TeeEvidence } from '../payload/tee/evidence-container.ts'
import { isEvidenceMediaType, readTeeEvidence } from '../payload/tee/evidence-media-types.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import { parseCertificate } from '../x509/certificate.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import { ALWAYS, reject } from './decision.ts'
import type { RejectDecision, TimeSpan } from './decision.ts'
import type { RegistrationPolicy } from './registration-policy.ts'
import { evidencePins } from './tee-evidence-policy.ts'

/** What the log itself holds and evidence refers to; who gives it has read it below the entry. */
export interface EvidenceGivens {
  readonly log?: NonceLog
  /** Collateral bundles by the hex id of the entry that registered them. */
  readonly registered?: ReadonlyMap<string, Uint8Array>
}

/** A statement with its content, as far as that is at hand. */
export interface EvidenceContent {
  readonly statement: SignedStatement
  readonly preimage?: Uint8Array | undefined
}

export interface EvidenceRequest extends EvidenceContent {
  readonly policy: Pick<RegistrationPolicy, 'teeEvidence'>
  readonly at: UnixSeconds
  readonly givens?: EvidenceGivens | undefined
  readonly verifier: SignatureVerifier
  /** Absent: on this thread. */
  readonly appraiser?: EvidenceAppraiser | undefined
}

/** A refusal, or the registration times at which there is none. */
export type EvidenceAnswer = RejectDecision | { readonly kind: 'passes'; readonly span: TimeSpan }

const PASSES: EvidenceAnswer = { kind: 'passes', span: ALWAYS }
const THUMBPRINT_BYTES = 32

/** Whether the rule has anything to say: the policy asks for evidence, and the statement is some. */
export function isAppraised(
  statement: SignedStatement,
  policy: Pick<RegistrationPolicy, 'teeEvidence'>,
): boolean {
  return policy.teeEvidence !== undefined && mayBeEvidence(statement)
}

/**
 * Holds evidence to the policy.
 * @param request.signer the key that was found to have signed the statement.
 * @throws UnavailableError `ERR_QUEUE_FULL` when too much evidence waits.
 */
export async function decideTeeEvidence(
  request: EvidenceRequest & { readonly signer: PublicKey },
): Promise<EvidenceAnswer> {
  if (request.policy.teeEvidence === undefined) return PASSES
  try {
    const evidence = readEvidence(request)
    if (evidence === undefined) return PASSES
    assertSignerNamed(evidence, request.statement, request.signer)
    const { validFrom: from, validUntil: until } = await appraiseUnder(request, evidence)
    return { kind: 'passes', span: { from, until } }
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error
    return reject('tee-evidence', `${error.reason}: ${error.message}`)
  }
}

/**
 * What was established about the evidence of an admitted statement: `undefined` where there is none, or
 * where the policy asked for nothing.
 * @throws EvidenceError where the policy would not have admitted it.
 */
export async function appraiseAdmitted(request: EvidenceRequest): Promise<Appraisal | undefined> {
  if (request.policy.teeEvidence === undefined) return undefined
  const evidence = readEvidence(request)
  return evidence === undefined ? undefined : appraiseUnder(request, evidence)
}

/** Whether the type of a statement's content is one of evidence: all others are none. */
export function mayBeEvidence(statement: SignedStatement): boolean {
  return isEvidenceMediaType(payloadMediaType(statement))
}

/**
 * The evidence that a statement is; `undefined` for other statements.
 * @throws EvidenceError `content-missing` where only its digest is here, `malformed`.
 */
export function readEvidence({ statement, preimage }: EvidenceContent): TeeEvidence | undefined {
  const mediaType = payloadMediaType(statement)
  if (!isEvidenceMediaType(mediaType)) return undefined
  const bytes = payloadContent(statement, preimage)
  if (bytes !== undefined) return readTeeEvidence(mediaType, bytes)
  throw new EvidenceError('content-missing', 'only a digest of the evidence is here')
}

async function appraiseUnder(
  { policy, statement, at, givens = {}, verifier, appraiser }: EvidenceRequest,
  evidence: TeeEvidence,
): Promise<Appraisal> {
  const { teeEvidence } = policy
  if (teeEvidence === undefined) throw new TypeError('the policy asks for no evidence')
  const { outOfDate, debug, checkpointAgeMax } = teeEvidence
  const signer = signerThumbprint(statement)
  const asked: AppraisalRequest = {
    ...{ evidence, at, pins: evidencePins(teeEvidence), ...givens },
    limits: {
      ...(outOfDate === undefined ? {} : { outOfDate }),
      ...(debug === undefined ? {} : { debug }),
      ...(checkpointAgeMax === undefined ? {} : { checkpointAgeMax }),
    },
    ...(signer === undefined ? {} : { signer }),
  }
  return appraiser === undefined ? appraiseEvidence(asked, verifier) : appraiser.appraise(asked)
}

/**
 * RFC 9679 thumbprint of the key that signs, as the protected header names it: that of its certificate,
 * or kid. So what evidence is bound to follows from the statement alone.
 */
export function signerThumbprint({ headers }: SignedStatement): Uint8Array | undefined {
  const [leaf] = headers.x5chain ?? []
  if (leaf !== undefined) return certifiedThumbprint(leaf)
  return headers.keyId?.length === THUMBPRINT_BYTES ? headers.keyId : undefined
}

function certifiedThumbprint(der: Uint8Array): Uint8Array | undefined {
  try {
    return keyThumbprint(parseCertificate(der).spki)
  } catch (error) {
    if (error instanceof InputError) return undefined
    throw error
  }
}

/** A binding to "whoever signs" needs a header that names the key that did. */
function assertSignerNamed(
  { binding }: TeeEvidence,
  statement: SignedStatement,
  signer: PublicKey,
): void {
  const isOfSigner = binding?.type === 'key' || binding?.type === 'build'
  if (!isOfSigner || binding.key !== undefined) return
  const named = signerThumbprint(statement)
  if (named !== undefined && equalBytes(named, keyThumbprint(signer))) return
  const message = 'kid is not the thumbprint of the key that signs: name the bound key itself'
  throw new EvidenceError('binding-key', message)
}
