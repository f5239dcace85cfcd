/** Who signed a statement: keys by kid, certificate chains, did:x509, and everything that is refused. */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { encodeBase64url } from '../../src/bytes/base64.ts'
import { encodeCbor } from '../../src/cbor/encode.ts'
import type { CborValue } from '../../src/cbor/decode.ts'
import { encodeSign1, signSign1 } from '../../src/cose/sign1.ts'
import { parseSign1 } from '../../src/cose/parse-sign1.ts'
import { publicKeyFromPem, publicKeyFromSpki } from '../../src/cose/public-key.ts'
import { webCryptoVerifier as verifier } from '../../src/cose/web-crypto.ts'
import { AttestryError } from '../../src/errors.ts'
import { authenticateIssuer } from '../../src/statement/authenticate-issuer.ts'
import { matchesPattern } from '../../src/statement/issuer-pattern.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import {
  encodeTrustAnchor,
  parseTrustAnchors,
  type TrustAnchor,
} from '../../src/statement/trust-anchor.ts'
import { anchorFromFile } from '../../src/statement/anchor-file.ts'
import { parseCertificate } from '../../src/x509/certificate.ts'
import { EKU_CODE_SIGNING, issueCertificate, makeCa, TEST_NOW } from '../support/test-pki.ts'
import { signerFor, testSigner } from '../support/test-signer.ts'
import { hasVectors, readVector } from '../support/vectors.ts'

const payload = encodeUtf8('{}')
const issuer = 'https://issuer.example'

async function outcome(
  bytes: Uint8Array,
  anchors: readonly TrustAnchor[],
  at = TEST_NOW,
): Promise<string> {
  try {
    const statement = parseSignedStatement(bytes)
    const { anchor } = await authenticateIssuer({ statement, anchors, at, verifier })
    return anchor.kind
  } catch (error) {
    if (error instanceof AttestryError) return error.code
    throw error
  }
}
const keyAnchor = (signer: ReturnType<typeof testSigner>, ...issuers: string[]): TrustAnchor => ({
  kind: 'cose-key',
  key: signer.publicKey,
  issuers: issuers.length > 0 ? issuers : ['*'],
})

describe('a key by its kid', () => {
  const signer = testSigner()
  const sign = (by = signer) =>
    signStatement({ payload, issuer, subject: 's', contentType: 'text/plain', signer: by })

  it.each(['ES256', 'ES384', 'ES512', 'EdDSA', 'PS256', 'ESP256', 'Ed25519'])(
    '%s verifies',
    async (name) => {
      const by = testSigner(name)
      expect(await outcome(await sign(by), [keyAnchor(by)])).toBe('cose-key')
    },
  )

  it('is refused for an issuer that it may not speak for, and when unknown', async () => {
    const bytes = await sign()
    expect(await outcome(bytes, [])).toBe('ERR_ISSUER_UNKNOWN')
    expect(await outcome(bytes, [keyAnchor(signer, 'https://other.example')])).toBe(
      'ERR_ISSUER_UNKNOWN',
    )
    expect(await outcome(bytes, [keyAnchor(testSigner())])).toBe('ERR_ISSUER_KEY')
  })

  it('given without a kid may be behind any kid, and only its signature decides', async () => {
    const { kid: _kid, ...withoutKid } = signer.publicKey
    const header = new Map<CborValue, CborValue>([
      [4, encodeUtf8('key-1')],
      [
        15,
        new Map<CborValue, CborValue>([
          [1, issuer],
          [2, 's'],
        ]),
      ],
    ])
    const bytes = await signSign1({ protectedHeader: header, payload, signer })
    expect(await outcome(bytes, [{ kind: 'cose-key', key: withoutKid, issuers: ['*'] }])).toBe(
      'cose-key',
    )
    expect(await outcome(bytes, [keyAnchor(signer)])).toBe('ERR_ISSUER_KEY')
    const { kid: _other, ...stranger } = testSigner().publicKey
    expect(await outcome(bytes, [{ kind: 'cose-key', key: stranger, issuers: ['*'] }])).toBe(
      'ERR_STATEMENT_SIGNATURE',
    )
  })

  it('refuses the statement with any byte of header, payload or signature changed', async () => {
    const bytes = await sign()
    const accepted: number[] = []
    for (let i = 0; i < bytes.length; i++) {
      const flipped = bytes.slice()
      flipped[i] = flipped[i]! ^ 1
      if ((await outcome(flipped, [keyAnchor(signer)])) === 'cose-key') accepted.push(i)
    }
    expect(accepted).toEqual([])
  })

  it('does not take alg from the unprotected header', async () => {
    const header = encodeCbor(
      new Map<CborValue, CborValue>([
        [4, signer.publicKey.kid!],
        [
          15,
          new Map<CborValue, CborValue>([
            [1, issuer],
            [2, 's'],
          ]),
        ],
      ]),
    )
    const bytes = encodeSign1({
      protectedBytes: header,
      unprotectedBytes: encodeCbor(new Map([[1, -7]])),
      payload,
      signature: new Uint8Array(64),
    })
    expect(await outcome(bytes, [keyAnchor(signer)])).toBe('ERR_COSE_ALGORITHM')
  })
})

