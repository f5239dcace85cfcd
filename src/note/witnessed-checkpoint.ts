/**
 * A checkpoint under a policy (C2SP tlog-policy, tlog-proof "Verifying"): signed by a log of the
 * policy and cosigned by a quorum of its witnesses. Which tree heads are consistent is not asked.
 */
import type { UnixSeconds } from '../bytes/integers.ts'
import { VerificationError } from '../errors.ts'
import type { SignatureVerifier } from '../x509/signature-verifier.ts'
import { verifyCheckpoint } from './checkpoint.ts'
import type { SignedCheckpoint } from './checkpoint.ts'
import { verifyCosignatures } from './cosignature.ts'
import type { Cosignature } from './cosignature.ts'
import { QUORUM_NONE } from './tlog-policy.ts'
import type { TlogPolicy } from './tlog-policy.ts'

/** Whether the witnesses that cosigned are enough. */
export type QuorumDecision =
  { readonly kind: 'met' } | { readonly kind: 'not-met'; readonly reason: string }

/** Decides on the quorum of a policy, given the names of the witnesses that cosigned. */
export function evaluateQuorum(policy: TlogPolicy, cosigners: ReadonlySet<string>): QuorumDecision {
  if (policy.quorum === QUORUM_NONE) return { kind: 'met' }
  const witnesses = policy.witnesses.map(({ name }) => name)
  const stands = new Set(witnesses.filter((name) => cosigners.has(name)))
  const count = stands.size
  // Members are defined on earlier lines, so one pass in order is enough.
  for (const { name, threshold, members } of policy.groups) {
    if (members.filter((member) => stands.has(member)).length >= threshold) stands.add(name)
  }
  if (stands.has(policy.quorum)) return { kind: 'met' }
  const reason = `${count} of ${witnesses.length} witnesses cosigned, and not the quorum`
  return { kind: 'not-met', reason }
}

/** A checkpoint and what it is held against. */
export interface WitnessedVerification {
  readonly checkpoint: SignedCheckpoint
  readonly policy: TlogPolicy
  readonly verifier: SignatureVerifier
  /** Cosignatures of a later time do not verify. */
  readonly notAfter?: UnixSeconds
}

/**
 * The cosignatures by witnesses of the policy, after checking that they make its quorum and that a
 * log of the policy signed.
 * @throws VerificationError `ERR_CHECKPOINT_ORIGIN` for a log that is not in the policy,
 *   `ERR_NOTE_SIGNATURE`, `ERR_ROOT_MISMATCH` or `ERR_QUORUM`.
 */
export async function verifyWitnessedCheckpoint({
  checkpoint,
  policy,
  verifier,
  notAfter,
}: WitnessedVerification): Promise<readonly Cosignature[]> {
  const { origin } = checkpoint
  const keys = policy.logs.map(({ key }) => key).filter(({ name }) => name === origin)
  if (keys.length === 0) {
    throw new VerificationError(
      'ERR_CHECKPOINT_ORIGIN',
      `the policy has no log ${JSON.stringify(origin)}`,
    )
  }
  await verifyCheckpoint({ checkpoint, origin, keys, verifier })
  const cosignatures = await verifyCosignatures({
    checkpoint,
    keys: policy.witnesses.map(({ key }) => key),
    verifier,
    ...(notAfter === undefined ? {} : { notAfter }),
  })
  const signed = new Set(cosignatures.map(({ key }) => key))
  const cosigners = policy.witnesses.filter(({ key }) => signed.has(key)).map(({ name }) => name)
  const decision = evaluateQuorum(policy, new Set(cosigners))
  if (decision.kind === 'not-met') throw new VerificationError('ERR_QUORUM', decision.reason)
  return cosignatures
}
