/**
 * cose-js 0.9.0 as a second opinion on COSE_Sign1 (D14), never on the trust path. Where it can speak,
 * it agrees with us; where it is wrong, the case is one that our own layer must get right.
 */
import { sign } from 'node:crypto'
import cose from 'cose-js'
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { encodeCbor } from '../../src/cbor/encode.ts'
import type { CborValue } from '../../src/cbor/decode.ts'
import { encodeSign1, sigStructure, signSign1, verifySign1 } from '../../src/cose/sign1.ts'
import { parseSign1 } from '../../src/cose/parse-sign1.ts'
import { webCryptoVerifier as verifier } from '../../src/cose/web-crypto.ts'
import { AttestryError } from '../../src/errors.ts'
import { testSigner } from '../support/test-signer.ts'

const payload = encodeUtf8('a payload')

type Verdict = 'accepted' | 'refused'
const signer = testSigner('ES256')

function coseJsKey(by: ReturnType<typeof testSigner>): Record<string, Buffer> {
  const jwk = by.privateKey.export({ format: 'jwk' })
  return Object.fromEntries(
    Object.entries(jwk)
      .filter(([name]) => name.length === 1)
      .map(([name, value]) => [name, Buffer.from(value as string, 'base64url')]),
  )
}

async function theirs(bytes: Uint8Array, by = signer): Promise<Verdict> {
  try {
    const { x, y } = coseJsKey(by)
    await cose.sign.verify(Buffer.from(bytes), { key: { x, y } })
    return 'accepted'
  } catch {
    return 'refused'
  }
}

async function ours(bytes: Uint8Array, by = signer): Promise<Verdict> {
  try {
    await verifySign1({
      message: parseSign1(bytes),
      key: by.publicKey,
      verifier,
      failure: 'ERR_STATEMENT_SIGNATURE',
    })
    return 'accepted'
  } catch (error) {
    if (error instanceof AttestryError) return 'refused'
    throw error
  }
}

const plain = (by = signer) =>
  signSign1({ protectedHeader: new Map<CborValue, CborValue>([[3, 0]]), payload, signer: by })

/** Signs exactly these protected bytes, whatever they say. */
function over(
  protectedBytes: Uint8Array,
  unprotected = new Map<CborValue, CborValue>(),
): Uint8Array {
  const signature = sign('sha256', sigStructure(protectedBytes, payload), {
    key: signer.privateKey,
    dsaEncoding: 'ieee-p1363',
  })
  return encodeSign1({
    protectedBytes,
    unprotectedBytes: encodeCbor(unprotected),
    payload,
    signature: new Uint8Array(signature),
  })
}

describe('where cose-js can speak, it agrees', () => {
  it.each(['ES256', 'ES384', 'ES512'])(
    'our %s verifies there, with and without changes',
    async (name) => {
      const by = testSigner(name)
      const bytes = await plain(by)
      expect([await ours(bytes, by), await theirs(bytes, by)]).toEqual(['accepted', 'accepted'])
      const changed = bytes.slice()
      changed.set([0], bytes.length - 70)
      expect([await ours(changed, by), await theirs(changed, by)]).toEqual(['refused', 'refused'])
    },
  )

  it('theirs verifies here', async () => {
    const made = await cose.sign.create(
      { p: { alg: 'ES256' }, u: { kid: '11' } },
      Buffer.from(payload),
      { key: { d: coseJsKey(signer)['d'] } },
    )
    expect(await ours(new Uint8Array(made))).toBe('accepted')
  })
})

describe('where cose-js is wrong, we are not', () => {
  const SHORTEST = Uint8Array.of(0xa1, 0x01, 0x26)
  it.each<[string, () => Uint8Array, Verdict, Verdict]>([
    [
      'alg only in the unprotected header',
      () => over(new Uint8Array(), new Map([[1, -7]])),
      'accepted',
      'refused',
    ],
    [
      'an unknown critical parameter',
      () =>
        over(
          encodeCbor(
            new Map<CborValue, CborValue>([
              [1, -7],
              [2, [9999]],
              [9999, 1],
            ]),
          ),
        ),
      'accepted',
      'refused',
    ],
    // {1: -7} with the key as 18 01, signed that way: re-encoding before verifying refuses it.
    [
      'a header that is not shortest, correctly signed',
      () => over(Uint8Array.of(0xa1, 0x18, 0x01, 0x26)),
      'refused',
      'accepted',
    ],
    [
      'the same header in another spelling than signed',
      () => {
        const { signature } = parseSign1(over(SHORTEST))
        return encodeSign1({
          protectedBytes: Uint8Array.of(0xa1, 0x18, 0x01, 0x26),
          payload,
          signature,
        })
      },
      'accepted',
      'refused',
    ],
    [
      'alg twice',
      () => {
        const { signature } = parseSign1(over(SHORTEST))
        return encodeSign1({
          protectedBytes: Uint8Array.of(0xa2, 0x01, 0x26, 0x01, 0x26),
          payload,
          signature,
        })
      },
      'accepted',
      'refused',
    ],
    [
      'a zero-padded signature of 66 bytes',
      () => {
        const { signature } = parseSign1(over(SHORTEST))
        const padded = new Uint8Array(66)
        padded.set(signature.subarray(0, 32), 1)
        padded.set(signature.subarray(32), 34)
        return encodeSign1({ protectedBytes: SHORTEST, payload, signature: padded })
      },
      'accepted',
      'refused',
    ],
  ])('%s', async (_what, make, wanted, expected) => {
    const bytes = make()
    expect({ theirs: await theirs(bytes), ours: await ours(bytes) }).toEqual({
      theirs: wanted,
      ours: expected,
    })
  })

  it('it cannot make what a statement needs: labels 15 and 394 to 396', async () => {
    for (const label of ['15', '395']) {
      await expect(
        Promise.resolve().then(() =>
          cose.sign.create({ p: { alg: 'ES256', [label]: 1 } }, Buffer.from(payload), {
            key: { d: coseJsKey(signer)['d'] },
          }),
        ),
      ).rejects.toThrow()
    }
  })
})
