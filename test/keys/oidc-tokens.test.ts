/** Tokens of OIDC providers (R4): who may say what, with which keys and until when. */
import { beforeAll, describe, expect, it } from 'vitest'
import { decodeUtf8, encodeUtf8 } from '../../src/bytes/bytes.ts'
import { OidcTokens } from '../../src/keys/oidc-tokens.ts'
import { TestProvider } from '../support/oidc-provider.ts'

const NOW = 1_780_000_000
const ISSUER = 'https://token.actions.example'
const providers = [{ issuer: ISSUER, audience: 'attestry' }]
const invalid = { code: 'ERR_TOKEN_INVALID' }

let provider: TestProvider
let other: TestProvider
beforeAll(async () => {
  provider = await TestProvider.create(ISSUER)
  other = await TestProvider.create('https://gitlab.example', 'key-2', 'RS256')
})

const open = (keySet = provider.keySet(), clock = { time: NOW }): Promise<OidcTokens> =>
  OidcTokens.open([{ issuer: ISSUER, read: async () => keySet }], () => clock.time)

describe('a token of a provider that the policy names', () => {
  it('gives its claims as texts, by name, and the public key set', async () => {
    const tokens = await open()
    const token = await provider.token(NOW, {
      actor: 'somebody',
      user_email: 'somebody@example.org',
      environment: { nested: true },
    })
    const { claims, jwks } = await tokens.verify(token, providers)
    expect(claims).toEqual({
      kind: 'oidc',
      issuer: ISSUER,
      audience: 'attestry',
      claims: {
        event_name: 'push',
        iat: String(NOW),
        job_workflow_ref: 'acme/demo/.github/workflows/release.yml@refs/heads/main',
        repository_id: '42',
        run_attempt: '1',
        run_id: '4320093439',
        sub: 'repo:acme/demo:ref:refs/heads/main',
      },
    })
    expect(JSON.parse(decodeUtf8(jwks))).toEqual({ keys: [provider.publicJwk] })
  })

  it('may be for one audience of several', async () => {
    const tokens = await open()
    const two = [{ issuer: ISSUER, audience: 'elsewhere' }, ...providers]
    const token = await provider.token(NOW, { aud: ['x', 'attestry'] })
    expect((await tokens.verify(token, two)).claims.audience).toBe('attestry')
  })

  it.each([
    ['has expired', { exp: NOW - 31 }],
    ['is not valid yet', { nbf: NOW + 31 }],
    ['is for another audience', { aud: 'elsewhere' }],
    ['is of another provider', { iss: 'https://other.example' }],
    ['has no subject', { sub: undefined }],
    ['never expires', { exp: undefined }],
  ])('is refused when it %s', async (_, claims) => {
    const tokens = await open()
    await expect(tokens.verify(await provider.token(NOW, claims), providers)).rejects.toMatchObject(
      invalid,
    )
  })

  it('is refused when it is changed, unsigned, or signed with the public key as a secret', async () => {
    const tokens = await open()
    const [header, payload, signature] = (await provider.token(NOW)).split('.') as [string, string, string] // prettier-ignore
    const encode = (value: unknown): string =>
      Buffer.from(JSON.stringify(value)).toString('base64url')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object
    for (const forged of [
      [header, encode({ ...claims, run_id: '1' }), signature].join('.'),
      [header, payload, `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`].join('.'),
      [encode({ alg: 'none' }), payload, ''].join('.'),
      [encode({ alg: 'HS256', kid: 'key-1' }), payload, signature].join('.'),
      `${header}.${payload}`,
      'nonsense',
    ]) {
      const refusal = tokens.verify(forged, providers)
      await expect(refusal).rejects.toMatchObject(invalid)
      const { message } = (await refusal.catch((error: unknown) => error)) as Error
      expect(message).not.toContain(signature)
    }
  })

  it('is refused when its provider is not in the policy, or its keys are not here', async () => {
    const tokens = await open()
    await expect(tokens.verify(await provider.token(NOW), [])).rejects.toMatchObject(invalid)
    const named = [{ issuer: other.issuer, audience: 'attestry' }]
    await expect(tokens.verify(await other.token(NOW), named)).rejects.toThrow('not configured')
  })

  it('is not believed with the key of another provider', async () => {
    const tokens = await OidcTokens.open(
      [
        { issuer: ISSUER, read: async () => provider.keySet() },
        { issuer: other.issuer, read: async () => other.keySet() },
      ],
      () => NOW,
    )
    const both = [...providers, { issuer: other.issuer, audience: 'attestry' }]
    await expect(
      tokens.verify(await other.token(NOW, { iss: ISSUER }), both),
    ).rejects.toMatchObject(invalid)
    expect((await tokens.verify(await other.token(NOW), both)).claims.issuer).toBe(other.issuer)
  })
})

describe('a key set', () => {
  it('is read again when a token names a key that is not in it, but not all the time', async () => {
    const clock = { time: NOW }
    const next = await TestProvider.create(ISSUER, 'key-new')
    let [file, reads] = [provider.keySet(), 0]
    const read = async (): Promise<Uint8Array> => {
      reads++
      return file
    }
    const tokens = await OidcTokens.open([{ issuer: ISSUER, read }], () => clock.time)
    await expect(tokens.verify(await next.token(NOW), providers)).rejects.toMatchObject(invalid)
    file = next.keySet(provider.publicJwk)
    await expect(tokens.verify(await next.token(NOW), providers)).rejects.toMatchObject(invalid)
    expect(reads).toBe(1)
    clock.time += 10
    const { jwks } = await tokens.verify(await next.token(NOW), providers)
    expect(JSON.parse(decodeUtf8(jwks))).toEqual({ keys: [next.publicJwk, provider.publicJwk] })
    expect(reads).toBe(2)
    // A file that was damaged meanwhile changes nothing.
    file = encodeUtf8('{')
    clock.time += 10
    const third = await TestProvider.create(ISSUER, 'key-3')
    await expect(tokens.verify(await third.token(NOW), providers)).rejects.toMatchObject(invalid)
    await tokens.verify(await next.token(NOW), providers)
  })

  it.each([
    ['has a private key', (): unknown => ({ keys: [provider.privateJwk] })],
    ['has a secret key', (): unknown => ({ keys: [{ kty: 'oct', k: 'AAAA' }] })],
    ['is empty', (): unknown => ({ keys: [] })],
    ['is something else', (): unknown => [1]],
  ])('is refused when it %s', async (_, keySet) => {
    await expect(open(encodeUtf8(JSON.stringify(keySet())))).rejects.toMatchObject({
      code: 'ERR_CONFIGURATION',
    })
  })
})
