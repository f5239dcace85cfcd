/**
 * What a registry establishes about evidence (statements.md §7.4): every signature, certificate, list
 * and window holds at the given time, what the evidence claims to be bound to is recomputed, and a nonce
 * is the digest of a checkpoint that this log published before. What does not hold is an error with its
 * reason; a TCB out of date, a debug bit or a missing binding are facts with findings, unless the limits
 * refuse them. Pure: everything that takes part is given, so an auditor gets the same answer for ever.
 */
import { equalBytes } from '../../bytes/bytes.ts'
import type { UnixSeconds } from '../../bytes/integers.ts'
import { parseCoseKey } from '../../cose/public-key.ts'
import { AttestryError, InputError, VerificationError } from '../../errors.ts'
import type { VerifierKey } from '../../note/verifier-key.ts'
import type { SignatureVerifier } from '../../x509/signature-verifier.ts'
import type { Finding } from '../description.ts'
import type { BindingDeclaration } from './bindings.ts'
import { parseEventLog } from './event-log.ts'
import type { TeeEvidence } from './evidence-container.ts'
import { freshUntil, remarks } from './evidence-limits.ts'
import type { EvidenceLimits, PublishedHead } from './evidence-limits.ts'
import { EvidenceError } from './evidence.ts'
import type { EvidenceFacts } from './evidence.ts'
import { joinCollateral } from './join-collateral.ts'
import type { EvidencePins, VerifiedEvidence } from './verified-evidence.ts'
import { verifyBinding } from './verify-binding.ts'
import type { BindingContext, VerifiedBinding } from './verify-binding.ts'
import { verifyEvidence } from './verify-evidence.ts'

/** The log whose checkpoints count as nonces. */
export interface NonceLog {
  readonly origin: string
  readonly checkpointKeys: readonly VerifierKey[]
  /** The log's head of the checkpoint's size; `none` when it has none below this registration. */
  readonly head: PublishedHead | 'none'
}

/** Everything that takes part; plain data but for the verifier. */
export interface AppraisalRequest {
  readonly evidence: TeeEvidence
  readonly at: UnixSeconds
  readonly pins: EvidencePins
  readonly limits: EvidenceLimits
  /** RFC 9679 thumbprint of the key that signs the statement; bindings name it when they name none. */
  readonly signer?: Uint8Array
  /** Needed where a checkpoint came along. */
  readonly log?: NonceLog
  /** Collateral bundles of the entries that the evidence names, by entry id in hex. */
  readonly registered?: ReadonlyMap<string, Uint8Array>
}

/** What was established. */
export interface Appraisal {
  readonly facts: EvidenceFacts
  /** Facts of the hardware under a virtual TPM. */
  readonly platform?: EvidenceFacts
  readonly bindings: readonly VerifiedBinding[]
  /** Those of the facts, and what the registry found beside them. */
  readonly findings: readonly Finding[]
  /** The same appraisal holds at every time in [validFrom, validUntil]. */
  readonly validFrom: UnixSeconds
  readonly validUntil: UnixSeconds
}

/**
 * Appraises evidence.
 * @throws EvidenceError with the reason, for whatever does not hold, is missing, or is refused.
 */
export async function appraiseEvidence(
  request: AppraisalRequest,
  verifier: SignatureVerifier,
): Promise<Appraisal> {
  try {
    return await appraise(request, verifier)
  } catch (cause) {
    const isForeign = cause instanceof InputError || cause instanceof VerificationError
    if (!isForeign || cause instanceof EvidenceError) throw cause
    throw new EvidenceError('malformed', cause.message, { cause })
  }
}

async function appraise(
  request: AppraisalRequest,
  verifier: SignatureVerifier,
): Promise<Appraisal> {
  const { evidence: container, at, pins, limits, log } = request
  const { format, evidence, eventLog } = container
  const collateral = joinCollateral(container, request.registered)
  const verified = await verifyEvidence({ format, evidence, collateral, pins, at, verifier })
  const findings = eventLog === undefined ? [] : replayLog(eventLog, verified)
  const bindings = await verifyBindings(request, verified, verifier)
  const isNonceUsed = bindings.some(({ after }) => after !== undefined)
  const nonceUntil = isNonceUsed && log !== undefined ? freshUntil(log.head, limits, at) : Infinity
  const { facts, platform } = verified
  return {
    facts: plainFacts(facts),
    ...(platform === undefined ? {} : { platform: plainFacts(platform) }),
    bindings,
    findings: [...facts.findings, ...findings, ...remarks(verified, limits, bindings.length > 0)],
    validFrom: facts.validFrom,
    validUntil: Math.min(facts.validUntil, nonceUntil),
  }
}

