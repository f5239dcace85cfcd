/** Keys: every form says the same key; weak, private and mismatched ones do not get in. */
import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { encodeBase64url } from '../../src/bytes/base64.ts'
import { decodeHex, encodeHex } from '../../src/bytes/hex.ts'
import { encodeCbor } from '../../src/cbor/encode.ts'
import type { CborValue } from '../../src/cbor/decode.ts'
import { algorithmByName, assertKeyFits } from '../../src/cose/algorithms.ts'
import { publicKeyFromJwk, publicKeyToJwk, type Jwk } from '../../src/cose/jwk.ts'
import {
  encodeCoseKey,
  encodeCoseKeySet,
  parseCoseKey,
  parseCoseKeySet,
  publicKeyFromPem,
  publicKeyFromSpki,
} from '../../src/cose/public-key.ts'
import { keyThumbprint } from '../../src/cose/thumbprint.ts'
import { AttestryError } from '../../src/errors.ts'
import { golden } from '../support/golden-vector.ts'

const code = (action: () => unknown): string => {
  try {
    action()
    return 'accepted'
  } catch (error) {
    if (error instanceof AttestryError) return error.code
    throw error
  }
}
const pairs = {
  'P-256': generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'P-384': generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  'P-521': generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  Ed25519: generateKeyPairSync('ed25519'),
  RSA: generateKeyPairSync('rsa', { modulusLength: 2048 }),
}

describe('forms of a key', () => {
  it.each(Object.entries(pairs))(
    '%s: SPKI, PEM, JWK and COSE_Key agree',
    (_name, { publicKey }) => {
      const spki = publicKey.export({ format: 'der', type: 'spki' })
      const key = publicKeyFromSpki(new Uint8Array(spki))
      expect(key.spki).toEqual(new Uint8Array(spki))
      expect(
        publicKeyFromPem(publicKey.export({ format: 'pem', type: 'spki' }).toString()),
      ).toEqual(key)
      expect(publicKeyFromJwk(publicKey.export({ format: 'jwk' }) as Jwk)).toEqual(key)
      expect(publicKeyFromJwk(publicKeyToJwk(key))).toEqual(key)
      const again = parseCoseKey(encodeCoseKey(key))
      expect(again).toEqual({ ...key, kid: keyThumbprint(key) })
    },
  )

  it('has the RFC 9679 thumbprint', () => {
    const [key] = parseCoseKeySet(golden.serviceKeySet)
    expect(key && encodeHex(keyThumbprint(key))).toBe(
      '496bd8afadf307e5b08c64b0421bf9dc01528a344a43bda88fadd1669da253ec',
    )
    expect(key && encodeBase64url(keyThumbprint(key))).toBe(
      'SWvYr63zB-WwjGSwQhv53AFSijRKQ72oj63RZp2iU-w',
    )
  })

  it('one bad member does not spoil a set; a set without a good one is refused', () => {
    const good = parseCoseKey(golden.issuerKey)
    const set = encodeCoseKeySet([good])
    const bad = encodeCbor(new Map([[1, 9]]))
    const mixed = new Uint8Array([0x82, ...bad, ...set.subarray(1)])
    expect(parseCoseKeySet(mixed)).toHaveLength(1)
    expect(code(() => parseCoseKeySet(new Uint8Array([0x81, ...bad])))).toBe('ERR_COSE_KEY')
    expect(code(() => parseCoseKeySet(Uint8Array.of(0x80)))).toBe('ERR_COSE_KEY')
  })
})

