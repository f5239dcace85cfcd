/**
 * Certificates, revocation lists and signed collateral of Intel made to fail one at a time (steps 1 to 3
 * of statements.md §5.1), each with its own reason.
 */
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../../src/bytes/bytes.ts'
import { decodeHex } from '../../../src/bytes/hex.ts'
import { parseCertificate } from '../../../src/x509/certificate.ts'
import {
  makeDcap,
  makeIntelPki,
  makePck,
  qeIdentityJson,
  signJson,
  tcbInfoJson,
  tcbLevel,
  testIntel,
} from '../../support/intel-pki.ts'
import type { DcapOptions, Json } from '../../support/intel-pki.ts'
import { day, impostor, reason, reasonOf } from '../../support/intel-reason.ts'
import { makeRevocationList } from '../../support/test-crl.ts'
import { issueCertificate } from '../../support/test-pki.ts'

describe('step 1: the PCK chain', () => {
  it.each<[string, DcapOptions, string]>([
    ['of an impostor', { pki: impostor }, 'holds'],
    ['without SGX extension', { platform: { extension: null } }, 'certificate-role'],
    ['with another extension', { platform: { extension: decodeHex('3000') } }, 'chain-malformed'],
    ['with a broken extension', { platform: { extension: decodeHex('04') } }, 'chain-malformed'],
    [
      'whose leaf is no PCK',
      { platform: { certificate: { subject: { CN: 'Other' } } } },
      'certificate-role',
    ],
    ['whose leaf is a CA', { platform: { certificate: { isCa: true } } }, 'certificate-path'],
    [
      'expired',
      { platform: { certificate: { notAfter: day('2026-05-31') } } },
      'certificate-expired',
    ],
    [
      'of tomorrow',
      { platform: { certificate: { notBefore: day('2026-06-02') } } },
      'certificate-not-yet-valid',
    ],
    [
      'with an unknown critical extension',
      {
        platform: {
          certificate: { extensions: [{ oid: '1.2.3', critical: true, value: decodeHex('0500') }] },
        },
      },
      'certificate-path',
    ],
    [
      'that is missing',
      { certificationType: 4, certificationData: new Uint8Array(8) },
      'chain-missing',
    ],
    ['that is no PEM', { certificationData: encodeUtf8('garbage') }, 'chain-malformed'],
    ['that is empty', { certificationData: new Uint8Array(0) }, 'chain-malformed'],
  ])('%s', async (_, options, expected) => {
    expect(await reason(options)).toBe(expected)
  })

  it('under a root that is not pinned', async () => {
    const dcap = makeDcap({ pki: impostor })
    expect(await reasonOf({ ...dcap, roots: makeDcap().roots })).toBe('root')
    const roots = undefined
    expect(await reasonOf({ ...makeDcap(), ...({ roots } as object) })).toBe('root')
  })

  it('whose root nobody brought along', async () => {
    const { pck } = makeDcap()
    const signing = [testIntel.tcbSigner.der]
    const parts = {
      'intel-pck-chain': [pck.der, testIntel.pckCa.der],
      'intel-tcb-info-chain': signing,
      'intel-qe-identity-chain': signing,
    }
    expect(await reason({ certificationType: 3, parts })).toBe('chain-missing')
  })

  it('under an impostor beside the true root', async () => {
    const { parts } = { parts: { ...makeDcap().collateral } }
    const dcap = makeDcap({ pki: impostor, parts })
    expect(await reasonOf({ ...dcap, roots: makeDcap().roots })).toBe('root')
    // The impostor's CA, and then the true root as if it had issued it.
    const pck = makePck(impostor)
    const chain = [pck.der, impostor.pckCa.der, testIntel.root.der]
    const named = makeDcap({ certificationType: 3, parts: { 'intel-pck-chain': chain } })
    expect(await reasonOf(named)).toBe('certificate-path')
  })

  it('in the collateral instead, for quotes that do not bring it along', async () => {
    const certificationData = new Uint8Array(404)
    for (const certificationType of [1, 2, 3, 4]) {
      const { pck } = makeDcap()
      const parts = { 'intel-pck-chain': [...pck.chain, testIntel.root.der] }
      const options = { certificationType, certificationData, parts }
      expect(await reason(options)).toBe('holds')
    }
  })

  it('may leave the root out', async () => {
    const parts = { 'intel-pck-chain': [...makeDcap().pck.chain] }
    expect(await reason({ certificationType: 3, parts })).toBe('holds')
  })

  it('of another length', async () => {
    const direct = issueCertificate({
      ca: testIntel.root,
      subject: { CN: 'Intel SGX PCK Certificate' },
    })
    const parts = { 'intel-pck-chain': [direct.der, testIntel.root.der] }
    expect(await reason({ certificationType: 3, parts })).toBe('certificate-role')
  })

  it('with an expired CA or root', async () => {
    const notAfter = day('2026-05-31')
    expect(await reason({ pki: makeIntelPki({ pckCa: { notAfter } }) })).toBe('certificate-expired')
    expect(await reason({ pki: makeIntelPki({ root: { notAfter } }) })).toBe('certificate-expired')
  })
})

