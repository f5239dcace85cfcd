/** Attestation results of other verifiers: EAR, cloud verdicts, and wrappers around messages. */
import { describe, expect, it } from 'vitest'
import { encodeBase64, encodeBase64url } from '../../../src/bytes/base64.ts'
import { concatBytes, encodeUtf8 } from '../../../src/bytes/bytes.ts'
import { sha256 } from '../../../src/bytes/digest.ts'
import { encodeHex } from '../../../src/bytes/hex.ts'
import type { CborMap, CborValue } from '../../../src/cbor/decode.ts'
import { encodeCbor, encodeHead } from '../../../src/cbor/encode.ts'
import { signSign1 } from '../../../src/cose/sign1.ts'
import { nodeVerifier } from '../../../src/keys/node-verifier.ts'
import { readCloudVerdict } from '../../../src/payload/tee/cloud-verdict.ts'
import { cmwRecords, parseCmw } from '../../../src/payload/tee/cmw.ts'
import { readEar } from '../../../src/payload/tee/ear.ts'
import { verifyToken, type VerifiedToken } from '../../../src/payload/tee/eat.ts'
import { parseVerifierKeys } from '../../../src/payload/tee/key-set.ts'
import { evidenceRefusal, evidenceRejection } from '../../support/evidence-reason.ts'
import {
  earClaims,
  makeCertificateSet,
  makeJwt,
  makeKeySet,
  TIMES,
  type JwtOptions,
} from '../../support/result-tokens.ts'
import { generateTestKeys, issueCertificate, makeCa, TEST_NOW } from '../../support/test-pki.ts'
import { testSigner } from '../../support/test-signer.ts'

const p256 = generateTestKeys('P-256')
const p384 = generateTestKeys('P-384')
const rsa = generateTestKeys('RSA-2048')
const at = TEST_NOW
const verifier = nodeVerifier
const keys = parseVerifierKeys(makeKeySet([p256.publicKey, p384.publicKey, rsa.publicKey]))

interface Attempt {
  readonly token?: Uint8Array
  readonly keySet?: Uint8Array
  readonly issuers?: readonly string[]
  readonly roots?: readonly string[]
  readonly at?: number
}

async function verify({ keySet, token, ...rest }: Attempt = {}): Promise<VerifiedToken> {
  return verifyToken({
    token: token ?? makeJwt(earClaims(), p256.privateKey),
    keys: keySet === undefined ? keys : parseVerifierKeys(keySet),
    at,
    verifier,
    ...rest,
  })
}
const reason = (attempt: Attempt): Promise<string> => evidenceRejection(() => verify(attempt))
const jwt = (options: JwtOptions, claims: object = earClaims()): Uint8Array =>
  makeJwt(claims, p256.privateKey, options)