describe('a certificate chain', () => {
  const ca = makeCa()
  const leaf = issueCertificate({ ca, keyAlg: 'P-256', eku: [EKU_CODE_SIGNING] })
  const leafKey = publicKeyFromSpki(
    new Uint8Array(leaf.publicKey.export({ format: 'der', type: 'spki' })),
  )
  const signer = signerFor('ES256', leaf.privateKey, leafKey)
  const x5chain = [...leaf.chain, ca.der]
  const root: TrustAnchor = {
    kind: 'x509-root',
    certificate: parseCertificate(ca.der),
    issuers: ['*'],
  }
  const fingerprint = createHash('sha256').update(ca.der).digest()
  const did = `did:x509:0:sha256:${encodeBase64url(new Uint8Array(fingerprint))}::eku:${EKU_CODE_SIGNING}`
  const didRoot: TrustAnchor = {
    kind: 'did-x509-root',
    fingerprint: { hash: 'SHA-256', value: new Uint8Array(fingerprint) },
    issuers: ['did:x509:*'],
  }
  const sign = (iss: string, chain = x5chain) =>
    signStatement({
      payload,
      issuer: iss,
      subject: 's',
      contentType: 'text/plain',
      signer,
      x5chain: chain,
    })

  it('is validated to its root, with a plain issuer and with a did:x509', async () => {
    expect(await outcome(await sign(issuer), [root])).toBe('x509-root')
    expect(await outcome(await sign(did), [root])).toBe('x509-root')
    expect(await outcome(await sign(did), [didRoot])).toBe('did-x509-root')
  })

  it('gives the window in which the answer stands', async () => {
    const statement = parseSignedStatement(await sign(issuer))
    const shown = await authenticateIssuer({ statement, anchors: [root], at: TEST_NOW, verifier })
    expect(shown.validFrom).toBeLessThan(TEST_NOW)
    expect(await outcome(await sign(issuer), [root], shown.validUntil)).toBe('x509-root')
    expect(await outcome(await sign(issuer), [root], shown.validUntil + 1)).toBe('ERR_X509_PATH')
    expect(await outcome(await sign(issuer), [root], shown.validFrom - 1)).toBe('ERR_X509_PATH')
  })

  it('is refused to another root, for a did it does not satisfy, and for a plain issuer under a did root', async () => {
    const other: TrustAnchor = { ...root, certificate: parseCertificate(makeCa().der) }
    expect(await outcome(await sign(issuer), [other])).toBe('ERR_X509_PATH')
    expect(await outcome(await sign(issuer), [other, root])).toBe('x509-root')
    expect(await outcome(await sign(did.replace(EKU_CODE_SIGNING, '1.2.3.4')), [root])).toBe(
      'ERR_DID_X509_MISMATCH',
    )
    expect(await outcome(await sign(issuer), [{ ...didRoot, issuers: ['*'] }])).toBe(
      'ERR_DID_X509_MISMATCH',
    )
    const imposter = issueCertificate({ ca: makeCa(), keyAlg: 'P-256', eku: [EKU_CODE_SIGNING] })
    expect(await outcome(await sign(did, [...imposter.chain, imposter.root.der]), [didRoot])).toBe(
      'ERR_X509_PATH',
    )
  })

  it('another certificate of the same CA does not verify the signature', async () => {
    const sibling = issueCertificate({ ca, keyAlg: 'P-256', eku: [EKU_CODE_SIGNING] })
    expect(await outcome(await sign(issuer, [...sibling.chain, ca.der]), [root])).toBe(
      'ERR_STATEMENT_SIGNATURE',
    )
  })

  it('may come unprotected when x5t or kid is protected, and must be the one that x5t names', async () => {
    const claims = new Map<CborValue, CborValue>([
      [1, issuer],
      [2, 's'],
    ])
    const thumbprint = new Uint8Array(createHash('sha256').update(leaf.chain[0]!).digest())
    const header = new Map<CborValue, CborValue>([
      [15, claims],
      [34, [-16, thumbprint]],
    ])
    const parts = parseSign1(await signSign1({ protectedHeader: header, payload, signer }))
    const carry = (chain: readonly Uint8Array[]) =>
      encodeSign1({ ...parts, unprotectedBytes: encodeCbor(new Map([[33, chain]])) })
    expect(await outcome(carry(x5chain), [root])).toBe('x509-root')
    const sibling = issueCertificate({ ca, keyAlg: 'P-256' })
    expect(await outcome(carry([...sibling.chain, ca.der]), [root])).toBe('ERR_ISSUER_KEY')
    expect(await outcome(encodeSign1(parts), [root])).toBe('ERR_ISSUER_KEY')
  })
})

