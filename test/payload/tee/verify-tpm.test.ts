/** TPM quotes and Azure's vTPM: fakes drive every refusal; the real evidence holds in all its spellings. */
import { describe, expect, it } from 'vitest'
import { concatBytes, encodeUtf8 } from '../../../src/bytes/bytes.ts'
import { sha256 } from '../../../src/bytes/digest.ts'
import { encodeHex } from '../../../src/bytes/hex.ts'
import { nodeVerifier } from '../../../src/keys/node-verifier.ts'
import { readCertificates } from '../../../src/payload/tee/certificate-chain.ts'
import type { EvidenceFacts } from '../../../src/payload/tee/evidence.ts'
import { parseHclReport } from '../../../src/payload/tee/hcl-report.ts'
import { parseQuote } from '../../../src/payload/tee/quote.ts'
import { verifyAzureVtpm } from '../../../src/payload/tee/verify-azure-vtpm.ts'
import {
  verifyTpmQuote,
  type TpmFacts,
  type VerifyTpmRequest,
} from '../../../src/payload/tee/verify-tpm.ts'
import { parseVtpmEvidence } from '../../../src/payload/tee/vtpm-evidence.ts'
import { parseCertificate } from '../../../src/x509/certificate.ts'
import { makeAmdPki, makeSnpKey, makeSnpReport } from '../../support/amd-evidence.ts'
import { evidenceRefusal, evidenceRejection } from '../../support/evidence-reason.ts'
import { issueCertificate, makeCa, TEST_NOW } from '../../support/test-pki.ts'
import {
  attestationKeys,
  BANKS,
  makeHclReport,
  makeQuote,
  PCR_VALUES,
  runtimeJson,
  signQuote,
  type QuoteParts,
  type SignatureForm,
} from '../../support/tpm-evidence.ts'
import { hasVectors, readVector } from '../../support/vectors.ts'

const rsa = attestationKeys('RSA-2048')
const p256 = attestationKeys('P-256')
const p384 = attestationKeys('P-384')
const at = TEST_NOW
const verifier = nodeVerifier
const registered = (...keys: readonly (typeof rsa)[]): VerifyTpmRequest['trust'] => ({
  kind: 'registered',
  keys: keys.map(({ key }) => key),
})

interface Attempt extends Partial<VerifyTpmRequest> {
  readonly parts?: QuoteParts
}

function verify({ parts = {}, ...attempt }: Attempt = {}): Promise<TpmFacts> {
  const quote = attempt.quote ?? makeQuote(parts)
  const signature = attempt.signature ?? signQuote(quote, rsa, 'rsassa')
  return verifyTpmQuote({
    trust: registered(rsa),
    pcrs: BANKS,
    at,
    verifier,
    ...attempt,
    quote,
    signature,
  })
}
const reason = (attempt: Attempt): Promise<string> => evidenceRejection(() => verify(attempt))

describe('a quote that holds', () => {
  it('becomes facts', async () => {
    const facts = await verify()
    expect(facts).toMatchObject({ teeType: 'tpm', debug: false, findings: [] })
    expect(facts.reportData).toEqual(encodeUtf8('challenge'))
    expect(facts.measurements.slice(1)).toEqual(
      Array.from({ length: 10 }, (_, i) => ({
        name: `pcr${i}`,
        value: encodeHex(new Uint8Array(32).fill(i + 1)),
      })),
    )
  })

  it('without values says no more than their digest', async () => {
    const quote = makeQuote()
    const signature = signQuote(quote, rsa, 'rsassa')
    const facts = await verifyTpmQuote({ quote, signature, trust: registered(rsa), at, verifier })
    expect(facts.measurements.map(({ name }) => name)).toEqual(['pcr-digest'])
  })

  it('is of some registers only', async () => {
    const facts = await verify({ parts: { select: [0x83] } })
    expect(facts.measurements.map(({ name }) => name)).toEqual([
      'pcr-digest',
      'pcr0',
      'pcr1',
      'pcr7',
    ])
  })

  it.each<[SignatureForm, typeof rsa]>([
    ['rsassa', rsa],
    ['rsapss', rsa],
    ['rsapss-max', rsa],
    ['plain', rsa],
    ['ecdsa', p256],
    ['der', p256],
    ['ecdsa', p384],
  ])('is signed in the form %s', async (form, keys) => {
    const quote = makeQuote()
    const trust = registered(p256, rsa, p384)
    const facts = await verify({ quote, signature: signQuote(quote, keys, form), trust })
    expect(facts.attestationKey.spki).toEqual(keys.key.spki)
  })

  it('is by a key whose certificate leads to a pinned root', async () => {
    const root = makeCa({ keyAlg: 'P-384', name: 'TPM Root' })
    const ak = issueCertificate({ ca: root, keys: rsa, name: 'AK' })
    const [leaf, issuer] = [ak, root].map(({ der }) => parseCertificate(der))
    const roots = [encodeHex(sha256(root.der))]
    const trust = { kind: 'certificate', leaf: leaf!, certificates: [issuer!], roots } as const
    const facts = await verify({ trust })
    expect(facts.platformCertificateSha256).toBe(encodeHex(sha256(ak.der)))
    expect(await reason({ trust: { ...trust, roots: [] } })).toBe('root')
    expect(await reason({ trust: { ...trust, certificates: [] } })).toBe('chain-missing')
    expect(await reason({ trust, at: at + 10 ** 9 })).toBe('certificate-expired')
  })
})

