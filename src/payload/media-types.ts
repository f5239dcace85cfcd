/**
 * Media types by which a log governs itself (design D4, D5): statements of these types are admitted
 * by rules of their own, never by the lists of a policy.
 */

/** A statement whose payload is a Registration Policy. */
export const REGISTRATION_POLICY_MEDIA_TYPE = 'application/vnd.attestry.registration-policy+json'
/** A statement whose payload is a trust anchors document. */
export const TRUST_ANCHORS_MEDIA_TYPE = 'application/vnd.attestry.trust-anchors+json'
/** A statement by which an issuer lets another key speak for it (R7). */
export const DELEGATION_MEDIA_TYPE = 'application/vnd.attestry.delegation+json'
/** A statement that ends a delegation. */
export const DELEGATION_REVOCATION_MEDIA_TYPE =
  'application/vnd.attestry.delegation-revocation+json'
/** A statement by the registrar that commits to registration times and collateral. */
export const REGISTRATION_JOURNAL_MEDIA_TYPE = 'application/vnd.attestry.registration-journal+json'

/** What a statement does to the log that carries it. */
export type GovernanceKind =
  'policy' | 'trust-anchors' | 'delegation' | 'delegation-revocation' | 'journal'

const KINDS: ReadonlyMap<string, GovernanceKind> = new Map([
  [REGISTRATION_POLICY_MEDIA_TYPE, 'policy'],
  [TRUST_ANCHORS_MEDIA_TYPE, 'trust-anchors'],
  [DELEGATION_MEDIA_TYPE, 'delegation'],
  [DELEGATION_REVOCATION_MEDIA_TYPE, 'delegation-revocation'],
  [REGISTRATION_JOURNAL_MEDIA_TYPE, 'journal'],
])

export const GOVERNANCE_KINDS: readonly GovernanceKind[] = [...KINDS.values()]

/** The kind that a media type names, whatever its case and parameters. */
export function governanceKind(contentType: string): GovernanceKind | undefined {
  return KINDS.get(mediaTypeName(contentType))
}

/**
 * True when a statement of this kind changes how later ones are decided: it closes its batch, and
 * what is waiting is decided again (design D4). Journals change nothing.
 */
export function changesDecisions(kind: GovernanceKind): boolean {
  return kind !== 'journal'
}

/** True for the policy and the trust anchors, whatever the case and parameters of the type. */
export function isGovernanceMediaType(contentType: string): boolean {
  const kind = governanceKind(contentType)
  return kind === 'policy' || kind === 'trust-anchors'
}

/** The type name alone: parameters are cut, case and outer space do not count (RFC 9110 §8.3.1). */
export function mediaTypeName(contentType: string): string {
  return contentType.split(';', 1)[0]!.trim().toLowerCase()
}
