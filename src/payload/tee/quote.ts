/**
 * Intel DCAP quotes (statements.md §5.1): SGX of version 3 to 5, TDX of version 4 and 5, with an ECDSA
 * P-256 attestation key. Read exactly: every announced length is filled, nothing is left over inside.
 * What follows the announced signature is not covered by anything; most TDX quotes carry such padding,
 * so it is kept apart and reported, never ignored. Bytes 8 to 11 mean different things to different
 * software and are not read.
 */
import { concatBytes, equalBytes } from '../../bytes/bytes.ts'
import { decodeHex } from '../../bytes/hex.ts'
import { ByteReader } from './byte-reader.ts'
import { EvidenceError } from './evidence.ts'
import { parseSgxReport, SGX_REPORT_BYTES } from './sgx-quote.ts'
import type { SgxReport } from './sgx-quote.ts'
import { parseTdReport, TD_REPORT_BYTES } from './tdx-quote.ts'
import type { TdReport } from './tdx-quote.ts'

export const QUOTE_BYTES_MAX: number = 64 * 1024
/** Of what says that it is one, and whose. */
export const QUOTE_HEADER_BYTES = 48
const KEY_TYPE_P256 = 2
const TEE_SGX = 0
const TEE_TDX = 0x81
const BODY_SGX = 1
const BODY_TD_1_0 = 2
const QE_VENDOR_INTEL = decodeHex('939a7233f79c4ca9940a0db3957f0607')
const CERTIFICATION_PCK_CHAIN = 5
const CERTIFICATION_QE_REPORT = 6

export type QuoteBody =
  | { readonly tee: 'sgx'; readonly report: SgxReport }
  | { readonly tee: 'tdx'; readonly report: TdReport }

/** A parsed quote. Nothing in it is to be believed before `verifyDcap`. Byte strings are views. */
export type Quote = QuoteBody & {
  readonly version: number
  /** Header and body: what the attestation key signed. */
  readonly signed: Uint8Array
  readonly signature: Uint8Array
  /** x ‖ y of the attestation key. */
  readonly attestationKey: Uint8Array
  readonly qeReport: SgxReport
  readonly qeReportSignature: Uint8Array
  readonly qeAuthData: Uint8Array
  /** 5: the PEM chain of the PCK certificate is inside; 1 to 4: it is somewhere else. */
  readonly certificationType: number
  readonly certificationData: Uint8Array
  /** The quote without what follows it. */
  readonly trimmed: Uint8Array
  /** What follows the announced signature, perhaps nothing. */
  readonly trailing: Uint8Array
}

function unsupported(message: string): EvidenceError {
  return new EvidenceError('unsupported', message)
}

interface Header {
  readonly version: number
  readonly tee: number
}

function readHeader(reader: ByteReader): Header {
  const version = reader.u16le()
  const keyType = reader.u16le()
  const tee = reader.u32le()
  reader.take(4)
  const vendor = reader.take(16)
  reader.take(20)
  if (version < 3 || version > 5) throw unsupported(`quote version ${version}`)
  if (keyType !== KEY_TYPE_P256) throw unsupported(`attestation key of type ${keyType}`)
  if (tee !== TEE_SGX && tee !== TEE_TDX) throw unsupported(`TEE type ${tee}`)
  if (version === 3 && tee !== TEE_SGX) throw unsupported('a version 3 quote that is not of SGX')
  if (!equalBytes(vendor, QE_VENDOR_INTEL)) throw unsupported("a quoting enclave not of Intel's")
  return { version, tee }
}

function readBody(reader: ByteReader, { version, tee }: Header): QuoteBody {
  let type = tee === TEE_SGX ? BODY_SGX : BODY_TD_1_0
  if (version >= 5) {
    type = reader.u16le()
    const size = reader.u32le()
    const expected = type === BODY_SGX ? SGX_REPORT_BYTES : TD_REPORT_BYTES.get(type)
    if (expected === undefined) throw unsupported(`quote body of type ${type}`)
    if (size !== expected) {
      throw new EvidenceError('malformed', `a body of type ${type} has ${expected} bytes`)
    }
    if ((type === BODY_SGX) !== (tee === TEE_SGX)) {
      throw new EvidenceError('malformed', 'the type of the body is not that of the TEE')
    }
  }
  return type === BODY_SGX
    ? { tee: 'sgx', report: parseSgxReport(reader.take(SGX_REPORT_BYTES)) }
    : { tee: 'tdx', report: parseTdReport(reader.take(TD_REPORT_BYTES.get(type)!)) }
}

function readCertification(reader: ByteReader): { type: number; data: Uint8Array } {
  const type = reader.u16le()
  const data = reader.take(reader.u32le())
  reader.end()
  return { type, data }
}

type SignatureSection = Omit<
  Quote,
  'tee' | 'report' | 'version' | 'signed' | 'trimmed' | 'trailing'
>

function readSignatureSection(bytes: Uint8Array, version: number): SignatureSection {
  const reader = new ByteReader(bytes, 'signature of the quote')
  const signature = reader.take(64)
  const attestationKey = reader.take(64)
  let inner = reader
  if (version >= 4) {
    const { type, data } = readCertification(reader)
    if (type !== CERTIFICATION_QE_REPORT) {
      throw unsupported(`certification data of type ${type} in a version ${version} quote`)
    }
    inner = new ByteReader(data, 'certification of the quoting enclave')
  }
  const qeReport = parseSgxReport(inner.take(SGX_REPORT_BYTES))
  const qeReportSignature = inner.take(64)
  const qeAuthData = inner.take(inner.u16le())
  const { type, data } = readCertification(inner)
  if (type < 1 || type > CERTIFICATION_PCK_CHAIN) {
    throw unsupported(`certification data of type ${type}`)
  }
  return {
    signature,
    attestationKey,
    qeReport,
    qeReportSignature,
    qeAuthData,
    certificationType: type,
    certificationData: data,
  }
}

/**
 * Parses a quote; the bytes are copied.
 * @throws EvidenceError `truncated`, `malformed` or `unsupported`
 */
export function parseQuote(bytes: Uint8Array): Quote {
  if (bytes.length > QUOTE_BYTES_MAX) {
    throw new EvidenceError('malformed', `a quote has at most ${QUOTE_BYTES_MAX} bytes`)
  }
  const own = concatBytes(bytes)
  const reader = new ByteReader(own, 'quote')
  const header = readHeader(reader)
  const body = readBody(reader, header)
  const signed = own.subarray(0, reader.offset)
  const section = readSignatureSection(reader.take(reader.u32le()), header.version)
  const trimmed = own.subarray(0, reader.offset)
  const trailing = own.subarray(reader.offset)
  return { ...body, ...section, version: header.version, signed, trimmed, trailing }
}

/** True when the quote brings the chain of its PCK certificate along. */
export function hasPckChain({ certificationType }: Quote): boolean {
  return certificationType === CERTIFICATION_PCK_CHAIN
}
