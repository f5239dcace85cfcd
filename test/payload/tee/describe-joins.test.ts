/** What descriptions say so that look-ups can join: evidence, provenance, verdicts and reference values. */
import { describe, expect, it } from 'vitest'
import { encodeBase64url } from '../../../src/bytes/base64.ts'
import { encodeUtf8 } from '../../../src/bytes/bytes.ts'
import { sha256 } from '../../../src/bytes/digest.ts'
import { encodeHex } from '../../../src/bytes/hex.ts'
import { CborTag } from '../../../src/cbor/decode.ts'
import type { CborValue } from '../../../src/cbor/decode.ts'
import { encodeCbor } from '../../../src/cbor/encode.ts'
import { signSign1 } from '../../../src/cose/sign1.ts'
import { publicKeyFromSpki } from '../../../src/cose/public-key.ts'
import { keyThumbprint } from '../../../src/cose/thumbprint.ts'
import { describeStatement } from '../../../src/payload/describe-statement.ts'
import type { AttributeName, Description } from '../../../src/payload/description.ts'
import { REFERENCE_ATTRIBUTE } from '../../../src/payload/tee/reference-values.ts'
import { TDX_QUOTE_MEDIA_TYPE } from '../../../src/payload/tee/tdx-quote.ts'
import { signStatement } from '../../../src/statement/sign-statement.ts'
import type { SignStatementRequest } from '../../../src/statement/sign-statement.ts'
import { parseSignedStatement } from '../../../src/statement/signed-statement.ts'
import { parseCertificate } from '../../../src/x509/certificate.ts'
import { hexOf, provenanceOf, summaryOf } from '../../support/in-toto-samples.ts'
import { makeDcap } from '../../support/intel-pki.ts'
import { earClaims, makeJwt } from '../../support/result-tokens.ts'
import { generateTestKeys, issueCertificate, makeCa } from '../../support/test-pki.ts'
import { testSigner } from '../../support/test-signer.ts'

const IN_TOTO = 'application/vnd.in-toto+json'
const artifact = { name: 'app', digest: { sha256: hexOf('app') } }
const { privateKey } = generateTestKeys('P-256')

async function described(
  payload: Uint8Array,
  contentType = IN_TOTO,
  more: Partial<SignStatementRequest> = {},
  preimage?: Uint8Array,
): Promise<Description> {
  const request = { payload, contentType, issuer: 'https://a', subject: 'b', signer: testSigner() }
  const statement = parseSignedStatement(await signStatement({ ...request, ...more }))
  return describeStatement({ statement, ...(preimage === undefined ? {} : { preimage }) })
}
const valuesOf = ({ attributes }: Description, wanted: AttributeName): string[] =>
  attributes.filter(({ name }) => name === wanted).map(({ value }) => value)
const evidenceOf = ({ digests }: Description): string[] =>
  digests.filter(({ role }) => role === 'evidence').map(({ value }) => value)

describe('a provenance', () => {
  const payload = provenanceOf([artifact], [])
  const digest = encodeHex(sha256(payload))

  it('says what was signed, also where only its digest was', async () => {
    expect(valuesOf(await described(payload), 'payload-sha256')).toEqual([digest])
    const hash = { hash: 'SHA-384' } as const
    const read = await described(payload, IN_TOTO, hash, payload)
    expect(valuesOf(read, 'payload-sha256')).toEqual([digest])
    expect(valuesOf(await described(payload, IN_TOTO, hash), 'payload-sha256')).toEqual([])
    // Others are not built anywhere.
    expect(valuesOf(await described(summaryOf([artifact])), 'payload-sha256')).toEqual([])
  })

  it("says a certificate's key by its thumbprint, and nothing of what is no certificate", async () => {
    const leaf = issueCertificate({ ca: makeCa() })
    const key = publicKeyFromSpki(parseCertificate(leaf.der).spki.spki)
    const certified = await described(payload, IN_TOTO, { x5chain: [leaf.der] })
    expect(valuesOf(certified, 'signer-key')).toEqual([encodeHex(keyThumbprint(key))])
    const broken = await described(payload, IN_TOTO, { x5chain: [Uint8Array.of(0x30, 0)] })
    expect(valuesOf(broken, 'signer-key')).toEqual([])
    expect(broken.kind).toBe('provenance')
    expect(valuesOf(await described(payload), 'signer-key')).toEqual([])
  })
})

