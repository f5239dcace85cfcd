import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { InputError } from '../../src/errors.ts'
import { encodeDer } from '../../src/x509/der-encode.ts'
import { decodePem, encodePem } from '../../src/x509/pem.ts'
import { ecSpki, ed25519Spki, parseSpki, rsaSpki } from '../../src/x509/spki.ts'
import { generateTestKeys, type TestKeyAlgorithm } from '../support/test-pki.ts'

function spkiOf(algorithm: TestKeyAlgorithm): Uint8Array {
  return new Uint8Array(
    generateTestKeys(algorithm).publicKey.export({ format: 'der', type: 'spki' }),
  )
}

function codeOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (error instanceof InputError) return error.code
    throw error
  }
  return 'accepted'
}

describe('SubjectPublicKeyInfo', () => {
  it.each(['P-256', 'P-384', 'P-521', 'RSA-2048', 'RSA-3072', 'Ed25519'] as const)(
    'reads %s and writes the same bytes',
    (algorithm) => {
      const der = spkiOf(algorithm)
      const key = parseSpki(der)
      expect(key.spki).toEqual(der)
      if (key.kind === 'ec') expect(ecSpki(key.curve, key.x, key.y)).toEqual(der)
      if (key.kind === 'rsa') expect(rsaSpki(key.n, key.e)).toEqual(der)
      if (key.kind === 'rsa') expect(`RSA-${key.modulusBits}`).toBe(algorithm)
      if (key.kind === 'ed25519') expect(ed25519Spki(key.x)).toEqual(der)
    },
  )

  it('maps id-RSASSA-PSS to RSA, with and without parameters', () => {
    for (const options of [{}, { hashAlgorithm: 'sha256', mgf1HashAlgorithm: 'sha256' }]) {
      const keys = generateKeyPairSync('rsa-pss', { modulusLength: 2048, ...options })
      const der = new Uint8Array(keys.publicKey.export({ format: 'der', type: 'spki' }))
      const key = parseSpki(der)
      expect(key).toMatchObject({ kind: 'rsa', modulusBits: 2048, pssOnly: true })
      expect(parseSpki(key.spki)).not.toHaveProperty('pssOnly')
    }
  })

  it('refuses weak, foreign and off-curve keys', () => {
    expect(codeOf(() => parseSpki(spkiOf('RSA-1024')))).toBe('ERR_COSE_KEY')
    for (const namedCurve of ['secp256k1', 'P-224']) {
      const keys = generateKeyPairSync('ec', { namedCurve })
      const der = new Uint8Array(keys.publicKey.export({ format: 'der', type: 'spki' }))
      expect(codeOf(() => parseSpki(der))).toBe('ERR_COSE_KEY')
    }
    const x25519 = generateKeyPairSync('x25519').publicKey.export({ format: 'der', type: 'spki' })
    expect(codeOf(() => parseSpki(new Uint8Array(x25519)))).toBe('ERR_COSE_KEY')
    const { x } = parseSpki(spkiOf('P-256')) as { x: Uint8Array }
    const { y } = parseSpki(spkiOf('P-256')) as { y: Uint8Array }
    expect(codeOf(() => ecSpki('P-256', x, y))).toBe('ERR_COSE_KEY')
    expect(codeOf(() => ecSpki('P-256', new Uint8Array(32), new Uint8Array(32)))).toBe(
      'ERR_COSE_KEY',
    )
    expect(codeOf(() => ecSpki('P-256', new Uint8Array(32).fill(255), y))).toBe('ERR_COSE_KEY')
    expect(codeOf(() => ecSpki('P-256', x.subarray(1), y))).toBe('ERR_COSE_KEY')
    expect(codeOf(() => ed25519Spki(new Uint8Array(31)))).toBe('ERR_COSE_KEY')
  })

  it('refuses RSA keys outside 2048 to 8192 bits and bad exponents', () => {
    const odd = (bits: number): Uint8Array => {
      const n = new Uint8Array(bits / 8)
      n[0] = 0x80
      n[n.length - 1] = 1
      return n
    }
    expect(rsaSpki(odd(8192), Uint8Array.of(3)).length).toBeGreaterThan(1024)
    expect(rsaSpki(Uint8Array.of(0, ...odd(2048)), Uint8Array.of(0, 3))).toEqual(
      rsaSpki(odd(2048), Uint8Array.of(3)),
    )
    const bad: [Uint8Array, Uint8Array][] = [
      [odd(2040), Uint8Array.of(3)],
      [odd(8200), Uint8Array.of(3)],
      [odd(2048), Uint8Array.of(1)],
      [odd(2048), Uint8Array.of(4)],
      [odd(2048), Uint8Array.of()],
      [odd(2048), new Uint8Array(9).fill(1)],
      [new Uint8Array(256).fill(128), Uint8Array.of(3)],
      [Uint8Array.of(), Uint8Array.of(3)],
    ]
    for (const [n, e] of bad) expect(codeOf(() => rsaSpki(n, e))).toBe('ERR_COSE_KEY')
  })

  it('refuses compressed points', () => {
    const key = parseSpki(spkiOf('P-256')) as { x: Uint8Array; spki: Uint8Array }
    const algorithm = key.spki.subarray(2, 2 + 21)
    const compressed = encodeDer(3, Uint8Array.of(0, 2), key.x)
    expect(codeOf(() => parseSpki(encodeDer(0x30, algorithm, compressed)))).toBe('ERR_COSE_KEY')
  })

  it.each(['P-256', 'Ed25519'] as const)(
    'never reads another spelling of a %s key: every bit flip, truncation and extension',
    (algorithm) => {
      const der = spkiOf(algorithm)
      for (let length = 0; length < der.length; length++) {
        expect(codeOf(() => parseSpki(der.subarray(0, length)))).toBe('ERR_COSE_KEY')
      }
      expect(codeOf(() => parseSpki(Uint8Array.of(...der, 0)))).toBe('ERR_COSE_KEY')
      const keyBits = algorithm === 'P-256' ? 64 : 32
      for (let i = 0; i < der.length; i++) {
        for (let bit = 0; bit < 8; bit++) {
          const flipped = der.slice()
          flipped[i] = flipped[i]! ^ (2 ** bit)
          const code = codeOf(() => parseSpki(flipped))
          if (algorithm === 'P-256' || i < der.length - keyBits) expect(code).toBe('ERR_COSE_KEY')
        }
      }
    },
  )
})

