/** SEV-SNP: a fake AMD drives every refusal; real reports hold at the clocks of their README. */
import { describe, expect, it } from 'vitest'
import { concatBytes, encodeUtf8 } from '../../../src/bytes/bytes.ts'
import { encodeHex } from '../../../src/bytes/hex.ts'
import { encodeCbor } from '../../../src/cbor/encode.ts'
import { nodeVerifier } from '../../../src/keys/node-verifier.ts'
import { readCertificates } from '../../../src/payload/tee/certificate-chain.ts'
import { parseSnpCertificateTable } from '../../../src/payload/tee/snp-certificate-table.ts'
import { parseTsmReport } from '../../../src/payload/tee/tsm-report.ts'
import { verifySnp, verifySnpUnit, type SnpFacts } from '../../../src/payload/tee/verify-snp.ts'
import { parseCertificate } from '../../../src/x509/certificate.ts'
import {
  CHIP_ID,
  makeAmdPki,
  makeCertificateTable,
  makeSnpKey,
  makeSnpReport,
  MILAN_TCB,
  signSnpReport,
  TURIN_TCB,
  type SnpKeyOptions,
  type SnpReportOptions,
} from '../../support/amd-evidence.ts'
import { evidenceRefusal, evidenceRejection } from '../../support/evidence-reason.ts'
import { makeRevocationList } from '../../support/test-crl.ts'
import { TEST_NOW, type TestCertificate } from '../../support/test-pki.ts'
import { hasVectors, readVector } from '../../support/vectors.ts'

const amd = makeAmdPki()
const otherAmd = makeAmdPki()
const vcek = makeSnpKey(amd)
const at = TEST_NOW
const verifier = nodeVerifier

interface Attempt {
  readonly key?: TestCertificate
  readonly report?: Uint8Array
  readonly certificates?: readonly TestCertificate[]
  readonly crls?: readonly Uint8Array[]
  readonly roots?: readonly string[]
  readonly at?: number
}

function verify(attempt: Attempt = {}): Promise<SnpFacts> {
  const key = attempt.key ?? vcek
  const pool = attempt.certificates ?? [amd.ark, amd.asvk, amd.ask, key]
  return verifySnp({
    report: attempt.report ?? makeSnpReport(key),
    certificates: pool.map(({ der }) => parseCertificate(der)),
    ...(attempt.crls === undefined ? {} : { crls: attempt.crls }),
    roots: attempt.roots ?? amd.roots,
    at: attempt.at ?? at,
    verifier,
  })
}

const reason = (attempt: Attempt): Promise<string> => evidenceRejection(() => verify(attempt))

/** A key and a report that differ from a good pair as the options say. */
function pair(key: SnpKeyOptions, report: SnpReportOptions = {}): Attempt {
  const certificate = makeSnpKey(amd, key)
  return { key: certificate, report: makeSnpReport(certificate, report) }
}

describe('a report that holds', () => {
  it('becomes facts', async () => {
    const reportData = new Uint8Array(64).fill(7)
    const hostData = new Uint8Array(32).fill(8)
    const report = makeSnpReport(vcek, { reportData, hostData, debug: true })
    const facts = await verify({ report })
    expect(facts).toMatchObject({
      teeType: 'sev-snp',
      debug: true,
      measurements: [
        { name: 'measurement', value: '4d'.repeat(48) },
        { name: 'host-data', value: '08'.repeat(32) },
      ],
      tcb: { status: 'NotEvaluated', svns: { 'reported-tcb': '03000873' } },
      findings: [{ code: 'revocation-not-checked' }],
    })
    expect(facts.reportData).toEqual(reportData)
  })

  it('is signed by a VLEK', async () => {
    const vlek = makeSnpKey(amd, { kind: 'vlek' })
    const facts = await verify({ key: vlek, report: makeSnpReport(vlek, { signerInfo: 4 }) })
    expect(facts.certificate).toMatchObject({ kind: 'vlek', cspId: 'example-cloud' })
  })

  it('is of Turin, where the FMC stands in front and a chip id has 8 bytes', async () => {
    const chipId = concatBytes(CHIP_ID.subarray(0, 8), new Uint8Array(56))
    const turin = pair(
      { product: 'Turin-B0', structVersion: 1 },
      { version: 5, reportedTcb: TURIN_TCB, chipId, cpuid: [0x1a, 2] },
    )
    const facts = await verify(turin)
    expect(facts.certificate.tcb.fmc).toBe(9)
    expect(facts.tcb?.svns).toMatchObject({ 'reported-tcb': '0903000873' })
  })

  it('is of Genoa and of version 2, which does not name the processor', async () => {
    expect(await reason(pair({ product: 'Genoa' }, { cpuid: [0x19, 0x11] }))).toBe('accepted')
    expect(await reason(pair({ product: 'Genoa' }, { version: 2 }))).toBe('accepted')
  })

  it('may leave its chip unnamed', async () => {
    const { findings } = await verify(pair({}, { chipId: new Uint8Array(64) }))
    expect(findings.map(({ code }) => code)).toContain('chip-id-masked')
  })

  it('holds while its certificates and lists do', async () => {
    const list = makeRevocationList({ ca: amd.ark, signature: 'pss' })
    const { validFrom, validUntil, findings } = await verify({ crls: [list] })
    expect([validFrom <= at, at <= validUntil]).toEqual([true, true])
    expect(findings).toEqual([
      { code: 'revocation-not-checked', message: 'no revocation list for 1 of 2 certificates' },
    ])
  })

  it('takes the certificate that was issued for its TCB, of several', async () => {
    const older = makeSnpKey(amd, { tcb: [0, 1, 0, 1, 1] })
    expect(await reason({ certificates: [older, vcek, amd.ask, amd.ark] })).toBe('accepted')
  })
})

