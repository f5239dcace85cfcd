/**
 * What was appraised and what came out, as one member of our own in an EAR (ear-result.ts): which
 * evidence, as of which time, and what changed; of a registry's own appraisal also what it rests on, so
 * that anybody can repeat it from the log.
 */
import type { UnixSeconds } from '../../bytes/integers.ts'
import type { CborValue } from '../../cbor/decode.ts'
import type { Finding } from '../description.ts'
import { asList, asObject, asText, memberAt } from '../json-members.ts'
import type { ClaimedToken } from './eat-claims.ts'
import { outcomeWord, tcbOf } from './reappraisal-changes.ts'
import type { AppraisalChange, AppraisalOutcome } from './reappraisal-changes.ts'
import type { ReferenceMatch } from './reference-values.ts'

/** Name of our member in the appraisal of the one part. */
export const REAPPRAISAL_CLAIM = 'attestry.dev/reappraisal/v1'

/** What a registry appraised with, when it registered the evidence. */
export interface RegistrationBasis {
  /** Id of the entry with the Registration Policy, hex. */
  readonly policyId: string
  /** SHA-256 of the collateral bundles that took part, hex: what came along before what was named. */
  readonly collateralSha256: readonly string[]
}

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
  /** Only of the appraisal of the registration itself. */
  readonly basis?: RegistrationBasis
}

/** The member as CBOR. */
export function encodeReappraisal(result: AppraisalResult): CborValue {
  const { evidenceSha256, entryId, outcome, changes, references, basis } = result
  const appraisal = 'appraisal' in outcome ? outcome.appraisal : undefined
  const tcb = appraisal && tcbOf(appraisal)
  const members: Readonly<Record<string, CborValue>> = {
    evidence: evidenceSha256,
    entry: entryId,
    at: outcome.at,
    outcome: outcomeWord(outcome),
    'tcb-status': tcb?.status,
    'tcb-evaluation-number': tcb?.evaluationNumber,
    'reference-values': references?.result,
    changes: changes.map(({ what, before, after }) => [what, before, after]),
    policy: basis?.policyId,
    collateral: basis?.collateralSha256,
    findings: basis && (appraisal?.findings ?? []).map(({ code, message }) => [code, message]),
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
  /** Of a registry's own appraisal at the registration. */
  readonly basis?: RegistrationBasis & { readonly findings: readonly Finding[] }
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
  const policyId = asText(read?.['policy'])
  return {
    evidenceSha256: evidence,
    ...(entryId !== undefined && DIGEST.test(entryId) ? { entryId } : {}),
    at,
    outcome,
    ...(tcbStatus === undefined ? {} : { tcbStatus }),
    changes: asList(read?.['changes']).flatMap(readChange),
    ...(policyId === undefined || !DIGEST.test(policyId)
      ? {}
      : {
          basis: {
            policyId,
            collateralSha256: asList(read?.['collateral']).flatMap(readDigest),
            findings: asList(read?.['findings']).flatMap(readFinding),
          },
        }),
  }
}

function readChange(value: unknown): AppraisalChange[] {
  const [what, before, after] = asList(value).map(asText)
  const isChange = what !== undefined && before !== undefined && after !== undefined
  return isChange ? [{ what, before, after }] : []
}

function readDigest(value: unknown): string[] {
  const text = asText(value)
  return text !== undefined && DIGEST.test(text) ? [text] : []
}

function readFinding(value: unknown): Finding[] {
  const [code, message] = asList(value).map(asText)
  return code === undefined || message === undefined ? [] : [{ code, message }]
}
