/** An OIDC provider for tests: keys, a key set, tokens with any claims. */
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { CryptoKey, JWK } from 'jose'

export class TestProvider {
  readonly issuer: string
  readonly #key: CryptoKey
  readonly publicJwk: JWK
  readonly privateJwk: JWK

  private constructor(issuer: string, key: CryptoKey, jwks: { publicJwk: JWK; privateJwk: JWK }) {
    this.issuer = issuer
    this.#key = key
    this.publicJwk = jwks.publicJwk
    this.privateJwk = jwks.privateJwk
  }

  static async create(issuer: string, kid = 'key-1', algorithm = 'ES256'): Promise<TestProvider> {
    const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true })
    const publicJwk = { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' }
    return new TestProvider(issuer, privateKey, {
      publicJwk,
      privateJwk: { ...(await exportJWK(privateKey)), kid },
    })
  }

  keySet(...more: JWK[]): Uint8Array {
    return new TextEncoder().encode(JSON.stringify({ keys: [this.publicJwk, ...more] }))
  }

  /** A token as GitHub Actions gives one, five minutes long. */
  token(
    now: number,
    claims: Record<string, unknown> = {},
    header: Record<string, unknown> = {},
  ): Promise<string> {
    const usual = {
      iss: this.issuer,
      aud: 'attestry',
      sub: 'repo:acme/demo:ref:refs/heads/main',
      ...{ iat: now, nbf: now, exp: now + 300 },
      ...{ repository_id: '42', run_id: '4320093439', run_attempt: 1, event_name: 'push' },
      job_workflow_ref: 'acme/demo/.github/workflows/release.yml@refs/heads/main',
    }
    const { alg = 'ES256', kid } = this.publicJwk
    return new SignJWT({ ...usual, ...claims })
      .setProtectedHeader({ alg, ...(kid === undefined ? {} : { kid }), ...header })
      .sign(this.#key)
  }
}
