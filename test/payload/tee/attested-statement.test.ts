/** Statements signed by an attested key: the deployed profile unchanged, and every way that it fails. */
import { describe, expect, it } from 'vitest'
import { concatBytes, encodeUtf8 } from '../../../src/bytes/bytes.ts'
import type { CborValue } from '../../../src/cbor/decode.ts'
import { encodeHex } from '../../../src/bytes/hex.ts'
import { nodeVerifier } from '../../../src/keys/node-verifier.ts'
import { isAttestedStatement } from '../../../src/payload/tee/attested-header.ts'
import {
  verifyAttestedStatement,
  type AttestedRoots,
  type AttestedStatement,
} from '../../../src/payload/tee/attested-statement.ts'
import { DescriptionBuilder } from '../../../src/payload/description-builder.ts'
import type { Description } from '../../../src/payload/description.ts'
import { describeAttestedStatement } from '../../../src/payload/tee/describe-attested.ts'
import { parseSignedStatement } from '../../../src/statement/signed-statement.ts'
import { makeAmdPki, makeSnpReport } from '../../support/amd-evidence.ts'
import {
  keyReportData,
  makeAttestedStatement,
  makeAttestedWorld,
  makeEndorsement,
  MEASUREMENT,
  type AttestedOptions,
  type EndorsementOptions,
} from '../../support/attested-evidence.ts'
import { evidenceRejection } from '../../support/evidence-reason.ts'
import { issueCertificate, makeCa, TEST_NOW } from '../../support/test-pki.ts'
import { testSigner } from '../../support/test-signer.ts'
import { hasVectors, readVector } from '../../support/vectors.ts'

const world = makeAttestedWorld()
const signer = testSigner('ES384')
const other = testSigner('ES384')
const at = TEST_NOW
const verifier = nodeVerifier

function verify(
  bytes: Uint8Array,
  roots: AttestedRoots = world.roots,
  time = at,
): Promise<AttestedStatement> {
  const statement = parseSignedStatement(bytes)
  return verifyAttestedStatement({ statement, at: time, verifier, roots })
}

const make = (options: AttestedOptions = {}): Promise<Uint8Array> =>
  makeAttestedStatement(world, { signer, ...options })

describe('a statement by an attested key', () => {
  it('says who signed, where, and who endorsed the place', async () => {
    const bytes = await make({ svn: 3 })
    expect(isAttestedStatement(parseSignedStatement(bytes))).toBe(true)
    expect(await verify(bytes)).toMatchObject({
      issuer: 'did:attestedsvc:example-svc::account:profile',
      serviceId: 'example-svc',
      svn: 3,
      evidence: { debug: false, teeType: 'sev-snp' },
      endorsement: { feed: 'ContainerPlat-AMD-UVM', guestSvn: '101', issuer: world.did },
    })
  })

  it.each(['ES256', 'ES384', 'ES512', 'PS384'])('with a key for %s', async (algorithm) => {
    const own = testSigner(algorithm)
    expect((await verify(await make({ signer: own }))).key.spki).toEqual(own.publicKey.spki)
  })

  it('under the old name of the header, without a service id', async () => {
    await verify(await make({ headerName: 'msft-css-dev', without: ['svc_id'] }))
  })

  it('with an endorsement in its newer form', async () => {
    const endorsement = await makeEndorsement(world, { modern: true })
    expect((await verify(await make({ endorsement }))).endorsement.guestSvn).toBe('101')
  })

  it('the endorsement is judged at its own time, and that its signer has expired is found', async () => {
    const { findings, validFrom, validUntil } = await verify(await make())
    expect(findings.map(({ code }) => code)).toContain('endorser-certificate-expired')
    expect([validFrom <= at, validUntil >= at]).toEqual([true, true])
    const endorsement = await makeEndorsement(world, { signedAt: null })
    expect(await evidenceRejection(async () => verify(await make({ endorsement })))).toBe(
      'endorsement-path',
    )
  })

  it('certificates beside the attested key are not used', async () => {
    const stranger = issueCertificate({ name: 'stranger' })
    const { findings } = await verify(await make({ header: new Map([[33, stranger.der]]) }))
    expect(findings.map(({ code }) => code)).toContain('x5chain-not-used')
  })
})

