/**
 * The report of an SGX enclave (384 bytes, `sgx_report_body_t`): the body of an SGX quote, and in every
 * DCAP quote the report of the enclave that quotes. Quotes themselves are read by `quote.ts`.
 */
import { encodeHex } from '../../bytes/hex.ts'
import { ByteReader } from './byte-reader.ts'
import type { Measurement } from './evidence.ts'

/** A raw SGX quote, of version 3 or later. */
export const SGX_QUOTE_MEDIA_TYPE = 'application/vnd.attestry.sgx-quote'
export const SGX_REPORT_BYTES = 384

/** What an enclave's report says. Byte strings are views. */
export interface SgxReport {
  readonly bytes: Uint8Array
  readonly cpuSvn: Uint8Array
  readonly miscSelect: Uint8Array
  readonly attributes: Uint8Array
  readonly mrEnclave: Uint8Array
  readonly mrSigner: Uint8Array
  readonly isvProdId: number
  readonly isvSvn: number
  readonly reportData: Uint8Array
}

/**
 * Reads a report of exactly {@link SGX_REPORT_BYTES} bytes.
 * @throws EvidenceError `truncated` or `malformed`
 */
export function parseSgxReport(bytes: Uint8Array): SgxReport {
  const reader = new ByteReader(bytes, 'enclave report')
  const cpuSvn = reader.take(16)
  const miscSelect = reader.take(4)
  reader.take(28)
  const attributes = reader.take(16)
  const mrEnclave = reader.take(32)
  reader.take(32)
  const mrSigner = reader.take(32)
  reader.take(96)
  const isvProdId = reader.u16le()
  const isvSvn = reader.u16le()
  reader.take(60)
  const reportData = reader.take(64)
  reader.end()
  return {
    bytes,
    cpuSvn,
    miscSelect,
    attributes,
    mrEnclave,
    mrSigner,
    isvProdId,
    isvSvn,
    reportData,
  }
}

/** True when the enclave can be debugged: bit 1 of the attributes. */
export function isSgxDebug({ attributes }: SgxReport): boolean {
  return Math.floor(attributes[0]! / 2) % 2 === 1
}

/** Number as lower-case hex of `digits` digits. */
export function fixedHex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}

/** What identifies the enclave and its vendor. */
export function sgxMeasurements(report: SgxReport): Measurement[] {
  return [
    { name: 'mrenclave', value: encodeHex(report.mrEnclave) },
    { name: 'mrsigner', value: encodeHex(report.mrSigner) },
    { name: 'isvprodid', value: fixedHex(report.isvProdId, 4) },
  ]
}