describe('a report that does not hold', () => {
  const report = makeSnpReport(vcek)
  const altered = (change: (bytes: Uint8Array) => void): Uint8Array => {
    const bytes = report.slice()
    change(bytes)
    return bytes
  }

  it.each<[string, string, Attempt]>([
    ['a flipped bit', 'report-signature', { report: altered((b) => (b[0x91]! ^= 1)) }],
    [
      'a flipped bit of the signature',
      'report-signature',
      { report: altered((b) => (b[0x2a1]! ^= 1)) },
    ],
    ['a signature over 384 bits', 'malformed', { report: altered((b) => (b[0x2a0 + 60] = 1)) }],
    ['one byte less', 'truncated', { report: report.subarray(0, -1) }],
    ['one byte more', 'malformed', { report: concatBytes(report, Uint8Array.of(0)) }],
    ['version 1', 'unsupported', { report: altered((b) => (b[0] = 1)) }],
    ['version 6', 'unsupported', { report: altered((b) => (b[0] = 6)) }],
    ['another algorithm', 'unsupported', { report: altered((b) => (b[0x34] = 2)) }],
    ['another signing key', 'unsupported', { report: altered((b) => (b[0x48] = 8)) }],
    ['no signing key', 'report-unsigned', { report: altered((b) => (b[0x48] = 28)) }],
    ['a masked chip key', 'report-unsigned', { report: altered((b) => (b[0x48] = 2)) }],
    ['a wrong root', 'root', { roots: otherAmd.roots }],
    [
      'another AMD under the same names',
      'certificate-path',
      { certificates: [makeSnpKey(otherAmd), amd.ask, amd.ark] },
    ],
    [
      'a key that signs for a provider',
      'signing-key',
      { report: makeSnpReport(vcek, { signerInfo: 4 }) },
    ],
    ['before its certificates', 'certificate-not-yet-valid', { at: at - 365 * 86_400 }],
    ['after its certificates', 'certificate-expired', { at: at + 365 * 86_400 }],
    ['another TCB', 'tcb-mismatch', pair({}, { reportedTcb: [3, 0, 0, 0, 0, 0, 8, 114] })],
    ['another chip', 'chip-id-mismatch', pair({ hardwareId: new Uint8Array(64).fill(1) })],
    ['a key of another generation', 'product-mismatch', pair({}, { cpuid: [0x1a, 1] })],
    ['a key for Genoa', 'product-mismatch', pair({ product: 'Genoa' })],
    ['no product', 'certificate-role', pair({ without: ['2'] })],
    ['no chip', 'certificate-role', pair({ without: ['4'] })],
    ['no TCB', 'certificate-role', pair({ without: ['3.8'] })],
    ['a later form of certificate', 'unsupported', pair({ structVersion: 2 })],
    [
      'a key on P-256',
      'certificate-role',
      { certificates: [makeSnpKey(amd, { curve: 'P-256' }), amd.ask, amd.ark] },
    ],
  ])('%s: %s', async (_, expected, attempt) => {
    expect(await reason(attempt)).toBe(expected)
  })

  it('of Turin with another FMC', async () => {
    const chipId = concatBytes(CHIP_ID.subarray(0, 8), new Uint8Array(56))
    const other = [8, ...TURIN_TCB.slice(1)]
    const turin = { product: 'Turin', structVersion: 1 } as const
    const attempt = pair(turin, { reportedTcb: other, chipId, cpuid: [0x1a, 2] })
    expect(await reason(attempt)).toBe('tcb-mismatch')
    const longer = { reportedTcb: TURIN_TCB, cpuid: [0x1a, 2] } as const
    expect(await reason(pair(turin, longer))).toBe('chip-id-mismatch')
  })
})

