import { describe, expect, it } from 'vitest'
import { encodeBase64url } from '../../src/bytes/base64.ts'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { encodeHex } from '../../src/bytes/hex.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { encodeCbor } from '../../src/cbor/encode.ts'
import { publicKeyToJwk } from '../../src/cose/jwk.ts'
import { encodeCoseKey, encodeCoseKeySet } from '../../src/cose/public-key.ts'
import { testSigner } from '../support/test-signer.ts'
import { FakeService } from './fake-service.ts'

const key = testSigner().publicKey
const other = testSigner('ES384').publicKey
const kid = encodeBase64url(key.kid!)
const cbor = { 'content-type': 'application/cbor' }
const set = { status: 200, headers: cbor, body: encodeCoseKeySet([key, other]) }

describe('fetchKeys', () => {
  it('reads the COSE key set of draft-11', async () => {
    const service = new FakeService({ 'GET /.well-known/scitt-keys': set })
    const keys = await service.client().fetchKeys()
    expect(keys.map(encodeCoseKey)).toEqual([key, other].map(encodeCoseKey))
    expect(service.requests[0]?.headers['accept']).toBe('application/cbor')
    expect(service.requests.every(({ redirect }) => redirect === 'manual')).toBe(true)
  })

  it('looks at the root and below the service’s path', async () => {
    const service = new FakeService({ 'GET /tenant/.well-known/scitt-keys': set })
    expect(await service.client({ url: 'https://ts.example/tenant' }).fetchKeys()).toHaveLength(2)
  })

  it('falls back to the JWK set that a CCF configuration names, kids as the receipts name them', async () => {
    const ccfKid = encodeHex(sha256(other.spki))
    const service = new FakeService({
      'GET /.well-known/transparency-configuration': {
        status: 200,
        headers: cbor,
        body: encodeCbor(new Map([['issuer', 'ts.example'], ['jwks_uri', 'https://ts.example/keys']])), // prettier-ignore
      },
      'GET /keys': { status: 200, body: JSON.stringify({ keys: [{ kty: 'oct', k: 'AA' }, null, { ...publicKeyToJwk(other), kid: ccfKid }] }) }, // prettier-ignore
    })
    const { keys, issuer, source } = await service.client().fetchServiceKeys()
    expect([issuer, source]).toEqual(['ts.example', 'https://ts.example/keys'])
    expect(keys).toHaveLength(1)
    expect(keys[0]?.kid).toEqual(encodeUtf8(ccfKid))
  })

  it('falls back to /jwks and to a JSON configuration', async () => {
    const service = new FakeService({
      'GET /.well-known/scitt-keys': { status: 405 },
      'GET /.well-known/scitt-configuration': {
        status: 200,
        body: '{"issuer":"https://ts.example"}',
      },
      'GET /jwks': { status: 200, body: JSON.stringify({ keys: [publicKeyToJwk(key)] }) },
    })
    expect((await service.client().fetchServiceKeys()).issuer).toBe('https://ts.example')
  })

  it.each([
    [
      'a redirect',
      {
        'GET /.well-known/scitt-keys': {
          status: 302,
          headers: { location: 'https://evil.example/keys' },
        },
      },
      'ERR_RESPONSE',
    ],
    [
      'keys on another host',
      {
        'GET /.well-known/scitt-configuration': {
          status: 200,
          body: '{"jwks_uri":"https://evil.example/jwks"}',
        },
      },
      'ERR_RESPONSE',
    ],
    [
      'a page instead of keys',
      { 'GET /.well-known/scitt-keys': { status: 200, body: '<html>' } },
      'ERR_RESPONSE',
    ],
    ['a JWK set that is none', { 'GET /jwks': { status: 200, body: '[1]' } }, 'ERR_RESPONSE'],
    ['an empty JWK set', { 'GET /jwks': { status: 200, body: '{"keys":[]}' } }, 'ERR_KEY_UNKNOWN'],
    ['no keys anywhere', {}, 'ERR_ROUTE_UNKNOWN'],
    ['a server in trouble', { 'GET /.well-known/scitt-keys': { status: 503 } }, 'ERR_NETWORK'],
  ])('refuses %s', async (_, script, code) => {
    const service = new FakeService(script)
    await expect(service.client().fetchKeys()).rejects.toMatchObject({ code })
    expect(service.paths.some((path) => path.includes('evil'))).toBe(false)
  })
})

describe('fetchKey', () => {
  const path = `GET /.well-known/scitt-keys/${kid}`

  it('reads one key, or the set of one that older drafts answered', async () => {
    for (const body of [encodeCoseKey(key), encodeCoseKeySet([key])]) {
      const service = new FakeService({ [path]: { status: 200, headers: cbor, body } })
      expect(encodeCoseKey(await service.client().fetchKey(key.kid!))).toEqual(encodeCoseKey(key))
    }
  })

  it.each([
    ['another key', { status: 200, body: encodeCoseKey(other) }, 'ERR_RESPONSE'],
    ['an unknown kid', { status: 404 }, 'ERR_KEY_UNKNOWN'],
    ['bytes', { status: 200, body: Uint8Array.of(0xff) }, 'ERR_RESPONSE'],
  ])('refuses %s', async (_, answer, code) => {
    const service = new FakeService({ [path]: answer })
    await expect(service.client().fetchKey(key.kid!)).rejects.toMatchObject({ code })
  })
})
