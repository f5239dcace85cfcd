/**
 * Services in attested environments as issuers: their deployed statements, unchanged, through a registry
 * and its audit and index, and verified offline; what the anchor does not take is refused with its reason.
 */
import { afterEach, describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { encodeHex } from '../../src/bytes/hex.ts'
import type { CborValue } from '../../src/cbor/decode.ts'
import { nodeVerifier } from '../../src/keys/node-verifier.ts'
import type { AttestedService } from '../../src/statement/attested-service.ts'
import { encodeTrustAnchor } from '../../src/statement/trust-anchor.ts'
import { anchorFromFile } from '../../src/statement/anchor-file.ts'
import type { TrustAnchor } from '../../src/statement/trust-anchor.ts'
import type { TrustPolicy } from '../../src/verify/trust-policy.ts'
import { verifyTransparentStatement } from '../../src/verify/verify-transparent-statement.ts'
import type { VerificationOutcome } from '../../src/verify/verify-transparent-statement.ts'
import { makeSnpReport } from '../support/amd-evidence.ts'
import {
  keyReportData,
  makeAttestedStatement,
  makeAttestedWorld,
  MEASUREMENT,
  type AttestedOptions,
} from '../support/attested-evidence.ts'
import { EvidenceRegistry } from '../support/evidence-registry.ts'
import { LOG_ISSUER, LOG_ORIGIN } from '../support/test-registry.ts'
import { TEST_NOW } from '../support/test-pki.ts'
import { testSigner } from '../support/test-signer.ts'
import { hasVectors, readVector } from '../support/vectors.ts'

const world = makeAttestedWorld()
const signer = testSigner('ES384')
const endorser = { did: world.did, feed: 'ContainerPlat-AMD-UVM' }
const ENTRY_ID = /^[0-9a-f]{64}$/

let registry: EvidenceRegistry
afterEach(() => registry.close())

function anchorOf(
  changes: Partial<AttestedService> = {},
  scope: Partial<TrustAnchor> = {},
): TrustAnchor {
  const pins = { endorsers: [endorser], amdRoots: world.amd.roots, hostData: 'any' } as const
  const service = { ...pins, ...changes }
  const anchor = { kind: 'attested-service', service } as const
  return { ...anchor, issuers: ['did:attestedsvc:example-svc::*'], ...scope } as TrustAnchor
}
async function open(...anchors: readonly TrustAnchor[]): Promise<void> {
  registry = await EvidenceRegistry.create(undefined, { anchors, startTime: TEST_NOW })
}
const register = async (options: AttestedOptions = {}): Promise<string> =>
  registry.register(await makeAttestedStatement(world, { signer, ...options }))

/** A relying party's view of an entry, by its own anchors. */
async function verdictOf(
  entryId: string,
  issuers: readonly TrustAnchor[],
  at: number,
): Promise<VerificationOutcome> {
  const { service } = registry
  const keys = [{ ...service.serviceSigner.publicKey, algorithm: service.serviceSigner.algorithm }]
  const log = { issuer: LOG_ISSUER, origin: LOG_ORIGIN, keys }
  const trust: TrustPolicy = {
    version: 1,
    logs: [{ ...log, profile: 'attestry', leafRule: 'entry' }],
    issuers,
  }
  const read = await service.registry.readTransparentStatement(entryId)
  if (read.status !== 'registered') throw new Error(read.status)
  const { transparentStatement } = read
  return verifyTransparentStatement({ transparentStatement, trust, at, verifier: nodeVerifier })
}

describe('an attested service', () => {
  it('registers, is audited, indexed by its environment, and verified offline', async () => {
    await open(anchorOf())
    const entryId = await register({ svn: 3 })
    expect(entryId).toMatch(ENTRY_ID)
    await registry.journal()
    const { attributes, findings } = (await registry.records())[2]!.description
    expect(attributes).toEqual(
      expect.arrayContaining([
        { name: 'tee-type', value: 'sev-snp' },
        { name: 'measurement', value: `measurement:${encodeHex(MEASUREMENT)}` },
        { name: 'binding', value: 'key' },
        { name: 'bound-key', value: encodeHex(keyReportData(signer).subarray(0, 32)) },
      ]),
    )
    expect(findings).toEqual([])
    expect((await registry.audit()).counts.entries).toBe(4)
    // Years later, when certificates have expired: judged at the time of its Receipt.
    const outcome = await verdictOf(entryId, [anchorOf()], TEST_NOW + 20 * 365 * 86_400)
    expect(outcome.kind).toBe('verified')
    const stricter = anchorOf({ measurements: ['00'.repeat(48)] })
    expect(await verdictOf(entryId, [stricter], TEST_NOW)).toMatchObject({
      kind: 'not-verified',
      error: { reason: 'environment' },
    })
    expect(await verdictOf(entryId, [], TEST_NOW)).toMatchObject({
      kind: 'cannot-tell',
      missing: 'issuer-anchor',
    })
    const key = { kind: 'cose-key', key: signer.publicKey, issuers: ['*'] } as const
    expect(await verdictOf(entryId, [key], TEST_NOW)).toMatchObject({
      kind: 'not-verified',
      error: { code: 'ERR_COSE_CRIT' },
    })
  })

  it('needs no subject, which its profile leaves open', async () => {
    await open(anchorOf())
    const claims = new Map<CborValue, CborValue>([[1, 'did:attestedsvc:example-svc::a:b']])
    expect(await register({ header: new Map([[15, claims]]) })).toMatch(ENTRY_ID)
    await registry.journal()
    expect((await registry.audit()).counts.entries).toBe(4)
  })

  it.each<[string, () => Promise<void>, AttestedOptions, RegExp]>([
    [
      'an endorser that nobody pinned',
      () => open(anchorOf({ endorsers: [{ did: 'did:x509:0:sha256:x::eku:1.2' }] })),
      {},
      /tee-evidence: .*endorsement-issuer/,
    ],
    [
      'an image that is too old',
      () => open(anchorOf({ endorsers: [{ ...endorser, minSvn: 102 }] })),
      {},
      /endorsement-svn/,
    ],
    [
      'AMD roots that are not its own',
      () => open(anchorOf({ amdRoots: ['00'.repeat(32)] })),
      {},
      /root: /,
    ],
    [
      'a measurement that is not listed',
      () => open(anchorOf({ measurements: ['00'.repeat(48)] })),
      {},
      /environment: /,
    ],
    [
      'host data that is not listed',
      () => open(anchorOf({ hostData: ['11'.repeat(32)] })),
      {},
      /environment: /,
    ],
    [
      'an environment in debug',
      () => open(anchorOf()),
      { report: makeSnpReport(world.vcek, { reportData: keyReportData(signer), debug: true }) },
      /debug: /,
    ],
    [
      'a report about another key',
      () => open(anchorOf()),
      { report: makeSnpReport(world.vcek) },
      /statement-key: /,
    ],
    [
      'a subject outside of the anchor',
      () => open(anchorOf({}, { subjects: ['other'] })),
      {},
      /anchor-subject: /,
    ],
  ])('is refused with %s', async (_, prepare, options, expected) => {
    await prepare()
    expect(await register(options)).toMatch(expected)
  })

  it('takes the first anchor by which everything holds', async () => {
    await open(
      anchorOf({ endorsers: [{ ...endorser, minSvn: 200 }] }),
      anchorOf({ endorsers: [{ ...endorser, minSvn: 101 }] }),
    )
    expect(await register()).toMatch(ENTRY_ID)
  })

  it('is unknown to other anchors: nobody understands its critical header', async () => {
    const key = { kind: 'cose-key', key: signer.publicKey, issuers: ['*'] } as const
    await open(key, anchorOf({}, { issuers: ['did:attestedsvc:other::*'] }))
    await expect(register()).rejects.toMatchObject({ code: 'ERR_COSE_CRIT' })
  })

  it('without crit its header says nothing: its key has to be known', async () => {
    const key = { kind: 'cose-key', key: signer.publicKey, issuers: ['*'] } as const
    await open(anchorOf())
    const plain = { header: new Map<CborValue, CborValue>([[2, undefined]]) }
    expect(await register(plain)).toMatch(/^issuer-unknown: /)
    await registry.close()
    await open(key)
    expect(await register(plain)).toMatch(ENTRY_ID)
    const { attributes, findings } = (await registry.records())[2]!.description
    expect(attributes.map(({ name }) => name)).not.toContain('binding')
    expect(findings.map(({ code }) => code)).toContain('evidence-not-verified')
  })
})

describe('its anchor', () => {
  it('comes from a JSON file as it is written', async () => {
    await open()
    const anchor = anchorOf({ measurements: [encodeHex(MEASUREMENT)], hostData: ['00'.repeat(32)] })
    const json = encodeUtf8(JSON.stringify(encodeTrustAnchor(anchor), null, 2))
    expect(anchorFromFile(json, ['*'])).toEqual(anchor)
    expect(() => anchorFromFile(json, ['did:attestedsvc:*'])).toThrow('give no pattern')
  })

  it.each<[string, Record<string, unknown>]>([
    ['without endorsers', { endorsers: undefined }],
    ['with no endorser', { endorsers: [] }],
    ['with an endorser that is no did:x509', { endorsers: [{ did: 'did:web:x' }] }],
    ['with a member of another name', { endorsers: [{ did: 'did:x509:0', svn: 1 }] }],
    ['with a bound that is no number', { endorsers: [{ did: 'did:x509:0', minSvn: '1' }] }],
    ['with a root of another form', { amdRoots: ['00'.repeat(32)] }],
    ['with a short measurement', { measurements: ['00'] }],
    ['without host data', { hostData: undefined }],
    ['with host data in capitals', { hostData: ['AA'.repeat(32)] }],
    ['with a key', { coseKey: 'x' }],
  ])('is refused %s', async (_, change) => {
    await open()
    const json = encodeUtf8(JSON.stringify({ ...encodeTrustAnchor(anchorOf()), ...change }))
    expect(() => anchorFromFile(json, ['*'])).toThrow(
      expect.objectContaining({ code: 'ERR_TRUST_CONFIGURATION' }) as Error,
    )
  })
})

describe.skipIf(!hasVectors)("Microsoft's statements", () => {
  const did =
    'did:x509:0:sha256:I__iuL25oXEVFdTP_aBLx_eT1RPHbCQ_ECBQfYZpt9s::eku:1.3.6.1.4.1.311.76.59.1.2'
  const microsoft: TrustAnchor = {
    kind: 'attested-service',
    service: {
      endorsers: [{ did, feed: 'ContainerPlat-AMD-UVM', minSvn: 100 }],
      hostData: 'any',
    },
    issuers: ['did:attestedsvc:msft-css-dev::*'],
  }
  it.each([
    ['css-attested-cosesign1-20250617', '2025-06-19T00:00:00Z'],
    ['css-attested-cosesign1-20250812', '2025-08-13T00:00:00Z'],
    ['css-attested-cosesign1-20250925', '2025-09-26T00:00:00Z'],
  ])('%s registers at its time, and is audited and verified', async (name, time) => {
    const at = Date.parse(time) / 1000
    registry = await EvidenceRegistry.create(undefined, { anchors: [microsoft], startTime: at })
    const bytes = readVector(`scitt/scitt-ccf-ledger/${name}.cose`)
    const entryId = await registry.register(bytes)
    expect(entryId).toMatch(ENTRY_ID)
    await registry.journal()
    const { attributes } = (await registry.records())[2]!.description
    expect(attributes).toContainEqual({ name: 'tee-type', value: 'sev-snp' })
    expect((await registry.audit()).counts.entries).toBe(4)
    expect((await verdictOf(entryId, [microsoft], at)).kind).toBe('verified')
    const altered = bytes.slice()
    altered[altered.length - 1]! ^= 1
    expect(await registry.register(altered)).toMatch(/statement-signature: /)
  })
})

if (!hasVectors) console.warn("skipped: Microsoft's statements need shared/vectors")