describe('step 2: revocation lists', () => {
  it.each<[string, DcapOptions, string]>([
    ['no root CRL', { parts: { 'intel-root-crl': undefined } }, 'crl-missing'],
    ['no PCK CRL', { parts: { 'intel-pck-crl': undefined } }, 'crl-missing'],
    ['an empty root CRL', { parts: { 'intel-root-crl': new Uint8Array(0) } }, 'crl-malformed'],
    ['an empty PCK CRL', { parts: { 'intel-pck-crl': new Uint8Array(0) } }, 'crl-malformed'],
    ['a garbage root CRL', { parts: { 'intel-root-crl': encodeUtf8('garbage') } }, 'crl-malformed'],
    ['a garbage PCK CRL', { parts: { 'intel-pck-crl': decodeHex('30820100') } }, 'crl-malformed'],
    ['an expired root CRL', { rootCrl: { nextUpdate: day('2026-05-31') } }, 'crl-expired'],
    ['an expired PCK CRL', { pckCrl: { nextUpdate: day('2026-05-31') } }, 'crl-expired'],
    ['a root CRL of tomorrow', { rootCrl: { thisUpdate: day('2026-06-02') } }, 'crl-not-yet-valid'],
    ['a PCK CRL of tomorrow', { pckCrl: { thisUpdate: day('2026-06-02') } }, 'crl-not-yet-valid'],
    ["the impostor's root CRL", { rootCrl: { ca: impostor.root } }, 'crl-signature'],
    ["the impostor's PCK CRL", { pckCrl: { ca: impostor.pckCa } }, 'crl-signature'],
    ['the root CRL in place of the PCK CRL', { pckCrl: { ca: testIntel.root } }, 'crl-issuer'],
    ['the PCK CRL in place of the root CRL', { rootCrl: { ca: testIntel.pckCa } }, 'crl-issuer'],
    [
      'a delta CRL',
      { pckCrl: { extensions: [{ oid: '551d1b', critical: true, value: decodeHex('020101') }] } },
      'crl-extension',
    ],
    [
      'an indirect CRL',
      {
        pckCrl: { extensions: [{ oid: '551d1c', critical: true, value: decodeHex('30038401ff') }] },
      },
      'crl-extension',
    ],
    ['a revoked PCK', { pckCrl: { revokePck: true } }, 'certificate-revoked'],
    ['a revoked PCK CA', { rootCrl: { revoked: [testIntel.pckCa] } }, 'certificate-revoked'],
    [
      'a revoked TCB signer',
      { rootCrl: { revoked: [testIntel.tcbSigner] } },
      'certificate-revoked',
    ],
    ['a revoked root', { rootCrl: { revoked: [testIntel.root] } }, 'certificate-revoked'],
    ['another platform revoked', { pckCrl: { revoked: [makePck(testIntel)] } }, 'holds'],
  ])('%s', async (_, options, expected) => {
    expect(await reason(options)).toBe(expected)
    expect(await reason({ ...options, tee: 'tdx' })).toBe(expected)
  })

  it('signed by a renewed CA of the same name, whose chain comes along', async () => {
    const renewed = makeIntelPki({ pckCa: { ca: testIntel.root } }).pckCa
    const chain = [renewed.der, testIntel.root.der]
    const pckCrl = { ca: renewed }
    expect(await reason({ pckCrl })).toBe('crl-signature')
    expect(await reason({ pckCrl, parts: { 'intel-pck-crl-chain': chain } })).toBe('holds')
    const rootCrl = { revoked: [renewed] }
    const parts = { 'intel-pck-crl-chain': chain }
    expect(await reason({ pckCrl, rootCrl, parts })).toBe('certificate-revoked')
    const others = { 'intel-pck-crl-chain': [impostor.pckCa.der, impostor.root.der] }
    expect(await reason({ pckCrl: { ca: impostor.pckCa }, parts: others })).toBe('root')
    const signer = { 'intel-pck-crl-chain': [testIntel.tcbSigner.der, testIntel.root.der] }
    expect(await reason({ parts: signer })).toBe('certificate-path')
  })
})

