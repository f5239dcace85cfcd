/**
 * AMD SEV-SNP attestation reports, versions 2 to 5: 1,184 bytes, little-endian (AMD publication 56860,
 * "ATTESTATION_REPORT"; statements.md §5.2). Only the layout; `verify-snp.ts` verifies. The meaning
 * of the eight TCB bytes depends on the product, which the certificate names: see `readSnpTcb`.
 */
import { EvidenceError } from './evidence.ts'

export const SNP_REPORT_BYTES = 0x4a0
const SIGNED_BYTES = 0x2a0
/** r and s are 72 bytes each, little-endian, of which P-384 fills 48. */
const HALF_BYTES = 72
const P384_BYTES = 48
const ECDSA_P384_SHA384 = 1
const VERSIONS = { min: 2, max: 5, withCpuid: 3 } as const

const SIGNING_KEYS = new Map<number, 'vcek' | 'vlek' | 'none'>([
  [0, 'vcek'],
  [1, 'vlek'],
  [7, 'none'],
])

/** A parsed report. Byte strings are views of the input. */
export interface SnpReport {
  readonly version: number
  readonly guestSvn: number
  /** The guest policy, 64 bits, as read. */
  readonly policy: Uint8Array
  readonly debug: boolean
  readonly familyId: Uint8Array
  readonly imageId: Uint8Array
  readonly vmpl: number
  readonly currentTcb: Uint8Array
  readonly platformInfo: Uint8Array
  readonly signingKey: 'vcek' | 'vlek' | 'none'
  /** MASK_CHIP_KEY: the firmware wrote zeros in place of the signature. */
  readonly chipKeyMasked: boolean
  readonly reportData: Uint8Array
  readonly measurement: Uint8Array
  readonly hostData: Uint8Array
  readonly idKeyDigest: Uint8Array
  readonly authorKeyDigest: Uint8Array
  readonly reportId: Uint8Array
  readonly reportedTcb: Uint8Array
  /** From version 3 on: the processor's family and model. */
  readonly cpuid?: { readonly family: number; readonly model: number }
  readonly chipId: Uint8Array
  readonly committedTcb: Uint8Array
  readonly launchTcb: Uint8Array
  readonly signedBytes: Uint8Array
  /** r ‖ s, 48 bytes each, big-endian. */
  readonly signature: Uint8Array
}

/**
 * Parses a report.
 * @throws EvidenceError `truncated`, `malformed` or `unsupported`.
 */
export function parseSnpReport(bytes: Uint8Array): SnpReport {
  if (bytes.length < SNP_REPORT_BYTES) {
    throw new EvidenceError('truncated', `an SNP report has ${SNP_REPORT_BYTES} bytes`)
  }
  if (bytes.length > SNP_REPORT_BYTES) {
    throw new EvidenceError(
      'malformed',
      `${bytes.length - SNP_REPORT_BYTES} bytes follow the report`,
    )
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const field = (start: number, length: number): Uint8Array => bytes.subarray(start, start + length)
  const version = view.getUint32(0, true)
  if (version < VERSIONS.min || version > VERSIONS.max) {
    throw new EvidenceError('unsupported', `SNP report of version ${version}`)
  }
  const algorithm = view.getUint32(0x34, true)
  if (algorithm !== ECDSA_P384_SHA384) {
    throw new EvidenceError('unsupported', `SNP signature algorithm ${algorithm}`)
  }
  const signer = view.getUint32(0x48, true)
  const signingKey = SIGNING_KEYS.get(Math.floor(signer / 4) % 8)
  if (signingKey === undefined) throw new EvidenceError('unsupported', 'unknown SNP signing key')
  return {
    version,
    guestSvn: view.getUint32(4, true),
    policy: field(8, 8),
    debug: Math.floor(bytes[10]! / 8) % 2 === 1, // bit 19
    familyId: field(0x10, 16),
    imageId: field(0x20, 16),
    vmpl: view.getUint32(0x30, true),
    currentTcb: field(0x38, 8),
    platformInfo: field(0x40, 8),
    signingKey,
    chipKeyMasked: Math.floor(signer / 2) % 2 === 1,
    reportData: field(0x50, 64),
    measurement: field(0x90, 48),
    hostData: field(0xc0, 32),
    idKeyDigest: field(0xe0, 48),
    authorKeyDigest: field(0x110, 48),
    reportId: field(0x140, 32),
    reportedTcb: field(0x180, 8),
    ...(version < VERSIONS.withCpuid
      ? {}
      : { cpuid: { family: bytes[0x188]!, model: bytes[0x189]! } }),
    chipId: field(0x1a0, 64),
    committedTcb: field(0x1e0, 8),
    launchTcb: field(0x1f0, 8),
    signedBytes: field(0, SIGNED_BYTES),
    signature: readSignature(field(SIGNED_BYTES, 2 * HALF_BYTES)),
  }
}

function readSignature(field: Uint8Array): Uint8Array {
  const raw = new Uint8Array(2 * P384_BYTES)
  for (let half = 0; half < 2; half++) {
    for (let i = 0; i < HALF_BYTES; i++) {
      const byte = field[half * HALF_BYTES + i]!
      if (i < P384_BYTES) raw[(half + 1) * P384_BYTES - 1 - i] = byte
      else if (byte !== 0) throw new EvidenceError('malformed', 'an SNP signature over 384 bits')
    }
  }
  return raw
}

/** The security versions in eight TCB bytes; `fmc` exists from Turin on. */
export interface SnpTcb {
  readonly fmc?: number
  readonly bootloader: number
  readonly tee: number
  readonly snp: number
  readonly microcode: number
}

/**
 * Reads TCB bytes. `structVersion` is the certificate's (AMD publication 57230): 0 for Milan and
 * Genoa, 1 from Turin on, where a byte for the FMC stands in front.
 */
export function readSnpTcb(tcb: Uint8Array, structVersion: 0 | 1): SnpTcb {
  return structVersion === 0
    ? { bootloader: tcb[0]!, tee: tcb[1]!, snp: tcb[6]!, microcode: tcb[7]! }
    : { fmc: tcb[0]!, bootloader: tcb[1]!, tee: tcb[2]!, snp: tcb[3]!, microcode: tcb[7]! }
}
