import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { concatBytes } from '../../src/bytes/bytes.ts'
import { decodeHex } from '../../src/bytes/hex.ts'
import { InputError, VerificationError } from '../../src/errors.ts'
import { parseCertificate } from '../../src/x509/certificate.ts'
import { decodeOid, readChildren, readDer, scanDer } from '../../src/x509/der.ts'
import { encodeDer } from '../../src/x509/der-encode.ts'
import { parseCertificateChain, validatePath } from '../../src/x509/path.ts'
import { ecdsaDerSignature, ecdsaRawSignature } from '../../src/x509/signature-algorithm.ts'
import { nodeSignatureVerifier as verifier } from '../support/node-signature-verifier.ts'
import {
  EKU_CODE_SIGNING,
  issueCertificate,
  makeCa,
  signTbs,
  TEST_NOW,
  type CertificateOptions,
} from '../support/test-pki.ts'

const everyByte = process.env['ATTESTRY_SLOW'] === '1' ? 8 : 1

function messageOf(der: Uint8Array): string {
  try {
    parseCertificate(der)
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    expect(error.code).toBe('ERR_X509_MALFORMED')
    return error.message
  }
  return 'accepted'
}

const ca = makeCa({ keyAlg: 'P-384', signature: 'sha384', pathLength: 3 })
const leaf = issueCertificate({
  ca,
  signature: 'sha384',
  subject: { C: 'DE', O: 'Übung', CN: 'signer' },
  eku: [EKU_CODE_SIGNING, '1.3.6.1.4.1.311.10.3.13'],
  san: {
    dns: ['a.example'],
    email: ['b@a.example'],
    uri: ['https://a.example/x'],
    ip: ['10.0.0.1'],
  },
  extensions: [
    { oid: '1.3.6.1.4.1.57264.1.1', value: new TextEncoder().encode('https://issuer.example') },
    { oid: '2.5.29.14', value: Uint8Array.of(4, 2, 1, 2) },
    { oid: '2.5.29.35', value: Uint8Array.of(0x30, 4, 0x80, 2, 3, 4) },
  ],
})

/** The leaf's TBSCertificate with one of its fields replaced, signed again. */
function alterTbs(alter: (fields: Uint8Array[]) => Uint8Array[]): Uint8Array {
  const tbs = readDer(parseCertificate(leaf.der).tbs)
  const fields = readChildren(tbs).map(({ bytes }) => bytes)
  return signTbs(encodeDer(0x30, ...alter(fields)), ca.privateKey, 'sha384')
}

describe('a certificate', () => {
  it('is read as it was written, and as node:crypto reads it', () => {
    const parsed = parseCertificate(leaf.der)
    const node = new X509Certificate(leaf.der)
    expect(parsed).toMatchObject({
      isCa: false,
      extendedKeyUsage: [EKU_CODE_SIGNING, '1.3.6.1.4.1.311.10.3.13'],
      fulcioIssuer: 'https://issuer.example',
      subjectKeyId: Uint8Array.of(1, 2),
      authorityKeyId: Uint8Array.of(3, 4),
      signatureAlgorithm: { kind: 'ecdsa', hash: 'SHA-384' },
      unknownCritical: [],
      notBefore: Date.parse(node.validFrom) / 1000,
      notAfter: Date.parse(node.validTo) / 1000,
    })
    expect([...(parsed.keyUsage ?? [])]).toEqual(['digitalSignature'])
    expect(parsed.subject.rdns.flat().map(({ value }) => value)).toEqual(['DE', 'Übung', 'signer'])
    expect(parsed.subjectAltNames).toEqual([
      { kind: 'email', value: 'b@a.example' },
      { kind: 'dns', value: 'a.example' },
      { kind: 'uri', value: 'https://a.example/x' },
      { kind: 'ip', value: Uint8Array.of(10, 0, 0, 1) },
    ])
    expect(parsed.issuerDer).toEqual(parseCertificate(ca.der).subjectDer)
    expect(parsed.spki.spki).toEqual(
      new Uint8Array(node.publicKey.export({ format: 'der', type: 'spki' })),
    )
    expect(parseCertificate(ca.der)).toMatchObject({ isCa: true, pathLength: 3 })
  })

  it('has one list of extensions', () => {
    const twice = alterTbs((fields) => {
      const { content } = readDer(fields.at(-1)!)
      return [...fields.slice(0, -1), encodeDer(0xa3, content, content)]
    })
    expect(() => parseCertificate(twice)).toThrow(
      expect.objectContaining({ code: 'ERR_X509_MALFORMED' }),
    )
  })

  it('of the test authority satisfies node:crypto and, where there is one, the openssl command', () => {
    const node = new X509Certificate(leaf.der)
    expect(node.verify(new X509Certificate(ca.der).publicKey)).toBe(true)
    try {
      const args = ['x509', '-noout', '-text']
      const text = execFileSync('openssl', args, { input: leaf.certificatePem, encoding: 'utf8' })
      expect(text).toContain('Digital Signature')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      console.warn('SKIPPED: no openssl command')
    }
  })

  it.each([
    'digitalSignature',
    'nonRepudiation',
    'keyEncipherment',
    'keyAgreement',
    'keyCertSign',
    'cRLSign',
    'decipherOnly',
  ] as const)('has the key usage %s alone', (usage) => {
    const { keyUsage } = parseCertificate(issueCertificate({ keyUsage: [usage] }).der)
    expect([...(keyUsage ?? [])]).toEqual([usage === 'cRLSign' ? 'crlSign' : usage])
  })

  it('reads both forms of time, to the second', () => {
    const notBefore = new Date('1950-01-01T00:00:00Z')
    const parsed = parseCertificate(
      issueCertificate({ notBefore, notAfter: new Date('9999-12-31T23:59:59Z') }).der,
    )
    expect(parsed.notBefore).toBe(-631152000)
    expect(parsed.notAfter).toBe(253402300799)
  })
})

