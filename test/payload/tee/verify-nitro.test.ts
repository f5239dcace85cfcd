/** Nitro documents: a fake AWS drives every refusal; the real document holds at its own time. */
import { describe, expect, it } from 'vitest'
import { concatBytes } from '../../../src/bytes/bytes.ts'
import type { CborValue } from '../../../src/cbor/decode.ts'
import { nodeVerifier } from '../../../src/keys/node-verifier.ts'
import { CLOCK_SKEW_SECONDS } from '../../../src/payload/tee/evidence.ts'
import { verifyNitro, type NitroFacts } from '../../../src/payload/tee/verify-nitro.ts'
import {
  makeNitroDocument,
  makeNitroPki,
  PCRS,
  type NitroOptions,
} from '../../support/nitro-evidence.ts'
import { evidenceRejection } from '../../support/evidence-reason.ts'
import { makeRevocationList } from '../../support/test-crl.ts'
import { TEST_NOW } from '../../support/test-pki.ts'
import { hasVectors, readVector } from '../../support/vectors.ts'

const aws = makeNitroPki()
const otherAws = makeNitroPki()
const at = TEST_NOW + 60
const verifier = nodeVerifier

interface Attempt {
  readonly document?: Uint8Array
  readonly roots?: readonly string[]
  readonly crls?: readonly Uint8Array[]
  readonly at?: number
}

async function verify(attempt: Attempt = {}): Promise<NitroFacts> {
  return verifyNitro({
    document: attempt.document ?? (await makeNitroDocument(aws)),
    roots: attempt.roots ?? aws.roots,
    ...(attempt.crls === undefined ? {} : { crls: attempt.crls }),
    at: attempt.at ?? at,
    verifier,
  })
}

const codes = ({ findings }: NitroFacts): string[] => findings.map(({ code }) => code)

describe('a document that holds', () => {
  it('becomes facts', async () => {
    const facts = await verify()
    expect(facts).toMatchObject({ teeType: 'nitro', debug: false, evidenceTime: TEST_NOW })
    expect(facts.measurements.map(({ name }) => name)).toEqual(['pcr0', 'pcr1', 'pcr2'])
    expect(facts.reportData).toEqual(new Uint8Array(32).fill(5))
    expect(facts.document.nonce).toEqual(new Uint8Array(32).fill(6))
    expect(facts.document.publicKey).toBeUndefined()
    expect(codes(facts)).toEqual(['revocation-not-checked'])
  })

  it('is tagged, or written with indefinite lengths', async () => {
    await verify({ document: await makeNitroDocument(aws, { tagged: true }) })
    await verify({ document: await makeNitroDocument(aws, { indefinite: true }) })
  })

  it('is of an instance with a NitroTPM', async () => {
    const zeros = new Map(PCRS).set(0, new Uint8Array(48))
    const members = { nitrotpm_pcrs: zeros }
    const document = await makeNitroDocument(aws, { members, without: ['pcrs'] })
    const facts = await verify({ document })
    expect([facts.debug, codes(facts).includes('nitro-tpm')]).toEqual([false, true])
  })

  it('is of an enclave in debug mode when PCR0 is zero', async () => {
    const zeros = new Map(PCRS).set(0, new Uint8Array(48))
    expect((await verify({ document: await makeNitroDocument(aws, { pcrs: zeros }) })).debug).toBe(
      true,
    )
  })

  it('is judged at its own time: years later its certificate has expired, which is a finding', async () => {
    const late = await verify({ at: at + 10 * 365 * 86_400 })
    expect(codes(late)).toContain('evidence-certificate-expired')
    expect([late.validFrom <= at, late.validFrom]).toEqual([false, TEST_NOW + 3 * 3600 + 1])
    const now = await verify()
    expect([now.validFrom <= at, now.validUntil]).toEqual([true, TEST_NOW + 3 * 3600])
  })

  it('may be ahead of our clock by no more than the skew', async () => {
    expect(await evidenceRejection(() => verify({ at: TEST_NOW - CLOCK_SKEW_SECONDS }))).toBe(
      'accepted',
    )
    expect(await evidenceRejection(() => verify({ at: TEST_NOW - CLOCK_SKEW_SECONDS - 1 }))).toBe(
      'evidence-from-future',
    )
  })

  it('is held against revocation lists that are given', async () => {
    const options = { ca: aws.root, signature: 'sha384' } as const
    await verify({ crls: [makeRevocationList(options)] })
    const crls = [makeRevocationList({ ...options, revoked: [aws.region] })]
    expect(await evidenceRejection(() => verify({ crls }))).toBe('certificate-revoked')
    expect(await evidenceRejection(() => verify({ crls: [Uint8Array.of(0)] }))).toBe(
      'crl-malformed',
    )
  })
})

