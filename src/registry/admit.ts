/**
 * Admission: asks the pure decision of `policy/` under the rules in force and the time that the
 * next batch will have, and keeps every refusal. What the decision used beside the statement becomes
 * collateral, committed with the entry, so that anybody can decide again (design D5). Nothing else
 * takes part (SCRAPI §4.4.2.3: nothing unsigned decides).
 */
import type { LeafIndex, UnixSeconds } from '../bytes/integers.ts'
import { leafIndex } from '../bytes/integers.ts'
import { PolicyError } from '../errors.ts'
import type { Candidate } from '../log/queue.ts'
import type { NewCollateral } from '../log/store.ts'
import { decide } from '../policy/decide.ts'
import type { AcceptDecision } from '../policy/decide.ts'
import { reject } from '../policy/decision.ts'
import type { RejectDecision } from '../policy/decision.ts'
import { changesDecisions } from '../payload/media-types.ts'
import type { GovernanceKind } from '../payload/media-types.ts'
import { payloadMediaType } from '../payload/payload-content.ts'
import { isEvidenceMediaType } from '../payload/tee/evidence-media-types.ts'
import { refersToLog } from '../policy/evidence-givens.ts'
import { isSignedByKnownKey } from '../policy/known-signer.ts'
import { payloadNameOf } from '../statement/payload-name.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import { collectCollateral } from './collateral.ts'
import { readReferences } from './evidence-source.ts'
import type { SubmittedStatement } from './collateral.ts'
import { findPreimage } from './payloads.ts'
import type { RegistryPorts, RulesInForce } from './ports.ts'
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
  return isEvidenceMediaType(payloadMediaType(statement))
}

async function admitNow(submitted: Submission, ports: RegistryPorts): Promise<Admission> {
  const { statement, submitter } = submitted
  const { issuer, origin, verifier } = ports
  const registrationTime = nextRegistrationTime(ports)
  const { policy, anchors, delegations, inner, policyIndex } = ports.rules()
  const rules = { policy, anchors, delegations, inner }
  const preimage = await readPreimage(statement, { ports, ...rules, registrationTime })
  const submission = { ...submitted, preimage }
  const evidence = await readReferences({ statement, preimage, rules, at: registrationTime, ports })
  const decided = await decide({
    ...{ statement, ...rules, registrationTime, verifier, evidence },
    ...(ports.bundles === undefined ? {} : { bundles: ports.bundles }),
    ...(ports.appraiser === undefined ? {} : { appraiser: ports.appraiser }),
    log: { issuer, origin },
    collateral: {
      ...(submitter === undefined ? {} : { submitter: submitter.claims }),
      ...(preimage === undefined ? {} : { preimage }),
    },
  })
  const decision = decided.kind === 'accept' ? refuseJournal(decided, submission) : decided
  if (decision.kind === 'accept') {
    const { standsFrom, standsUntil, governance: kind } = decision
    const collateral = collectCollateral(decision, submission, ports.sha256)
    return {
      ...{ standsFrom, standsUntil, policyIndex: leafIndex(policyIndex) },
      ...(kind === undefined ? {} : { kind, governance: changesDecisions(kind) }),
      ...(collateral.length === 0 ? {} : { collateral }),
      ...(submitted.follows === undefined ? {} : { follows: submitted.follows }),
    }
  }
  ports.refusals.record({
    entryId: statement.entryId,
    rule: decision.rule,
    reason: decision.reason,
    ...(statement.headers.issuer === undefined ? {} : { issuer: statement.headers.issuer }),
    refusedAt: registrationTime,
  })
  const code = decision.rule === 'governance' ? 'ERR_POLICY_GOVERNANCE' : 'ERR_POLICY_REJECTED'
  const { rule, reason, pointer } = decision
  throw new PolicyError(code, rule, reason, { pointer })
}

interface PreimageContext extends Pick<RulesInForce, 'policy' | 'anchors' | 'delegations'> {
  readonly ports: RegistryPorts
  readonly registrationTime: UnixSeconds
}

/**
 * Content that the store has for a hash envelope. Nobody unknown makes the registry read it; and where
 * no journal would name it, nobody could replay a decision that used it.
 */
async function readPreimage(
  statement: SignedStatement,
  { ports, policy, anchors, delegations, registrationTime: at }: PreimageContext,
): Promise<Uint8Array | undefined> {
  const { payloads, verifier } = ports
  const name = payloadNameOf(statement)
  if (payloads === undefined || name === undefined) return undefined
  if ((policy.registrarKeys ?? []).length === 0) return undefined
  // A look-up costs less than a signature, and content is mostly not at hand.
  if (!(await payloads.store.has(name))) return undefined
  const isKnown = await isSignedByKnownKey({ statement, anchors, delegations, at, verifier })
  return isKnown ? findPreimage(name, payloads) : undefined
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