describe('keys that are refused', () => {
  const ed = (hex: string): Uint8Array =>
    encodeCbor(
      new Map<CborValue, CborValue>([
        [1, 1],
        [-1, 6],
        [-2, decodeHex(hex)],
      ]),
    )
  it.each([
    ['identity', '0100000000000000000000000000000000000000000000000000000000000000'],
    [
      'identity with the sign bit',
      '0100000000000000000000000000000000000000000000000000000000000080',
    ],
    ['order 2', 'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'],
    ['order 4', '0000000000000000000000000000000000000000000000000000000000000000'],
    [
      'order 4 with the sign bit',
      '0000000000000000000000000000000000000000000000000000000000000080',
    ],
    ['order 8', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'],
    ['order 8, negative', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa'],
    ['order 8, other', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'],
    ['p, unreduced zero', 'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'],
    ['p+1, unreduced one', 'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff'],
    ['all ones', 'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff'],
  ])('Ed25519 %s', (_what, hex) => {
    expect(code(() => parseCoseKey(ed(hex)))).toBe('ERR_COSE_KEY')
  })

  it('a private COSE_Key or JWK', () => {
    const jwk = pairs['P-256'].privateKey.export({ format: 'jwk' }) as Jwk
    expect(code(() => publicKeyFromJwk(jwk))).toBe('ERR_KEY_PRIVATE')
    const { x, y } = publicKeyFromSpki(
      new Uint8Array(pairs['P-256'].publicKey.export({ format: 'der', type: 'spki' })),
    ) as { x: Uint8Array; y: Uint8Array }
    const secret = new Map<CborValue, CborValue>([
      [1, 2],
      [-1, 1],
      [-2, x],
      [-3, y],
      [-4, x],
    ])
    expect(code(() => parseCoseKey(encodeCbor(secret)))).toBe('ERR_KEY_PRIVATE')
  })

  it('an alg that is a fraction, which we could not write again', () => {
    const odd = decodeHex(
      'a401012006215820d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    )
    expect(encodeHex(parseCoseKey(Uint8Array.of(0xa3, ...odd.subarray(1))).spki)).toContain(
      'd75a98',
    )
    const withAlg = Uint8Array.of(...odd, 3, 0xf9, 0x3e, 0x00) // 3: 1.5
    expect(code(() => encodeCoseKey(parseCoseKey(withAlg)))).toBe('ERR_COSE_KEY')
  })

  it('a point off the curve, a short RSA modulus, another curve', () => {
    const x = new Uint8Array(32).fill(1)
    const off = new Map<CborValue, CborValue>([
      [1, 2],
      [-1, 1],
      [-2, x],
      [-3, x],
    ])
    expect(code(() => parseCoseKey(encodeCbor(off)))).toBe('ERR_COSE_KEY')
    for (const weak of [
      generateKeyPairSync('rsa', { modulusLength: 1024 }),
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
      generateKeyPairSync('ed448'),
    ]) {
      expect(
        code(() =>
          publicKeyFromSpki(new Uint8Array(weak.publicKey.export({ format: 'der', type: 'spki' }))),
        ),
      ).toBe('ERR_COSE_KEY')
    }
  })

  it('an algorithm that is not the key’s', () => {
    const key = (name: keyof typeof pairs) =>
      publicKeyFromSpki(
        new Uint8Array(pairs[name].publicKey.export({ format: 'der', type: 'spki' })),
      )
    const table: readonly [string, keyof typeof pairs, string][] = [
      ['ES256', 'P-256', 'accepted'],
      ['ESP256', 'P-256', 'accepted'],
      ['ES256', 'P-384', 'ERR_COSE_ALGORITHM'],
      ['ES384', 'P-256', 'ERR_COSE_ALGORITHM'],
      ['ES512', 'P-521', 'accepted'],
      ['EdDSA', 'P-256', 'ERR_COSE_ALGORITHM'],
      ['EdDSA', 'Ed25519', 'accepted'],
      ['Ed25519', 'Ed25519', 'accepted'],
      ['PS256', 'RSA', 'accepted'],
      ['PS256', 'Ed25519', 'ERR_COSE_ALGORITHM'],
    ]
    for (const [name, kind, expected] of table) {
      expect(
        code(() => assertKeyFits(algorithmByName(name), key(kind))),
        `${name} ${kind}`,
      ).toBe(expected)
    }
    expect(
      code(() => assertKeyFits(algorithmByName('ES256'), { ...key('P-256'), algorithm: -9 })),
    ).toBe('accepted')
    expect(
      code(() => assertKeyFits(algorithmByName('PS256'), { ...key('RSA'), algorithm: -38 })),
    ).toBe('ERR_COSE_ALGORITHM')
  })
})