describe('certificates that are not there', () => {
  const vlek = makeSnpKey(amd, { kind: 'vlek' })
  const provider = { report: makeSnpReport(vlek, { signerInfo: 4 }) }

  it.each<[string, RegExp, Attempt]>([
    ['the VCEK', /no VCEK certificate.*AMD/, { certificates: [amd.ask, amd.ark] }],
    ['the ASK', /"SEV-Milan" is missing.*AMD/, { certificates: [vcek, amd.ark] }],
    ['the ASK beside an ASVK', /"SEV-Milan"/, { certificates: [vcek, amd.asvk, amd.ark] }],
    ['the ARK', /"ARK-Milan" is missing.*AMD/, { certificates: [vcek, amd.ask] }],
    ['ASK and ARK', /"SEV-Milan"/, { certificates: [vcek] }],
    ['the VLEK', /no VLEK certificate.*provider/, { ...provider, certificates: [amd.asvk] }],
    ['the ASVK', /"SEV-VLEK-Milan"/, { ...provider, certificates: [vlek, amd.ask, amd.ark] }],
    ['the ARK of a VLEK', /"ARK-Milan"/, { ...provider, certificates: [vlek, amd.asvk] }],
  ])('%s', async (_, message, attempt) => {
    expect(await reason(attempt)).toBe('chain-missing')
    await expect(verify(attempt)).rejects.toThrow(message)
  })

  it.each<[string, string, TestCertificate[]]>([
    ['the ASK', 'certificate-path', [vcek, otherAmd.ask, amd.ark]],
    ['the ARK', 'root', [vcek, amd.ask, otherAmd.ark]],
  ])('are not those that are wrong: %s', async (_, expected, certificates) => {
    expect(await reason({ certificates })).toBe(expected)
  })
})

describe('revocation lists', () => {
  const list = (options: Partial<Parameters<typeof makeRevocationList>[0]> = {}): Uint8Array =>
    makeRevocationList({ ca: amd.ark, signature: 'pss', ...options })
  const day = 86_400_000
  const now = at * 1000
  const broken = list()
  broken[broken.length - 1]! ^= 1

  it.each<[string, string, readonly Uint8Array[]]>([
    ['the ASK is revoked', 'certificate-revoked', [list({ revoked: [amd.ask] })]],
    ['garbage', 'crl-malformed', [Uint8Array.of(1, 2, 3)]],
    ['empty', 'crl-malformed', [new Uint8Array(0)]],
    ['a broken signature', 'crl-signature', [broken]],
    ['of another AMD', 'crl-signature', [list({ ca: otherAmd.ark })]],
    ['expired', 'crl-expired', [list({ nextUpdate: new Date(now - day) })]],
    ['not yet valid', 'crl-not-yet-valid', [list({ thisUpdate: new Date(now + day) })]],
    ['of nobody in the path', 'crl-issuer', [list({ ca: amd.asvk })]],
  ])('%s: %s', async (_, expected, crls) => {
    expect(await reason({ crls })).toBe(expected)
  })
})

