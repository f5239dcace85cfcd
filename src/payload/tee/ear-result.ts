/**
 * An appraisal as an attestation result: an EAR (draft-ietf-rats-ear, profile `…#03`) in a CWT that
 * whoever appraised signs, with the trustworthiness vector of AR4SI. Everything a reader needs to repeat
 * it stands in one member of our own beside: which evidence, at which time, and what came out. Reading an
 * EAR of anybody: ear.ts.
 */
import type { UnixSeconds } from '../../bytes/integers.ts'
import type { CborValue } from '../../cbor/decode.ts'
import { encodeCbor } from '../../cbor/encode.ts'
import { HEADER } from '../../cose/labels.ts'
import { signSign1 } from '../../cose/sign1.ts'
import type { Signer } from '../../cose/signer.ts'
import { keyThumbprint } from '../../cose/thumbprint.ts'
import { asList, asObject, asText, memberAt } from '../json-members.ts'
import type { EarStatus } from './ear.ts'
import type { ClaimedToken } from './eat-claims.ts'
import type { ReferenceMatch } from './reference-values.ts'
import { outcomeWord, tcbOf } from './reappraisal-changes.ts'
import type { AppraisalChange, AppraisalOutcome } from './reappraisal-changes.ts'

export const EAR_PROFILE = 'tag:ietf.org,2026:rats/ear#03'
/** Of the statement around the token. */
export const EAR_MEDIA_TYPE: string = `application/eat+cwt; eat_profile="${EAR_PROFILE}"`
/** Name of our member in the appraisal of the one part. */
export const REAPPRAISAL_CLAIM = 'attestry.dev/reappraisal/v1'

const CLAIM = { issuer: 1, issuedAt: 6, profile: 265, submods: 266 } as const
const EAR = { status: 1000, vector: 1001, policyIds: 1003, verifierId: 1004 } as const
/** Labels of the trustworthiness vector (AR4SI). */
const VECTOR = { instanceIdentity: 0, configuration: 1, executables: 2, hardware: 4, runtimeOpaque: 5 } as const // prettier-ignore
const STATUS_VALUES: Readonly<Record<EarStatus, number>> = { none: 0, affirming: 2, warning: 32, contraindicated: 96 } // prettier-ignore
/** AR4SI values: no claim, good, not as it should be, must not be relied on, signature does not hold. */
const [NO_CLAIM, GOOD, UNRECOGNISED, UNSAFE, WRONG, UNVERIFIED] = [0, 2, 33, 32, 96, 99]

/** What was appraised, and how it ended. */
export interface AppraisalResult {
  /** SHA-256 of the evidence as the platform made it, hex. */
  readonly evidenceSha256: string
  /** Id of the entry that holds it, hex, where it is registered. */
  readonly entryId?: string
  readonly outcome: AppraisalOutcome
  /** Against the appraisal of its registration. */
  readonly changes: readonly AppraisalChange[]
  readonly references?: ReferenceMatch
}

type Vector = ReadonlyMap<number, number>

/** The trustworthiness vector. */
function vectorOf({ outcome, references }: AppraisalResult): Vector {
  if (!('appraisal' in outcome)) return new Map([[VECTOR.instanceIdentity, UNVERIFIED]])
  const { appraisal } = outcome
  const status = tcbOf(appraisal)?.status ?? ''
  return new Map([
    [VECTOR.instanceIdentity, GOOD],
    [VECTOR.configuration, /Configuration|SWHardening/.test(status) ? UNSAFE : GOOD],
    [VECTOR.executables, executablesOf(references)],
    [VECTOR.hardware, hardwareOf(status)],
    // What a debugger can look into is not hidden from the host.
    [VECTOR.runtimeOpaque, appraisal.facts.debug ? WRONG : GOOD],
  ])
}

function hardwareOf(status: string): number {
  if (status === 'Revoked' || status === 'NoLevel') return WRONG
  return status.startsWith('OutOfDate') ? UNSAFE : GOOD
}

function executablesOf(references: ReferenceMatch | undefined): number {
  if (references === undefined) return NO_CLAIM
  if (references.result === 'match') return GOOD
  return references.result === 'no-match' ? WRONG : UNRECOGNISED
}

