/**
 * Who handed a statement in, as the server verified it (R4): claims of an OIDC token, or the name
 * of an API token; and what a policy demands of it. Claims reach decide() as collateral; the token
 * itself is never here.
 */

/** Verified claims about the submitter of one statement. */
export interface SubmitterClaims {
  readonly kind: 'oidc' | 'api-token'
  /** `iss` of the OIDC token; for an API token the log's own issuer. */
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
