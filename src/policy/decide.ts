/**
 * Admission (design D5, RFC 9943 §5.1.1): a pure function of the statement, the policy, the anchors
 * and the delegations in force, the registration time, and what was handed in beside the statement.
 * Pure, so that an auditor gets the same answer years later. No network, clock or storage; who reads
 * the rules from the log is the registry's affair.
 */
import type { UnixSeconds } from '../bytes/integers.ts'
import type { PublicKey } from '../cose/public-key.ts'
import { profileOf } from '../payload/authenticate-attested.ts'
import { readPayloadFacts } from '../payload/registration-facts.ts'
import type { PayloadFacts } from '../payload/registration-facts.ts'
import { assertRegistrable } from '../statement/signed-statement.ts'
import type { RegistrableStatement, SignedStatement } from '../statement/signed-statement.ts'
import type { TrustAnchor } from '../statement/trust-anchor.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import {
  decideAlgorithm,
  decideContentType,
  decideLag,
  decidePayload,
  decidePredicateType,
  decideRequiredClaims,
  decideSubmitter,
} from './closed-rules.ts'
import type { Collateral } from './collateral.ts'
import { celFacts, findUnmetCondition } from './conditions.ts'
import { decideDelegation, decideRevocation } from './decide-delegation.ts'
import { decideGovernance } from './decide-governance.ts'
import type { LogNames } from './decide-governance.ts'
import { decideIssuer } from './decide-issuer.ts'
import type { Speaker } from './decide-issuer.ts'
import { intersect, reject } from './decision.ts'
import type { AcceptDecision, Decision } from './decision.ts'
import { DelegationIndex } from './delegation-index.ts'
import { decideValidPayload } from './payload-rule.ts'
import type { GovernanceKind } from '../payload/media-types.ts'
import type { BundleVerifier } from '../payload/bundle-verifier.ts'
import type { EvidenceAppraiser } from '../payload/tee/evidence-appraiser.ts'
import type { InnerAnchors } from './inner-anchors.ts'
import { decideInnerSignatures, looksInside } from './inner-signatures.ts'
import type { RegistrationPolicy } from './registration-policy.ts'
import { governanceOf } from './rules-in-force.ts'
import { decideTeeEvidence, isAppraised } from './tee-evidence.ts'
import type { EvidenceGivens } from './tee-evidence.ts'

export interface DecideOptions {
  readonly statement: SignedStatement
  readonly policy: RegistrationPolicy
  readonly anchors: readonly TrustAnchor[]
  readonly registrationTime: UnixSeconds
  readonly verifier: SignatureVerifier
  /** Who the log is; without it, it accepts no policy, anchors or journal. */
  readonly log?: LogNames
  /** Delegations and revocations below the entry's index. */
  readonly delegations?: DelegationIndex
  readonly collateral?: Collateral
  /** Roots and keys for what statements wrap. */
  readonly inner?: InnerAnchors
  /** Needed under a policy that names Sigstore roots. */
  readonly bundles?: BundleVerifier
  /** What TEE evidence refers to in its log; needed under a policy that asks for evidence. */
  readonly evidence?: EvidenceGivens
  /** Appraises evidence elsewhere; absent: on this thread. */
  readonly appraiser?: EvidenceAppraiser
}

/** The options with everything that was left out filled in, and the payload read at most once. */
interface Request extends DecideOptions {
  readonly statement: RegistrableStatement
  readonly delegations: DelegationIndex
  readonly facts: () => PayloadFacts
}

/**
 * Decides whether a statement is admitted at `registrationTime`. Cheap rules come first; nothing is
 * accepted before its issuer's signature verified.
 * @throws InputError when the statement is not of registrable form (a fault of the bytes, no decision).
 */
export async function decide(options: DecideOptions): Promise<Decision> {
  const { policy, log, verifier, collateral } = options
  const statement = withChain(options.statement, collateral?.x5chain)
  assertRegistrable(statement, profileOf(statement, options.anchors))
  let read: PayloadFacts | undefined
  const facts = (): PayloadFacts => (read ??= readPayloadFacts(statement, preimageOf(options)))
  const delegations = options.delegations ?? DelegationIndex.empty
  const request: Request = { ...options, statement, delegations, facts }
  const kind = governanceOf(statement)
  switch (kind) {
    case undefined:
      return decideStatement(request)
    case 'delegation':
    case 'delegation-revocation':
      return decideAboutDelegation(request, kind)
    default:
      return decideGovernance({ statement, kind, policy, log, verifier })
  }
}