/** The verdict in the words of EAR: that of the worst claim. */
export function earStatusOf(result: AppraisalResult): EarStatus {
  const worst = Math.max(...vectorOf(result).values())
  if (worst >= WRONG) return 'contraindicated'
  return worst >= UNSAFE ? 'warning' : 'affirming'
}

export interface EarRequest {
  readonly result: AppraisalResult
  readonly issuer: string
  readonly issuedAt: UnixSeconds
  /** Name and version of the software that appraised. */
  readonly build: string
  /** URIs of the policies and reference values that were used. */
  readonly policyIds: readonly string[]
  readonly signer: Signer
}

/** A signed EAR in a CWT (COSE_Sign1). */
export async function signEar(request: EarRequest): Promise<Uint8Array> {
  const { result, issuer, issuedAt, build, policyIds, signer } = request
  const { outcome } = result
  const label = 'appraisal' in outcome ? outcome.appraisal.facts.teeType : 'evidence'
  const appraisal = new Map<CborValue, CborValue>([
    [EAR.status, STATUS_VALUES[earStatusOf(result)]],
    [EAR.vector, new Map([...vectorOf(result)].filter(([, value]) => value !== NO_CLAIM))],
    ...(policyIds.length === 0 ? [] : [[EAR.policyIds, policyIds] as const]),
    [REAPPRAISAL_CLAIM, reappraisalClaim(result)],
  ])
  const claims = new Map<CborValue, CborValue>([
    [CLAIM.issuer, issuer],
    [CLAIM.issuedAt, issuedAt],
    [CLAIM.profile, EAR_PROFILE],
    [CLAIM.submods, new Map([[label, appraisal]])],
    [EAR.verifierId, new Map([[0, issuer], [1, build]])], // prettier-ignore
  ])
  const keyId = signer.publicKey.kid ?? keyThumbprint(signer.publicKey)
  return signSign1({
    protectedHeader: new Map<CborValue, CborValue>([[HEADER.keyId, keyId]]),
    payload: encodeCbor(claims),
    signer,
  })
}

function reappraisalClaim(result: AppraisalResult): CborValue {
  const { evidenceSha256, entryId, outcome, changes, references } = result
  const tcb = 'appraisal' in outcome ? tcbOf(outcome.appraisal) : undefined
  const members: Readonly<Record<string, CborValue>> = {
    evidence: evidenceSha256,
    entry: entryId,
    at: outcome.at,
    outcome: outcomeWord(outcome),
    'tcb-status': tcb?.status,
    'tcb-evaluation-number': tcb?.evaluationNumber,
    'reference-values': references?.result,
    changes: changes.map(({ what, before, after }) => [what, before, after]),
  }
  return new Map(Object.entries(members).filter(([, value]) => value !== undefined))
}

/** What an EAR of ours says about the evidence that it is about. Claims of its signer, nothing more. */
export interface ReappraisalClaims {
  readonly evidenceSha256: string
  readonly entryId?: string
  readonly at: UnixSeconds
  readonly outcome: string
  readonly tcbStatus?: string
  readonly changes: readonly AppraisalChange[]
}

const DIGEST = /^[0-9a-f]{64}$/

/** Our member of an EAR; `undefined` in an EAR of others. Never throws. */
export function findReappraisal({ claims }: ClaimedToken): ReappraisalClaims | undefined {
  const parts = Object.values(asObject(claims['submods']) ?? {})
  const claim = parts.map((part) => memberAt(part, REAPPRAISAL_CLAIM)).find((one) => one !== undefined) // prettier-ignore
  const read = asObject(claim)
  const [evidence, entryId] = [asText(read?.['evidence']), asText(read?.['entry'])]
  const [at, outcome] = [read?.['at'], asText(read?.['outcome'])]
  if (evidence === undefined || !DIGEST.test(evidence)) return undefined
  if (typeof at !== 'number' || outcome === undefined) return undefined
  const tcbStatus = asText(read?.['tcb-status'])
  return {
    evidenceSha256: evidence,
    ...(entryId !== undefined && DIGEST.test(entryId) ? { entryId } : {}),
    at,
    outcome,
    ...(tcbStatus === undefined ? {} : { tcbStatus }),
    changes: asList(read?.['changes']).flatMap(readChange),
  }
}

function readChange(value: unknown): AppraisalChange[] {
  const [what, before, after] = asList(value).map(asText)
  const isChange = what !== undefined && before !== undefined && after !== undefined
  return isChange ? [{ what, before, after }] : []
}
