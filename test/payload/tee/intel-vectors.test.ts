/** Intel's own quotes at the clocks of the vectors' README, and each of their parts broken. */
import { describe, expect, it } from 'vitest'
import { encodeHex } from '../../../src/bytes/hex.ts'
import { nodeVerifier as verifier } from '../../../src/keys/node-verifier.ts'
import { readCertificates } from '../../../src/payload/tee/certificate-chain.ts'
import { encodeCollateral, parseCollateral } from '../../../src/payload/tee/collateral-bundle.ts'
import type { CollateralBundle } from '../../../src/payload/tee/collateral-bundle.ts'
import { EvidenceError } from '../../../src/payload/tee/evidence.ts'
import type { EvidenceFacts } from '../../../src/payload/tee/evidence.ts'
import { parseQuote } from '../../../src/payload/tee/quote.ts'
import { collateralFromJson, collateralFromPcs } from '../../../src/payload/tee/pcs-collateral.ts'
import { verifyDcap, verifyQuoteSignatures } from '../../../src/payload/tee/verify-dcap.ts'
import { hasVectors, readVector } from '../../support/vectors.ts'

const read = (path: string): Uint8Array => readVector(`tee/intel/${path}`)
const seconds = (text: string): number => Date.parse(text) / 1000
const time = (at: number): string => new Date(at * 1000).toISOString().replace('.000', '')

function pcs(): CollateralBundle {
  const chain = read('go-tdx-guest/tcb_signing_chain.pem')
  return collateralFromPcs({
    tcbInfo: read('go-tdx-guest/tcbInfo.json'),
    tcbInfoChain: chain,
    qeIdentity: read('go-tdx-guest/qeIdentity.json'),
    qeIdentityChain: chain,
    rootCrl: read('go-tdx-guest/rootcrl.der'),
    pckCrl: read('go-tdx-guest/pckcrl.der'),
    pckCrlChain: read('go-tdx-guest/pckcrl_issuer_chain.pem'),
  })
}

const SAMPLES = {
  sgx: {
    quote: 'dcap-qvl/sgx_quote.bin',
    collateral: () => collateralFromJson(read('dcap-qvl/sgx_quote_collateral.json')),
    at: '2025-07-04T00:00:00Z',
    window: ['2025-06-19T10:56:11Z', '2025-07-19T10:01:18Z'],
  },
  tdx: {
    quote: 'dcap-qvl/tdx_quote.bin',
    collateral: () => collateralFromJson(read('dcap-qvl/tdx_quote_collateral.json')),
    at: '2025-07-04T00:00:00Z',
    window: ['2025-06-19T10:32:27Z', '2025-07-19T10:00:35Z'],
  },
  stuffed: {
    quote: 'go-tdx-guest/tdx_prod_quote_SPR_E4.dat',
    collateral: pcs,
    at: '2023-07-01T01:00:00Z',
    window: ['2023-06-18T08:42:58Z', '2023-07-08T07:24:59Z'],
  },
  debug: {
    quote: 'trustee/tdx_quote_4.dat',
    collateral: pcs,
    at: '2023-07-01T01:00:00Z',
    window: ['2023-06-18T08:42:58Z', '2023-07-08T07:24:59Z'],
  },
} as const

async function verify(
  name: keyof typeof SAMPLES,
  changes: { at?: number; quote?: Uint8Array; collateral?: CollateralBundle } = {},
): Promise<EvidenceFacts> {
  const sample = SAMPLES[name]
  const quote = read(sample.quote)
  // Through the container, as collateral comes along with evidence.
  const collateral = parseCollateral(encodeCollateral(sample.collateral()))
  return verifyDcap({ quote, collateral, at: seconds(sample.at), verifier, ...changes })
}

async function reason(...args: Parameters<typeof verify>): Promise<string> {
  return verify(...args).then(
    () => 'holds',
    (error: unknown) => {
      if (error instanceof EvidenceError) return error.reason
      throw error
    },
  )
}

