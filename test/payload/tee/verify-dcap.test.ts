/**
 * Every step of statements.md §5.1 made to fail by itself, each with its own reason, on evidence of an
 * Intel of our own. What does not fail becomes facts: a debug bit or an old TCB refuses nothing here.
 */
import { describe, expect, it } from 'vitest'
import { concatBytes, encodeUtf8 } from '../../../src/bytes/bytes.ts'
import { encodeHex } from '../../../src/bytes/hex.ts'
import { webCryptoVerifier } from '../../../src/cose/web-crypto.ts'
import { verifyDcap } from '../../../src/payload/tee/verify-dcap.ts'
import {
  makeDcap,
  svnLevel,
  tcbInfoJson,
  tcbLevel,
  TEST_FMSPC,
  TEST_SVNS,
} from '../../support/intel-pki.ts'
import type { DcapOptions, Json } from '../../support/intel-pki.ts'
import { day, reason, reasonOf, verify } from '../../support/intel-reason.ts'

const DAY = 86_400

describe('a good quote', () => {
  it.each([
    ['SGX v3', { tee: 'sgx' }],
    ['SGX v4', { tee: 'sgx', version: 4 }],
    ['SGX v5', { tee: 'sgx', version: 5 }],
    ['TDX v4', { tee: 'tdx' }],
    ['TDX v5, TD 1.0', { tee: 'tdx', version: 5 }],
    ['TDX v5, TD 1.5', { tee: 'tdx', version: 5, bodyType: 3 }],
    ['TDX v5, TD 1.5 extended', { tee: 'tdx', version: 5, bodyType: 4 }],
  ] as const)('%s becomes facts', async (_, options) => {
    const dcap = makeDcap(options)
    const facts = await verify(dcap)
    expect(facts.teeType).toBe(options.tee)
    expect(facts.tcb).toMatchObject({ status: 'UpToDate', evaluationNumber: 20, advisories: [] })
    expect(facts.fmspc).toBe(TEST_FMSPC)
    expect(facts.debug).toBe(false)
    expect(facts.findings).toEqual([])
    expect(facts.reportData).toEqual(
      concatBytes(encodeUtf8('report data'), new Uint8Array(64 - 11)),
    )
  })

  it('is the same with WebCrypto', async () => {
    const dcap = makeDcap({ tee: 'tdx' })
    expect(await verifyDcap({ ...dcap, verifier: webCryptoVerifier })).toEqual(await verify(dcap))
  })

  it('says what was measured', async () => {
    const { measurements } = await verify(
      makeDcap({ tee: 'tdx', version: 5, bodyType: 3, domain: { mrTd: '12'.repeat(48) } }),
    )
    const named = Object.fromEntries(measurements.map(({ name, value }) => [name, value]))
    expect(named).toMatchObject({
      mrtd: '12'.repeat(48),
      rtmr0: 'a0'.repeat(48),
      rtmr1: 'a1'.repeat(48),
      rtmr3: '00'.repeat(48),
      mrseam: '5e'.repeat(48),
      mrservicetd: '5d'.repeat(48),
      'td-attributes': '0000001000000000',
    })
    const sgx = await verify(makeDcap({ enclave: { isvProdId: 258, isvSvn: 5 } }))
    expect(sgx.measurements).toEqual([
      { name: 'mrenclave', value: 'aa'.repeat(32) },
      { name: 'mrsigner', value: 'bb'.repeat(32) },
      { name: 'isvprodid', value: '0102' },
    ])
    expect(sgx.tcb?.svns).toMatchObject({
      'sgx-tcb-svn': encodeHex(Uint8Array.from(TEST_SVNS)),
      pcesvn: '000d',
      isvsvn: '0005',
      'qe-isvsvn': '0008',
    })
  })

  it('stands while everything that it rests on does', async () => {
    const dcap = makeDcap()
    const { validFrom, validUntil } = await verify(dcap)
    expect([validFrom, validUntil]).toEqual(
      ['2026-05-20', '2026-06-19'].map((text) => day(text).getTime() / 1000),
    )
    for (const [at, expected] of [
      [validFrom, 'holds'],
      [validUntil, 'holds'],
      [validFrom - 1, 'tcb-info-not-yet-valid'],
      [validUntil + 1, 'tcb-info-expired'],
    ] as const) {
      expect(await reasonOf({ ...dcap, at })).toBe(expected)
    }
  })

  it('tells about a debug bit', async () => {
    expect((await verify(makeDcap({ debug: true }))).debug).toBe(true)
    expect((await verify(makeDcap({ tee: 'tdx', debug: true }))).debug).toBe(true)
  })

  it('tells about bytes behind it', async () => {
    const padded = await verify(makeDcap({ tee: 'tdx', trailing: new Uint8Array(3065) }))
    expect(padded.findings).toMatchObject([{ code: 'trailing-bytes' }])
    expect(padded.findings[0]?.message).toContain('3065 zero bytes')
    const stuffed = await verify(makeDcap({ trailing: encodeUtf8('extra') }))
    expect(stuffed.findings[0]?.message).toContain('5 bytes, not all zero')
  })
})