describe('a JWT', () => {
  it.each([
    ['RS256', 'key-3', rsa],
    ['RS512', 'key-3', rsa],
    ['PS384', 'key-3', rsa],
    ['ES256', 'key-1', p256],
    ['ES384', 'key-2', p384],
  ])('%s verifies under its pinned key', async (alg, kid, own) => {
    const token = makeJwt(earClaims(), own.privateKey, { alg, kid })
    expect(await verify({ token })).toMatchObject({ encoding: 'jwt', kid, findings: [] })
  })

  it('without a kid finds its key among the pinned ones', async () => {
    const token = makeJwt(earClaims(), p384.privateKey, {
      alg: 'ES384',
      header: { kid: undefined },
    })
    expect((await verify({ token })).kid).toBe('key-2')
  })

  it('verifies under a set of certificates, as Azure publishes them', async () => {
    const certificate = issueCertificate({ keys: rsa, name: 'self' })
    const keySet = makeCertificateSet([certificate])
    const token = makeJwt(earClaims(), rsa.privateKey, { alg: 'RS256' })
    expect((await verify({ token, keySet })).kid).toBe('key-1')
  })

  it('with certificates of its own leads to a pinned root, as of its issue', async () => {
    const root = makeCa({ keyAlg: 'RSA-2048', name: 'Root' })
    const notAfter = new Date((at + 60) * 1000)
    const leaf = issueCertificate({ ca: root, keyAlg: 'RSA-2048', name: 'Leaf', notAfter })
    const x5c = [leaf, root].map(({ der }) => encodeBase64(der))
    const token = makeJwt(TIMES, leaf.privateKey, { alg: 'RS256', header: { x5c } })
    const roots = [encodeHex(sha256(root.der))]
    const { certificateSha256 } = await verify({ token, roots })
    expect(certificateSha256).toBe(encodeHex(sha256(leaf.der)))
    expect(await reason({ token, roots: [] })).toBe('root')
    expect(await reason({ token })).toBe('result-key')
    const forged = makeJwt(TIMES, rsa.privateKey, { alg: 'RS256', header: { x5c } })
    expect(await reason({ token: forged, roots })).toBe('result-signature')
    const garbage = makeJwt(TIMES, rsa.privateKey, { alg: 'RS256', header: { x5c: ['AA'] } })
    expect(await reason({ token: garbage, roots })).toBe('chain-malformed')
  })

  it('that has expired is a fact with a finding', async () => {
    const { findings, validFrom } = await verify({ at: TIMES.exp + 1 })
    expect([findings[0]?.code, validFrom]).toEqual(['result-expired', TIMES.exp + 1])
    expect((await verify()).validUntil).toBe(TIMES.exp)
  })

  const other = generateTestKeys('P-256').privateKey
  const good = jwt({})
  it.each<[string, string, Attempt]>([
    ['a signature by another key', 'result-signature', { token: makeJwt(earClaims(), other) }],
    [
      'a broken signature',
      'result-signature',
      { token: good.map((b, i) => (i === good.length - 20 ? (b === 65 ? 66 : 65) : b)) },
    ],
    ['a kid that nobody pinned', 'result-key', { token: jwt({ kid: 'key-9' }) }],
    ['an algorithm of another key', 'result-key', { token: jwt({ header: { kid: 'key-3' } }) }],
    [
      'a key for another algorithm',
      'result-key',
      { keySet: makeKeySet([p256.publicKey], { alg: 'ES384' }) },
    ],
    ['no algorithm', 'unsupported', { token: jwt({ header: { alg: 'none' } }) }],
    ['HMAC', 'unsupported', { token: jwt({ header: { alg: 'HS256' } }) }],
    ['crit', 'unsupported', { token: jwt({ header: { crit: ['exp'] } }) }],
    ['two parts', 'malformed', { token: encodeUtf8('e30.e30') }],
    ['four parts', 'malformed', { token: concatBytes(good, encodeUtf8('.e30')) }],
    [
      'claims that are no object',
      'malformed',
      { token: jwt({ encoded: encodeBase64url(encodeUtf8('[]')) }) },
    ],
    [
      'a claim twice',
      'malformed',
      { token: jwt({ encoded: encodeBase64url(encodeUtf8('{"iat":1,"iat":2}')) }) },
    ],
    ['a time that is text', 'malformed', { token: jwt({}, { exp: 'soon' }) }],
    ['an end before its begin', 'malformed', { token: jwt({}, { iat: at, exp: at - 1 }) }],
    ['nothing', 'malformed', { token: new Uint8Array(0) }],
    ['too much', 'malformed', { token: new Uint8Array(65_537).fill(65) }],
    ['from the future', 'result-not-yet-valid', { token: jwt({}, { iat: at + 301 }) }],
    ['another issuer', 'result-issuer', { issuers: ['https://verifier.example'] }],
    ['a set without keys', 'collateral-malformed', { keySet: encodeUtf8('{"keys":[]}') }],
    ['a set that is none', 'collateral-malformed', { keySet: encodeUtf8('no') }],
    ['a set of private keys', 'collateral-malformed', { keySet: makeKeySet([p256.privateKey]) }],
    [
      'a set for encryption',
      'collateral-malformed',
      { keySet: makeKeySet([p256.publicKey], { use: 'enc' }) },
    ],
  ])('%s: %s', async (_, expected, attempt) => {
    expect(await reason(attempt)).toBe(expected)
  })
})