describe('its description', () => {
  const describeBytes = (bytes: Uint8Array): Description => {
    const out = new DescriptionBuilder()
    describeAttestedStatement(parseSignedStatement(bytes), out)
    return out.build('opaque', '')
  }

  it('has the environment of the key, and the key', async () => {
    const { attributes, findings } = describeBytes(await make())
    expect(attributes).toEqual(
      expect.arrayContaining([
        { name: 'tee-type', value: 'sev-snp' },
        { name: 'measurement', value: `measurement:${encodeHex(MEASUREMENT)}` },
        { name: 'bound-key', value: encodeHex(keyReportData(signer).subarray(0, 32)) },
      ]),
    )
    expect(findings).toEqual([])
  })

  it('says when the header cannot be read, and nothing about other statements', async () => {
    const { findings } = describeBytes(await make({ without: ['cose_key'] }))
    expect(findings[0]?.code).toBe('attested-header-unreadable')
    const other = describeBytes(await make({ issuer: 'https://issuer.example' }))
    expect([other.attributes, other.findings]).toEqual([[], []])
  })
})

describe('refused', () => {
  const flipped = async (): Promise<Uint8Array> => {
    const bytes = (await make()).slice()
    bytes[bytes.length - 1]! ^= 1
    return bytes
  }

  it.each<[string, string, () => Promise<Uint8Array>]>([
    ['a broken signature', 'statement-signature', flipped],
    ['a signature by another key', 'statement-signature', () => make({ headerKey: other })],
    [
      'a report about another key',
      'statement-key',
      () => make({ report: makeSnpReport(world.vcek, { reportData: keyReportData(other) }) }),
    ],
    [
      'report data with more behind the digest',
      'statement-key',
      () => {
        const reportData = keyReportData(signer)
        reportData[63] = 1
        return make({ report: makeSnpReport(world.vcek, { reportData }) })
      },
    ],
    ['a kid of something else', 'key-id', () => make({ keyId: new Uint8Array(32) })],
    [
      'an issuer of another method',
      'statement-issuer',
      () => make({ issuer: 'did:web:a.example' }),
    ],
    [
      'an issuer without an account',
      'statement-issuer',
      () => make({ issuer: 'did:attestedsvc:example-svc' }),
    ],
    ['another service', 'statement-issuer', () => make({ issuer: 'did:attestedsvc:other::a:b' })],
    ['no attested header', 'malformed', () => make({ headerName: 'attested' })],
    [
      'two attested headers',
      'malformed',
      () => make({ header: new Map([['msft-css-dev', new Map()]]) }),
    ],
    ['a header that is no map', 'malformed', () => make({ header: new Map([['attestedsvc', 1]]) })],
    ['no report', 'malformed', () => make({ without: ['attestation'] })],
    ['no certificates', 'malformed', () => make({ without: ['snp_endorsements'] })],
    ['no endorsement', 'malformed', () => make({ without: ['uvm_endorsements'] })],
    ['no key', 'malformed', () => make({ without: ['cose_key'] })],
    ['another type', 'unsupported', () => make({ members: { attestation_type: 'TDX' } })],
    ['another version', 'unsupported', () => make({ members: { ver: 1 } })],
    [
      'garbage for certificates',
      'chain-malformed',
      () => make({ members: { snp_endorsements: encodeUtf8('x') } }),
    ],
    ['an svn that is no integer', 'malformed', () => make({ svn: 'three' })],
    ['a truncated report', 'truncated', () => make({ report: new Uint8Array(1183) })],
    [
      'crit that names more',
      'statement-signature',
      () =>
        make({
          header: new Map<CborValue, CborValue>([
            [2, ['attestedsvc', 'x']],
            ['x', 1],
          ]),
        }),
    ],
  ])('%s: %s', async (_, expected, build) => {
    const bytes = await build()
    expect(await evidenceRejection(() => verify(bytes))).toBe(expected)
  })

  it('AMD roots that are not pinned', async () => {
    const bytes = await make()
    const roots = { ...world.roots, amd: makeAmdPki().roots }
    expect(await evidenceRejection(() => verify(bytes, roots))).toBe('root')
    expect(await evidenceRejection(() => verify(bytes, { ...world.roots, amd: [] }))).toBe('root')
    expect(await evidenceRejection(() => verify(bytes, { endorsers: world.roots.endorsers }))).toBe(
      'root',
    )
  })
})

