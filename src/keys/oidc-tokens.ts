/**
 * OIDC tokens of CI systems (R4; GitHub Actions, GitLab): JWTs of the providers that the policy
 * names, verified with key sets that the operator gave. What is kept are claims by name, so that no
 * e-mail address and no name of a person gets into a public log; the token itself goes nowhere.
 */
import { createLocalJWKSet, decodeJwt, errors, jwtVerify } from 'jose'
import type { JWK, JWTPayload } from 'jose'
import type { UnixSeconds } from '../bytes/integers.ts'
import { StartError, VerificationError } from '../errors.ts'
import type { OidcProvider, SubmitterClaims } from '../policy/submitter-claims.ts'
import { OidcKeySource } from './oidc-key-set.ts'

/** Asymmetric only: a key set cannot be used to forge what it verifies. */
const ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
]
const CLOCK_TOLERANCE_SECONDS = 30

/** What describes a run of GitHub Actions or GitLab, and no person. */
const KEPT_CLAIMS: ReadonlySet<string> = new Set([
  ...['sub', 'iat', 'ref', 'ref_type', 'sha', 'environment', 'runner_environment'],
  // GitHub Actions
  ...['repository', 'repository_id', 'repository_owner', 'repository_owner_id'],
  ...['repository_visibility', 'workflow', 'workflow_ref', 'workflow_sha', 'job_workflow_ref'],
  ...['job_workflow_sha', 'run_id', 'run_number', 'run_attempt', 'event_name', 'head_ref'],
  ...['base_ref', 'enterprise', 'enterprise_id', 'check_run_id'],
  // GitLab
  ...['project_id', 'project_path', 'project_visibility', 'namespace_id', 'namespace_path'],
  ...['pipeline_id', 'pipeline_source', 'job_id', 'ref_path', 'ref_protected', 'runner_id'],
  ...['environment_protected', 'ci_config_ref_uri', 'ci_config_sha', 'deployment_tier'],
])

/** A verified token: its claims, and the key set that verified it. */
export interface VerifiedToken {
  readonly claims: SubmitterClaims
  readonly jwks: Uint8Array
}

/** Where a provider's key set is. */
export interface OidcKeyFile {
  readonly issuer: string
  readonly read: () => Promise<Uint8Array>
}

export class OidcTokens {
  readonly #sources: ReadonlyMap<string, OidcKeySource>
  readonly #now: () => UnixSeconds

  private constructor(sources: ReadonlyMap<string, OidcKeySource>, now: () => UnixSeconds) {
    this.#sources = sources
    this.#now = now
  }

  /** @throws StartError `ERR_CONFIGURATION` that names every key set which cannot be read or used. */
  static async open(files: readonly OidcKeyFile[], now: () => UnixSeconds): Promise<OidcTokens> {
    const sources = new Map<string, OidcKeySource>()
    const problems: string[] = []
    for (const { issuer, read } of files) {
      try {
        sources.set(issuer, await OidcKeySource.open({ read, now }))
      } catch (error) {
        problems.push(`the keys of ${issuer}: ${(error as Error).message}`)
      }
    }
    if (problems.length > 0) throw new StartError('ERR_CONFIGURATION', problems.join('; '))
    return new OidcTokens(sources, now)
  }

  /**
   * Verifies a token of one of these providers.
   * @throws VerificationError `ERR_TOKEN_INVALID`; its message holds nothing of the token but its
   *   issuer, and that only when a provider has that name.
   */
  async verify(token: string, providers: readonly OidcProvider[]): Promise<VerifiedToken> {
    const issuer = issuerOf(token)
    const audiences = providers.filter((one) => one.issuer === issuer).map((one) => one.audience)
    if (audiences.length === 0) throw invalid('is of no provider that the policy names')
    const source = this.#sources.get(issuer)
    if (source === undefined) throw invalid(`is of ${issuer}, whose keys are not configured here`)
    try {
      return await this.#verifyWith(source, { token, issuer, audiences })
    } catch (error) {
      const mayBeNew = error instanceof UnknownKey && (await source.reload())
      if (!mayBeNew) throw error
      return this.#verifyWith(source, { token, issuer, audiences })
    }
  }

  async #verifyWith(
    source: OidcKeySource,
    asked: { readonly token: string; readonly issuer: string; readonly audiences: string[] },
  ): Promise<VerifiedToken> {
    const { keys, bytes } = source.current
    const { token, issuer, audiences } = asked
    try {
      const keySet = createLocalJWKSet({ keys: [...keys] as JWK[] })
      const { payload } = await jwtVerify(token, keySet, {
        ...{ issuer, audience: audiences, algorithms: ALGORITHMS },
        ...{ requiredClaims: ['exp', 'iat', 'sub'], clockTolerance: CLOCK_TOLERANCE_SECONDS },
        currentDate: new Date(this.#now() * 1000),
      })
      const given = [payload.aud ?? []].flat()
      const audience = audiences.find((one) => given.includes(one))!
      return {
        claims: { kind: 'oidc', issuer, audience, claims: keptClaims(payload) },
        jwks: bytes,
      }
    } catch (cause) {
      if (!(cause instanceof errors.JOSEError)) throw cause
      if (cause instanceof errors.JWKSNoMatchingKey) throw new UnknownKey(issuer)
      throw invalid(`of ${issuer} is not valid: ${reasonOf(cause)}`)
    }
  }
}

/** Its key may be in a newer key set. */
class UnknownKey extends VerificationError {
  constructor(issuer: string) {
    super('ERR_TOKEN_INVALID', `the token of ${issuer} names a key that is not in its key set`)
  }
}

/** Not verified: only used to choose what to verify with. */
function issuerOf(token: string): string {
  try {
    return decodeJwt(token).iss ?? ''
  } catch {
    throw invalid('is neither an API token nor a JWT')
  }
}

/** Names of claims and checks only: messages of the library may quote values. */
function reasonOf(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return 'it has expired'
  if (error instanceof errors.JWTClaimValidationFailed) return `its ${error.claim} does not fit`
  return error.code.replace(/^ERR_/, '').replaceAll('_', ' ').toLowerCase()
}

/** As texts, by name. */
function keptClaims(payload: JWTPayload): Record<string, string> {
  const names = Object.keys(payload)
    .filter((name) => KEPT_CLAIMS.has(name))
    .sort()
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = payload[name]
      const isPlain = ['string', 'number', 'boolean'].includes(typeof value)
      return isPlain ? [[name, String(value)]] : []
    }),
  )
}

function invalid(message: string): VerificationError {
  return new VerificationError('ERR_TOKEN_INVALID', `the token ${message}`)
}