/** Only a hash envelope has content beside itself. */
function preimageOf({ statement, collateral }: DecideOptions): Uint8Array | undefined {
  return statement.headers.hashEnvelope === undefined ? undefined : collateral?.preimage
}

function withChain(
  statement: SignedStatement,
  x5chain: readonly Uint8Array[] | undefined,
): SignedStatement {
  return x5chain === undefined ? statement : { ...statement, unprotectedX5chain: x5chain }
}

async function decideAboutDelegation(
  request: Request,
  kind: Extract<GovernanceKind, 'delegation' | 'delegation-revocation'>,
): Promise<Decision> {
  const { statement, policy, collateral } = request
  if (policy.delegation === undefined) {
    return reject('delegation-disabled', 'this log admits no delegations')
  }
  const { depthMax } = policy.delegation
  const refused =
    decideAlgorithm(statement, policy) ?? decideSubmitter(policy, collateral?.submitter)
  if (refused !== undefined) return refused
  const decideIt = kind === 'delegation' ? decideDelegation : decideRevocation
  const decision = await decideIt({ ...request, depthMax })
  if (decision.kind === 'reject') return decision
  const collateralUsed = { ...decision.collateralUsed, ...submitterUsed(request) }
  return { ...decision, collateralUsed }
}

async function decideStatement(request: Request): Promise<Decision> {
  const { statement, policy, registrationTime, collateral, facts } = request
  const refused =
    decideAlgorithm(statement, policy) ??
    decideContentType(statement, policy) ??
    decidePayload(policy, facts) ??
    decideValidPayload(policy, { statement, preimage: preimageOf(request), facts }) ??
    decidePredicateType(policy, facts) ??
    decideRequiredClaims(statement, policy, facts) ??
    decideSubmitter(policy, collateral?.submitter)
  if (refused !== undefined) return refused
  const lag = decideLag(policy, facts, registrationTime)
  if (lag.kind === 'reject') return lag
  const issuer = await decideIssuer(request)
  if (issuer.kind === 'reject') return issuer
  const { conditions = [] } = policy
  const unmet =
    conditions.length === 0
      ? undefined
      : findUnmetCondition(conditions, celFacts(statement, facts(), collateral?.submitter))
  if (unmet !== undefined) return reject('condition', unmet)
  let span = intersect(issuer.span, lag.span)
  // Last, because they cost most, and only for issuers that are known.
  if (looksInside(policy)) {
    const inner = await decideInnerSignatures({ ...request, preimage: preimageOf(request) })
    if (inner.kind === 'reject') return inner
    span = intersect(span, inner.span)
  }
  if (isAppraised(statement, policy)) {
    const evidence = await decideEvidence(request, issuer.key)
    if (evidence.kind === 'reject') return evidence
    span = intersect(span, evidence.span)
  }
  const accepted = {
    kind: 'accept' as const,
    issuer: statement.headers.issuer,
    anchor: issuer.anchor,
    collateralUsed: collateralUsedBy(request, issuer),
    standsFrom: span.from,
    standsUntil: span.until,
  }
  const { delegations } = issuer
  return delegations === undefined ? accepted : { ...accepted, delegations }
}

/** Most statements use nothing beside themselves. */
function collateralUsedBy(
  request: Request,
  { x5chain }: Speaker,
): AcceptDecision['collateralUsed'] {
  return {
    ...(x5chain ? { x5chain } : undefined),
    ...submitterUsed(request),
    // Also where no rule looked at it: the index does (design D1).
    ...(preimageOf(request) === undefined ? undefined : { preimage: true }),
  }
}

function decideEvidence(request: Request, signer: PublicKey): ReturnType<typeof decideTeeEvidence> {
  const { statement, policy, registrationTime: at, evidence: givens } = request
  const { verifier, appraiser } = request
  const content = { statement, preimage: preimageOf(request) }
  return decideTeeEvidence({ ...content, policy, at, givens, verifier, appraiser, signer })
}

/** Claims took part where the policy asks who submits, or a condition may look at them. */
function submitterUsed({ policy, collateral }: Request): { readonly submitter: true } | undefined {
  const asked = policy.submitter !== undefined || policy.conditions !== undefined
  return asked && collateral?.submitter !== undefined ? { submitter: true } : undefined
}