describe('a stray unprotected chain', () => {
  it('does not stand in the way of a key, and is never believed', async () => {
    const byKid = testSigner()
    const ca = makeCa()
    const stray = issueCertificate({ ca, keyAlg: 'P-256' })
    const parts = parseSign1(
      await signStatement({
        payload,
        issuer,
        subject: 's',
        contentType: 'text/plain',
        signer: byKid,
      }),
    )
    const root: TrustAnchor = {
      kind: 'x509-root',
      certificate: parseCertificate(ca.der),
      issuers: ['*'],
    }
    for (const chain of [[...stray.chain, ca.der], [Uint8Array.of(0x30)]]) {
      const bytes = encodeSign1({ ...parts, unprotectedBytes: encodeCbor(new Map([[33, chain]])) })
      expect(await outcome(bytes, [root, keyAnchor(byKid)])).toBe('cose-key')
      expect(await outcome(bytes, [root])).not.toBe('x509-root')
      expect(await outcome(bytes, [root, keyAnchor(testSigner())])).toBe('ERR_ISSUER_KEY')
    }
  })
})

describe('issuer patterns', () => {
  it.each([
    ['*', 'anything', true],
    ['', '', true],
    ['a', 'a', true],
    ['a', 'ab', false],
    ['a*', 'a', true],
    ['a*', 'ba', false],
    ['*b', 'ab', true],
    ['a*b', 'ab', true],
    ['a*b', 'a', false],
    ['ab*bc', 'abc', false],
    ['ab*bc', 'abbc', true],
    ['*a*', 'xay', true],
    ['a*b*c', 'a1b2c', true],
    ['a*b*c', 'acb', false],
    ['**', 'x', true],
    ['a*b*b', 'ab', false],
    ['https://a.example/*', 'https://a.example.evil/', false],
    ['.*', 'ab', false],
    ['did:x509:0:sha256:x::*', 'did:x509:0:sha256:x::eku:1', true],
  ])('%s against %s: %s', (pattern, text, expected) => {
    expect(matchesPattern(pattern, text)).toBe(expected)
  })
  it('stay fast on hostile input', () => {
    expect(matchesPattern(`${'*a'.repeat(2000)}b`, 'a'.repeat(200_000))).toBe(false)
  })
})

describe('trust anchors', () => {
  it('survive their JSON form', () => {
    const ca = makeCa()
    const anchors: TrustAnchor[] = [
      keyAnchor(testSigner('EdDSA'), 'https://a.example'),
      { kind: 'x509-root', certificate: parseCertificate(ca.der), issuers: ['*'] },
      {
        kind: 'did-x509-root',
        fingerprint: { hash: 'SHA-384', value: new Uint8Array(48) },
        issuers: ['did:x509:*'],
      },
    ]
    const json: unknown = JSON.parse(JSON.stringify(anchors.map(encodeTrustAnchor)))
    expect(parseTrustAnchors(json).map(encodeTrustAnchor)).toEqual(json)
  })

  it.each<[string, unknown]>([
    ['not an array', {}],
    ['null', [null]],
    ['an unknown kind', [{ kind: 'x', issuers: ['*'] }]],
    ['an inherited kind', [{ kind: 'toString', issuers: ['*'] }]],
    ['no issuers', [{ kind: 'did-x509-root', fingerprint: `sha256:${'A'.repeat(43)}` }]],
    [
      'an empty list of issuers',
      [{ kind: 'did-x509-root', fingerprint: `sha256:${'A'.repeat(43)}`, issuers: [] }],
    ],
    [
      'an unknown member',
      [
        {
          kind: 'did-x509-root',
          fingerprint: `sha256:${'A'.repeat(43)}`,
          issuers: ['*'],
          until: 'x',
        },
      ],
    ],
    [
      'a short fingerprint',
      [{ kind: 'did-x509-root', fingerprint: 'sha256:AAAA', issuers: ['*'] }],
    ],
    ['a key that is none', [{ kind: 'cose-key', coseKey: 'AAAA', issuers: ['*'] }]],
    ['a certificate that is none', [{ kind: 'x509-root', certificate: 'AAAA', issuers: ['*'] }]],
  ])('refuse %s', (_what, json) => {
    expect(() => parseTrustAnchors(json)).toThrow(
      expect.objectContaining({ code: 'ERR_TRUST_CONFIGURATION' }),
    )
  })

  it('are read from a PEM key, a PEM or DER certificate; a private key is refused', () => {
    const ca = makeCa()
    const pem = ca.publicKey.export({ format: 'pem', type: 'spki' }).toString()
    expect(anchorFromFile(encodeUtf8(pem), ['*']).kind).toBe('cose-key')
    expect(anchorFromFile(encodeUtf8(ca.certificatePem), ['*']).kind).toBe('x509-root')
    expect(anchorFromFile(ca.der, ['*']).kind).toBe('x509-root')
    const secret = ca.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
    expect(() => anchorFromFile(encodeUtf8(secret), ['*'])).toThrow(
      expect.objectContaining({ code: 'ERR_KEY_PRIVATE' }),
    )
  })
})