describe('evidence and verdicts', () => {
  it('evidence says its report data, unless that is empty', async () => {
    const quote = (reportData: Uint8Array): Promise<Description> =>
      described(makeDcap({ tee: 'tdx', reportData }).quote, TDX_QUOTE_MEDIA_TYPE)
    const reportData = new Uint8Array(64).fill(7)
    expect(valuesOf(await quote(reportData), 'report-data')).toEqual([encodeHex(reportData)])
    expect(valuesOf(await quote(new Uint8Array(64)), 'report-data')).toEqual([])
  })

  it('a verdict names the evidence that it is about', async () => {
    const raw = Uint8Array.of(1, 2, 3)
    const ear = earClaims({ ear_raw_evidence: encodeBase64url(raw) })
    const type = 'application/eat+jwt'
    expect(evidenceOf(await described(makeJwt(ear, privateKey), type))).toContain(
      encodeHex(sha256(raw)),
    )
    const maa = {
      iss: 'https://shared.neu.attest.azure.net',
      'x-ms-attestation-type': 'sgx',
      'x-ms-sgx-report-data': 'AB'.repeat(64),
      'maa-attestationcollateral': { quotehash: 'CD'.repeat(32), tcbinfohash: 'short' },
    }
    const verdict = await described(makeJwt(maa, privateKey), type)
    expect(evidenceOf(verdict)).toContain('cd'.repeat(32))
    expect(valuesOf(verdict, 'report-data')).toEqual(['ab'.repeat(64)])
  })

  it('an EAR with raw evidence that is no base64 is refused, not passed over', async () => {
    const broken = makeJwt(earClaims({ ear_raw_evidence: '!' }), privateKey)
    expect(await described(broken, 'application/eat+jwt')).toMatchObject({
      ...{ kind: 'opaque', findings: [{ code: 'malformed' }] },
    })
  })
})

describe('reference values', () => {
  const scai = (attributes: readonly object[]): Uint8Array =>
    encodeUtf8(
      JSON.stringify({
        ...{ _type: 'https://in-toto.io/Statement/v1', subject: [artifact] },
        predicateType: 'https://in-toto.io/attestation/scai/v0.3',
        predicate: { attributes },
      }),
    )
  const reference = (measurements: unknown): object => ({
    ...{ attribute: REFERENCE_ATTRIBUTE, conditions: { measurements } },
  })

  it('in a SCAI report are a kind of their own, in lower-case hex', async () => {
    const found = await described(scai([reference({ mrtd: 'AA01', rtmr0: ['bb', 'cc'] })]))
    expect(found).toMatchObject({ kind: 'reference-values', findings: [] })
    expect(valuesOf(found, 'measurement')).toEqual(['mrtd:aa01', 'rtmr0:bb', 'rtmr0:cc'])
    expect(await described(scai([{ attribute: 'IsHermeticBuild' }]))).toMatchObject({
      ...{ kind: 'scai', findings: [{ code: 'without-evidence' }] },
    })
  })

  it.each([
    ['no object', 7],
    ['nothing', {}],
    ['a number', { mrtd: 7 }],
    ['half a byte', { mrtd: ['aa', 'a'] }],
  ])('that are %s say so', async (_what, measurements) => {
    const { findings } = await described(scai([reference(measurements)]))
    expect(findings).toMatchObject([
      { code: 'no-reference-values', pointer: '/predicate/attributes/0' },
    ])
  })

  it('in a signed manifest are read as in an unsigned one', async () => {
    const digests = [[7, new Uint8Array(48).fill(0xaa)]]
    const measurement = new Map<CborValue, CborValue>([[0, 'image'], [1, new Map([[2, digests]])]]) // prettier-ignore
    const triples = new Map([[0, [[new Map<CborValue, CborValue>(), [measurement]]]]])
    const comid = new CborTag(506, encodeCbor(new Map<CborValue, CborValue>([[4, triples]]))) // prettier-ignore
    const corim = encodeCbor(new CborTag(501, new Map<CborValue, CborValue>([[1, [comid]]])))
    const signed = await signSign1({ protectedHeader: new Map(), payload: corim, signer: testSigner() }) // prettier-ignore
    for (const [type, bytes] of [
      ['rim+cbor', corim],
      ['rim+cose', signed],
    ] as const) {
      // prettier-ignore
      const found = await described(bytes, `application/${type}`)
      expect(found.kind).toBe('reference-values')
      expect(valuesOf(found, 'measurement')).toEqual([`image:${'aa'.repeat(48)}`])
    }
    expect(await described(Uint8Array.of(0xa0), 'application/rim+cose')).toMatchObject({
      ...{ kind: 'opaque', findings: [{ code: 'malformed' }] },
    })
  })
})
