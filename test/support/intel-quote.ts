/**
 * Intel DCAP quotes for tests, SGX and TDX of every version: signed by an attestation key that a
 * quoting enclave vouches for, under a PCK certificate of intel-pki.ts. Each option changes one thing.
 */
import { sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { concatBytes, encodeUtf8 } from '../../src/bytes/bytes.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { decodeHex, encodeHex } from '../../src/bytes/hex.ts'
import { encodePem } from '../../src/x509/pem.ts'
import { generateTestKeys } from './test-pki.ts'
import type { TestCertificate } from './test-pki.ts'

export const QE_MRSIGNER = '8c4f5775d796503e96137f77c68a829a0056ac8ded70140b081b094490c57bff'
const QE_VENDOR = '939a7233f79c4ca9940a0db3957f0607'
const ATTESTATION_KEY = generateTestKeys('P-256')
/** Of every platform's PCK. */
export const PCK_KEYS: ReturnType<typeof generateTestKeys> = generateTestKeys('P-256')

/** x ‖ y of a P-256 key. */
function rawPoint(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ format: 'der', type: 'spki' })).slice(-64)
}

/** ECDSA P-256 with SHA-256, r ‖ s. */
export function signRaw(data: Uint8Array, key: KeyObject): Uint8Array {
  return new Uint8Array(sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' }))
}

function le(value: number, bytes: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, i) => Math.floor(value / 256 ** i) % 256)
}

/** Bytes of hex, zero-padded on the right to `length`. */
function field(value: string | undefined, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  if (value !== undefined) bytes.set(decodeHex(value))
  return bytes
}

export interface EnclaveOptions {
  readonly mrEnclave?: string
  readonly mrSigner?: string
  readonly attributes?: string
  readonly miscSelect?: string
  readonly isvProdId?: number
  readonly isvSvn?: number
}

function enclaveReport(options: EnclaveOptions, reportData: Uint8Array): Uint8Array {
  return concatBytes(
    field('0707', 16),
    field(options.miscSelect, 4),
    new Uint8Array(28),
    field(options.attributes ?? '0500000000000000e7', 16),
    field(options.mrEnclave ?? 'aa'.repeat(32), 32),
    new Uint8Array(32),
    field(options.mrSigner ?? 'bb'.repeat(32), 32),
    new Uint8Array(96),
    le(options.isvProdId ?? 7, 2),
    le(options.isvSvn ?? 3, 2),
    new Uint8Array(60),
    reportData,
  )
}

export interface DomainOptions {
  readonly teeTcbSvn?: string
  readonly teeTcbSvn2?: string
  readonly mrSignerSeam?: string
  readonly seamAttributes?: string
  readonly mrTd?: string
  readonly mrConfigId?: string
  readonly rtmrs?: readonly string[]
}

function domainReport(
  options: DomainOptions & { readonly debug: boolean; readonly bodyType: number },
  reportData: Uint8Array,
): Uint8Array {
  const [rtmr0, rtmr1, rtmr2, rtmr3] = options.rtmrs ?? ['a0'.repeat(48), 'a1'.repeat(48)]
  return concatBytes(
    field(options.teeTcbSvn ?? '060103', 16),
    field('5e'.repeat(48), 48),
    field(options.mrSignerSeam, 48),
    field(options.seamAttributes, 8),
    field(options.debug ? '01000010' : '00000010', 8),
    field('e7', 8),
    field(options.mrTd ?? 'dd'.repeat(48), 48),
    field(options.mrConfigId, 48),
    new Uint8Array(2 * 48),
    ...[rtmr0, rtmr1, rtmr2, rtmr3].map((rtmr) => field(rtmr, 48)),
    reportData,
    options.bodyType >= 3 ? field(options.teeTcbSvn2 ?? '060103', 16) : new Uint8Array(0),
    options.bodyType >= 3 ? field('5d'.repeat(48), 48) : new Uint8Array(0),
    options.bodyType === 4 ? new Uint8Array(885 - 648) : new Uint8Array(0),
  )
}