describe('steps 4 and 5: signatures inside the quote', () => {
  const flip = (at: number) => (signed: Uint8Array) =>
    signed.map((byte, i) => (i === at ? byte ^ 1 : byte))
  it.each<[string, DcapOptions, string]>([
    [
      'the QE report by somebody else',
      { qeSignature: new Uint8Array(64).fill(1) },
      'qe-report-signature',
    ],
    ['the QE report unsigned', { qeSignature: new Uint8Array(64) }, 'qe-report-signature'],
    ['a QE that vouches for nothing', { qe: { reportData: new Uint8Array(64) } }, 'qe-report-data'],
    ['another measurement', { afterSigning: flip(48 + 64) }, 'quote-signature'],
    ['other report data', { afterSigning: flip(48 + 320) }, 'quote-signature'],
    ['another header', { afterSigning: flip(8) }, 'quote-signature'],
    [
      'an attestation key that is no point',
      { attestationKey: new Uint8Array(64).fill(2) },
      'quote-signature',
    ],
    ['no authentication data', { authData: new Uint8Array(0) }, 'holds'],
    ['much authentication data', { authData: new Uint8Array(1000) }, 'holds'],
  ])('%s', async (_, options, expected) => {
    expect(await reason(options)).toBe(expected)
  })

  it('are each needed: no byte of the quote is free', async () => {
    const dcap = makeDcap({ tee: 'tdx' })
    for (let at = 0; at < dcap.quote.length; at += 97) {
      const quote = dcap.quote.slice()
      quote[at] = quote[at]! ^ 0x10
      const result = await reasonOf({ ...dcap, quote })
      expect(`${at} ${result}`).not.toBe(`${at} holds`)
    }
  })
})

describe('step 6: the quoting enclave', () => {
  it.each<[string, DcapOptions, string]>([
    ['by another signer', { qe: { mrSigner: '01'.repeat(32) } }, 'qe-identity'],
    ['another product', { qe: { isvProdId: 9 } }, 'qe-identity'],
    ['in debug', { qe: { attributes: '1700000000000000e7' } }, 'qe-identity'],
    ['with another bit that is masked', { qe: { attributes: '1100000000000000ff' } }, 'holds'],
    ['with another MISCSELECT', { qe: { miscSelect: '01' } }, 'qe-identity'],
    [
      'with a MISCSELECT that is masked',
      { qe: { miscSelect: '01' }, qeIdentity: { miscselectMask: 'FFFFFF00' } },
      'holds',
    ],
    ['of TDX in an SGX quote', { qeIdentity: { id: 'TD_QE' } }, 'qe-identity'],
    ['of SGX in a TDX quote', { tee: 'tdx', qeIdentity: { id: 'QE' } }, 'qe-identity'],
  ])('%s', async (_, options, expected) => {
    expect(await reason(options)).toBe(expected)
  })
})