describe.skipIf(!hasVectors)('real statements', () => {
  const bytesOf = (path: string) => readVector(`scitt/${path}`)
  const chainOf = (path: string) => parseSignedStatement(bytesOf(path)).headers.x5chain ?? []
  const rootAnchor = (path: string): TrustAnchor => ({
    kind: 'x509-root',
    certificate: parseCertificate(chainOf(path).at(-1)!),
    issuers: ['did:x509:*'],
  })
  const at = (iso: string): number => Date.parse(iso) / 1000

  it.each([
    ['scitt-ccf-ledger/cts-hashv-cwtclaims-b64url.cose', '2026-01-01T00:00:00Z', 'x509-root'],
    ['scitt-ccf-ledger/manifest.spdx.json.sha384.digest.cose', '2026-01-01T00:00:00Z', 'x509-root'],
    ['scitt-for-phi/signed-statement.scitt', '2025-06-19T22:05:39Z', 'x509-root'],
    ['scitt-for-phi/2ts-statement.scitt', '2025-06-19T22:05:39Z', 'x509-root'],
    ['scitt-for-phi/signed-statement.scitt', '2026-11-22T00:00:00Z', 'ERR_X509_PATH'],
    ['scitt-cose-v1/valid-ccf-vds2/statement.cose', '2026-06-27T00:00:00Z', 'x509-root'],
    ['scitt-cose-v1/valid-ccf-vds2/statement.cose', '2026-11-22T00:00:00Z', 'ERR_X509_PATH'],
  ])('%s at %s: %s', async (path, time, expected) => {
    expect(await outcome(bytesOf(path), [rootAnchor(path)], at(time))).toBe(expected)
  })

  it('a did:x509 root given as a fingerprint is enough', async () => {
    const fingerprint = 'sha256:I__iuL25oXEVFdTP_aBLx_eT1RPHbCQ_ECBQfYZpt9s'
    const anchors = parseTrustAnchors([
      {
        kind: 'did-x509-root',
        fingerprint,
        issuers: ['did:x509:0:sha256:I__iuL25oXEVFdTP_aBLx_eT1RPHbCQ_ECBQfYZpt9s::*'],
      },
    ])
    expect(
      await outcome(
        bytesOf('scitt-for-phi/signed-statement.scitt'),
        anchors,
        at('2025-06-19T22:05:39Z'),
      ),
    ).toBe('did-x509-root')
  })

  it.each([
    ['valid-es256', 'cose-key'],
    ['valid-eddsa', 'cose-key'],
    ['fail-bad-statement-sig', 'ERR_STATEMENT_SIGNATURE'],
    ['fail-tampered-path', 'cose-key'],
    ['fail-unsupported-vds', 'cose-key'],
    ['valid-ccf-vds2', 'cose-key'],
  ])('scitt-cose-v1/%s: %s', async (name, expected) => {
    const key = publicKeyFromPem(
      new TextDecoder().decode(bytesOf(`scitt-cose-v1/${name}/issuer-key.pub`)),
    )
    expect(
      await outcome(bytesOf(`scitt-cose-v1/${name}/statement.cose`), [
        { kind: 'cose-key', key, issuers: ['*'] },
      ]),
    ).toBe(expected)
  })
})
