import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { encodeCbor } from '../../src/cbor/encode.ts'
import { CborTag } from '../../src/cbor/decode.ts'
import type { CborValue } from '../../src/cbor/decode.ts'
import { inspectBytes } from '../../src/cli/inspect/inspect-bytes.ts'
import { renderItems } from '../../src/cli/inspect/item.ts'
import { parseInnerAnchors } from '../../src/policy/inner-anchors.ts'
import type { InnerKey } from '../../src/policy/inner-anchors.ts'
import { hasVectors, listVectors, readVector } from '../support/vectors.ts'

function shown(bytes: Uint8Array): string {
  const { kind, items } = inspectBytes(bytes)
  return [kind, ...renderItems(items)].join('\n')
}

function sign1(protectedHeader: ReadonlyMap<CborValue, CborValue>, payload = 'x'): Uint8Array {
  const parts = [encodeCbor(protectedHeader), new Map(), encodeUtf8(payload), new Uint8Array(64)]
  return encodeCbor(new CborTag(18, parts))
}

describe('inspect', () => {
  it.each([
    ['nothing', ''],
    ['a lone byte', '\u0000'],
    ['text', 'hello'],
    ['broken JSON', '{"logs": ['],
    ['a PEM frame around nothing', '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n'],
    ['PEM of garbage', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n'],
  ])('never fails: %s', (_name, text) => {
    expect(inspectBytes(encodeUtf8(text)).kind).not.toBe('')
  })

  it('names headers and claims, and shows times', () => {
    const header = new Map<CborValue, CborValue>([
      [1, -7],
      [3, 'text/plain'],
      [15, new Map<CborValue, CborValue>([[1, 'https://a.example'], [2, 's'], [6, 0]])], // prettier-ignore
    ])
    const text = shown(sign1(header))
    expect(text).toMatch(/^Signed Statement/)
    expect(text).toMatch(/alg \(1\) +-7 {2}\(ES256\)/)
    expect(text).toMatch(/iss \(1\) +"https:\/\/a\.example"/)
    expect(text).toMatch(/iat \(6\) +0 {2}\(1970-01-01T00:00:00Z\)/)
    expect(text).toContain('not verified')
  })

  it('says why something that looks like COSE is not', () => {
    const twice = encodeCbor(new CborTag(18, [new Uint8Array(0), new Map(), null]))
    expect(shown(twice)).toMatch(/not a COSE_Sign1 +COSE_Sign1 is an array of four/)
  })

  it('does not show private keys', () => {
    const secret = new Uint8Array(32).fill(0xab)
    const key = new Map<CborValue, CborValue>([[1, 2], [-1, 1], [-2, secret], [-3, secret], [-4, secret]]) // prettier-ignore
    const text = shown(encodeCbor(key))
    expect(text).toContain('PRIVATE KEY')
    expect(text).not.toContain('abab')
  })

  it.each([
    ['a JWK', '{"kty":"EC","crv":"P-256","d":"abababab","x":"cdcd"}'],
    ['a JWK Set', '{"keys": [{"kty":"oct", "k" : "abababab"}]}'],
    [
      'PEM in JSON',
      '{"key":"-----BEGIN PRIVATE KEY-----\\nabababab\\n-----END PRIVATE KEY-----\\n"}',
    ],
  ])('does not show private keys of %s', (_name, text) => {
    const { kind, items } = inspectBytes(encodeUtf8(text))
    expect(kind).toBe('JSON text')
    expect(renderItems(items).join('\n')).toMatch(/^begins +not shown: .*private key/)
  })

  it('shows the public part of a JWK', () => {
    expect(shown(encodeUtf8('{"kty":"EC","crv":"P-256","x":"cdcd"}'))).toContain('"x":"cdcd"')
  })

  it('gives a public key, PEM or JWK, as the COSE_Key that policies and anchors want', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const pem = encodeUtf8(publicKey.export({ type: 'spki', format: 'pem' }) as string)
    const jwk = encodeUtf8(JSON.stringify(publicKey.export({ format: 'jwk' })))
    const own = encodeUtf8(JSON.stringify(privateKey.export({ format: 'jwk' })))
    for (const file of [pem, jwk]) {
      const [, value] = /COSE_Key +(\S+) +\(base64url\)$/m.exec(shown(file)) ?? []
      const document = { sigstoreRoots: [], dsseKeys: [{ coseKey: value, keyid: 'SHA256:x' }] }
      const [{ key }] = parseInnerAnchors(document).dsseKeys as [InnerKey]
      expect(key.spki).toEqual(new Uint8Array(publicKey.export({ type: 'spki', format: 'der' })))
    }
    expect(inspectBytes(jwk).kind).toBe('JWK')
    expect(inspectBytes(own).kind).toBe('JSON text')
  })

  it('takes JSON that holds certificates for JSON', () => {
    const text = '{"cert":"-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n"}'
    expect(shown(encodeUtf8(text))).toMatch(/^JSON text\nbegins +\{"cert"/)
  })

  it('survives every truncation and every flipped byte of a statement', () => {
    const whole = sign1(new Map<CborValue, CborValue>([[1, -7], [15, new Map([[1, 'a']])]])) // prettier-ignore
    for (let at = 0; at < whole.length; at++) {
      inspectBytes(whole.subarray(0, at))
      for (const flip of [0x01, 0x80, 0xff]) {
        const changed = new Uint8Array(whole)
        changed[at] = changed[at]! ^ flip
        inspectBytes(changed)
      }
    }
  })

  describe.skipIf(!hasVectors)('of real files', () => {
    it('reads every vector without failing', () => {
      const files = ['scitt', 'tee/nitro'].flatMap((folder) =>
        ['.cose', '.cbor', '.pub', '.pem'].flatMap((suffix) => listVectors(folder, suffix)),
      )
      expect(files.length).toBeGreaterThan(10)
      for (const file of files) expect(shown(readVector(file)), file).not.toBe('')
    })

    it('shows the certificates of a Microsoft statement', () => {
      const file = 'scitt/scitt-ccf-ledger/manifest.spdx.json.sha384.digest.cose'
      const text = shown(readVector(file))
      expect(text).toMatch(/x5chain \(33\)/)
      expect(text).toMatch(/\[0\] {2}CN=PPE3 Code Sign Test \(DO NOT TRUST\) {2}\(end entity\)/)
      expect(text).toContain('tag 1, 2025-03-03T17:36:39Z')
    })
  })
})