export interface QuoteOptions {
  readonly tee?: 'sgx' | 'tdx'
  /** 3 for SGX and 4 for TDX when absent. */
  readonly version?: number
  /** Of version 5: 1 SGX, 2 TD 1.0, 3 TD 1.5, 4 TD 1.5 extended. */
  readonly bodyType?: number
  readonly keyType?: number
  readonly teeType?: number
  readonly vendor?: string
  readonly debug?: boolean
  readonly reportData?: Uint8Array
  readonly enclave?: EnclaveOptions
  readonly domain?: DomainOptions
  readonly qe?: EnclaveOptions & { readonly reportData?: Uint8Array }
  readonly authData?: Uint8Array
  /** Changed after signing. */
  readonly afterSigning?: (signed: Uint8Array) => Uint8Array
  readonly qeSignature?: Uint8Array
  readonly attestationKey?: Uint8Array
  readonly certificationType?: number
  readonly certificationData?: Uint8Array
  readonly outerType?: number
  /** Left over inside the innermost and the outer signature data. */
  readonly inside?: Uint8Array
  readonly trailing?: Uint8Array
}

function encodeHeader(options: QuoteOptions, isTdx: boolean, version: number): Uint8Array {
  return concatBytes(
    le(version, 2),
    le(options.keyType ?? 2, 2),
    le(options.teeType ?? (isTdx ? 0x81 : 0), 4),
    new Uint8Array(4),
    decodeHex(options.vendor ?? QE_VENDOR),
    new Uint8Array(20),
  )
}

function encodeBody(options: QuoteOptions, isTdx: boolean, version: number): Uint8Array {
  const bodyType = options.bodyType ?? (isTdx ? 2 : 1)
  const debug = options.debug ?? false
  const reportData = field(encodeHex(options.reportData ?? encodeUtf8('report data')), 64)
  const attributes = options.enclave?.attributes ?? (debug ? '07' : '05')
  const body = isTdx
    ? domainReport({ ...options.domain, debug, bodyType }, reportData)
    : enclaveReport({ ...options.enclave, attributes }, reportData)
  return version >= 5 ? concatBytes(le(bodyType, 2), le(body.length, 4), body) : body
}

/** A quote by the attestation key of a quoting enclave that this PCK vouches for. */
export function makeQuote(pck: TestCertificate, options: QuoteOptions = {}): Uint8Array {
  const isTdx = options.tee === 'tdx'
  const version = options.version ?? (isTdx ? 4 : 3)
  const signed = concatBytes(
    encodeHeader(options, isTdx, version),
    encodeBody(options, isTdx, version),
  )
  const attestationKey = options.attestationKey ?? rawPoint(ATTESTATION_KEY.publicKey)
  const authData = options.authData ?? Uint8Array.from({ length: 32 }, (_, i) => i)
  const vouched = concatBytes(sha256(concatBytes(attestationKey, authData)), new Uint8Array(32))
  const qe = enclaveReport(
    {
      mrSigner: QE_MRSIGNER,
      attributes: '1500000000000000e7',
      isvProdId: isTdx ? 2 : 1,
      isvSvn: 8,
      ...options.qe,
    },
    options.qe?.reportData ?? vouched,
  )
  const chain = [...pck.chain, pck.root.der].map((der) => encodePem('CERTIFICATE', der)).join('')

  const certification =
    options.certificationData ?? concatBytes(encodeUtf8(chain), Uint8Array.of(0))
  const inner = concatBytes(
    qe,
    options.qeSignature ?? signRaw(qe, PCK_KEYS.privateKey),
    le(authData.length, 2),
    authData,
    le(options.certificationType ?? 5, 2),
    le(certification.length, 4),
    certification,
    options.inside ?? new Uint8Array(0),
  )
  const section = concatBytes(
    signRaw(signed, ATTESTATION_KEY.privateKey),
    attestationKey,
    ...(version >= 4 ? [le(options.outerType ?? 6, 2), le(inner.length, 4)] : []),
    inner,
  )
  return concatBytes(
    options.afterSigning?.(signed) ?? signed,
    le(section.length, 4),
    section,
    options.trailing ?? new Uint8Array(0),
  )
}