describe('refused endorsements', () => {
  const impostor = makeCa({ keyAlg: 'RSA-2048', name: 'Endorser Root' })
  const altered = async (): Promise<Uint8Array> => {
    const bytes = (await makeEndorsement(world)).slice()
    bytes[bytes.length - 1]! ^= 1
    return bytes
  }
  const endorse = (options: EndorsementOptions): (() => Promise<Uint8Array>) => {
    return () => makeEndorsement(world, options)
  }

  it.each<[string, string, () => Promise<Uint8Array>]>([
    ['a broken signature', 'endorsement-signature', altered],
    [
      'of another measurement',
      'endorsement-measurement',
      endorse({ measurement: new Uint8Array(48) }),
    ],
    ['from the future', 'endorsement-time', endorse({ signedAt: at + 1 })],
    ['signed after its signer expired', 'endorsement-path', endorse({ signedAt: at - 1 })],
    [
      'by another root of the same name',
      'endorsement-path',
      endorse({ chain: [world.endorser, impostor] }),
    ],
    ['by another key', 'endorsement-signature', endorse({ signWith: impostor })],
    ['for another purpose', 'endorsement-issuer', endorse({ did: `${world.did}.1` })],
    ['with a did that is none', 'endorsement-issuer', endorse({ did: 'did:x509:1' })],
    [
      'by an issuer that nobody pinned',
      'endorsement-issuer',
      endorse({ did: `did:x509:0:sha256:${'A'.repeat(43)}::eku:1.2` }),
    ],
    [
      'with a wrong x5t',
      'endorsement-path',
      endorse({ header: new Map([[34, [-16, new Uint8Array(32)]]]) }),
    ],
    ['without JSON', 'endorsement-malformed', endorse({ payload: encodeUtf8('no') })],
    ['without a measurement', 'endorsement-malformed', endorse({ payload: encodeUtf8('{}') })],
    [
      'with a short measurement',
      'endorsement-malformed',
      endorse({ measurement: MEASUREMENT.subarray(1) }),
    ],
    [
      'with trailing bytes',
      'endorsement-malformed',
      async () => concatBytes(await makeEndorsement(world), Uint8Array.of(0)),
    ],
    ['garbage', 'endorsement-malformed', () => Promise.resolve(Uint8Array.of(1, 2))],
    ['empty', 'endorsement-malformed', () => Promise.resolve(new Uint8Array(0))],
  ])('%s: %s', async (_, expected, build) => {
    const bytes = await make({ endorsement: await build() })
    expect(await evidenceRejection(() => verify(bytes))).toBe(expected)
  })
})

it('an endorser that was pinned all the same needs the certificates of its did', async () => {
  for (const did of [`${world.did}.1`, `did:x509:0:sha256:${'A'.repeat(43)}::eku:1.2`]) {
    const bytes = await make({ endorsement: await makeEndorsement(world, { did }) })
    const roots = { ...world.roots, endorsers: [{ did }] }
    expect(await evidenceRejection(() => verify(bytes, roots))).toBe('endorsement-path')
  }
  const did = 'did:x509:1'
  const bytes = await make({ endorsement: await makeEndorsement(world, { did }) })
  const roots = { ...world.roots, endorsers: [{ did }] }
  expect(await evidenceRejection(() => verify(bytes, roots))).toBe('endorsement-malformed')
})

describe.skipIf(!hasVectors)('deployed statements', () => {
  const did =
    'did:x509:0:sha256:I__iuL25oXEVFdTP_aBLx_eT1RPHbCQ_ECBQfYZpt9s::eku:1.3.6.1.4.1.311.76.59.1.2'
  const roots: AttestedRoots = { endorsers: [{ did, feed: 'ContainerPlat-AMD-UVM' }] }
  const file = (date: string): Uint8Array =>
    readVector(`scitt/scitt-ccf-ledger/css-attested-cosesign1-${date}.cose`)
  const clock = Date.parse('2026-01-01T00:00:00Z') / 1000

  it.each([
    ['20250617', 0],
    ['20250812', 1],
    ['20250925', undefined],
  ])('%s: every layer holds', async (date, svn) => {
    const facts = await verify(file(date), roots, clock)
    expect(facts).toMatchObject({
      serviceId: 'msft-css-dev',
      evidence: { debug: false, certificate: { product: 'Milan' } },
      endorsement: { guestSvn: '101', signedAt: Date.parse('2024-11-14T05:20:59Z') / 1000 },
    })
    expect(facts.svn).toBe(svn)
    expect(facts.findings.map(({ code }) => code)).toContain('endorser-certificate-expired')
  })

  it('before the endorsement expired there is nothing to find about it', async () => {
    const { findings } = await verify(file('20250617'), roots, Date.parse('2025-06-20') / 1000)
    expect(findings.map(({ code }) => code)).toEqual(['revocation-not-checked'])
  })

  it('not before the processor was certified, and not without the pinned endorser', async () => {
    const early = Date.parse('2025-01-01') / 1000
    expect(await evidenceRejection(() => verify(file('20250617'), roots, early))).toBe(
      'certificate-not-yet-valid',
    )
    for (const endorsers of [[], [{ did, feed: 'other' }], [{ did: `${did}.1` }]]) {
      expect(await evidenceRejection(() => verify(file('20250617'), { endorsers }, clock))).toBe(
        'endorsement-issuer',
      )
    }
  })
})
