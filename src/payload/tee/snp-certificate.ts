/**
 * What AMD writes into the certificate of a chip's or a provider's signing key (VCEK, VLEK; AMD
 * publication 57230): the product, the TCB it was issued for and the chip or the provider. Values
 * match in their exact encodings only.
 */
import { encodeHex } from '../../bytes/hex.ts'
import { InputError } from '../../errors.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { readDer, readUnsigned, TAG } from '../../x509/der.ts'
import { extensionValues } from '../../x509/raw-extension.ts'
import { commonName, decodeSingleByteText } from '../../x509/name.ts'
import { EvidenceError } from './evidence.ts'
import type { SnpTcb } from './snp-report.ts'

const ARC = '1.3.6.1.4.1.3704.1'
const OID = {
  structVersion: `${ARC}.1`,
  product: `${ARC}.2`,
  bootloader: `${ARC}.3.1`,
  tee: `${ARC}.3.2`,
  snp: `${ARC}.3.3`,
  microcode: `${ARC}.3.8`,
  fmc: `${ARC}.3.9`,
  hardwareId: `${ARC}.4`,
  cspId: `${ARC}.5`,
} as const
const TAG_IA5_STRING = 0x16

/** The AMD extensions of a VCEK or VLEK certificate. */
export interface SnpCertificate {
  readonly kind: 'vcek' | 'vlek'
  /** 0 for Milan and Genoa, 1 from Turin on. */
  readonly structVersion: 0 | 1
  /** The product line: `Milan`, `Genoa`, `Turin` … */
  readonly product: string
  readonly tcb: SnpTcb
  /** VCEK: the chip, 64 bytes, from Turin on 8. */
  readonly hardwareId?: Uint8Array
  /** VLEK: the cloud provider. */
  readonly cspId?: string
}

const KINDS = new Map<string | undefined, SnpCertificate['kind']>([
  ['SEV-VCEK', 'vcek'],
  ['SEV-VLEK', 'vlek'],
])

/** True when the certificate's subject is the one that AMD gives to VCEKs and VLEKs. */
export function isSnpSigner({ subject }: Certificate): boolean {
  return KINDS.has(commonName(subject))
}

function fail(message: string): never {
  throw new EvidenceError('certificate-role', message)
}

function readText(der: Uint8Array): string {
  return decodeSingleByteText(readDer(der, TAG_IA5_STRING).content)
}

/** A byte that is a DER INTEGER, 0 to 255. */
function readByte(der: Uint8Array | undefined, what: string): number {
  if (der === undefined) return fail(`the certificate has no ${what}`)
  const magnitude = readUnsigned(readDer(der, TAG.integer))
  return magnitude.length > 1 ? fail(`${what} is over 255`) : (magnitude[0] ?? 0)
}

function read(certificate: Certificate): SnpCertificate {
  const values = extensionValues(certificate)
  const hardwareId = values.get(OID.hardwareId)
  const csp = values.get(OID.cspId)
  const kind =
    KINDS.get(commonName(certificate.subject)) ?? fail('not the certificate of a VCEK or VLEK')
  const product = values.get(OID.product)
  if (product === undefined) return fail('the certificate names no product')
  const structVersion = readByte(values.get(OID.structVersion), 'struct version')
  if (structVersion > 1) {
    throw new EvidenceError('unsupported', `AMD certificate of struct version ${structVersion}`)
  }
  const byte = (part: 'bootloader' | 'tee' | 'snp' | 'microcode' | 'fmc'): number =>
    readByte(values.get(OID[part]), `security version of ${part}`)
  const tcb: SnpTcb = {
    ...(structVersion === 0 ? {} : { fmc: byte('fmc') }),
    bootloader: byte('bootloader'),
    tee: byte('tee'),
    snp: byte('snp'),
    microcode: byte('microcode'),
  }
  if (kind === 'vcek' && hardwareId?.length !== (structVersion === 0 ? 64 : 8)) {
    return fail('the VCEK certificate names no chip')
  }
  return {
    kind,
    structVersion: structVersion === 0 ? 0 : 1,
    product: readText(product).split('-')[0]!,
    tcb,
    ...(kind === 'vcek' && hardwareId !== undefined ? { hardwareId } : {}),
    ...(kind === 'vlek' && csp !== undefined ? { cspId: readText(csp) } : {}),
  }
}

/**
 * Reads AMD's extensions of a VCEK or VLEK certificate with a P-384 key.
 * @throws EvidenceError `certificate-role` or `unsupported`.
 */
export function readSnpCertificate(certificate: Certificate): SnpCertificate {
  const { spki } = certificate
  if (spki.kind !== 'ec' || spki.curve !== 'P-384') fail('the key is not on P-384')
  try {
    return read(certificate)
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    throw new EvidenceError('certificate-role', cause.message, { cause })
  }
}

/** Hex that compares byte by byte: bootloader, TEE, SNP and microcode, in front of them FMC if any. */
export function encodeSnpTcb(tcb: SnpTcb): string {
  const { fmc, bootloader, tee, snp, microcode } = tcb
  const parts = [bootloader, tee, snp, microcode]
  return encodeHex(Uint8Array.from(fmc === undefined ? parts : [fmc, ...parts]))
}