describe('a quote that does not hold', () => {
  const quote = makeQuote()
  const signature = signQuote(quote, rsa, 'rsassa')
  const flip = (bytes: Uint8Array, index: number): Uint8Array =>
    bytes.map((byte, i) => (i === index ? byte ^ 1 : byte))
  const pcrs = { 'SHA-256': new Map(PCR_VALUES).set(3, new Uint8Array(32)) }
  const fewer = { 'SHA-256': new Map([...PCR_VALUES].slice(1)) }

  it.each<[string, string, Attempt]>([
    ['a broken signature', 'quote-signature', { quote, signature: flip(signature, 40) }],
    ['an altered quote', 'quote-signature', { quote: flip(quote, 50), signature }],
    [
      'a key that nobody registered',
      'quote-signature',
      { quote, signature, trust: registered(attestationKeys('RSA-2048')) },
    ],
    ['no key at all', 'attestation-key-missing', { trust: registered() }],
    ['a wrong register', 'pcr-digest', { pcrs }],
    ['a missing register', 'pcr-digest', { pcrs: fewer }],
    ['registers of another bank', 'pcr-digest', { pcrs: { 'SHA-384': PCR_VALUES } }],
    ['another magic', 'malformed', { parts: { magic: 1 } }],
    ['another structure', 'unsupported', { parts: { type: 0x8017 } }],
    ['another bank', 'unsupported', { parts: { bank: 0x12 } }],
    ['extra data too long', 'malformed', { parts: { extraData: new Uint8Array(65) } }],
    ['trailing bytes', 'malformed', { parts: { tail: Uint8Array.of(0) } }],
    ['a digest of another length', 'quote-signature', { parts: { pcrDigest: new Uint8Array(20) } }],
    ['one byte less', 'truncated', { quote: quote.subarray(0, -1), signature }],
    ['nothing', 'truncated', { quote: new Uint8Array(0), signature }],
    [
      'a signature of SHA-1',
      'unsupported',
      { quote, signature: Uint8Array.of(0, 0x14, 0, 4, 0, 0) },
    ],
    [
      'a signature of another kind',
      'unsupported',
      { quote, signature: signQuote(quote, p256, 'ecdsa') },
    ],
    ['a truncated signature', 'truncated', { quote, signature: signature.subarray(0, -1) }],
    [
      'a signature with more behind',
      'malformed',
      { quote, signature: concatBytes(signature, signature) },
    ],
  ])('%s: %s', async (_, expected, attempt) => {
    expect(await reason(attempt)).toBe(expected)
  })

  it('only as many registered keys are tried as a policy lists', async () => {
    const many = Array.from({ length: 64 }, () => p256)
    const ecdsa = signQuote(quote, p384, 'ecdsa')
    const last = registered(...many.slice(1), p384)
    expect(await reason({ quote, signature: ecdsa, trust: last })).toBe('accepted')
    expect(await reason({ quote, signature: ecdsa, trust: registered(...many, p384) })).toBe(
      'quote-signature',
    )
    const { keys } = registered(...many, p384) as { keys: readonly (typeof rsa.key)[] }
    const named = { kind: 'registered', keys, claimed: p384.key } as const
    expect(await reason({ quote, signature: ecdsa, trust: named })).toBe('accepted')
    const unknown = { ...named, claimed: rsa.key }
    expect(await reason({ trust: unknown })).toBe('attestation-key-missing')
  })
})

