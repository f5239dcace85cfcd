/**
 * Who submits (R4): reads the `Authorization` header of a registration and verifies what it shows,
 * an API token of this registry or an OIDC token of a provider that the policy names; or takes the
 * client certificate that the TLS handshake verified. A token that is shown and does not hold is refused, also where none is asked for. Tokens are neither stored nor
 * logged, and no message holds one.
 */
import { readFile } from 'node:fs/promises'
import { VerificationError } from '../errors.ts'
import { isApiToken, isSameHash, parseApiToken } from '../keys/api-token.ts'
import type { ApiTokenScope } from '../keys/api-token.ts'
import { OidcTokens } from '../keys/oidc-tokens.ts'
import type { Clock } from '../log/clock.ts'
import type { ApiTokenStore } from '../log/operator-tables.ts'
import type { Submitter, SubmitterAuthenticator } from '../registry/ports.ts'
import type { OidcKeyConfig } from './config-sections.ts'

const BEARER = /^Bearer +([A-Za-z0-9._~+/-]+=*) *$/i
/** What POST /entries asks of an API token. */
const SCOPE: ApiTokenScope = 'register'

export interface SubmittersOptions {
  readonly tokens: Pick<ApiTokenStore, 'find'>
  readonly oidc: OidcTokens
  /** Registrations without a token are refused. */
  readonly required: boolean
  /** The log's issuer: who API tokens are of. */
  readonly issuer: string
  readonly clock: Clock
}

export function createSubmitters(options: SubmittersOptions): SubmitterAuthenticator {
  return {
    authenticate: async (authorization, providers, certificate) => {
      if (authorization === undefined) {
        if (certificate !== undefined) return holderOf(certificate, options)
        if (!options.required) return undefined
        throw new VerificationError('ERR_TOKEN_MISSING', 'registration asks for a bearer token')
      }
      const [, token] = BEARER.exec(authorization) ?? []
      if (token === undefined) throw refused('the Authorization header holds no bearer token')
      if (isApiToken(token)) return verifyApiToken(token, options)
      return options.oidc.verify(token, providers)
    },
  }
}

async function verifyApiToken(
  text: string,
  { tokens, issuer, clock }: SubmittersOptions,
): Promise<Submitter> {
  const shown = parseApiToken(text)
  const stored = shown === undefined ? undefined : await tokens.find(shown.tokenId)
  // One answer for unknown ids and wrong secrets.
  if (shown === undefined || stored === undefined || !isSameHash(stored.hash, shown.hash)) {
    throw refused('the API token is not known here')
  }
  const now = clock.now()
  if (stored.revokedAt !== undefined) throw refused('the API token was revoked')
  if (stored.expiresAt !== undefined && stored.expiresAt <= now) {
    throw refused('the API token has expired')
  }
  if (!stored.scopes.includes(SCOPE)) {
    throw new VerificationError('ERR_TOKEN_SCOPE', `the API token lacks the scope "${SCOPE}"`)
  }
  const claims = { name: stored.name, token_id: stored.tokenId }
  return { claims: { kind: 'api-token', issuer, claims } }
}

/** Only the digest: a subject of a certificate may name a person. */
function holderOf(certificate: string, { issuer }: SubmittersOptions): Submitter {
  return { claims: { kind: 'mtls', issuer, claims: { certificate_sha256: certificate } } }
}

function refused(message: string): VerificationError {
  return new VerificationError('ERR_TOKEN_INVALID', message)
}

/** @throws StartError `ERR_CONFIGURATION` for a file that cannot be used. */
export function openOidcTokens(files: readonly OidcKeyConfig[], clock: Clock): Promise<OidcTokens> {
  const sources = files.map(({ issuer, path }) => ({
    issuer,
    read: async () => new Uint8Array(await readFile(path)),
  }))
  return OidcTokens.open(sources, () => clock.now())
}
