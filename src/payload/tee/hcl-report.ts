/**
 * The HCL report of an Azure confidential VM (statements.md §5.5): a header `HCLA`, the hardware's
 * report (an SNP report, or a TDREPORT), and JSON in which Azure's paravisor names the vTPM's attestation
 * key. The hardware's report data is the digest of that JSON, so verified hardware evidence vouches for
 * the key. A TDREPORT cannot be verified elsewhere; the TD quote that goes with it is.
 */
import { equalBytes } from '../../bytes/bytes.ts'
import { digest, type DigestName } from '../../bytes/digest.ts'
import { parseStrictJson } from '../../bytes/strict-json.ts'
import { publicKeyFromJwk, type Jwk } from '../../cose/jwk.ts'
import type { PublicKey } from '../../cose/public-key.ts'
import { InputError } from '../../errors.ts'
import { ByteReader } from './byte-reader.ts'
import { EvidenceError } from './evidence.ts'
import type { EvidenceFacts } from './evidence.ts'
import { bytesFromHex } from './foreign-text.ts'
import { SNP_REPORT_BYTES } from './snp-report.ts'

const SIGNATURE = 0x48434c41 // "HCLA"
const HEADER_REST_BYTES = 28
const TD_REPORT_BYTES = 1024
const TD_REPORT_DATA_OFFSET = 128
const REPORT_DATA_BYTES = 64
const RUNTIME_BYTES_MAX = 32 * 1024
const TYPE_SNP = 2
const TYPE_TDX = 4
const HASHES = new Map<number, DigestName>([
  [1, 'SHA-256'],
  [2, 'SHA-384'],
  [3, 'SHA-512'],
])
const KEY_ID = 'HCLAkPub'

/** A parsed report. */
export interface HclReport {
  readonly kind: 'sev-snp' | 'tdx'
  /** An SNP report, or a TDREPORT. */
  readonly hardwareReport: Uint8Array
  /** The JSON, byte for byte as it was hashed. */
  readonly runtimeData: Uint8Array
  readonly hash: DigestName
  readonly attestationKey: PublicKey
  /** What the guest asked the paravisor to put in: 64 bytes, often zero. */
  readonly userData?: Uint8Array
}

function malformed(message: string): EvidenceError {
  return new EvidenceError('malformed', `HCL report: ${message}`)
}

/**
 * Parses a report.
 * @throws EvidenceError `truncated`, `malformed` or `unsupported`.
 */
export function parseHclReport(bytes: Uint8Array): HclReport {
  const reader = new ByteReader(bytes, 'HCL report')
  if (reader.u32be() !== SIGNATURE) throw malformed('another signature')
  reader.take(HEADER_REST_BYTES)
  const area = reader.take(SNP_REPORT_BYTES)
  reader.u32le() // size of what follows
  reader.u32le() // version
  const type = reader.u32le()
  const hash = HASHES.get(reader.u32le())
  const length = reader.u32le()
  if (hash === undefined) throw new EvidenceError('unsupported', 'HCL report with another hash')
  if (type !== TYPE_SNP && type !== TYPE_TDX) {
    throw new EvidenceError('unsupported', `HCL report of type ${type}`)
  }
  if (length > RUNTIME_BYTES_MAX) throw malformed('runtime data too long')
  const runtimeData = reader.take(length)
  // The rest of the paravisor's page is padding; the length above says what counts.
  return {
    kind: type === TYPE_SNP ? 'sev-snp' : 'tdx',
    hardwareReport: type === TYPE_SNP ? area : area.subarray(0, TD_REPORT_BYTES),
    runtimeData,
    hash,
    ...readRuntimeData(runtimeData),
  }
}

function readRuntimeData(bytes: Uint8Array): Pick<HclReport, 'attestationKey' | 'userData'> {
  try {
    const context = { code: 'ERR_PAYLOAD_MALFORMED', what: 'the runtime data' } as const
    const json = parseStrictJson(bytes, context) as Record<string, unknown> | null
    const keys = Array.isArray(json?.['keys']) ? (json['keys'] as readonly unknown[]) : []
    const named = keys.filter(
      (key) => typeof key === 'object' && key !== null && 'kid' in key && key.kid === KEY_ID,
    )
    if (named.length !== 1) throw malformed(`no key "${KEY_ID}"`)
    const attestationKey = publicKeyFromJwk(named[0] as Jwk)
    const userData = json?.['user-data']
    if (userData === undefined) return { attestationKey }
    return { attestationKey, userData: bytesFromHex(userData, 'user-data') }
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    throw malformed(cause.message)
  }
}

/**
 * The attestation key, once verified hardware evidence vouches for it.
 * @param platform facts of the SNP report inside, or of the TD quote that goes with the TDREPORT.
 * @throws EvidenceError `attestation-key-binding` when the report data is not the digest of the JSON.
 */
export function vouchedAttestationKey(report: HclReport, platform: EvidenceFacts): PublicKey {
  const expected = digest(report.hash, report.runtimeData)
  const matches = (reportData: Uint8Array): boolean =>
    equalBytes(reportData.subarray(0, expected.length), expected)
  if (platform.teeType !== report.kind || !matches(platform.reportData)) {
    throw new EvidenceError('attestation-key-binding', 'the hardware vouches for another key')
  }
  if (report.kind === 'tdx') {
    const own = report.hardwareReport.subarray(TD_REPORT_DATA_OFFSET)
    if (!matches(own.subarray(0, REPORT_DATA_BYTES))) {
      throw new EvidenceError('attestation-key-binding', 'the TDREPORT is about another key')
    }
  }
  return report.attestationKey
}
