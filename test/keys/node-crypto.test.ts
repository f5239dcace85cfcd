/**
 * node:crypto behind our ports agrees with the portable implementations: SHA-256, and verification of
 * signatures and of their mutations. Wycheproof runs over both in `test/cose`.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { sha256 } from '../../src/bytes/digest.ts'
import { ALGORITHMS, algorithmById } from '../../src/cose/algorithms.ts'
import { webCryptoVerifier } from '../../src/cose/web-crypto.ts'
import { ecdsaDer } from '../../src/keys/ecdsa-signature.ts'
import { signerFromKey } from '../../src/keys/file-signer.ts'
import { nativeSha256 } from '../../src/keys/native-hash.ts'
import { createNodeVerifier, nodeVerifier, promptVerifier } from '../../src/keys/node-verifier.ts'

describe('native SHA-256', () => {
  it('equals the portable one for every length up to three blocks', () => {
    for (let length = 0; length <= 192; length++) {
      const data = new Uint8Array(randomBytes(length))
      expect(nativeSha256(data)).toEqual(sha256(data))
    }
  })

  it('gives 32 plain bytes of its own', () => {
    const digest = nativeSha256(Uint8Array.of(1))
    expect(digest.constructor).toBe(Uint8Array)
    expect(digest.buffer.byteLength).toBe(32)
  })
})

describe('the node verifier', () => {
  it.each(ALGORITHMS.map(({ name, id }) => [name, id] as const))(
    'accepts what a %s signer signs, nothing else, and agrees with WebCrypto',
    async (name, id) => {
      const { scheme } = algorithmById(id)
      const signer = signerFromKey(newPrivateKey(id), name)
      expect(signer.algorithm).toBe(id)
      const { spki } = signer.publicKey
      const data = new Uint8Array(randomBytes(100))
      const signature = await signer.sign(data)
      const requests = [
        { scheme, spki, data, signature },
        { scheme, spki, data: changed(data, 9), signature },
        { scheme, spki, data, signature: changed(signature, 0) },
        { scheme, spki, data, signature: changed(signature, signature.length - 1) },
        { scheme, spki, data, signature: signature.slice(1) },
        { scheme, spki, data, signature: Uint8Array.of(...signature, 0) },
        { scheme, spki, data, signature: new Uint8Array(signature.length) },
        { scheme, spki, data, signature: new Uint8Array(0) },
        { scheme, spki: signerFromKey(newPrivateKey(id), name).publicKey.spki, data, signature },
        { scheme, spki: changed(spki, spki.length - 1), data, signature },
        { scheme, spki: new Uint8Array(5), data, signature },
      ]
      const answers = await Promise.all(requests.map((request) => nodeVerifier.verify(request)))
      expect(answers).toEqual(requests.map((_, at) => at === 0))
      for (const other of [promptVerifier, webCryptoVerifier]) {
        expect(await Promise.all(requests.map((one) => other.verify(one)))).toEqual(answers)
      }
    },
  )

  it('does not accept the longer and the shorter forms that OpenSSL would', async () => {
    const signer = signerFromKey(newPrivateKey(-7))
    const { scheme } = algorithmById(-7)
    const { spki } = signer.publicKey
    const data = Uint8Array.of(1)
    const signature = await signer.sign(data)
    const padded = new Uint8Array(66)
    padded.set(signature.subarray(0, 32), 1)
    padded.set(signature.subarray(32), 34)
    expect(await nodeVerifier.verify({ scheme, spki, data, signature: padded })).toBe(false)
    const der = ecdsaDer(signature, 'P-256')!
    expect(await nodeVerifier.verify({ scheme, spki, data, signature: der })).toBe(false)
  })

  it.each([
    ['PS256', -37],
    ['PS384', -38],
    ['PS512', -39],
  ] as const)('does not accept a %s signature without its leading zero', async (name, id) => {
    const signer = signerFromKey(newPrivateKey(id), name)
    const { scheme } = algorithmById(id)
    const { spki } = signer.publicKey
    const data = Uint8Array.of(1)
    // Salted: one of 256 begins with a zero.
    let signature = await signer.sign(data)
    for (; signature[0] !== 0; signature = await signer.sign(data));
    for (const verifier of [nodeVerifier, promptVerifier, webCryptoVerifier]) {
      expect(await verifier.verify({ scheme, spki, data, signature })).toBe(true)
      const shorter = signature.slice(1)
      expect(await verifier.verify({ scheme, spki, data, signature: shorter })).toBe(false)
    }
  })

  it('goes on verifying after its key cache has turned over', async () => {
    const verifier = createNodeVerifier({ keysMax: 2 })
    const { scheme } = algorithmById(-7)
    const data = Uint8Array.of(1, 2)
    const signers = Array.from({ length: 4 }, () => signerFromKey(newPrivateKey(-7)))
    for (const round of [1, 2]) {
      for (const signer of signers) {
        const signature = await signer.sign(data)
        const { spki } = signer.publicKey
        expect(await verifier.verify({ scheme, spki, data, signature }), `${round}`).toBe(true)
      }
    }
  })
})

describe('the DER form of an ECDSA signature', () => {
  it('has the shortest integers, and the long length form for P-521', () => {
    const half = (...bytes: number[]): number[] => [...new Array<number>(32 - bytes.length).fill(0), ...bytes] // prettier-ignore
    expect(ecdsaDer(Uint8Array.from([...half(1), ...half(0x80)]), 'P-256')).toEqual(
      Uint8Array.of(0x30, 7, 2, 1, 1, 2, 2, 0, 0x80),
    )
    expect(ecdsaDer(new Uint8Array(64), 'P-256')).toEqual(Uint8Array.of(0x30, 6, 2, 1, 0, 2, 1, 0))
    const long = ecdsaDer(new Uint8Array(132).fill(0x7f), 'P-521')!
    expect([...long.slice(0, 5)]).toEqual([0x30, 0x81, 136, 2, 66])
    expect(ecdsaDer(new Uint8Array(63), 'P-256')).toBeUndefined()
    expect(ecdsaDer(new Uint8Array(65), 'P-256')).toBeUndefined()
  })
})

function newPrivateKey(id: number): Parameters<typeof signerFromKey>[0] {
  const { key } = algorithmById(id)
  switch (key.kind) {
    case 'ec':
      return generateKeyPairSync('ec', { namedCurve: key.curve }).privateKey
    case 'ed25519':
      return generateKeyPairSync('ed25519').privateKey
    case 'rsa':
      return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  }
}

function changed(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice()
  copy[at] = (copy[at]! + 1) % 256
  return copy
}
