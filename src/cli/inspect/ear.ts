/** Attestation results (EAR) for people: who says what about which evidence. Nothing is verified. */
import { findReappraisal } from '../../payload/tee/appraisal-result.ts'
import type { ReappraisalClaims } from '../../payload/tee/appraisal-result.ts'
import { readEar } from '../../payload/tee/ear.ts'
import { readTokenUnsafe } from '../../payload/tee/eat-claims.ts'
import { formatTime } from '../terminal.ts'
import type { Inspection, Item } from './item.ts'
import { tryRead } from './try-read.ts'

/** An EAR in a JWT or a CWT; `undefined` for anything else. */
export function inspectEar(bytes: Uint8Array): Inspection | undefined {
  const token = tryRead(() => readTokenUnsafe(bytes))
  const ear = token && tryRead(() => readEar(token))
  if (token === undefined || ear === undefined) return undefined
  const { issuedAt, expiresAt } = token
  const again = findReappraisal(token)
  return {
    kind: 'attestation result (EAR)',
    items: [
      { name: 'verifier', value: `${ear.verifier.developer} ${ear.verifier.build}` },
      { name: 'status', value: ear.status },
      ...(issuedAt === undefined ? [] : [{ name: 'issued', value: formatTime(issuedAt) }]),
      ...(expiresAt === undefined ? [] : [{ name: 'expires', value: formatTime(expiresAt) }]),
      ...ear.appraisals.map(({ label, status, vector, policyIds }): Item => ({
        name: label,
        value: status,
        items: [
          ...Object.entries(vector).map(([name, value]) => ({ name, value: String(value) })),
          ...policyIds.map((value) => ({ name: 'policy', value })),
        ],
      })),
      ...(again === undefined ? [] : [reappraisalItem(again)]),
    ],
  }
}

function reappraisalItem(claims: ReappraisalClaims): Item {
  const { evidenceSha256, entryId, at, outcome, tcbStatus, changes, basis } = claims
  return {
    name: basis === undefined ? 'appraised again' : 'appraised at the registration',
    value: formatTime(at),
    items: [
      { name: 'evidence', value: `sha256:${evidenceSha256}` },
      ...(entryId === undefined ? [] : [{ name: 'entry', value: entryId }]),
      { name: 'outcome', value: outcome },
      ...(tcbStatus === undefined ? [] : [{ name: 'tcb', value: tcbStatus }]),
      ...changes.map(({ what, before, after }): Item => ({ name: `changed ${what}`, value: `${before} → ${after}` })), // prettier-ignore
      ...(basis === undefined ? [] : basisItems(basis)),
    ],
  }
}

function basisItems({
  policyId,
  collateralSha256,
  findings,
}: NonNullable<ReappraisalClaims['basis']>): Item[] {
  return [
    { name: 'under the policy', value: policyId },
    ...collateralSha256.map((digest) => ({ name: 'collateral', value: `sha256:${digest}` })),
    ...findings.map(({ code, message }) => ({ name: `finding ${code}`, value: message })),
  ]
}
