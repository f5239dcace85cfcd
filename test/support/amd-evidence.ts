/**
 * A fake AMD: an ARK, an ASK for VCEKs and an ASVK for VLEKs, certificates with AMD's extensions, and
 * SEV-SNP reports signed by their keys. Everything that AMD would not write can be asked for.
 */
import { sign } from 'node:crypto'
import { sha256 } from '../../src/bytes/digest.ts'
import { concatBytes, encodeUtf8 } from '../../src/bytes/bytes.ts'
import { decodeHex, encodeHex } from '../../src/bytes/hex.ts'
import { encodeDer } from '../../src/x509/der-encode.ts'
import { issueCertificate, makeCa, type TestCertificate, type TestExtension } from './test-pki.ts'

const ARC = '1.3.6.1.4.1.3704.1'
const NAME = { OU: 'Engineering', C: 'US', O: 'Advanced Micro Devices' }
export const CHIP_ID: Uint8Array = Uint8Array.from({ length: 64 }, (_, i) => i + 1)

export interface AmdPki {
  readonly ark: TestCertificate
  readonly ask: TestCertificate
  readonly asvk: TestCertificate
  /** SHA-256 of the ARK, as roots are pinned. */
  readonly roots: readonly string[]
}

/** A root and its two intermediates; RSA with PSS, as AMD has them. */
export function makeAmdPki(product = 'Milan'): AmdPki {
  const rsa = { keyAlg: 'RSA-2048', signature: 'pss' } as const
  const ark = makeCa({ ...rsa, subject: { ...NAME, CN: `ARK-${product}` } })
  const ca = { ...rsa, ca: ark, pathLength: 0 }
  return {
    ark,
    ask: makeCa({ ...ca, subject: { ...NAME, CN: `SEV-${product}` } }),
    asvk: makeCa({ ...ca, subject: { ...NAME, CN: `SEV-VLEK-${product}` } }),
    roots: [encodeHex(sha256(ark.der))],
  }
}

export interface SnpKeyOptions {
  readonly product?: string
  readonly kind?: 'vcek' | 'vlek'
  readonly structVersion?: 0 | 1 | 2
  /** fmc, bootloader, TEE, SNP, microcode. */
  readonly tcb?: readonly [number, number, number, number, number]
  readonly hardwareId?: Uint8Array
  readonly without?: readonly string[]
  readonly curve?: 'P-256' | 'P-384'
  readonly notBefore?: Date
  readonly notAfter?: Date
  readonly commonName?: string
}

const byte = (value: number): Uint8Array =>
  encodeDer(2, value < 0x80 ? Uint8Array.of(value) : Uint8Array.of(0, value))
const ia5 = (text: string): Uint8Array => encodeDer(0x16, encodeUtf8(text))

export const TCB = [9, 3, 0, 8, 115] as const

/** A VCEK or VLEK certificate. */
export function makeSnpKey(pki: AmdPki, options: SnpKeyOptions = {}): TestCertificate {
  const { kind = 'vcek', structVersion = 0, tcb = TCB, product = 'Milan-B0' } = options
  const id = options.hardwareId ?? CHIP_ID.slice(0, structVersion === 0 ? 64 : 8)
  const [fmc, bootloader, tee, snp, microcode] = tcb
  const values: readonly (readonly [string, Uint8Array])[] = [
    ['1', byte(structVersion)],
    ['2', ia5(product)],
    ['3.1', byte(bootloader)],
    ['3.2', byte(tee)],
    ['3.3', byte(snp)],
    ['3.8', byte(microcode)],
    ...(structVersion === 0 ? [] : [['3.9', byte(fmc)] as const]),
    kind === 'vcek' ? ['4', id] : ['5', ia5('example-cloud')],
  ]
  const extensions: TestExtension[] = values
    .filter(([arc]) => options.without?.includes(arc) !== true)
    .map(([arc, value]) => ({ oid: `${ARC}.${arc}`, value }))
  return issueCertificate({
    ca: kind === 'vcek' ? pki.ask : pki.asvk,
    keyAlg: options.curve ?? 'P-384',
    signature: 'pss',
    keyUsage: 'none',
    subject: { ...NAME, CN: options.commonName ?? `SEV-${kind.toUpperCase()}` },
    extensions,
    ...(options.notBefore === undefined ? {} : { notBefore: options.notBefore }),
    ...(options.notAfter === undefined ? {} : { notAfter: options.notAfter }),
  })
}

