/** Arm CCA tokens and the CoRIMs that endorse them: fakes for every refusal, and the real ones. */
import { describe, expect, it } from 'vitest'
import { concatBytes } from '../../../src/bytes/bytes.ts'
import type { CborMap, CborValue } from '../../../src/cbor/decode.ts'
import { CborTag } from '../../../src/cbor/decode.ts'
import { encodeCbor } from '../../../src/cbor/encode.ts'
import { publicKeyFromJwk } from '../../../src/cose/jwk.ts'
import { encodeCoseKey, type PublicKey } from '../../../src/cose/public-key.ts'
import { nodeVerifier } from '../../../src/keys/node-verifier.ts'
import { parseCorim } from '../../../src/payload/tee/corim.ts'
import { verifyCca, type CcaFacts } from '../../../src/payload/tee/verify-cca.ts'
import { CPAK, makeCcaToken, RAK, rawPoint, type CcaOptions } from '../../support/cca-evidence.ts'
import { evidenceRefusal, evidenceRejection } from '../../support/evidence-reason.ts'
import { testSigner } from '../../support/test-signer.ts'
import { hasVectors, readVector, readVectorJson } from '../../support/vectors.ts'

const verifier = nodeVerifier
const stranger = testSigner('ES384')

async function verify(
  options: CcaOptions = {},
  platformKeys: readonly PublicKey[] = [CPAK.publicKey],
): Promise<CcaFacts> {
  return verifyCca({ token: await makeCcaToken(options), platformKeys, verifier })
}
const reason = (options: CcaOptions, keys?: readonly PublicKey[]): Promise<string> =>
  evidenceRejection(() => verify(options, keys))

describe('a token that holds', () => {
  it('becomes facts', async () => {
    const facts = await verify()
    expect(facts).toMatchObject({ teeType: 'cca', debug: false, findings: [] })
    expect(facts.measurements.map(({ name }) => name)).toEqual([
      'rim',
      'rem0',
      'implementation-id',
      'component',
    ])
    expect(facts.reportData).toEqual(new Uint8Array(64).fill(9))
  })

  it.each<[string, CcaOptions]>([
    ['a raw point for the realm key', { realmKey: rawPoint(RAK) }],
    ['SHA-512 for the realm key', { hash: 'sha-512' }],
    ['the tag of newer drafts, and records', { tag: 907, records: true }],
    ['an ES256 platform', { platformSigner: testSigner('ES256') }],
  ])('with %s', async (_, options) => {
    expect(
      await reason(options, [stranger.publicKey, (options.platformSigner ?? CPAK).publicKey]),
    ).toBe('accepted')
  })

  it('of the last platform of those that a policy may list', async () => {
    const others = Array.from({ length: 63 }, () => stranger.publicKey)
    expect(await reason({}, [...others, CPAK.publicKey])).toBe('accepted')
  })

  it('of a platform that is not secured: in debug mode, with a finding', async () => {
    const { debug, findings } = await verify({ platform: new Map([[2395, 0x4000]]) })
    expect([debug, findings[0]?.code]).toEqual([true, 'cca-lifecycle'])
  })
})

describe('a token that does not hold', () => {
  const claim = (part: 'platform' | 'realm', label: number, value: CborValue): CcaOptions => ({
    [part]: new Map([[label, value]]) as CborMap,
  })

  it.each<[string, string, CcaOptions]>([
    ['a platform that nobody endorsed', 'platform-signature', { platformSigner: stranger }],
    [
      'a realm token by another key',
      'realm-signature',
      { realmSigner: stranger, realmKey: encodeCoseKey(RAK.publicKey) },
    ],
    ['another realm key than vouched for', 'realm-key-binding', { challenge: new Uint8Array(32) }],
    ['a challenge of another length', 'malformed', { challenge: new Uint8Array(31) }],
    ['another tag', 'malformed', { tag: 398 }],
    ['a realm key that is none', 'malformed', { realmKey: new Uint8Array(97).fill(4) }],
    ['no realm key', 'malformed', claim('realm', 44237, undefined)],
    ['three extensible measurements', 'malformed', claim('realm', 44239, [])],
    ['another hash for the key', 'unsupported', claim('realm', 44240, 'md5')],
    ['no lifecycle', 'malformed', claim('platform', 2395, undefined)],
    ['a lifecycle out of range', 'malformed', claim('platform', 2395, 65_536)],
    ['no components', 'malformed', claim('platform', 2399, undefined)],
    ['a component that is no map', 'malformed', claim('platform', 2399, [1])],
    ['no profile', 'malformed', claim('platform', 265, undefined)],
    ['a short instance id', 'malformed', claim('platform', 256, new Uint8Array(32))],
    ['a short personalisation', 'malformed', claim('realm', 44235, new Uint8Array(63))],
  ])('%s: %s', async (_, expected, options) => {
    expect(await reason(options)).toBe(expected)
  })

  it('without an endorsed key, cut short, or with more behind', async () => {
    expect(await reason({}, [])).toBe('attestation-key-missing')
    const bytes = await makeCcaToken()
    const check = (token: Uint8Array): Promise<string> =>
      evidenceRejection(() => verifyCca({ token, platformKeys: [CPAK.publicKey], verifier }))
    expect(await check(bytes.subarray(0, -1))).toBe('malformed')
    expect(await check(concatBytes(bytes, Uint8Array.of(0)))).toBe('malformed')
    expect(await check(new Uint8Array(0))).toBe('malformed')
  })
})