describe('step 7: the platform and the module', () => {
  const module = {
    mrsigner: '01'.repeat(48),
    attributes: '00'.repeat(8),
    attributesMask: 'FF'.repeat(8),
  }
  const modules = (id: string): Json[] => [{ id, ...module, tcbLevels: [svnLevel('UpToDate', 4)] }]
  it.each<[string, DcapOptions, string]>([
    ['TCB info of another FMSPC', { tcbInfo: { fmspc: '00906ED50001' } }, 'fmspc-mismatch'],
    ['a platform of another FMSPC', { platform: { fmspc: '00906ed50001' } }, 'fmspc-mismatch'],
    ['TCB info of another PCE', { tcbInfo: { pceId: '0001' } }, 'pceid-mismatch'],
    ['TCB info of SGX for a TDX quote', { tee: 'tdx', tcbInfo: { id: 'SGX' } }, 'fmspc-mismatch'],
    ['a module by another signer', { tee: 'tdx', domain: { mrSignerSeam: '01' } }, 'tdx-module'],
    ['a module with attributes', { tee: 'tdx', domain: { seamAttributes: '01' } }, 'tdx-module'],
    [
      'a module of an unknown version',
      { tee: 'tdx', domain: { teeTcbSvn: '060203' } },
      'tdx-module',
    ],
    [
      'a module that another signer must sign',
      { tee: 'tdx', tcbInfo: { tdxModuleIdentities: modules('TDX_01') } },
      'tdx-module',
    ],
    [
      'a module that is not named',
      { tee: 'tdx', tcbInfo: { tdxModuleIdentities: modules('TDX_03') } },
      'tdx-module',
    ],
    [
      'no module identities',
      { tee: 'tdx', tcbInfo: { tdxModuleIdentities: undefined } },
      'tdx-module',
    ],
    [
      'a module of version 0 by another signer',
      { tee: 'tdx', domain: { teeTcbSvn: '0600' }, tcbInfo: { tdxModule: module } },
      'tdx-module',
    ],
    [
      'module identities twice',
      {
        tee: 'tdx',
        tcbInfo: { tdxModuleIdentities: [...modules('TDX_01'), ...modules('tdx_01')] },
      },
      'tcb-info-malformed',
    ],
  ])('%s', async (_, options, expected) => {
    expect(await reason(options)).toBe(expected)
  })
})

