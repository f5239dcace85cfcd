/**
 * Who handed a statement in, as the server verified it (R4): claims of an OIDC token, the name of
 * an API token, or the digest of a client certificate; and what a policy demands of it. Claims reach decide() as collateral; the token
 * itself is never here.
 */

/** `mtls` is a client certificate of an authority that the operator chose. */
export const SUBMITTER_KINDS = ['oidc', 'api-token', 'mtls'] as const
export type SubmitterKind = (typeof SUBMITTER_KINDS)[number]

/** Verified claims about the submitter of one statement. */
export interface SubmitterClaims {
  readonly kind: SubmitterKind
  /** `iss` of the OIDC token; for the others, whom the server alone vouches for, its own issuer. */
  readonly issuer: string
  /** `aud` of the OIDC token. */
  readonly audience?: string
  /** Claims by name, as texts: `repository_id`, `run_id`, `job_workflow_ref` … */
  readonly claims: Readonly<Record<string, string>>
}

/** Whether the submitter has to be known, and whose tokens are believed. */
export interface SubmitterPolicy {
  readonly required: boolean
  readonly oidc?: readonly OidcProvider[]
}

export interface OidcProvider {
  readonly issuer: string
  readonly audience: string
}
