/**
 * Admission: asks the pure decision of `policy/` under the rules in force and the time that the
 * next batch will have, and keeps every refusal. Nothing outside the statement, the committed
 * rules and that time takes part (design D5; SCRAPI §4.4.2.3: nothing unsigned decides).
 */
import type { LeafIndex, UnixSeconds } from '../bytes/integers.ts'
import { PolicyError } from '../errors.ts'
import { decide } from '../policy/decide.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'
import type { RegistryPorts } from './ports.ts'

/** What the log compares at the commit: outside of this the decision is made again. */
export interface Admission {
  /** First and last registration time for which the same decision stands. */
  readonly standsFrom: UnixSeconds
  readonly standsUntil: UnixSeconds
  /** Index of the governance statement that it was made under. */
  readonly policyIndex?: LeafIndex
}

/**
 * Admits a statement or refuses it.
 * @throws PolicyError with the rule that refused it, after the refusal is recorded.
 */
export async function admit(statement: SignedStatement, ports: RegistryPorts): Promise<Admission> {
  const registrationTime = nextRegistrationTime(ports)
  const { policy, anchors, policyIndex } = ports.rules()
  const decision = await decide({
    statement,
    policy,
    anchors,
    registrationTime,
    verifier: ports.verifier,
  })
  if (decision.kind === 'accept') {
    const { standsFrom, standsUntil } = decision
    return { standsFrom, standsUntil, policyIndex }
  }
  ports.refusals.record({
    entryId: statement.entryId,
    rule: decision.rule,
    reason: decision.reason,
    ...(statement.headers.issuer === undefined ? {} : { issuer: statement.headers.issuer }),
    refusedAt: registrationTime,
  })
  const code = decision.rule === 'governance' ? 'ERR_POLICY_GOVERNANCE' : 'ERR_POLICY_REJECTED'
  throw new PolicyError(code, decision.rule, decision.reason)
}

/** The log never signs a time before its last one (I5), so admission does not look at one either. */
function nextRegistrationTime({ clock, log }: RegistryPorts): UnixSeconds {
  return Math.max(clock.now(), log.currentHead().registrationTime)
}