describe("Azure's vTPM", () => {
  const amd = makeAmdPki()
  const vcek = makeSnpKey(amd)
  const json = runtimeJson(rsa.key)
  const reportData = concatBytes(sha256(json), new Uint8Array(32))
  const snp = makeSnpReport(vcek, { reportData })
  const quote = makeQuote()
  const base = {
    quote,
    signature: signQuote(quote, rsa, 'plain'),
    pcrs: BANKS,
    certificates: [vcek, amd.ask, amd.ark].map(({ der }) => parseCertificate(der)),
    roots: amd.roots,
    at,
    verifier,
  }
  const attempt = (hclReport: Uint8Array, changes: object = {}): Promise<string> =>
    evidenceRejection(() => verifyAzureVtpm({ ...base, hclReport, ...changes }))

  it('is vouched for by the SNP report', async () => {
    const facts = await verifyAzureVtpm({ ...base, hclReport: makeHclReport(snp, json) })
    expect([facts.teeType, facts.platform.teeType, facts.debug]).toEqual(['tpm', 'sev-snp', false])
    const debug = makeSnpReport(vcek, { reportData, debug: true })
    const other = await verifyAzureVtpm({ ...base, hclReport: makeHclReport(debug, json) })
    expect(other.debug).toBe(true)
  })

  const tdReport = new Uint8Array(1024)
  tdReport.set(reportData, 128)
  const td = (data: Uint8Array): EvidenceFacts => ({
    teeType: 'tdx',
    measurements: [],
    debug: false,
    reportData: data,
    validFrom: 0,
    validUntil: 2 ** 40,
    findings: [],
  })

  it('is vouched for by a verified TD quote', async () => {
    const hclReport = makeHclReport(tdReport, json, { type: 4 })
    expect(await attempt(hclReport, { tdQuoteFacts: td(reportData) })).toBe('accepted')
    expect(await attempt(hclReport)).toBe('attestation-key-missing')
    const foreign = td(new Uint8Array(64))
    expect(await attempt(hclReport, { tdQuoteFacts: foreign })).toBe('attestation-key-binding')
    const empty = makeHclReport(new Uint8Array(1024), json, { type: 4 })
    expect(await attempt(empty, { tdQuoteFacts: td(reportData) })).toBe('attestation-key-binding')
  })

  it.each<[string, string, Uint8Array]>([
    ['JSON with another key', 'attestation-key-binding', makeHclReport(snp, runtimeJson(p256.key))],
    [
      'a report that is not signed',
      'report-signature',
      makeHclReport(
        snp.map((b, i) => (i === 0x91 ? b ^ 1 : b)),
        json,
      ),
    ],
    [
      'a report that the guest under the paravisor asked for',
      'attestation-key-binding',
      makeHclReport(makeSnpReport(vcek, { reportData, alter: (bytes) => (bytes[0x30] = 2) }), json),
    ],
    ['another signature in the header', 'malformed', makeHclReport(snp, json, { signature: 1 })],
    ['another type', 'unsupported', makeHclReport(snp, json, { type: 3 })],
    ['another hash', 'unsupported', makeHclReport(snp, json, { hash: 9 })],
    ['a cut JSON', 'malformed', makeHclReport(snp, json.subarray(0, -1))],
    ['no key of that name', 'malformed', makeHclReport(snp, runtimeJson(rsa.key, 'HCLEkPub'))],
    ['data too long', 'malformed', makeHclReport(snp, new Uint8Array(32 * 1024 + 1))],
    ['a cut report', 'truncated', makeHclReport(snp, json).subarray(0, 1300)],
  ])('%s: %s', async (_, expected, hclReport) => {
    expect(await attempt(hclReport)).toBe(expected)
  })
})