describe('a CoRIM', () => {
  const comid = (triples: CborValue): CborValue =>
    new CborTag(506, encodeCbor(new Map([[4, triples]])))
  const corim = (tags: CborValue, more: readonly [CborValue, CborValue][] = []): Uint8Array =>
    encodeCbor(new CborTag(501, new Map<CborValue, CborValue>([[0, 'id'], [1, tags], ...more]))) // prettier-ignore
  const environment = new Map<CborValue, CborValue>([[1, new CborTag(550, Uint8Array.of(1, 2))]])

  it('names keys and reference values', () => {
    const key = new CborTag(558, encodeCoseKey(CPAK.publicKey))
    const digest = [7, new Uint8Array(48)]
    const triples = new Map<CborValue, CborValue>([
      [0, [[environment, [new Map<CborValue, CborValue>([[0, 'kernel'], [1, new Map([[2, [digest]]])]])]]]], // prettier-ignore
      [1, [[environment, []]]],
      [3, [[environment, [key]]]],
    ])
    const parsed = parseCorim(corim([comid(triples)], [[4, new Map([[1, new CborTag(1, 5)]])]]))
    expect(parsed).toMatchObject({ notAfter: 5, otherTriples: 1 })
    expect(parsed.referenceValues).toEqual([
      {
        environment: { instance: '0102' },
        name: 'kernel',
        algorithm: 'sha384',
        value: '00'.repeat(48),
      },
    ])
    expect(parsed.attestationKeys[0]?.key.spki).toEqual(CPAK.publicKey.spki)
  })

  it.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array(0)],
    ['no tag', encodeCbor(new Map())],
    ['no tags inside', corim(1)],
    ['a CoMID without triples', corim([new CborTag(506, encodeCbor(new Map()))])],
    ['a key that is text', corim([comid(new Map([[3, [[environment, ['x']]]]]))])],
    [
      'a digest of another kind',
      corim([
        comid(
          new Map([
            [0, [[environment, [new Map([[1, new Map([[2, [[2, Uint8Array.of(1)]]]])]])]]]],
          ]),
        ),
      ]),
    ],
    ['a validity that is none', corim([], [[4, new Map([[1, 'soon']])]])],
    ['trailing bytes', concatBytes(corim([]), Uint8Array.of(0))],
  ])('with %s is malformed', (_, bytes) => {
    expect(evidenceRefusal(() => parseCorim(bytes))).toBe('malformed')
  })
})

describe.skipIf(!hasVectors)('real tokens', () => {
  const file = (path: string): Uint8Array => readVector(`tee/cca/${path}`)

  it("trustee's, with its CPAK", async () => {
    const cpak = publicKeyFromJwk(readVectorJson('tee/cca/trustee/cpak-pub.json'))
    const token = file('trustee/cca-example-token.cbor')
    const facts = await verifyCca({ token, platformKeys: [cpak], verifier })
    expect([facts.debug, facts.token.platform.lifecycle]).toEqual([false, 0x3003])
    expect(
      await evidenceRejection(() => verifyCca({ token, platformKeys: [CPAK.publicKey], verifier })),
    ).toBe('platform-signature')
  })

  it("Veraison's, with the key of its CoRIM, whose reference values are those of the token", async () => {
    const { attestationKeys, referenceValues } = parseCorim(file('veraison/cca-endorsements.cbor'))
    const platformKeys = attestationKeys.map(({ key }) => key)
    const token = file('veraison/cca-evidence.cbor')
    const facts = await verifyCca({ token, platformKeys, verifier })
    const measured = facts.measurements.map(({ value }) => value)
    expect(referenceValues.every(({ value }) => measured.includes(value))).toBe(true)
    const realm = parseCorim(file('veraison/cca-realm-endorsements.cbor'))
    const rim = realm.referenceValues.find(({ name }) => name === 'rim')
    expect(facts.measurements[0]).toEqual({ name: 'rim', value: rim?.value })
  })
})
