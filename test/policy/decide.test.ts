import { describe, expect, it } from 'vitest'
import type { DigestName } from '../../src/bytes/digest.ts'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { publicKeyFromSpki } from '../../src/cose/public-key.ts'
import type { Signer } from '../../src/cose/signer.ts'
import { decide } from '../../src/policy/decide.ts'
import type { Decision } from '../../src/policy/decision.ts'
import type { RegistrationPolicy } from '../../src/policy/registration-policy.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import type { TrustAnchor } from '../../src/statement/trust-anchor.ts'
import { parseCertificate } from '../../src/x509/certificate.ts'
import { hasVectors, readVector } from '../support/vectors.ts'
import { nodeSignatureVerifier } from '../support/node-signature-verifier.ts'
import {
  issueCertificate,
  makeCa,
  TEST_NOT_AFTER,
  TEST_NOT_BEFORE,
  TEST_NOW,
} from '../support/test-pki.ts'
import { signerFor, testSigner } from '../support/test-signer.ts'

const signer = testSigner()
const issuer = 'https://acme.example'
const policy: RegistrationPolicy = {
  version: 1,
  algorithms: ['ES256', 'PS384'],
  contentTypes: ['application/*+json', 'text/plain'],
  operatorKeys: [signer.publicKey],
}
const anchors: readonly TrustAnchor[] = [
  { kind: 'cose-key', key: signer.publicKey, issuers: ['https://acme.example*'] },
]

interface Case {
  readonly by?: Signer
  readonly issuer?: string
  readonly contentType?: string
  readonly hash?: DigestName
  readonly x5chain?: readonly Uint8Array[]
  readonly policy?: Partial<RegistrationPolicy>
  readonly anchors?: readonly TrustAnchor[]
  readonly at?: number
  readonly change?: (statement: Uint8Array) => void
}

async function decided(options: Case): Promise<Decision> {
  const bytes = await signStatement({
    payload: encodeUtf8('{}'),
    issuer: options.issuer ?? issuer,
    subject: 'pkg:npm/demo@1.0.0',
    contentType: options.contentType ?? 'application/spdx+json',
    signer: options.by ?? signer,
    ...(options.hash === undefined ? {} : { hash: options.hash }),
    ...(options.x5chain === undefined ? {} : { x5chain: options.x5chain }),
  })
  options.change?.(bytes)
  return decide({
    statement: parseSignedStatement(bytes),
    policy: { ...policy, ...options.policy },
    anchors: options.anchors ?? anchors,
    registrationTime: options.at ?? TEST_NOW,
    verifier: nodeSignatureVerifier,
  })
}

describe('decide', () => {
  it('accepts a known issuer’s statement, for ever where no certificate limits it', async () => {
    expect(await decided({})).toEqual({
      kind: 'accept',
      issuer,
      anchor: anchors[0],
      collateralUsed: {},
      standsFrom: 0,
      standsUntil: Number.MAX_SAFE_INTEGER,
    })
  })

  const refusals: [string, Case, { rule: string; title?: string; reason?: RegExp }][] = [
    ['nobody by default', { anchors: [] }, { rule: 'issuer-unknown' }],
    [
      'an issuer that no anchor speaks for',
      { issuer: 'https://evil.example' },
      { rule: 'issuer-unknown' },
    ],
    [
      'an issuer that only begins like a known one',
      { issuer: 'https://acme.exampl' },
      { rule: 'issuer-unknown' },
    ],
    ['a key that is not the issuer’s', { by: testSigner() }, { rule: 'issuer-key' }],
    [
      'a wrong signature under a known kid',
      { change: (bytes) => bytes.set([bytes.at(-1)! ^ 1], bytes.length - 1) },
      { rule: 'signature' },
    ],
    [
      'an algorithm that is not listed',
      { by: testSigner('EdDSA') },
      { rule: 'algorithm', title: 'Bad Signature Algorithm', reason: /EdDSA.*ES256, PS384/ },
    ],
    [
      'a content type that is not listed',
      { contentType: 'application/xml' },
      { rule: 'content-type', reason: /application\/xml/ },
    ],
    [
      'the type of a preimage that is not listed',
      { contentType: 'image/png', hash: 'SHA-256' },
      { rule: 'content-type' },
    ],
    [
      'a type that matches both ends of a pattern twice',
      { contentType: 'application/+jso' },
      { rule: 'content-type' },
    ],
    [
      'governance statements',
      { contentType: 'application/vnd.attestry.registration-policy+json' },
      { rule: 'governance' },
    ],
    [
      'governance statements in disguise',
      {
        contentType: 'APPLICATION/vnd.attestry.trust-anchors+json;v=1',
        policy: { contentTypes: ['*'] },
      },
      { rule: 'governance' },
    ],
    [
      'governance statements as hash envelopes',
      { contentType: 'application/vnd.attestry.trust-anchors+json', hash: 'SHA-256' },
      { rule: 'governance' },
    ],
  ]
  it.each(refusals)('refuses %s', async (_, options, expected) => {
    const decision = await decided(options)
    expect(decision).toMatchObject({
      kind: 'reject',
      rule: expected.rule,
      title: expected.title ?? 'Rejected',
    })
    if (decision.kind === 'reject') expect(decision.reason).toMatch(expected.reason ?? /./)
  })

  it('accepts a preimage’s type, any case and parameters of a listed type, and `*`', async () => {
    for (const contentType of ['application/vnd.cyclonedx+json', 'Text/Plain; charset=utf-8']) {
      expect(await decided({ contentType })).toMatchObject({ kind: 'accept' })
    }
    expect(await decided({ hash: 'SHA-512' })).toMatchObject({ kind: 'accept' })
    expect(
      await decided({ contentType: 'image/png', policy: { contentTypes: ['*'] } }),
    ).toMatchObject({ kind: 'accept' })
  })

  it('refuses with a reason that is safe to print', async () => {
    const decision = await decided({ contentType: 'evil/\u001b]0;title\u0007\u202e' })
    expect(decision).toMatchObject({ kind: 'reject', rule: 'content-type' })
    if (decision.kind === 'reject') expect(decision.reason).not.toMatch(/[\p{Cc}\p{Cf}]/u)
  })

  it('throws for what is no registrable statement: that is no decision', async () => {
    const bytes = await signStatement({
      payload: encodeUtf8('x'),
      issuer,
      subject: 's',
      contentType: 'text/plain',
      signer,
    })
    const statement = parseSignedStatement(bytes)
    const { subject: _, ...headers } = statement.headers
    await expect(
      decide({
        statement: { ...statement, headers },
        policy,
        anchors,
        registrationTime: 0,
        verifier: nodeSignatureVerifier,
      }),
    ).rejects.toMatchObject({ code: 'ERR_STATEMENT_HEADERS' })
  })

  it('is pure: asks for no time and gives the same answer again', async () => {
    const first = await decided({ at: 1 })
    expect(await decided({ at: 2 ** 40 })).toEqual(first)
  })
})