export interface SnpReportOptions {
  readonly version?: number
  readonly debug?: boolean
  readonly reportData?: Uint8Array
  readonly measurement?: Uint8Array
  readonly hostData?: Uint8Array
  /** The eight bytes as the product lays them out. */
  readonly reportedTcb?: readonly number[]
  readonly chipId?: Uint8Array
  readonly cpuid?: readonly [family: number, model: number]
  /** SIGNER_INFO: bits 2 to 4 are the signing key, bit 1 masks the chip key. */
  readonly signerInfo?: number
  /** Alters the report before it is signed. */
  readonly alter?: (report: Uint8Array) => void
}

export const MILAN_TCB: readonly number[] = [3, 0, 0, 0, 0, 0, 8, 115]
export const TURIN_TCB: readonly number[] = [9, 3, 0, 8, 0, 0, 0, 115]

/** A report signed by the key of `signer`. */
export function makeSnpReport(signer: TestCertificate, options: SnpReportOptions = {}): Uint8Array {
  const report = new Uint8Array(0x4a0)
  const view = new DataView(report.buffer)
  const { version = 3 } = options
  view.setUint32(0, version, true)
  view.setUint32(4, 2, true)
  report.set([0x1f, 0, options.debug === true ? 0x0b : 0x03], 8)
  view.setUint32(0x34, 1, true)
  view.setUint32(0x48, options.signerInfo ?? 0, true)
  report.set(options.reportData ?? new Uint8Array(64), 0x50)
  report.set(options.measurement ?? new Uint8Array(48).fill(0x4d), 0x90)
  report.set(options.hostData ?? new Uint8Array(32), 0xc0)
  const tcb = options.reportedTcb ?? MILAN_TCB
  for (const at of [0x38, 0x180, 0x1e0, 0x1f0]) report.set(tcb, at)
  if (version >= 3) report.set(options.cpuid ?? [0x19, 1], 0x188)
  report.set(options.chipId ?? CHIP_ID, 0x1a0)
  options.alter?.(report)
  return signSnpReport(report, signer)
}

/** Signs (again) a report, r and s little-endian in 72 bytes each. */
export function signSnpReport(report: Uint8Array, signer: TestCertificate): Uint8Array {
  const key = { key: signer.privateKey, dsaEncoding: 'ieee-p1363' } as const
  const raw = new Uint8Array(sign('sha384', report.subarray(0, 0x2a0), key))
  const half = raw.length / 2
  report.fill(0, 0x2a0)
  report.set(raw.slice(0, half).reverse(), 0x2a0)
  report.set(raw.slice(half).reverse(), 0x2a0 + 72)
  return report
}

const GUIDS = {
  vcek: '63da758de6644564adc5f4b93be8accd',
  vlek: 'a8074bc2a25a483eaae639c045a0b8a1',
  ask: '4ab7b379bbac4fe4a02f05aef327c782',
  ark: 'c0b406a4a803495297433fb6014cd0ae',
  crl: '92f81bc358114d3d97ffd19f88dc67ea',
  other: '00112233445566778899aabbccddeeff',
} as const

/** A certificate table as a host writes it; `swapped` has GUIDs in UEFI's byte order. */
export function makeCertificateTable(
  rows: readonly (readonly [name: keyof typeof GUIDS, content: Uint8Array])[],
  swapped = false,
): Uint8Array {
  const head = new Uint8Array((rows.length + 1) * 24)
  const view = new DataView(head.buffer)
  let offset = head.length
  for (const [row, [name, content]] of rows.entries()) {
    const guid = decodeHex(GUIDS[name])
    const part = (from: number, to: number): Uint8Array => guid.slice(from, to).reverse()
    const uefi = concatBytes(part(0, 4), part(4, 6), part(6, 8), guid.subarray(8))
    head.set(swapped ? uefi : guid, row * 24)
    view.setUint32(row * 24 + 16, offset, true)
    view.setUint32(row * 24 + 20, content.length, true)
    offset += content.length
  }
  return concatBytes(head, ...rows.map(([, content]) => content))
}
