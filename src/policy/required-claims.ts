/**
 * Claims that a policy may demand. A closed list: those of the CWT claims header (RFC 8392) have to
 * be in every ordinary statement, `predicateType` makes in-toto Statements the only payloads, and what
 * only a provenance can say has to be in every provenance.
 */
import type { CborMap } from '../cbor/decode.ts'
import { HEADER } from '../cose/labels.ts'
import { isProvenance } from '../payload/slsa-provenance.ts'
import type { PayloadFacts } from '../payload/registration-facts.ts'
import type { SignedStatement } from '../statement/signed-statement.ts'

/** CWT claims by name. */
const CWT_CLAIMS: Readonly<Record<string, number>> = { aud: 3, exp: 4, nbf: 5, iat: 6, cti: 7 }

/** Names that `requiredClaims` may hold. */
export const REQUIRED_CLAIMS = [
  'aud',
  'exp',
  'nbf',
  'iat',
  'cti',
  'predicateType',
  'builderId',
  'invocationId',
  'finishedOn',
] as const

export type RequiredClaim = (typeof REQUIRED_CLAIMS)[number]

/** True for claims that are looked for in the payload. */
export function isPayloadClaim(claim: RequiredClaim): boolean {
  return !Object.hasOwn(CWT_CLAIMS, claim)
}

/** The first required claim that the statement does not make. */
export function findMissingClaim(
  required: readonly RequiredClaim[],
  statement: SignedStatement,
  facts: () => PayloadFacts,
): RequiredClaim | undefined {
  return required.find((claim) =>
    isPayloadClaim(claim) ? !hasPayloadClaim(claim, facts()) : !hasCwtClaim(claim, statement),
  )
}

function hasCwtClaim(claim: RequiredClaim, { message }: SignedStatement): boolean {
  const claims = message.protectedHeader.get(HEADER.cwtClaims) as CborMap | undefined
  return claims?.get(CWT_CLAIMS[claim]) !== undefined
}

function hasPayloadClaim(claim: RequiredClaim, facts: PayloadFacts): boolean {
  // What is withheld may be a provenance if it is an in-toto Statement at all.
  if (facts.kind === 'withheld') return claim !== 'predicateType' && !facts.declaredInToto
  if (facts.kind !== 'in-toto') return claim !== 'predicateType'
  const { statement } = facts
  if (claim === 'predicateType' || !isProvenance(statement)) return true
  const { builderId, invocationId, finishedOnMs } = statement.provenance ?? {}
  const found = { builderId, invocationId, finishedOn: finishedOnMs }
  return found[claim as keyof typeof found] !== undefined
}