describe('a certificate is malformed', () => {
  const withExtension = (oid: string, hex: string): CertificateOptions => ({
    extensions: [{ oid, value: decodeHex(hex) }],
  })

  it.each<[string, CertificateOptions]>([
    ['in version 1', { version: 1 }],
    ['with a weak RSA key', { keyAlg: 'RSA-1024' }],
    ['with an extension twice', withExtension('2.5.29.15', '03020780')],
    ['with a path length and no CA', { pathLength: 0 }],
    ['with an empty alternative name', { san: {} }],
    ['with a NUL in a name', { san: { dns: ['good.example\0.evil.example'] } }],
    ['with an empty DNS name', { san: { dns: [''] } }],
    ['with an address of 5 bytes', withExtension('2.5.29.17', '300787050a00000001')],
    ['with non-ASCII in a DNS name', withExtension('2.5.29.17', '30048202c3bc')],
    ['with an unknown form of name', withExtension('2.5.29.17', '30028900')],
    ['with an alternative name that is no DER', withExtension('2.5.29.17', '3080')],
    ['with trailing bytes in an extension', withExtension('2.5.29.37', '300306012a00')],
    ['with an empty extended key usage', withExtension('2.5.29.37', '3000')],
    ['with empty name constraints', withExtension('2.5.29.30', '3000')],
    [
      'with a minimum in name constraints',
      withExtension('2.5.29.30', '300ca00a30088203612e62800101'),
    ],
    [
      'with a gap in an address mask',
      withExtension('2.5.29.30', '300ea00c300a87080a000000ff00ff00'),
    ],
    ['with a Fulcio issuer that is not UTF-8', withExtension('1.3.6.1.4.1.57264.1.1', 'ff')],
  ])('%s', (_, options) => {
    expect(messageOf(issueCertificate(options).der)).not.toBe('accepted')
  })

  it.each<[string, (fields: Uint8Array[]) => Uint8Array[]]>([
    ['with version 2', (f) => [Uint8Array.of(0xa0, 3, 2, 1, 1), ...f.slice(1)]],
    ['with a field missing', (f) => f.filter((_, i) => i !== 4)],
    ['with a field too many', (f) => [...f, Uint8Array.of(5, 0)]],
    ['with extensions twice', (f) => [...f, f[f.length - 1]!]],
    [
      'with another algorithm inside',
      (f) => f.map((b, i) => (i === 2 ? decodeHex('300a06082a8648ce3d040302') : b)),
    ],
    [
      'with a time that does not exist',
      (f) => f.map((b, i) => (i === 4 ? validity('260231000000Z') : b)),
    ],
    ['with a time without Z', (f) => f.map((b, i) => (i === 4 ? validity('260131000000+') : b))],
    ['with a time of 24:00', (f) => f.map((b, i) => (i === 4 ? validity('260131240000Z') : b))],
    ['with a time in letters', (f) => f.map((b, i) => (i === 4 ? validity('2601310000x0Z') : b))],
  ])('%s', (_, alter) => {
    expect(messageOf(alterTbs(alter))).not.toBe('accepted')
  })

  function validity(text: string): Uint8Array {
    const time = encodeDer(0x17, new TextEncoder().encode(text))
    return encodeDer(0x30, time, time)
  }

  it('over 16 KiB, before anything is parsed', () => {
    expect(messageOf(new Uint8Array(16 * 1024 + 1))).toContain('at most 16384 bytes')
  })

  it('at every truncation, and with anything after it', () => {
    for (let length = 0; length < leaf.der.length; length++) {
      expect(messageOf(leaf.der.subarray(0, length))).not.toBe('accepted')
    }
    expect(messageOf(concatBytes(leaf.der, Uint8Array.of(0)))).toContain('trailing')
    expect(messageOf(concatBytes(leaf.der, leaf.der))).toContain('trailing')
  })

  it('when nested deeply, wide, or indefinite', () => {
    let nested = Uint8Array.of(5, 0) as Uint8Array
    for (let i = 0; i < 3000; i++) nested = encodeDer(0x30, nested)
    expect(messageOf(nested)).toContain('deep')
    const wide = encodeDer(
      0x30,
      new Uint8Array(12_000).map((_, i) => (i % 2 === 0 ? 5 : 0)),
    )
    expect(messageOf(wide)).toContain('too many')
    expect(messageOf(decodeHex('30800000'))).toContain('indefinite')
    expect(messageOf(new Uint8Array(16_000).fill(0x30))).not.toBe('accepted')
    expect(messageOf(Uint8Array.of(0x30, 0))).not.toBe('accepted')
  })
})