describe('an EAR', () => {
  const read = async (changes: object = {}): Promise<ReturnType<typeof readEar>> =>
    readEar(await verify({ token: jwt({}, earClaims(changes)) }))

  it('says what a verifier concluded about each part', async () => {
    expect(await read()).toEqual({
      verifier: { developer: 'https://verifier.example', build: 'v1.2' },
      status: 'affirming',
      appraisals: [
        {
          label: 'cpu',
          status: 'affirming',
          vector: { 'instance-identity': 2, hardware: 2 },
          policyIds: ['policy:1'],
        },
      ],
    })
  })

  it('is as good as its worst part', async () => {
    const submods = { a: { ear_status: 2 }, b: { ear_status: 96, ear_appraisal_policy_id: 'p' } }
    const { status, appraisals } = await read({ submods })
    expect([status, appraisals[1]?.policyIds]).toEqual(['contraindicated', ['p']])
  })

  it('comes as a CWT, with numbers for names', async () => {
    const signer = testSigner('ES256')
    const part = new Map<CborValue, CborValue>([[1000, 32], [1001, new Map([[0, 2], [4, -1]])], [1003, ['p']]]) // prettier-ignore
    const claims: CborMap = new Map<CborValue, CborValue>([
      [6, at],
      [265, 'tag:github.com,2023:veraison/ear'],
      [266, new Map([['cpu', part]])],
      [1004, new Map([[0, 'dev'], [1, 'v1']])], // prettier-ignore
    ])
    const payload = encodeCbor(claims)
    const protectedHeader = new Map<CborValue, CborValue>([[4, encodeUtf8('key-1')]])
    const token = await signSign1({ protectedHeader, payload, signer })
    const pinned = [{ kid: 'key-1', key: signer.publicKey }]
    for (const bytes of [token, token.subarray(1), concatBytes(Uint8Array.of(0xd8, 61), token)]) {
      const verified = await verifyToken({ token: bytes, keys: pinned, at, verifier })
      expect(verified.encoding).toBe('cwt')
      expect(readEar(verified)).toMatchObject({
        status: 'warning',
        verifier: { developer: 'dev', build: 'v1' },
        appraisals: [{ label: 'cpu', vector: { 'instance-identity': 2, hardware: -1 } }],
      })
    }
    const check = (bytes: Uint8Array, own = pinned): Promise<string> =>
      evidenceRejection(() => verifyToken({ token: bytes, keys: own, at, verifier }))
    expect(await check(token.map((b, i) => (i === token.length - 1 ? b ^ 1 : b)))).toBe(
      'result-signature',
    )
    expect(await check(token, [{ kid: 'key-2', key: signer.publicKey }])).toBe('result-key')
    expect(await check(token.subarray(0, -1))).toBe('malformed')
  })

  it.each<[string, string, object]>([
    ['another profile', 'unsupported', { eat_profile: 'tag:example' }],
    ['no profile', 'unsupported', { eat_profile: undefined }],
    ['no verifier', 'malformed', { ear_verifier_id: undefined }],
    ['no parts', 'malformed', { submods: {} }],
    ['an unknown status', 'malformed', { submods: { a: { ear_status: 'fine' } } }],
    [
      'a claim out of range',
      'malformed',
      { submods: { a: { ear_status: 2, ear_trustworthiness_vector: { hardware: 200 } } } },
    ],
    ['no time of issue', 'malformed', { iat: undefined }],
  ])('with %s: %s', async (_, expected, changes) => {
    expect(await evidenceRejection(() => read(changes))).toBe(expected)
  })
})

describe("a cloud's verdict", () => {
  const read = async (claims: object): Promise<ReturnType<typeof readCloudVerdict>> =>
    readCloudVerdict(await verify({ token: jwt({}, { ...TIMES, ...claims }) }))

  it('of Azure about a confidential VM with SNP', async () => {
    const verdict = await read({
      iss: 'https://sharedeus.eus.attest.azure.net',
      'x-ms-attestation-type': 'azurevm',
      'x-ms-policy-hash': 'abc',
      'maa-attestationcollateral': { quotehash: '00' },
      'x-ms-isolation-tee': {
        'x-ms-attestation-type': 'sevsnpvm',
        'x-ms-sevsnpvm-is-debuggable': false,
        'x-ms-sevsnpvm-launchmeasurement': 'AB'.repeat(48),
        'x-ms-sevsnpvm-reportdata': '07'.repeat(64),
      },
    })
    expect(verdict).toMatchObject({
      service: 'azure',
      teeType: 'sev-snp',
      debug: false,
      measurements: [{ name: 'measurement', value: 'ab'.repeat(48) }],
      policyIds: ['abc'],
      collateral: { quotehash: '00' },
    })
    expect(verdict.reportData).toEqual(new Uint8Array(64).fill(7))
  })

  it('of Azure about TDX, with the debug status of EAT', async () => {
    const claims = {
      iss: 'https://a.b.attest.azure.net',
      attester_tcb_status: 'OutOfDate',
      'x-ms-attestation-type': 'tdxvm',
      tdx_mrtd: '01'.repeat(48),
    }
    expect(await read({ ...claims, dbgstat: 'disabled' })).toMatchObject({
      tcbStatus: 'OutOfDate',
      debug: true,
    })
    expect(await read({ ...claims, dbgstat: 'disabled-since-boot' })).toMatchObject({
      teeType: 'tdx',
      debug: false,
    })
  })

  it('of Intel, in both of its forms', async () => {
    const claims = {
      attester_type: 'TDX',
      attester_tcb_status: 'UpToDate',
      attester_tcb_date: '2024-03-13T00:00:00Z',
      attester_advisory_ids: ['INTEL-SA-00960'],
      tdx_mrtd: '01'.repeat(48),
      tdx_rtmr0: '02'.repeat(48),
      tdx_is_debuggable: true,
      policy_ids_matched: [{ id: 'p1', version: 'v1' }],
    }
    const { attester_type, tdx_mrtd, tdx_rtmr0, ...rest } = claims
    const { attester_tcb_status, attester_tcb_date, attester_advisory_ids } = rest
    const tdx = {
      attester_type,
      tdx_mrtd,
      tdx_rtmr0,
      tdx_is_debuggable: true,
      attester_tcb_status,
      attester_tcb_date,
      attester_advisory_ids,
    }
    for (const form of [claims, { policy_ids_matched: claims.policy_ids_matched, tdx }]) {
      expect(await read({ iss: 'https://portal.trustauthority.intel.com', ...form })).toMatchObject(
        {
          service: 'intel',
          teeType: 'tdx',
          tcbStatus: 'UpToDate',
          tcbDate: Date.parse('2024-03-13T00:00:00Z') / 1000,
          advisories: ['INTEL-SA-00960'],
          debug: true,
          policyIds: ['p1'],
          measurements: [{ name: 'mrtd' }, { name: 'rtmr0' }],
        },
      )
    }
  })

  it('of Google', async () => {
    const iss = 'https://confidentialcomputing.googleapis.com'
    const claims = { iss, hwmodel: 'GCP_INTEL_TDX', dbgstat: 'enabled', eat_nonce: ['a', 'b'] }
    expect(await read(claims)).toMatchObject({
      service: 'google',
      teeType: 'tdx',
      debug: true,
      nonces: ['a', 'b'],
    })
  })

  it('of anybody else is not one', async () => {
    for (const iss of [
      undefined,
      'https://attest.azure.net.example',
      'https://evil.example/attest.azure.net',
    ]) {
      expect(await evidenceRejection(() => read({ iss }))).toBe('unsupported')
    }
  })
})