describe('decide with certificates', () => {
  const root = makeCa({ name: 'Root' })
  const ca = makeCa({ name: 'Issuing', ca: root, pathLength: 0 })
  const leaf = issueCertificate({ ca, notAfter: new Date('2026-07-01T00:00:00Z') })
  const by = signerFor(
    'ES256',
    leaf.privateKey,
    publicKeyFromSpki(parseCertificate(leaf.der).spki.spki),
  )
  const trusted: readonly TrustAnchor[] = [
    { kind: 'x509-root', certificate: parseCertificate(root.der), issuers: [issuer] },
  ]
  const base: Case = { by, x5chain: leaf.chain, anchors: trusted }

  it('stands for exactly the registration times at which the path is valid', async () => {
    const from = TEST_NOT_BEFORE.getTime() / 1000
    const until = Date.parse('2026-07-01T00:00:00Z') / 1000
    expect(await decided(base)).toMatchObject({
      kind: 'accept',
      standsFrom: from,
      standsUntil: until,
    })
    expect(TEST_NOT_AFTER.getTime() / 1000).toBeGreaterThan(until)
    for (const at of [from, until])
      expect(await decided({ ...base, at })).toMatchObject({ kind: 'accept' })
    for (const at of [from - 1, until + 1]) {
      expect(await decided({ ...base, at })).toMatchObject({
        kind: 'reject',
        rule: 'certificate-path',
      })
    }
  })

  it('refuses a chain to another root', async () => {
    const other = makeCa({ name: 'Root' })
    const anchor: TrustAnchor = {
      kind: 'x509-root',
      certificate: parseCertificate(other.der),
      issuers: ['*'],
    }
    expect(await decided({ ...base, anchors: [anchor] })).toMatchObject({
      rule: 'certificate-path',
    })
  })

  it('refuses a signature by another key than the leaf’s', async () => {
    expect(await decided({ ...base, by: testSigner() })).toMatchObject({ rule: 'signature' })
  })

  it('refuses a did:x509 issuer that the chain does not satisfy', async () => {
    const did = 'did:x509:0:sha256:WE4P5dd8DnLHSkyHaIjhp4udlkF9LqoKwCvu9gl38jk::eku:1.2.3'
    const anchor: TrustAnchor = { ...trusted[0]!, issuers: ['did:x509:*'] }
    expect(await decided({ ...base, issuer: did, anchors: [anchor] })).toMatchObject({
      rule: 'did-x509',
    })
  })
})

describe.skipIf(!hasVectors)('decide on real statements', () => {
  const microsoft: readonly TrustAnchor[] = hasVectors
    ? [rootOf('scitt/scitt-for-phi/signed-statement.scitt')]
    : []
  const any = { ...policy, algorithms: ['PS384'], contentTypes: ['*'] }
  const at = Date.parse('2025-06-19T22:05:39Z') / 1000

  it('admits a Microsoft production statement under its root, while its certificates are valid', async () => {
    const statement = parseSignedStatement(readVector('scitt/scitt-for-phi/signed-statement.scitt'))
    const options = { statement, policy: any, anchors: microsoft, verifier: nodeSignatureVerifier }
    const decision = await decide({ ...options, registrationTime: at })
    expect(decision).toMatchObject({
      kind: 'accept',
      standsFrom: Date.parse('2025-02-20T20:45:46Z') / 1000,
      standsUntil: Date.parse('2026-02-18T20:45:46Z') / 1000,
    })
    const late = await decide({ ...options, registrationTime: Date.parse('2026-11-24') / 1000 })
    expect(late).toMatchObject({ kind: 'reject', rule: 'certificate-path' })
    const unknown = await decide({ ...options, anchors, registrationTime: at })
    expect(unknown).toMatchObject({ kind: 'reject', rule: 'issuer-unknown' })
  })

  function rootOf(path: string): TrustAnchor {
    const chain = parseSignedStatement(readVector(path)).headers.x5chain ?? []
    const certificate = parseCertificate(chain.at(-1)!)
    expect(publicKeyFromSpki(certificate.spki.spki).kind).toBe('rsa')
    return { kind: 'x509-root', certificate, issuers: ['did:x509:*'] }
  }
})
