/**
 * An Intel of our own: root, PCK CA, TCB signer and platforms, the collateral they publish, and quotes
 * that verify under it. Everything can be bent: each option changes one thing and leaves the rest as
 * Intel would write it, so a test says what is wrong and sees that nothing else is.
 *
 *     const { quote, collateral, roots, at } = makeDcap({ tee: 'tdx', debug: true })
 */
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { decodeHex, encodeHex } from '../../src/bytes/hex.ts'
import type { CollateralBundle } from '../../src/payload/tee/collateral-bundle.ts'
import { encodeDer } from '../../src/x509/der-encode.ts'
import { makeQuote, PCK_KEYS, QE_MRSIGNER, signRaw } from './intel-quote.ts'
import type { QuoteOptions } from './intel-quote.ts'
import { makeRevocationList } from './test-crl.ts'
import type { TestListOptions } from './test-crl.ts'
import { issueCertificate, makeCa, TEST_NOW } from './test-pki.ts'
import type { CertificateOptions, TestCertificate } from './test-pki.ts'

export type Json = Record<string, unknown>

/** Names, keys and certificates; two of them have the same names and other keys. */
export interface IntelPki {
  readonly root: TestCertificate
  readonly pckCa: TestCertificate
  readonly tcbSigner: TestCertificate
}

const subject = (commonName: string): CertificateOptions => ({
  subject: { CN: commonName, O: 'Intel Corporation', C: 'US' },
})

export interface IntelPkiOptions {
  readonly root?: Partial<CertificateOptions>
  readonly pckCa?: Partial<CertificateOptions>
  readonly tcbSigner?: Partial<CertificateOptions>
}

export function makeIntelPki(options: IntelPkiOptions = {}): IntelPki {
  const root = makeCa({ ...subject('Intel SGX Root CA'), pathLength: 1, ...options.root })
  return {
    root,
    pckCa: makeCa({
      ...subject('Intel SGX PCK Platform CA'),
      ca: root,
      pathLength: 0,
      ...options.pckCa,
    }),
    tcbSigner: issueCertificate({
      ...subject('Intel SGX TCB Signing'),
      ca: root,
      ...options.tcbSigner,
    }),
  }
}

/** What most tests use. */
export const testIntel: IntelPki = makeIntelPki()
export const TEST_FMSPC = '00906ed50000'
export const TEST_SVNS: readonly number[] = [7, 7, 2, 2, 3, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0]
export interface PlatformOptions {
  readonly fmspc?: string
  readonly pceId?: string
  readonly svns?: readonly number[]
  readonly pceSvn?: number
  /** The extension's value instead; `null` leaves the extension out. */
  readonly extension?: Uint8Array | null
  readonly certificate?: Partial<CertificateOptions>
}

const oid = (...arcs: number[]): Uint8Array =>
  encodeDer(6, decodeHex('2a864886f84d010d01'), Uint8Array.from(arcs))
const named = (arcs: number[], value: Uint8Array): Uint8Array =>
  encodeDer(0x30, oid(...arcs), value)
const small = (value: number): Uint8Array =>
  encodeDer(
    2,
    Uint8Array.from([
      ...(value % 256 >= 128 && value < 256 ? [0] : []),
      ...(value > 255 ? [Math.floor(value / 256)] : []),
      value % 256,
    ]),
  )

export function sgxExtension(options: PlatformOptions = {}): Uint8Array {
  const { fmspc = TEST_FMSPC, pceId = '0000', svns = TEST_SVNS, pceSvn = 13 } = options
  const tcb = [
    ...svns.map((svn, i) => named([2, i + 1], small(svn))),
    named([2, 17], small(pceSvn)),
    named([2, 18], encodeDer(4, Uint8Array.from(svns))),
  ]
  return encodeDer(
    0x30,
    named([1], encodeDer(4, new Uint8Array(16))),
    named([2], encodeDer(0x30, ...tcb)),
    named([3], encodeDer(4, decodeHex(pceId))),
    named([4], encodeDer(4, decodeHex(fmspc))),
    named([5], encodeDer(0x0a, Uint8Array.of(0))),
  )
}

export function makePck(pki: IntelPki, options: PlatformOptions = {}): TestCertificate {
  const value = options.extension === undefined ? sgxExtension(options) : options.extension
  return issueCertificate({
    ...subject('Intel SGX PCK Certificate'),
    ca: pki.pckCa,
    keys: PCK_KEYS,
    extensions: value === null ? [] : [{ oid: '1.2.840.113741.1.13.1', value }],
    ...options.certificate,
  })
}

const ISSUED = '2026-05-20T00:00:00Z'
const NEXT = '2026-06-19T00:00:00Z'
const components = (svns: readonly number[]): Json[] =>
  Array.from({ length: 16 }, (_, i) => ({ svn: svns[i] ?? 0 }))
const MODULE = {
  mrsigner: '00'.repeat(48),
  attributes: '00'.repeat(8),
  attributesMask: 'FF'.repeat(8),
}