function replayLog(bytes: Uint8Array, { matchLog }: VerifiedEvidence): Finding[] {
  if (matchLog === undefined) {
    throw new EvidenceError(
      'malformed',
      'evidence of this kind attests no registers of an event log',
    )
  }
  const { unexplained } = matchLog(parseEventLog(bytes))
  if (unexplained.length === 0) return []
  const message = `the log says nothing about register ${unexplained.join(', ')}`
  return [{ code: 'event-log-incomplete', message }]
}

async function verifyBindings(
  request: AppraisalRequest,
  { fields }: VerifiedEvidence,
  verifier: SignatureVerifier,
): Promise<readonly VerifiedBinding[]> {
  const { evidence, log } = request
  const { binding, checkpoint: note } = evidence
  if (binding === undefined) return []
  if (note !== undefined && log === undefined) {
    throw new EvidenceError('binding-origin', 'the checkpoint is of no log that is known here')
  }
  const context = contextOf(request)
  const verify = (declaration: BindingDeclaration): Promise<VerifiedBinding> =>
    verifyBinding({ declaration, fields, context, verifier })
  const first = await verify(binding)
  const isSecond = note !== undefined && (binding.type === 'key' || binding.type === 'payload')
  // Nitro has a field for it; elsewhere the second half of the report data.
  const place = fields.nonce === undefined ? 'report-data' : 'nonce'
  const bindings = isSecond ? [first, await verify({ type: 'checkpoint', place })] : [first]
  if (log !== undefined) for (const { after } of bindings) assertPublished(after, log)
  return bindings
}

function contextOf({ evidence, signer, log }: AppraisalRequest): BindingContext {
  const { binding, checkpoint: note } = evidence
  const key = binding?.key === undefined ? signer : readKey(binding.key)
  const { buildId, payload: payloadSha256 } = binding ?? {}
  return {
    ...(key === undefined ? {} : { key }),
    ...(payloadSha256 === undefined ? {} : { payloadSha256 }),
    ...(buildId === undefined ? {} : { buildId }),
    ...(note === undefined || log === undefined
      ? {}
      : { checkpoint: { note, origin: log.origin, keys: log.checkpointKeys } }),
  }
}

function readKey(bytes: Uint8Array): BindingContext['key'] & object {
  try {
    return parseCoseKey(bytes)
  } catch (cause) {
    if (!(cause instanceof AttestryError)) throw cause
    throw new EvidenceError('malformed', `the bound key: ${cause.message}`, { cause })
  }
}

/** A checkpoint counts from when its head was made, so it has to be a head that the log has. */
function assertPublished(after: VerifiedBinding['after'], { head }: NonceLog): void {
  if (after === undefined) return
  const isHead =
    head !== 'none' &&
    BigInt(head.treeSize) === after.treeSize &&
    equalBytes(head.rootHash, after.rootHash)
  if (!isHead) {
    throw new EvidenceError('binding-origin', 'the log has no such head before this registration')
  }
}

/** The facts alone, of whichever vendor: an appraisal can be copied to another thread. */
function plainFacts(facts: EvidenceFacts): EvidenceFacts {
  const { teeType, measurements, debug, tcb, fmspc, reportData, evidenceTime } = facts
  const { platformCertificateSha256, validFrom, validUntil, findings } = facts
  return {
    ...{ teeType, measurements, debug, reportData, validFrom, validUntil, findings },
    ...(tcb === undefined ? {} : { tcb }),
    ...(fmspc === undefined ? {} : { fmspc }),
    ...(evidenceTime === undefined ? {} : { evidenceTime }),
    ...(platformCertificateSha256 === undefined ? {} : { platformCertificateSha256 }),
  }
}