describe('step 8: levels are facts', () => {
  const status = async (options: DcapOptions): Promise<string | undefined> =>
    (await verify(makeDcap(options))).tcb?.status

  it.each([
    'UpToDate',
    'SWHardeningNeeded',
    'ConfigurationNeeded',
    'ConfigurationAndSWHardeningNeeded',
    'OutOfDate',
    'OutOfDateConfigurationNeeded',
    'Revoked',
  ])('%s', async (text) => {
    const advisoryIDs = ['INTEL-SA-00001', 'INTEL-SA-00002']
    const tcbLevels = [tcbLevel(text, { advisoryIDs, tcbDate: '2024-02-03T00:00:00Z' })]
    for (const tee of ['sgx', 'tdx'] as const) {
      const { tcb } = await verify(makeDcap({ tee, tcbInfo: { tcbLevels } }))
      expect(tcb).toMatchObject({ status: text, advisories: advisoryIDs })
      expect(tcb?.date).toBe(day('2024-02-03').getTime() / 1000)
    }
  })

  it('the first level that all versions reach', async () => {
    const more = (i: number): number[] => TEST_SVNS.map((svn, at) => (at === i ? svn + 1 : svn))
    for (let i = 0; i < 16; i++) {
      const tcbLevels = [tcbLevel('UpToDate', { svns: more(i) }), tcbLevel('OutOfDate')]
      expect(await status({ tcbInfo: { tcbLevels } })).toBe('OutOfDate')
    }
    const pce = [tcbLevel('UpToDate', { pcesvn: 14 }), tcbLevel('OutOfDate')]
    expect(await status({ tcbInfo: { tcbLevels: pce } })).toBe('OutOfDate')
    const tdx = [tcbLevel('UpToDate', { tdx: [0, 0, 4] }), tcbLevel('OutOfDate')]
    expect(await status({ tee: 'tdx', tcbInfo: { tcbLevels: tdx } })).toBe('OutOfDate')
    const shared = [tcbLevel('ConfigurationNeeded'), tcbLevel('UpToDate')]
    expect(await status({ tcbInfo: { tcbLevels: shared } })).toBe('ConfigurationNeeded')
  })

  it('versions 0 and 1 of a TDX module count with the platform only while it has version 0', async () => {
    const tcbLevels = [tcbLevel('UpToDate', { tdx: [99, 99, 2] })]
    expect(await status({ tee: 'tdx', tcbInfo: { tcbLevels } })).toBe('UpToDate')
    const domain = { teeTcbSvn: '060003' }
    expect(await status({ tee: 'tdx', domain, tcbInfo: { tcbLevels } })).toBe('NoLevel')
    expect(await status({ tee: 'tdx', domain })).toBe('UpToDate')
  })

  it('none, which is never up to date', async () => {
    const facts = await verify(
      makeDcap({ tcbInfo: { tcbLevels: [tcbLevel('UpToDate', { pcesvn: 99 })] } }),
    )
    expect(facts.tcb).toMatchObject({ status: 'NoLevel', advisories: [] })
    expect(facts.tcb?.date).toBeUndefined()
    expect(await status({ tcbInfo: { tcbLevels: [] } })).toBe('NoLevel')
    expect(await status({ qeIdentity: { tcbLevels: [svnLevel('UpToDate', 9)] } })).toBe('NoLevel')
  })

  it.each([
    ['UpToDate', 'OutOfDate', 'OutOfDate'],
    ['SWHardeningNeeded', 'OutOfDate', 'OutOfDate'],
    ['ConfigurationNeeded', 'OutOfDate', 'OutOfDateConfigurationNeeded'],
    ['ConfigurationAndSWHardeningNeeded', 'OutOfDate', 'OutOfDateConfigurationNeeded'],
    ['OutOfDateConfigurationNeeded', 'OutOfDate', 'OutOfDateConfigurationNeeded'],
    ['UpToDate', 'Revoked', 'Revoked'],
    ['OutOfDate', 'UpToDate', 'OutOfDate'],
    ['Revoked', 'OutOfDate', 'Revoked'],
  ])('platform %s with a part %s is %s', async (platform, part, expected) => {
    const tcbLevels = [tcbLevel(platform, { advisoryIDs: ['INTEL-SA-1'] })]
    const levels = [svnLevel(part, 1, ['INTEL-SA-2'])]
    const qe = await verify(makeDcap({ tcbInfo: { tcbLevels }, qeIdentity: { tcbLevels: levels } }))
    expect(qe.tcb?.status).toBe(expected)
    expect(qe.tcb?.advisories).toEqual(['INTEL-SA-1', 'INTEL-SA-2'])
    expect(qe.tcb?.date).toBe(day('2025-10-01').getTime() / 1000)
    const [identity] = tcbInfoJson('tdx')['tdxModuleIdentities'] as Json[]
    const tdxModuleIdentities = [{ ...identity, tcbLevels: levels }]
    const module = await verify(
      makeDcap({ tee: 'tdx', tcbInfo: { tcbLevels, tdxModuleIdentities } }),
    )
    expect(module.tcb?.status).toBe(expected)
    expect(module.tcb?.parts['module']?.status).toBe(part)
  })

  it('the module has a level of its own from version 1 on', async () => {
    const domain = { teeTcbSvn: '030103' }
    expect(await status({ tee: 'tdx', domain })).toBe('NoLevel')
  })

  it('says when a new launch would cure an old TCB', async () => {
    const tcbLevels = [tcbLevel('UpToDate', { tdx: [0, 0, 9] }), tcbLevel('OutOfDate')]
    const options = { tee: 'tdx', version: 5, bodyType: 3, tcbInfo: { tcbLevels } } as const
    const old = await verify(makeDcap(options))
    expect([old.tcb?.status, old.findings]).toEqual(['OutOfDate', []])
    const cured = await verify(makeDcap({ ...options, domain: { teeTcbSvn2: '060109' } }))
    expect(cured.tcb?.status).toBe('OutOfDate')
    expect(cured.findings).toMatchObject([{ code: 'relaunch-advised' }])
  })

  it('reads TCB info of version 2', async () => {
    const old = Object.fromEntries(
      TEST_SVNS.map((svn, i) => [`sgxtcbcomp${String(i + 1).padStart(2, '0')}svn`, svn]),
    )
    const level = { ...tcbLevel('SWHardeningNeeded'), tcb: { ...old, pcesvn: 11 } }
    const tcbInfo = { id: undefined, version: 2, tcbLevels: [level] }
    expect(await status({ tcbInfo })).toBe('SWHardeningNeeded')
    expect(await reason({ tee: 'tdx', tcbInfo })).toBe('fmspc-mismatch')
  })

  it('raised later: the same quote with newer collateral', async () => {
    const dcap = makeDcap()
    const raised = makeDcap({
      tcbInfo: { tcbLevels: [tcbLevel('UpToDate', { svns: [99] }), tcbLevel('OutOfDate')] },
    })
    expect((await verify(dcap)).tcb?.status).toBe('UpToDate')
    const later = { ...dcap, collateral: raised.collateral, at: dcap.at + DAY }
    expect((await verify(later)).tcb?.status).toBe('OutOfDate')
  })
})
