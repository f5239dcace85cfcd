/**
 * What a policy takes of evidence that holds: a TCB out of date, a debug bit and an old checkpoint are
 * facts, and refused only where the policy says so. What is taken all the same becomes a finding.
 */
import type { UnixSeconds } from '../../bytes/integers.ts'
import type { Finding } from '../description.ts'
import { EvidenceError } from './evidence.ts'
import type { VerifiedEvidence } from './verified-evidence.ts'

/** What a policy does not take, beyond what does not hold. */
export interface EvidenceLimits {
  /** A TCB that is out of date, revoked or of no level. */
  readonly outOfDate?: 'annotate' | 'refuse'
  readonly debug?: 'annotate' | 'refuse'
  /** Oldest checkpoint that a nonce may be made of, in seconds before the registration. */
  readonly checkpointAgeMax?: number
}

/** A head that the log published. */
export interface PublishedHead {
  readonly treeSize: number
  readonly rootHash: Uint8Array
  readonly registrationTime: UnixSeconds
}

/** Statuses of a TCB below which something is known to be wrong with it, or nothing is known. */
const OUT_OF_DATE: readonly string[] = [
  'OutOfDate',
  'OutOfDateConfigurationNeeded',
  'Revoked',
  'NoLevel',
]
/** Statuses about which there is nothing to remark; AMD and others give none. */
const UNREMARKABLE: readonly string[] = ['UpToDate', 'NotEvaluated']

/** Until when a registration may use the checkpoint. @throws EvidenceError `binding-stale`. */
export function freshUntil(
  head: PublishedHead | 'none',
  limits: EvidenceLimits,
  at: UnixSeconds,
): UnixSeconds {
  const { checkpointAgeMax } = limits
  if (head === 'none' || checkpointAgeMax === undefined) return Infinity
  const until = head.registrationTime + checkpointAgeMax
  if (at > until) {
    const age = at - head.registrationTime
    const message = `the checkpoint of size ${head.treeSize} is ${age} s old; ${checkpointAgeMax} s are accepted`
    throw new EvidenceError('binding-stale', message)
  }
  return until
}

/** What is remarkable about evidence that holds. @throws EvidenceError `tcb-status` | `debug`. */
export function remarks(
  { facts, platform }: VerifiedEvidence,
  limits: EvidenceLimits,
  isBound: boolean,
): Finding[] {
  const findings: Finding[] = []
  const { status } = (platform ?? facts).tcb ?? {}
  if (status !== undefined && !UNREMARKABLE.includes(status)) {
    const message = `the TCB of the platform is ${status}`
    if (limits.outOfDate === 'refuse' && OUT_OF_DATE.includes(status)) {
      throw new EvidenceError('tcb-status', `${message}, and this log does not take that`)
    }
    findings.push({ code: 'tcb-not-up-to-date', message })
  }
  if (facts.debug) {
    const message = 'the environment can be looked into from outside'
    if (limits.debug === 'refuse') {
      throw new EvidenceError('debug', `${message}, and this log does not take that`)
    }
    findings.push({ code: 'debug-environment', message })
  }
  if (!isBound) {
    const message = 'the evidence is bound to nothing: it proves no environment of anything else'
    findings.push({ code: 'evidence-not-bound', message })
  }
  return findings
}