describe('PEM', () => {
  const der = spkiOf('P-384')
  const pem = encodePem('PUBLIC KEY', der)

  it('writes what OpenSSL writes and reads it back, also with CRLF and blank lines between', () => {
    const keys = generateTestKeys('P-384').publicKey
    const own = new Uint8Array(keys.export({ format: 'der', type: 'spki' }))
    expect(encodePem('PUBLIC KEY', own)).toBe(keys.export({ format: 'pem', type: 'spki' }))
    expect(decodePem(pem, 'PUBLIC KEY')).toEqual([der])
    expect(decodePem(pem.replaceAll('\n', '\r\n'), 'PUBLIC KEY')).toEqual([der])
    expect(decodePem(`\n${pem}\n\n${pem}`, 'PUBLIC KEY')).toEqual([der, der])
    expect(decodePem(pem.trimEnd(), 'PUBLIC KEY')).toEqual([der])
  })

  it.each([
    ['nothing', ''],
    ['another label', encodePem('PRIVATE KEY', der)],
    ['text before', `hello\n${pem}`],
    ['text after', `${pem}hello\n`],
    ['no end', pem.slice(0, pem.indexOf('-----END'))],
    ['a header', pem.replace('\n', '\nProc-Type: 4,ENCRYPTED\n')],
    ['white space inside', pem.replace(/\n(.{10})/, '\n$1 ')],
    ['an empty block', '-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n'],
    ['a nested begin', `-----BEGIN PUBLIC KEY-----\n${pem}`],
    ['loose bits', '-----BEGIN PUBLIC KEY-----\nAB==\n-----END PUBLIC KEY-----\n'],
    ['too much', '\n'.repeat(1024 * 1024 + 1)],
  ])('refuses %s', (_, text) => {
    expect(codeOf(() => decodePem(text, 'PUBLIC KEY'))).toBe('ERR_PEM')
  })
})
