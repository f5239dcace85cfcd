/** Quotes and collateral as the index sees them: from their own bytes, and from verified facts. */
import { describe, expect, it } from 'vitest'
import { sha256 } from '../../../src/bytes/digest.ts'
import { encodeHex } from '../../../src/bytes/hex.ts'
import { PayloadError } from '../../../src/errors.ts'
import { nodeVerifier as verifier } from '../../../src/keys/node-verifier.ts'
import { DescriptionBuilder } from '../../../src/payload/description-builder.ts'
import type { Description } from '../../../src/payload/description.ts'
import type { BytesInput } from '../../../src/payload/handler.ts'
import {
  COLLATERAL_MEDIA_TYPE,
  encodeCollateral,
} from '../../../src/payload/tee/collateral-bundle.ts'
import { dcapHandlers, describeEvidenceFacts } from '../../../src/payload/tee/describe-evidence.ts'
import { SGX_QUOTE_MEDIA_TYPE } from '../../../src/payload/tee/sgx-quote.ts'
import { TDX_QUOTE_MEDIA_TYPE } from '../../../src/payload/tee/tdx-quote.ts'
import { verifyDcap } from '../../../src/payload/tee/verify-dcap.ts'
import { makeDcap, TEST_FMSPC, tcbLevel } from '../../support/intel-pki.ts'

const input = (bytes: Uint8Array): BytesInput => ({ bytes }) as unknown as BytesInput

function read(mediaType: string, bytes: Uint8Array): Description {
  const handler = dcapHandlers.get(mediaType)!
  handler.check(input(bytes))
  const out = new DescriptionBuilder()
  handler.describe(input(bytes), out)
  return out.build(handler.kind, mediaType)
}

const values = ({ attributes }: Description, name: string): string[] =>
  attributes.filter((attribute) => attribute.name === name).map(({ value }) => value)

describe('a quote', () => {
  const dcap = makeDcap({ tee: 'tdx', trailing: new Uint8Array(70) })
  const quote = read(TDX_QUOTE_MEDIA_TYPE, dcap.quote)

  it('is found by what it measures', () => {
    expect(quote.kind).toBe('tee-evidence')
    expect(values(quote, 'tee-type')).toEqual(['tdx'])
    expect(values(quote, 'debug')).toEqual(['false'])
    const measured = values(quote, 'measurement')
    expect(measured).toContain(`mrtd:${'dd'.repeat(48)}`)
    expect(measured).toContain(`rtmr0:${'a0'.repeat(48)}`)
    expect(measured.some((value) => value.startsWith('rtmr3:'))).toBe(false)
  })

  it('is found by its platform', () => {
    expect(values(quote, 'fmspc')).toEqual([TEST_FMSPC])
    expect(values(quote, 'platform-certificate')).toEqual([encodeHex(sha256(dcap.pck.der))])
    expect(values(quote, 'tcb-svn')).toContain(`tee-tcb-svn:060103${'00'.repeat(13)}`)
    expect(values(quote, 'tcb-status')).toEqual([])
  })

  it('is found by its digest with and without padding', () => {
    const digests = quote.digests.map(({ value }) => value)
    expect(digests).toEqual(
      [dcap.quote, dcap.quote.slice(0, -70)].map((bytes) => encodeHex(sha256(bytes))),
    )
    expect(quote.findings.map(({ code }) => code)).toEqual(['trailing-bytes'])
  })

  it('of SGX says so', () => {
    const sgx = read(SGX_QUOTE_MEDIA_TYPE, makeDcap({ debug: true }).quote)
    expect(values(sgx, 'tee-type')).toEqual(['sgx'])
    expect(values(sgx, 'debug')).toEqual(['true'])
    expect(values(sgx, 'measurement')).toContain(`mrenclave:${'aa'.repeat(32)}`)
  })

  it('without its certificate says less, with a broken one it says so', () => {
    const absent = { certificationType: 1, certificationData: new Uint8Array(404) }
    expect(values(read(SGX_QUOTE_MEDIA_TYPE, makeDcap(absent).quote), 'fmspc')).toEqual([])
    const broken = { certificationData: new Uint8Array(9) }
    const { findings } = read(SGX_QUOTE_MEDIA_TYPE, makeDcap(broken).quote)
    expect(findings.map(({ code }) => code)).toEqual(['platform-unreadable'])
  })

  it('under the type of another TEE is refused, and anything else too', () => {
    expect(() => read(SGX_QUOTE_MEDIA_TYPE, dcap.quote)).toThrow(PayloadError)
    expect(() => read(TDX_QUOTE_MEDIA_TYPE, new Uint8Array(4))).toThrow(PayloadError)
  })
})

describe('verified facts', () => {
  it('add what collateral says', async () => {
    const tcbLevels = [tcbLevel('OutOfDate', { advisoryIDs: ['INTEL-SA-00001'] })]
    const dcap = makeDcap({ tee: 'tdx', tcbInfo: { tcbLevels } })
    const out = new DescriptionBuilder()
    describeEvidenceFacts(await verifyDcap({ ...dcap, verifier }), out)
    const facts = out.build('tee-evidence', TDX_QUOTE_MEDIA_TYPE)
    expect(values(facts, 'tcb-status')).toEqual(['OutOfDate'])
    expect(values(facts, 'advisory')).toEqual(['INTEL-SA-00001'])
    expect(values(facts, 'fmspc')).toEqual([TEST_FMSPC])
    const numbers = Object.fromEntries(facts.numbers.map(({ name, value }) => [name, value]))
    expect(numbers).toEqual({
      'tcb-date': Date.parse('2025-10-01T00:00:00Z') / 1000,
      'tcb-evaluation-number': 20,
    })
  })
})

describe('collateral', () => {
  it('is found by platform, evaluation and end', () => {
    const { collateral } = makeDcap({ tee: 'tdx' })
    const found = read(COLLATERAL_MEDIA_TYPE, encodeCollateral(collateral))
    expect(found.kind).toBe('collateral')
    expect(values(found, 'fmspc')).toEqual([TEST_FMSPC])
    expect(found.numbers.map(({ name }) => name)).toEqual(['tcb-evaluation-number', 'expires-on'])
    const digests = found.digests.map(({ value }) => value)
    expect(digests).toContain(encodeHex(sha256(collateral['intel-tcb-info']!)))
  })

  it('of another form is refused', () => {
    expect(() => read(COLLATERAL_MEDIA_TYPE, new Uint8Array(1))).toThrow(PayloadError)
    const broken = encodeCollateral({ 'intel-tcb-info': Uint8Array.of(1) })
    expect(() => read(COLLATERAL_MEDIA_TYPE, broken)).toThrow(PayloadError)
  })
})
