/**
 * An appraisal as an attestation result: an EAR (draft-ietf-rats-ear, profile `…#03`) in a CWT that
 * whoever appraised signs, with the trustworthiness vector of AR4SI. What a reader needs to repeat it stands
 * in one member of our own beside (appraisal-result.ts). Reading an EAR of anybody: ear.ts.
 */
import type { UnixSeconds } from '../../bytes/integers.ts'
import type { CborValue } from '../../cbor/decode.ts'
import { encodeCbor } from '../../cbor/encode.ts'
import { HEADER } from '../../cose/labels.ts'
import { signSign1 } from '../../cose/sign1.ts'
import type { Signer } from '../../cose/signer.ts'
import { keyThumbprint } from '../../cose/thumbprint.ts'
import { encodeReappraisal, REAPPRAISAL_CLAIM } from './appraisal-result.ts'
import type { AppraisalResult } from './appraisal-result.ts'
import type { EarStatus } from './ear.ts'
import type { ReferenceMatch } from './reference-values.ts'
import { tcbOf } from './reappraisal-changes.ts'

export const EAR_PROFILE = 'tag:ietf.org,2026:rats/ear#03'
/** Of the statement around the token. */
export const EAR_MEDIA_TYPE = 'application/eat+cwt; eat_profile="tag:ietf.org,2026:rats/ear#03"'

const CLAIM = { issuer: 1, issuedAt: 6, profile: 265, submods: 266 } as const
const EAR = { status: 1000, vector: 1001, policyIds: 1003, verifierId: 1004 } as const
/** Labels of the trustworthiness vector (AR4SI). */
const VECTOR = { instanceIdentity: 0, configuration: 1, executables: 2, hardware: 4, runtimeOpaque: 5 } as const // prettier-ignore
const STATUS_VALUES: Readonly<Record<EarStatus, number>> = { none: 0, affirming: 2, warning: 32, contraindicated: 96 } // prettier-ignore
/** AR4SI values: no claim, good, not as it should be, must not be relied on, signature does not hold. */
const [NO_CLAIM, GOOD, UNRECOGNISED, UNSAFE, WRONG, UNVERIFIED] = [0, 2, 33, 32, 96, 99]

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
    [REAPPRAISAL_CLAIM, encodeReappraisal(result)],
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