describe('a document that does not hold', () => {
  const build = (options: NitroOptions) => (): Promise<Uint8Array> =>
    makeNitroDocument(aws, options)
  const cut = async (): Promise<Uint8Array> => (await makeNitroDocument(aws)).subarray(0, -1)
  const longer = async (): Promise<Uint8Array> =>
    concatBytes(await makeNitroDocument(aws), Uint8Array.of(0))
  const flipped = async (): Promise<Uint8Array> => {
    const bytes = (await makeNitroDocument(aws)).slice()
    bytes[bytes.length - 1]! ^= 1
    return bytes
  }
  const member = (name: string, value: CborValue): (() => Promise<Uint8Array>) =>
    build({ members: { [name]: value } })

  it.each<[string, string, () => Promise<Uint8Array>]>([
    ['a broken signature', 'document-signature', flipped],
    ['a signature by another key', 'document-signature', build({ signWith: otherAws.leaf })],
    [
      'another algorithm',
      'unsupported',
      build({ algorithm: 'ES256', signWith: makeNitroPki().leaf }),
    ],
    ['one byte less', 'malformed', cut],
    ['one byte more', 'malformed', longer],
    ['nothing', 'malformed', () => Promise.resolve(new Uint8Array(0))],
    ['no module', 'malformed', build({ without: ['module_id'] })],
    ['no time', 'malformed', build({ without: ['timestamp'] })],
    ['a negative time', 'malformed', build({ timestamp: -1 })],
    ['another digest', 'malformed', member('digest', 'SHA256')],
    ['no registers', 'malformed', member('pcrs', new Map())],
    [
      'a register of a wrong length',
      'malformed',
      member('pcrs', new Map([[0, new Uint8Array(47)]])),
    ],
    ['a register beyond 31', 'malformed', member('pcrs', new Map([[32, new Uint8Array(48)]]))],
    ['two sets of registers', 'malformed', member('nitrotpm_pcrs', PCRS)],
    ['user data too long', 'malformed', member('user_data', new Uint8Array(1025))],
    ['user data that is text', 'malformed', member('user_data', 'x')],
    ['no certificate', 'malformed', build({ without: ['certificate'] })],
    ['no bundle', 'malformed', build({ without: ['cabundle'] })],
    ['an empty bundle', 'root', member('cabundle', [])],
    ['garbage for a certificate', 'chain-malformed', member('certificate', Uint8Array.of(1))],
    [
      'a foreign leaf',
      'certificate-path',
      build({ members: { certificate: otherAws.leaf.der }, signWith: otherAws.leaf }),
    ],
    ['a foreign root', 'root', member('cabundle', [otherAws.root.der, otherAws.region.der])],
    ['a bundle in reverse', 'root', member('cabundle', [aws.region.der, aws.root.der].slice(0, 1))],
    [
      'a time before its leaf',
      'certificate-not-yet-valid',
      build({ timestamp: (TEST_NOW - 5) * 1000 }),
    ],
    ['a payload that is no map', 'malformed', build({ payload: Uint8Array.of(0x80) })],
    ['a payload that never ends', 'malformed', build({ payload: Uint8Array.of(0xbf, 0x61) })],
  ])('%s: %s', async (_, expected, make) => {
    const document = await make()
    expect(await evidenceRejection(() => verify({ document }))).toBe(expected)
  })

  it('a root that nobody pinned, also against the built-in one', async () => {
    expect(await evidenceRejection(() => verify({ roots: otherAws.roots }))).toBe('root')
    const document = await makeNitroDocument(aws)
    expect(await evidenceRejection(() => verifyNitro({ document, at, verifier }))).toBe('root')
  })

  it('a time after its leaf', async () => {
    const document = await makeNitroDocument(aws, { timestamp: (TEST_NOW + 4 * 3600) * 1000 })
    const later = { document, at: TEST_NOW + 5 * 3600 }
    expect(await evidenceRejection(() => verify(later))).toBe('certificate-expired')
  })
})

describe.skipIf(!hasVectors)('the real document', () => {
  const file = (name: string): Uint8Array => readVector(`tee/nitro/${name}.cbor`)
  const own = Math.floor(Date.parse('2022-11-09T22:52:00.696Z') / 1000)
  const check = (name: string, time: number): Promise<NitroFacts> =>
    verifyNitro({ document: file(name), at: time, verifier })

  it('holds at its timestamp, with 32 bytes of user data and nonce', async () => {
    const facts = await check('aws_nitro_document', own)
    expect([facts.debug, facts.reportData.length, facts.document.nonce?.length]).toEqual([
      false,
      32,
      32,
    ])
    expect(codes(facts)).toEqual(['revocation-not-checked'])
  })

  it('holds today, with the finding that its certificate has expired', async () => {
    const facts = await check('aws_nitro_document', Date.parse('2026-11-22') / 1000)
    expect(codes(facts)).toContain('evidence-certificate-expired')
  })

  it('its twin with a broken signature holds at no time', async () => {
    for (const time of [own, own + 10 ** 8]) {
      expect(await evidenceRejection(() => check('aws_nitro_document_bad_sig', time))).toBe(
        'document-signature',
      )
    }
  })
})