/** A level of TCB info. */
export function tcbLevel(
  tcbStatus: string,
  {
    svns = TEST_SVNS,
    pcesvn = 11,
    tdx = [5, 0, 2],
    advisoryIDs,
    tcbDate = '2025-11-12T00:00:00Z',
  }: {
    svns?: readonly number[]
    pcesvn?: number
    tdx?: readonly number[]
    advisoryIDs?: readonly string[]
    tcbDate?: string
  } = {},
): Json {
  return {
    tcb: { sgxtcbcomponents: components(svns), pcesvn, tdxtcbcomponents: components(tdx) },
    tcbDate,
    tcbStatus,
    ...(advisoryIDs === undefined ? {} : { advisoryIDs }),
  }
}

/** A level of an enclave or a module. */
export function svnLevel(tcbStatus: string, isvsvn: number, advisoryIDs?: readonly string[]): Json {
  const tcbDate = '2025-10-01T00:00:00Z'
  return { tcb: { isvsvn }, tcbDate, tcbStatus, ...(advisoryIDs ? { advisoryIDs } : {}) }
}

export function tcbInfoJson(tee: 'sgx' | 'tdx', changes: Json = {}): Json {
  return {
    id: tee.toUpperCase(),
    version: 3,
    issueDate: ISSUED,
    nextUpdate: NEXT,
    fmspc: TEST_FMSPC.toUpperCase(),
    pceId: '0000',
    tcbType: 0,
    tcbEvaluationDataNumber: 20,
    ...(tee === 'tdx'
      ? {
          tdxModule: MODULE,
          tdxModuleIdentities: [{ id: 'TDX_01', ...MODULE, tcbLevels: [svnLevel('UpToDate', 4)] }],
        }
      : {}),
    tcbLevels: [tcbLevel('UpToDate')],
    ...changes,
  }
}

export function qeIdentityJson(tee: 'sgx' | 'tdx', changes: Json = {}): Json {
  return {
    id: tee === 'tdx' ? 'TD_QE' : 'QE',
    version: 2,
    issueDate: ISSUED,
    nextUpdate: NEXT,
    tcbEvaluationDataNumber: 20,
    miscselect: '00000000',
    miscselectMask: 'FFFFFFFF',
    attributes: '11000000000000000000000000000000',
    attributesMask: 'FBFFFFFFFFFFFFFF0000000000000000',
    mrsigner: QE_MRSIGNER.toUpperCase(),
    isvprodid: tee === 'tdx' ? 2 : 1,
    tcbLevels: [svnLevel('UpToDate', 8)],
    ...changes,
  }
}

/** A document as PCS answers it. */
export function signJson(name: string, value: Json, signer: TestCertificate): Uint8Array {
  const text = JSON.stringify(value)
  const signature = encodeHex(signRaw(encodeUtf8(text), signer.privateKey))
  return encodeUtf8(`{"${name}":${text},"signature":"${signature}"}`)
}

export interface DcapOptions extends QuoteOptions {
  readonly pki?: IntelPki
  readonly platform?: PlatformOptions
  readonly tcbInfo?: Json
  readonly qeIdentity?: Json
  readonly rootCrl?: Partial<TestListOptions>
  /** `revokePck` puts the platform's own certificate on the list. */
  readonly pckCrl?: Partial<TestListOptions> & { readonly revokePck?: boolean }
  /** Parts put in place of the usual ones; `undefined` leaves one out. */
  readonly parts?: Partial<Record<keyof CollateralBundle, unknown>>
}

export interface Dcap {
  readonly quote: Uint8Array
  readonly collateral: CollateralBundle
  readonly roots: readonly string[]
  readonly at: number
  readonly pck: TestCertificate
}

/** A quote and its collateral, good unless asked otherwise. */
export function makeDcap(options: DcapOptions = {}): Dcap {
  const { pki = testIntel, tee = 'sgx' } = options
  const pck = makePck(pki, options.platform)
  const { revokePck, ...pckCrl } = options.pckCrl ?? {}
  const signing = [pki.tcbSigner.der, pki.root.der]
  const all: Partial<Record<keyof CollateralBundle, unknown>> = {
    'intel-root-crl': makeRevocationList({ ca: pki.root, ...options.rootCrl }),
    'intel-pck-crl': makeRevocationList({
      ca: pki.pckCa,
      ...(revokePck === true ? { revoked: [pck] } : {}),
      ...pckCrl,
    }),
    'intel-tcb-info': signJson('tcbInfo', tcbInfoJson(tee, options.tcbInfo), pki.tcbSigner),
    'intel-tcb-info-chain': signing,
    'intel-qe-identity': signJson(
      'enclaveIdentity',
      qeIdentityJson(tee, options.qeIdentity),
      pki.tcbSigner,
    ),
    'intel-qe-identity-chain': signing,
    ...options.parts,
  }
  const parts = Object.entries(all).filter(([, part]) => part !== undefined)
  return {
    quote: makeQuote(pck, options),
    collateral: Object.fromEntries(parts),
    roots: [encodeHex(sha256(pki.root.der))],
    at: TEST_NOW,
    pck,
  }
}