describe('evidence in JSON', () => {
  const quote = { message: 'ff', signature: 'ff', pcrs: ['00'.repeat(32)] }
  it.each<[string, unknown]>([
    ['no quote', {}],
    ['no registers', { quote: { ...quote, pcrs: [] } }],
    ['registers of two lengths', { quote: { ...quote, pcrs: ['00'.repeat(32), '00'] } }],
    ['a quote that is a number', { quote: { ...quote, message: 1 } }],
    ['numbers that are no bytes', { quote: { ...quote, message: [256] } }],
    ['a list', []],
  ])('%s is malformed', (_, value) => {
    const bytes = encodeUtf8(JSON.stringify(value))
    expect(evidenceRefusal(() => parseVtpmEvidence(bytes))).toBe('malformed')
  })
})

describe.skipIf(!hasVectors)('real evidence', () => {
  const clock = Date.parse('2026-01-01T00:00:00Z') / 1000
  const file = (path: string): Uint8Array => readVector(`tee/tpm/${path}`)
  const milan = hasVectors ? readCertificates(readVector('tee/amd/roots/ask_ark_milan.pem')) : []

  it.each([['v0'], ['v1'], ['v2']])('Azure SNP, form %s', async (form) => {
    const evidence = parseVtpmEvidence(file(`az-snp-vtpm/evidence-${form}.json`))
    const facts = await verifyAzureVtpm({
      ...evidence,
      hclReport: evidence.hclReport!,
      certificates: [...evidence.certificates, ...milan],
      at: clock,
      verifier,
    })
    expect([facts.debug, facts.platform.teeType]).toEqual([false, 'sev-snp'])
    expect(facts.reportData).toHaveLength(form === 'v2' ? 48 : 9)
  })

  it.each([['v0'], ['v1']])(
    'Azure TDX, form %s: the TD quote is about the same JSON',
    async (form) => {
      const evidence = parseVtpmEvidence(file(`az-tdx-vtpm/evidence-${form}.json`))
      const quote = parseQuote(evidence.tdQuote!)
      const tdQuoteFacts: EvidenceFacts = {
        teeType: 'tdx',
        measurements: [],
        debug: false,
        reportData: quote.report.reportData,
        validFrom: 0,
        validUntil: 2 ** 40,
        findings: [],
      }
      const facts = await verifyAzureVtpm({
        ...evidence,
        hclReport: evidence.hclReport!,
        tdQuoteFacts,
        at: clock,
        verifier,
      })
      expect(facts.measurements.map(({ name }) => name)).toContain('pcr4')
    },
  )

  it('a loose quote with the HCL report of its machine, and one with that of another', async () => {
    const wrap = (quote: Uint8Array): Uint8Array =>
      concatBytes(encodeUtf8('{"tpm_quote":'), quote, encodeUtf8('}'))
    const check = (quote: string, report: string): Promise<string> => {
      const evidence = parseVtpmEvidence(wrap(file(quote)))
      const certificates = readCertificates(file('az-snp-vtpm/vcek.pem'))
      const hclReport = file(report)
      return evidenceRejection(() =>
        verifyAzureVtpm({ ...evidence, hclReport, certificates, at: clock, verifier }),
      )
    }
    const report = 'az-snp-vtpm/hcl-report.bin'
    expect(await check('az-snp-vtpm/tpm-quote-v1.json', report)).toBe('accepted')
    expect(await check('az-tdx-vtpm/tpm-quote-v1.json', report)).toBe('quote-signature')
    expect(parseHclReport(file('az-tdx-vtpm/hcl-report.bin')).kind).toBe('tdx')
  })

  it('a bare TPM: holds only when its key is registered', async () => {
    const evidence = parseVtpmEvidence(file('tpm_evidence.json'))
    const check = (keys: VerifyTpmRequest['trust']): Promise<string> =>
      evidenceRejection(() => verifyTpmQuote({ ...evidence, trust: keys, at: clock, verifier }))
    expect(await check({ kind: 'registered', keys: [evidence.claimedKey!] })).toBe('accepted')
    expect(await check({ kind: 'registered', keys: [] })).toBe('attestation-key-missing')
    expect(await check(registered(rsa))).toBe('quote-signature')
  })
})