describe('a conceptual message wrapper', () => {
  const value = Uint8Array.of(1, 2, 3)
  const json = (item: unknown): Uint8Array => encodeUtf8(JSON.stringify(item))

  it('is a record, in CBOR, as a tag, and in JSON', () => {
    const record = { kind: 'record', value, roles: ['endorsements', 'evidence'] }
    expect(parseCmw(encodeCbor(['application/eat+cwt', value, 6]))).toEqual({
      ...record,
      type: 'application/eat+cwt',
    })
    expect(parseCmw(json(['application/eat+jwt', 'AQID', 6]))).toEqual({
      ...record,
      type: 'application/eat+jwt',
    })
    expect(parseCmw(encodeCbor([263, value]))).toEqual({ ...record, type: 263, roles: [] })
    const tag = concatBytes(encodeHead(6, 1668546817 + 263), encodeCbor(value))
    expect(parseCmw(tag)).toEqual({ ...record, type: 263, roles: [] })
  })

  it('is a collection of them, with labels', () => {
    const inner = new Map<CborValue, CborValue>([['x', ['b', value]]])
    const cbor = new Map<CborValue, CborValue>([['__cmwc_t', 'tag:example'], [1, ['a', value]], ['n', inner]]) // prettier-ignore
    const parsed = parseCmw(encodeCbor(cbor))
    expect(parsed).toMatchObject({ kind: 'collection', type: 'tag:example' })
    expect(cmwRecords(parsed).map(({ path, record }) => [path, record.type])).toEqual([
      ['1', 'a'],
      ['n/x', 'b'],
    ])
    expect(cmwRecords(parseCmw(json({ '1': ['a', 'AQID'] })))).toHaveLength(1)
  })

  it.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array(0)],
    ['a number', encodeCbor(1)],
    ['an empty list', encodeCbor([])],
    ['a value that is text', encodeCbor(['a', 'b'])],
    ['four items', encodeCbor(['a', value, 1, 1])],
    ['a type that is bytes', encodeCbor([value, value])],
    ['an indicator of nothing', encodeCbor(['a', value, 0])],
    ['an indicator that is text', encodeCbor(['a', value, 'x'])],
    ['an empty collection', encodeCbor(new Map())],
    ['a collection of something else', encodeCbor(new Map([['a', 1]]))],
    ['a tag of no content format', concatBytes(encodeHead(6, 1668546816), encodeCbor(value))],
    ['base64 that is none', json(['a', '!'])],
    ['JSON cut short', encodeUtf8('["a"')],
    ['trailing bytes', concatBytes(encodeCbor(['a', value]), Uint8Array.of(0))],
  ])('with %s is malformed', (_, bytes) => {
    expect(evidenceRefusal(() => parseCmw(bytes))).toBe('malformed')
  })

  it('is not nested without end', () => {
    const nest = (depth: number): CborValue =>
      depth === 0 ? ['a', value] : new Map([['n', nest(depth - 1)]])
    expect(evidenceRefusal(() => parseCmw(encodeCbor(nest(4))))).toBe('accepted')
    expect(evidenceRefusal(() => parseCmw(encodeCbor(nest(5))))).toBe('malformed')
  })
})