describe('step 3: signed collateral', () => {
  const info = (changes: Json = {}, signer = testIntel.tcbSigner): DcapOptions => ({
    parts: { 'intel-tcb-info': signJson('tcbInfo', tcbInfoJson('sgx', changes), signer) },
  })
  const identity = (changes: Json = {}, signer = testIntel.tcbSigner): DcapOptions => ({
    parts: {
      'intel-qe-identity': signJson('enclaveIdentity', qeIdentityJson('sgx', changes), signer),
    },
  })
  const bytes = (text: string): Uint8Array => encodeUtf8(text)

  it.each<[string, DcapOptions, string]>([
    ['no TCB info', { parts: { 'intel-tcb-info': undefined } }, 'tcb-info-missing'],
    ['no QE identity', { parts: { 'intel-qe-identity': undefined } }, 'qe-identity-missing'],
    [
      'no chain at all',
      { parts: { 'intel-tcb-info-chain': undefined, 'intel-qe-identity-chain': undefined } },
      'chain-missing',
    ],
    ['one chain for both', { parts: { 'intel-qe-identity-chain': undefined } }, 'holds'],
    ['garbage TCB info', { parts: { 'intel-tcb-info': bytes('garbage') } }, 'tcb-info-malformed'],
    [
      'garbage QE identity',
      { parts: { 'intel-qe-identity': bytes('{}') } },
      'qe-identity-malformed',
    ],
    [
      'QE identity as TCB info',
      {
        parts: {
          'intel-tcb-info': signJson('enclaveIdentity', qeIdentityJson('sgx'), testIntel.tcbSigner),
        },
      },
      'tcb-info-malformed',
    ],
    [
      'TCB info with a second member',
      { parts: { 'intel-tcb-info': bytes('{"tcbInfo":{},"tcbInfo":{},"signature":""}') } },
      'tcb-info-malformed',
    ],
    ['TCB info by the impostor', info({}, impostor.tcbSigner), 'tcb-info-signature'],
    ['QE identity by the impostor', identity({}, impostor.tcbSigner), 'qe-identity-signature'],
    [
      'TCB info of last month',
      { tcbInfo: { nextUpdate: '2026-05-31T00:00:00Z' } },
      'tcb-info-expired',
    ],
    [
      'QE identity of last month',
      { qeIdentity: { nextUpdate: '2026-05-31T00:00:00Z' } },
      'qe-identity-expired',
    ],
    [
      'TCB info of tomorrow',
      { tcbInfo: { issueDate: '2026-06-02T00:00:00Z' } },
      'tcb-info-not-yet-valid',
    ],
    [
      'QE identity of tomorrow',
      { qeIdentity: { issueDate: '2026-06-02T00:00:00Z' } },
      'qe-identity-not-yet-valid',
    ],
    [
      'a status that Intel does not have',
      { tcbInfo: { tcbLevels: [tcbLevel('Fine')] } },
      'tcb-info-malformed',
    ],
    [
      'a level without a date',
      { tcbInfo: { tcbLevels: [{ ...tcbLevel('UpToDate'), tcbDate: 'never' }] } },
      'tcb-info-malformed',
    ],
    [
      '15 components',
      {
        tcbInfo: {
          tcbLevels: [{ ...tcbLevel('UpToDate'), tcb: { sgxtcbcomponents: [], pcesvn: 1 } }],
        },
      },
      'tcb-info-malformed',
    ],
    ['another type of TCB', { tcbInfo: { tcbType: 1 } }, 'tcb-info-malformed'],
    ['another version', { tcbInfo: { version: 4 } }, 'tcb-info-malformed'],
    ['QE identity of another enclave', { qeIdentity: { id: 'QVE' } }, 'qe-identity-malformed'],
    ['QE identity of version 1', { qeIdentity: { version: 1 } }, 'qe-identity-malformed'],
  ])('%s', async (_, options, expected) => {
    expect(await reason(options)).toBe(expected)
  })

  it('covers the exact bytes', async () => {
    const { collateral } = makeDcap()
    const text = new TextDecoder().decode(collateral['intel-tcb-info'])
    const spaced = encodeUtf8(text.replace('"version":3', '"version": 3'))
    expect(await reason({ parts: { 'intel-tcb-info': spaced } })).toBe('tcb-info-signature')
    const outer = encodeUtf8(` ${text.replace('{"tcbInfo":', '{ "tcbInfo" : ')}\n`)
    expect(await reason({ parts: { 'intel-tcb-info': outer } })).toBe('holds')
  })

  it('by a genuine certificate for something else', async () => {
    // Whoever took a PCK out of one broken platform must not publish levels for all of them.
    const { pck } = makeDcap()
    const forged = signJson('tcbInfo', tcbInfoJson('sgx'), pck)
    const chain = [...pck.chain, testIntel.root.der]
    const parts = { 'intel-tcb-info': forged, 'intel-tcb-info-chain': chain }
    expect(await reason({ parts })).toBe('certificate-role')
    const other = issueCertificate({
      ca: testIntel.root,
      subject: { CN: 'Intel SGX PCK Certificate' },
    })
    const direct = {
      'intel-tcb-info': signJson('tcbInfo', tcbInfoJson('sgx'), other),
      'intel-tcb-info-chain': [other.der, testIntel.root.der],
    }
    expect(await reason({ parts: direct })).toBe('certificate-role')
    const p384 = makeIntelPki({ tcbSigner: { ca: testIntel.root, keyAlg: 'P-384' } }).tcbSigner
    const curve = { 'intel-tcb-info-chain': [p384.der, testIntel.root.der] }
    expect(await reason({ parts: curve })).toBe('certificate-role')
  })

  it('by an expired or impostor signer', async () => {
    const late = makeIntelPki({ tcbSigner: { notAfter: day('2026-05-31') } })
    expect(await reason({ pki: late })).toBe('certificate-expired')
    const parts = { 'intel-tcb-info-chain': [impostor.tcbSigner.der, impostor.root.der] }
    expect(await reason({ parts })).toBe('root')
    const short = { 'intel-tcb-info-chain': [impostor.tcbSigner.der] }
    expect(await reason({ parts: short })).toBe('certificate-path')
  })
})

describe('revocation of one platform', () => {
  it('is by serial number, whatever else is on the list', async () => {
    const many = Array.from({ length: 50 }, () => makePck(testIntel))
    const dcap = makeDcap()
    const list = (revoked: typeof many): Uint8Array =>
      makeRevocationList({ ca: testIntel.pckCa, revoked })
    const collateral = { ...dcap.collateral, 'intel-pck-crl': list(many) }
    expect(await reasonOf({ ...dcap, collateral })).toBe('holds')
    const found = { ...dcap.collateral, 'intel-pck-crl': list([...many, dcap.pck]) }
    expect(await reasonOf({ ...dcap, collateral: found })).toBe('certificate-revoked')
    expect(parseCertificate(dcap.pck.der).isCa).toBe(false)
  })
})