describe('hostile bytes', () => {
  it('never make an accepted chain out of a certificate with flipped bits', async () => {
    const small = issueCertificate({ ca, signature: 'sha384', subject: { CN: 'a' } })
    const roots = [parseCertificate(ca.der)]
    let parsed = 0
    for (let i = 0; i < small.der.length; i++) {
      for (let round = 0; round < everyByte; round++) {
        const der = small.der.slice()
        const mask = everyByte === 8 ? 2 ** round : 1 + ((i * 37) % 255)
        der[i] = der[i]! ^ mask
        try {
          const chain = parseCertificateChain([der])
          parsed++
          await validatePath({ chain, roots, at: TEST_NOW, verifier })
        } catch (error) {
          if (error instanceof InputError || error instanceof VerificationError) continue
          throw error
        }
        throw new Error(`accepted with byte ${i} xor ${mask}`)
      }
    }
    // Most flips lie in keys, times, serial and signature, and still parse: the path refuses them.
    expect(parsed).toBeGreaterThan(100)
  })

  it('never escape as another error when a root or an intermediate is garbled', () => {
    for (let i = 0; i < ca.der.length; i++) {
      for (const value of [0x00, 0x30, 0x80, 0x9f, 0xa0, 0xff]) {
        const der = ca.der.slice()
        der[i] = value
        messageOf(der)
      }
    }
  })
})

describe('DER', () => {
  it.each([
    ['a long form for a short length', '04810101'],
    ['a length with a leading zero', `04820080${'00'.repeat(128)}`],
    ['a length of four bytes', '048400000001ff'],
    ['a high tag number', '1f8101'],
    ['a BOOLEAN of 1', '010101'],
    ['an INTEGER with a leading zero', '02020001'],
    ['a negative INTEGER with a leading ff', '0202ff80'],
    ['an empty INTEGER', '0200'],
    ['an empty BIT STRING', '0300'],
    ['a BIT STRING with loose bits', '03020101'],
    ['a BIT STRING of unused bits alone', '030101'],
    ['a NULL with content', '050100'],
    ['an empty OID', '0600'],
    ['an OID with a leading 80', '0603 2a8001'.replace(' ', '')],
    ['an OID that stops', '06022a81'],
    ['a constructed OCTET STRING', '24030401ff'],
    ['a primitive SEQUENCE', '1000'],
    ['an element that overruns its parent', '3003040401'],
  ])('has no %s', (_, hex) => {
    expect(() => scanDer(decodeHex(hex))).toThrow(InputError)
  })

  it('spells object identifiers with large arcs in full', () => {
    expect(decodeOid(decodeHex('2b0601040182370a030d'))).toBe('1.3.6.1.4.1.311.10.3.13')
    expect(decodeOid(decodeHex('883703'))).toBe('2.999.3')
    expect(decodeOid(decodeHex('2aa7ffffffffffffffff7f'))).toBe('1.2.368934881474191032319')
  })

  it('turns ECDSA signatures into raw ones and back, strictly', () => {
    const raw = new Uint8Array(64).fill(0xff)
    raw[0] = 0
    expect(ecdsaRawSignature(ecdsaDerSignature(raw), 'P-256')).toEqual(raw)
    const bad = [
      '3006020101020100',
      '30060201810201 01'.replace(' ', ''),
      '3007020200010201 01'.replace(' ', ''),
      '3003020101',
      '3009020101020101020101',
    ]
    for (const hex of bad)
      expect(() => ecdsaRawSignature(decodeHex(hex), 'P-256')).toThrow(InputError)
    const long = ecdsaDerSignature(new Uint8Array(66).fill(1))
    expect(() => ecdsaRawSignature(long, 'P-256')).toThrow('out of range')
  })
})
