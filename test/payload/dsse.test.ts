import { constants, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { decodeUtf8, encodeUtf8 } from '../../src/bytes/bytes.ts'
import { publicKeyFromPem } from '../../src/cose/public-key.ts'
import { PayloadError } from '../../src/errors.ts'
import { nodeVerifier } from '../../src/keys/node-verifier.ts'
import { parseDsse } from '../../src/payload/dsse.ts'
import { preAuthEncoding, verifyDsse } from '../../src/payload/verify-dsse.ts'
import { webCryptoVerifier } from '../../src/cose/web-crypto.ts'
import { testSigner } from '../support/test-signer.ts'
import { hasVectors, readVector } from '../support/vectors.ts'

const payload = encodeUtf8('hello world')
const payloadType = 'http://example.com/HelloWorld'
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
const json = (change: object = {}): Uint8Array =>
  encodeUtf8(
    JSON.stringify({
      payload: base64(payload),
      payloadType,
      signatures: [{ sig: 'AAAA' }],
      ...change,
    }),
  )
const withSignatures = (...signatures: object[]) => parseDsse(json({ signatures }))

describe('PAE', () => {
  it('is the example of the protocol', () => {
    expect(decodeUtf8(preAuthEncoding(payloadType, payload))).toBe(
      'DSSEv1 29 http://example.com/HelloWorld 11 hello world',
    )
  })

  it('counts bytes, not characters', () => {
    expect(decodeUtf8(preAuthEncoding('ä', new Uint8Array()))).toBe('DSSEv1 2 ä 0 ')
  })
})

describe('parseDsse', () => {
  it('reads base64 of both alphabets, padded or not', () => {
    const bytes = Uint8Array.of(0xfb, 0xff, 0xfe, 0xff)
    for (const text of ['+//+/w==', '-__-_w==', '-__-_w', '+//+/w']) {
      expect(parseDsse(json({ payload: text })).payload).toEqual(bytes)
    }
  })

  it('takes a key id that is null or empty for none', () => {
    expect(withSignatures({ sig: 'AAAA', keyid: '' }, { sig: 'AAAA', keyid: null })).toMatchObject({
      signatures: [{ hasCertificate: false }, { hasCertificate: false }],
    })
  })

  it.each<[string, Uint8Array, string]>([
    ['no JSON', encodeUtf8('{'), ''],
    ['a list', encodeUtf8('[]'), ''],
    ['a member twice', encodeUtf8('{"payload":"","payload":""}'), ''],
    ['no payload', json({ payload: undefined }), '/payload'],
    ['an empty payload', json({ payload: '' }), '/payload'],
    ['a payload that is not base64', json({ payload: 'a b' }), '/payload'],
    ['a payload in two alphabets', json({ payload: '-_+/' }), '/payload'],
    ['loose bits in the payload', json({ payload: 'AB==' }), '/payload'],
    ['no type', json({ payloadType: 1 }), '/payloadType'],
    ['no signatures', json({ signatures: [] }), '/signatures'],
    ['signatures that are an object', json({ signatures: {} }), '/signatures'],
    ['too many signatures', json({ signatures: Array(17).fill({ sig: 'AAAA' }) }), '/signatures'],
    ['a signature without bytes', json({ signatures: [{}] }), '/signatures/0/sig'],
    ['a key id that is a number', json({ signatures: [{ sig: 'AA==', keyid: 1 }] }), '/signatures/0/keyid'],
    ['deep nesting', encodeUtf8(`{"x":${'['.repeat(100)}${']'.repeat(100)}}`), ''],
    ['too many bytes', json({ x: 'x'.repeat(600_000) }), ''],
  ])('refuses %s', (_, bytes, pointer) => {
    let found: unknown
    try {
      parseDsse(bytes)
    } catch (error) {
      found = error
    }
    expect(found).toBeInstanceOf(PayloadError)
    expect(found).toMatchObject({ code: 'ERR_PAYLOAD_MALFORMED', pointer })
  }) // prettier-ignore
})

describe.each([
  ['node:crypto', nodeVerifier],
  ['WebCrypto', webCryptoVerifier],
])('verifyDsse with %s', (_, verifier) => {
  const data = preAuthEncoding(payloadType, payload)
  const signed = (
    hash: string | null,
    key: KeyObject,
    options: object = {},
    keyid?: string,
  ): object => ({
    sig: base64(sign(hash, data, { key, ...options })),
    ...(keyid === undefined ? {} : { keyid }),
  })
  const [p256, p384, ed, rsa] = ['ES256', 'ES384', 'EdDSA', 'PS256'].map((name) => testSigner(name))
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
  const raw = { dsaEncoding: 'ieee-p1363' }

  it.each([
    ['ECDSA in DER', p256!, 'sha256', {}, 'der'],
    ['ECDSA as r and s', p256!, 'sha256', raw, 'raw'],
    ['P-384 with its own hash', p384!, 'sha384', {}, 'der'],
    ['P-384 with SHA-256, as cosign does', p384!, 'sha256', raw, 'raw'],
    ['Ed25519', ed!, null, {}, 'ed25519'],
    ['RSASSA-PSS', rsa!, 'sha256', pss, 'rsa-pss'],
    ['RSASSA-PKCS1-v1_5', rsa!, 'sha256', {}, 'rsa-pkcs1'],
  ] as const)(
    'takes %s and says so',
    async (_name, { privateKey, publicKey: key }, hash, how, form) => {
      const envelope = withSignatures(signed(hash, privateKey, how))
      const others = [testSigner().publicKey, key].map((one) => ({ key: one }))
      const [verified] = await verifyDsse(envelope, others, verifier)
      expect(verified?.form).toBe(form)
      expect(verified?.key.key).toBe(key)
      const changed = { ...envelope, payload: encodeUtf8('hello worle') }
      await expect(verifyDsse(changed, [{ key }], verifier)).rejects.toMatchObject({
        code: 'ERR_INNER_SIGNATURE',
      })
    },
  )

  it('refuses an envelope of which one signature is by nobody', async () => {
    const envelope = withSignatures(
      signed('sha256', p256!.privateKey),
      signed('sha256', testSigner().privateKey, {}, 'other'),
    )
    const keys = [{ key: p256!.publicKey }]
    await expect(verifyDsse(envelope, keys, verifier)).rejects.toThrow(
      'signature 1 of the DSSE envelope with the key id "other" does not verify',
    )
  })

  it('tries a named key only for its name, or for none', async () => {
    const keys = [{ key: p256!.publicKey, keyid: 'a' }]
    const by = (keyid?: string) => withSignatures(signed('sha256', p256!.privateKey, {}, keyid))
    await verifyDsse(by('a'), keys, verifier)
    await verifyDsse(by(), keys, verifier)
    await expect(verifyDsse(by('b'), keys, verifier)).rejects.toThrow('by a key that is not known')
  })

  it('refuses what is no signature at all', async () => {
    for (const sig of ['AA==', base64(new Uint8Array(64)), base64(new Uint8Array(5000))]) {
      for (const { publicKey: key } of [p256!, ed!, rsa!]) {
        const envelope = withSignatures({ sig })
        await expect(verifyDsse(envelope, [{ key }], verifier)).rejects.toMatchObject({
          code: 'ERR_INNER_SIGNATURE',
        })
      }
    }
  })
})

describe.skipIf(!hasVectors)('real envelopes', () => {
  const keyOf = (path: string) => ({ key: publicKeyFromPem(decodeUtf8(readVector(path))) })
  const rsa = () => keyOf('provenance/scai/keys/functionary-1f575092-rsa.pem')
  const p256 = () => keyOf('provenance/scai/keys/functionary-452e628a-p256.pem')

  it.each([
    ['provenance/scai/hermetic-evidence/bad-build.1f575092.json', rsa, 'rsa-pss'],
    ['provenance/scai/hermetic-evidence/build.1f575092.json', rsa, 'rsa-pss'],
    ['provenance/scai/sbom-slsa/evidence-collection.1f575092.json', rsa, 'rsa-pss'],
    ['provenance/slsa/build.452e628a.dsse.json', p256, 'der'],
  ] as const)('verifies %s', async (path, key, form) => {
    const [verified] = await verifyDsse(parseDsse(readVector(path)), [key()], nodeVerifier)
    expect(verified?.form).toBe(form)
  })

  it.each(['slsa/binary-linux-amd64.intoto.jsonl', 'slsa/oci-dsse-att.json'])(
    'reads %s, whose key nobody published',
    async (path) => {
      const envelope = parseDsse(readVector(`provenance/${path}`))
      expect(envelope.payloadType).toBe('application/vnd.in-toto+json')
      await expect(verifyDsse(envelope, [p256()], nodeVerifier)).rejects.toMatchObject({
        code: 'ERR_INNER_SIGNATURE',
      })
    },
  )
})
