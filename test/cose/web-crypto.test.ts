/** The portable verifier and the server's give one answer, and never an exception, to odd signatures. */
import { generateKeyPairSync, sign, constants, type KeyObject } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { webCryptoVerifier } from '../../src/cose/web-crypto.ts'
import { nodeVerifier } from '../../src/keys/node-verifier.ts'
import type { SignatureScheme } from '../../src/x509/signature-verifier.ts'

const data = Uint8Array.of(1, 2, 3)
const spkiOf = (key: KeyObject): Uint8Array =>
  new Uint8Array(key.export({ format: 'der', type: 'spki' }))

/** What both say about one signature. */
async function verdict(
  scheme: SignatureScheme,
  publicKey: KeyObject,
  signature: Uint8Array,
): Promise<boolean> {
  const request = { scheme, spki: spkiOf(publicKey), data, signature }
  const [portable, native] = await Promise.all([
    webCryptoVerifier.verify(request),
    nodeVerifier.verify(request),
  ])
  expect(portable).toBe(native)
  return portable
}

/** Empty, shorter, longer, all zeros, all ones, halves of zeros. */
function deformed(signature: Uint8Array): Uint8Array[] {
  const half = signature.length / 2
  return [
    new Uint8Array(0),
    signature.subarray(1),
    Uint8Array.of(...signature, 0),
    Uint8Array.of(0, ...signature),
    new Uint8Array(signature.length),
    new Uint8Array(signature.length).fill(0xff),
    signature.slice().fill(0, 0, half),
    signature.slice().fill(0, half),
  ]
}

describe('WebCrypto and node:crypto', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })

  it.each([0, 32, 222])('accept an RSASSA-PSS salt of %i bytes', async (saltLength) => {
    const padding = constants.RSA_PKCS1_PSS_PADDING
    const signature = sign('sha256', data, { key: rsa.privateKey, padding, saltLength })
    const scheme: SignatureScheme = { kind: 'rsa-pss', hash: 'SHA-256', saltLength }
    expect(await verdict(scheme, rsa.publicKey, new Uint8Array(signature))).toBe(true)
  })

  it.each([223, 256, 512])('say no to a salt of %i bytes, over the key', async (saltLength) => {
    const scheme: SignatureScheme = { kind: 'rsa-pss', hash: 'SHA-256', saltLength }
    expect(await verdict(scheme, rsa.publicKey, new Uint8Array(256).fill(1))).toBe(false)
  })

  it('say no to deformed signatures', async () => {
    const ed25519 = generateKeyPairSync('ed25519')
    const cases: [SignatureScheme, { publicKey: KeyObject; privateKey: KeyObject }][] = [
      [{ kind: 'ed25519' }, ed25519],
      [{ kind: 'rsa-pkcs1', hash: 'SHA-256' }, rsa],
    ]
    for (const curve of ['P-256', 'P-384', 'P-521'] as const) {
      const keys = generateKeyPairSync('ec', { namedCurve: curve })
      cases.push([{ kind: 'ecdsa', curve, hash: 'SHA-256' }, keys])
    }
    for (const [scheme, { publicKey, privateKey }] of cases) {
      const hash = scheme.kind === 'ed25519' ? null : 'sha256'
      const key = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const
      const signature = new Uint8Array(sign(hash, data, key))
      expect(await verdict(scheme, publicKey, signature)).toBe(true)
      for (const other of deformed(signature)) {
        expect(await verdict(scheme, publicKey, other)).toBe(false)
      }
    }
  })
})