describe.skipIf(!hasVectors)("Intel's own quotes", () => {
  it('SGX v3: ConfigurationAndSWHardeningNeeded, with two advisories', async () => {
    const facts = await verify('sgx')
    expect(facts).toMatchObject({
      teeType: 'sgx',
      debug: false,
      fmspc: '00a067110000',
      tcb: {
        status: 'ConfigurationAndSWHardeningNeeded',
        advisories: ['INTEL-SA-00289', 'INTEL-SA-00615'],
        evaluationNumber: 17,
      },
      findings: [],
    })
    expect(new TextDecoder().decode(facts.reportData)).toMatch(/^Hello, world!\0+$/)
  })

  it('TDX v4: platform, QE and module UpToDate, 70 bytes behind it', async () => {
    const facts = await verify('tdx')
    expect(facts).toMatchObject({
      teeType: 'tdx',
      debug: false,
      fmspc: 'b0c06f000000',
      tcb: {
        status: 'UpToDate',
        evaluationNumber: 17,
        parts: {
          platform: { status: 'UpToDate' },
          qe: { status: 'UpToDate' },
          module: { status: 'UpToDate' },
        },
      },
      findings: [{ code: 'trailing-bytes' }],
    })
    expect(facts.findings[0]?.message).toContain('70 zero bytes')
  })

  it('TDX v4 with 39 bytes of text: signatures hold, no TCB level', async () => {
    const facts = await verify('stuffed')
    expect(facts).toMatchObject({ debug: false, fmspc: '50806f000000', tcb: { status: 'NoLevel' } })
    expect(facts.findings[0]?.message).toContain('39 bytes, not all zero')
  })

  it('TDX v4 in debug: UpToDate, and only the debug bit tells', async () => {
    const facts = await verify('debug')
    expect(facts).toMatchObject({ debug: true, fmspc: '50806f000000', tcb: { status: 'UpToDate' } })
    expect(facts.findings).toEqual([])
  })

  it.each(Object.keys(SAMPLES) as (keyof typeof SAMPLES)[])(
    '%s holds in the window of the README, and not a second longer',
    async (name) => {
      const { validFrom, validUntil } = await verify(name)
      expect([time(validFrom), time(validUntil)]).toEqual(SAMPLES[name].window)
      expect(await reason(name, { at: validFrom })).toBe('holds')
      expect(await reason(name, { at: validUntil })).toBe('holds')
      expect(await reason(name, { at: validFrom - 1 })).toMatch(/not-yet-valid$/)
      expect(await reason(name, { at: validUntil + 1 })).toMatch(/expired$/)
      expect(await reason(name, { at: seconds('2027-01-01T00:00:00Z') })).toMatch(/expired$/)
    },
  )

  it('do not hold with the collateral of another platform', async () => {
    expect(await reason('tdx', { collateral: SAMPLES.sgx.collateral() })).toBe('crl-issuer')
    expect(await reason('debug', { collateral: SAMPLES.tdx.collateral() })).toMatch(
      /^certificate|^crl|^tcb/,
    )
  })

  it('do not hold with any part missing or cut', async () => {
    const bundle = SAMPLES.tdx.collateral()
    const demanded = Object.keys(bundle).filter(
      (name) => !['intel-qe-identity-chain', 'intel-pck-crl-chain'].includes(name),
    )
    for (const name of demanded) {
      const rest = Object.entries(bundle).filter(([other]) => other !== name)
      const collateral = Object.fromEntries(rest) as CollateralBundle
      expect(await reason('tdx', { collateral })).toMatch(/-missing$/)
      const part = bundle[name as keyof CollateralBundle]
      const cut = part instanceof Uint8Array ? part.slice(0, -1) : [part![0]!.slice(0, -1)]
      expect(await reason('tdx', { collateral: { ...bundle, [name]: cut } })).toMatch(/-malformed$/)
    }
  })

  it('have no byte that may be changed, but behind them', async () => {
    const original = read(SAMPLES.tdx.quote)
    const end = original.length - 70
    for (let at = 0; at < end; at += 61) {
      const quote = original.slice()
      quote[at] = quote[at]! ^ 0x20
      const result = await reason('tdx', { quote })
      // A letter of the root certificate's PEM changes case and with it the root.
      expect(`${at} ${result}`).not.toBe(`${at} holds`)
    }
    const quote = original.slice()
    quote[end] = 1
    expect(await reason('tdx', { quote })).toBe('holds')
  })

  it('do not hold without collateral, though their signatures do', async () => {
    const bytes = readVector('tee/tpm/az-tdx-vtpm/td-quote.bin')
    expect(await reason('tdx', { quote: bytes, collateral: {} })).toBe('crl-missing')
    const quote = parseQuote(bytes)
    const [pck] = readCertificates(quote.certificationData)
    await verifyQuoteSignatures(quote, pck!, verifier)
  })

  it('name the certificate of their platform', async () => {
    const facts = await verify('tdx')
    expect(facts.platformCertificateSha256).toMatch(/^[0-9a-f]{64}$/)
    expect(encodeHex(facts.reportData)).toMatch(/^[0-9a-f]{128}$/)
  })
})
