/**
 * Admission: asks the pure decision of `policy/` under the rules in force and the time that the
 * next batch will have, and keeps every refusal. What the decision used beside the statement becomes
 * collateral, committed with the entry, so that anybody can decide again (design D5). Nothing else
 * takes part (SCRAPI §4.4.2.3: nothing unsigned decides).
 */
import { leafIndex } from '../bytes/integers.ts'
import type { LeafIndex, UnixSeconds } from '../bytes/integers.ts'
import type { Writable } from '../bytes/writable.ts'
import { PolicyError } from '../errors.ts'
import type { Candidate } from '../log/queue.ts'
import type { NewCollateral } from '../log/store.ts'
import { changesDecisions } from '../payload/media-types.ts'
import type { GovernanceKind } from '../payload/media-types.ts'
import type { Collateral } from '../policy/collateral.ts'
import { decide } from '../policy/decide.ts'
import type { DecideOptions } from '../policy/decide.ts'
import { reject } from '../policy/decision.ts'
import type { AcceptDecision, RejectDecision } from '../policy/decision.ts'
import { refersToLog } from '../policy/evidence-givens.ts'
import { isAppraised, mayBeEvidence } from '../policy/tee-evidence.ts'
import type { EvidenceGivens } from '../policy/tee-evidence.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import { collectCollateral } from './collateral.ts'
import type { SubmittedStatement } from './collateral.ts'
import { readReferences } from './evidence-source.ts'
import type { RegistryPorts, RulesInForce, Submitter } from './ports.ts'
import { mayHavePreimage, readPreimage } from './read-preimage.ts'
import { Turns } from './turns.ts'

/**
 * Evidence holds what it refers to until it is decided about: megabytes of stored content that a small body
 * names. So few are decided about at a time, and memory stays bounded by what clients send.
 */
export const HEAVY_MAX = 16
const HEAVY = new Turns(HEAVY_MAX)

/** A statement, who hands it in, and whether it is the log's own. */
export interface Submission extends SubmittedStatement {
  /** The log's own journal, and the one before it: nobody else registers one. */
  readonly follows?: NonNullable<Candidate['follows']>
}

/** What the log compares at the commit, and what it stores with the entry. */
export interface Admission {
  /** First and last registration time for which the same decision stands. */
  readonly standsFrom: UnixSeconds
  readonly standsUntil: UnixSeconds
  /** Index of the governance statement that it was made under. */
  readonly policyIndex?: LeafIndex
  readonly governance?: boolean
  readonly kind?: GovernanceKind
  readonly collateral?: readonly NewCollateral[]
  readonly follows?: NonNullable<Candidate['follows']>
}

/**
 * Admits a statement or refuses it.
 * @throws PolicyError with the rule that refused it, after the refusal is recorded.
 */
export function admit(submitted: Submission, ports: RegistryPorts): Promise<Admission> {
  const isHeavy = ports.rules().policy.teeEvidence !== undefined && isHeavyEvidence(submitted)
  return isHeavy ? HEAVY.take(() => admitNow(submitted, ports)) : admitNow(submitted, ports)
}

/** Known before anything is read for it. */
function isHeavyEvidence({ statement }: Submission): boolean {
  if (statement.headers.hashEnvelope === undefined) return refersToLog({ statement })
  return mayBeEvidence(statement)
}

async function admitNow(submitted: Submission, ports: RegistryPorts): Promise<Admission> {
  const { statement, submitter } = submitted
  const registrationTime = nextRegistrationTime(ports)
  const rules = ports.rules()
  // What only few statements have is not waited for by the others.
  const preimage = mayHavePreimage(statement, ports, rules)
    ? await readPreimage(statement, { ports, rules, registrationTime })
    : undefined
  const evidence = isAppraised(statement, rules.policy)
    ? await readReferences({ statement, preimage, rules, at: registrationTime, ports })
    : NO_EVIDENCE
  const options: Writable<DecideOptions> = {
    statement,
    policy: rules.policy,
    anchors: rules.anchors,
    delegations: rules.delegations,
    inner: rules.inner,
    registrationTime,
    verifier: ports.verifier,
    log: { issuer: ports.issuer, origin: ports.origin },
    evidence,
    collateral: collateralOf(submitter, preimage),
  }
  if (ports.bundles !== undefined) options.bundles = ports.bundles
  if (ports.appraiser !== undefined) options.appraiser = ports.appraiser
  const decided = await decide(options)
  const decision = decided.kind === 'accept' ? refuseJournal(decided, submitted) : decided
  if (decision.kind === 'reject') return refuse(decision, statement, { ports, registrationTime })
  const pieces = collectCollateral(decision, { statement, submitter, preimage }, ports.sha256)
  return admissionOf(decision, { pieces, rules, follows: submitted.follows })
}

interface AdmissionParts {
  readonly pieces: readonly NewCollateral[]
  readonly rules: RulesInForce
  readonly follows: Submission['follows'] | undefined
}

function admissionOf(
  { standsFrom, standsUntil, governance: kind }: AcceptDecision,
  { pieces, rules, follows }: AdmissionParts,
): Admission {
  const policyIndex = leafIndex(rules.policyIndex)
  const admission: Writable<Admission> = { standsFrom, standsUntil, policyIndex }
  if (kind !== undefined) {
    admission.kind = kind
    admission.governance = changesDecisions(kind)
  }
  if (pieces.length > 0) admission.collateral = pieces
  if (follows !== undefined) admission.follows = follows
  return admission
}

const NO_EVIDENCE: EvidenceGivens = {}
const NO_COLLATERAL: Collateral = {}

function collateralOf(
  submitter: Submitter | undefined,
  preimage: Uint8Array | undefined,
): Collateral {
  if (submitter === undefined && preimage === undefined) return NO_COLLATERAL
  return {
    ...(submitter === undefined ? {} : { submitter: submitter.claims }),
    ...(preimage === undefined ? {} : { preimage }),
  }
}

interface RefusalContext {
  readonly ports: RegistryPorts
  readonly registrationTime: UnixSeconds
}

/** Keeps the refusal, and says it. */
function refuse(
  { rule, reason, pointer }: RejectDecision,
  { entryId, headers: { issuer } }: SignedStatement,
  { ports, registrationTime: refusedAt }: RefusalContext,
): never {
  ports.refusals.record({
    ...{ entryId, rule, reason, refusedAt },
    ...(issuer === undefined ? {} : { issuer }),
  })
  const code = rule === 'governance' ? 'ERR_POLICY_GOVERNANCE' : 'ERR_POLICY_REJECTED'
  throw new PolicyError(code, rule, reason, { pointer })
}

/** Ranges of journals follow each other only if one hand writes them. */
function refuseJournal(
  decision: AcceptDecision,
  { follows }: Submission,
): AcceptDecision | RejectDecision {
  if (decision.governance !== 'journal' || follows !== undefined) return decision
  return reject('governance', 'a registration journal is written by the log itself')
}

/** The log never signs a time before its last one (I5), so admission does not look at one either. */
function nextRegistrationTime({ clock, log }: RegistryPorts): UnixSeconds {
  return Math.max(clock.now(), log.currentHead().registrationTime)
}