describe('what configfs-tsm gives', () => {
  const table = makeCertificateTable([
    ['other', Uint8Array.of(1, 2, 3)],
    ['vcek', vcek.der],
    ['ask', encodeUtf8(amd.ask.certificatePem)],
    ['ark', amd.ark.der],
  ])

  it('is verified with its own certificates', async () => {
    const unit = { provider: 'sev_guest', outblob: makeSnpReport(vcek), auxblob: table }
    for (const bytes of [
      encodeCbor(new Map(Object.entries(unit))),
      encodeUtf8(
        JSON.stringify({
          provider: unit.provider,
          outblob: Buffer.from(unit.outblob).toString('base64'),
          auxblob: Buffer.from(table).toString('base64url'),
        }),
      ),
    ]) {
      const { provider, outblob, auxblob } = parseTsmReport(bytes)
      expect(provider).toBe('sev_guest')
      const request = { report: outblob, certificateTable: auxblob!, collateral: {} }
      await verifySnpUnit({ ...request, roots: amd.roots, at, verifier })
    }
  })

  it('is verified with certificates of the collateral', async () => {
    const collateral = { certificates: [vcek, amd.ask, amd.ark].map(({ der }) => der) }
    const request = { report: makeSnpReport(vcek), collateral, roots: amd.roots, at, verifier }
    expect(await evidenceRejection(() => verifySnpUnit(request))).toBe('accepted')
    expect(await evidenceRejection(() => verifySnpUnit({ ...request, collateral: {} }))).toBe(
      'chain-missing',
    )
  })

  it('has GUIDs in either byte order', () => {
    const swapped = makeCertificateTable([['vcek', vcek.der]], true)
    expect(parseSnpCertificateTable(swapped).certificates).toHaveLength(1)
  })

  it.each<[string, string, Uint8Array]>([
    ['no end', 'truncated', table.subarray(0, 24)],
    ['a cut row', 'truncated', table.subarray(0, 40)],
    ['a certificate behind the end', 'truncated', table.subarray(0, -1)],
    ['nothing', 'truncated', new Uint8Array(0)],
    ['no certificate', 'chain-malformed', makeCertificateTable([['vcek', Uint8Array.of(1)]])],
  ])('a table with %s: %s', (_, expected, bytes) => {
    expect(evidenceRefusal(() => parseSnpCertificateTable(bytes))).toBe(expected)
  })

  it.each<[string, Uint8Array]>([
    ['no map', encodeCbor(['sev_guest'])],
    ['no provider', encodeCbor(new Map([['outblob', Uint8Array.of(1)]]))],
    ['other JSON', encodeUtf8('null')],
    ['a blob that is no text', encodeUtf8('{"provider":"sev_guest","outblob":1}')],
    ['nothing', new Uint8Array(0)],
  ])('a unit of %s is malformed', (_, bytes) => {
    expect(evidenceRefusal(() => parseTsmReport(bytes))).toBe('malformed')
  })
})

describe.skipIf(!hasVectors)('real reports', () => {
  const clock = Date.parse('2026-01-01T00:00:00Z') / 1000
  const file = (path: string): Uint8Array => readVector(`tee/amd/${path}`)
  const check = (report: string, key: string, chain: string, time = clock): Promise<SnpFacts> => {
    const certificates = [file(key), file(`roots/ask_ark_${chain}.pem`)].flatMap(readCertificates)
    return verifySnp({ report: file(report), certificates, at: time, verifier })
  }

  it('go-sev-guest: holds, and its debug bit is set', async () => {
    const facts = await check('go-sev-guest/attestation.bin', 'go-sev-guest/vcek.der', 'milan')
    expect(facts.debug).toBe(true)
    expect(encodeHex(facts.reportData)).toBe(`0102030405${'00'.repeat(59)}`)
    expect(facts.certificate.product).toBe('Milan')
  })

  it('trustee: holds, not in debug mode', async () => {
    const facts = await check('trustee/test-report.bin', 'trustee/test-vcek.der', 'milan')
    expect(facts.debug).toBe(false)
    expect(facts.tcb?.svns['reported-tcb']).toBe('03000873')
  })

  it("trustee's report does not hold with the other key, nor a Milan key against Genoa", async () => {
    const report = 'trustee/test-report.bin'
    expect(await evidenceRejection(() => check(report, 'go-sev-guest/vcek.der', 'milan'))).toBe(
      'report-signature',
    )
    expect(await evidenceRejection(() => check(report, 'trustee/test-vcek.der', 'genoa'))).toBe(
      'chain-missing',
    )
    const early = Date.parse('2022-01-01') / 1000
    expect(
      await evidenceRejection(() => check(report, 'trustee/test-vcek.der', 'milan', early)),
    ).toBe('certificate-not-yet-valid')
  })

  it('the pinned roots are those of the files', () => {
    for (const name of ['milan', 'genoa', 'turin_vcek']) {
      const [, ark] = readCertificates(file(`roots/ask_ark_${name}.pem`))
      expect(ark!.isCa).toBe(true)
    }
  })
})

it('the fake report is laid out as a real one', () => {
  expect(signSnpReport(makeSnpReport(vcek, { reportedTcb: MILAN_TCB }), vcek)).toHaveLength(1184)
})
