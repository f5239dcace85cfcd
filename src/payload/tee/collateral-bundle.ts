/**
 * The container in which collateral comes along with evidence: a CBOR map of named parts, each the bytes
 * that the vendor published. Strict: known names only, deterministic encoding (RFC 8949 §4.2.1), so a set
 * of parts is one byte string with one digest. What is in the parts is judged where they are used.
 */
import { equalBytes } from '../../bytes/bytes.ts'
import { decodeCbor } from '../../cbor/decode.ts'
import type { CborValue } from '../../cbor/decode.ts'
import { encodeCbor } from '../../cbor/encode.ts'
import { InputError } from '../../errors.ts'
import { EvidenceError } from './evidence.ts'

export const COLLATERAL_MEDIA_TYPE = 'application/vnd.attestry.collateral+cbor'
export const COLLATERAL_BYTES_MAX: number = 1024 * 1024
/** All bundles of one piece of evidence together, those of the entries that it names included. */
export const COLLATERAL_TOTAL_MAX: number = 2 * COLLATERAL_BYTES_MAX
const LIST_MAX = 16

/** Parts that are one byte string. */
export const SINGLE_PARTS = [
  /** Body of the PCS answer `{"tcbInfo":…,"signature":…}`, byte for byte. */
  'intel-tcb-info',
  /** Body of the PCS answer `{"enclaveIdentity":…,"signature":…}`, byte for byte. */
  'intel-qe-identity',
  /** DER of the Intel SGX Root CA's list. */
  'intel-root-crl',
  /** DER of the PCK Platform or Processor CA's list. */
  'intel-pck-crl',
] as const
/** Parts that are a list of byte strings. Certificates are DER, leaf first. */
export const LIST_PARTS = [
  /** Chain of the PCK certificate, for quotes that do not bring it along. */
  'intel-pck-chain',
  /** Chain of whoever signed the PCK list; absent: the PCK certificate's own issuer did. */
  'intel-pck-crl-chain',
  'intel-tcb-info-chain',
  'intel-qe-identity-chain',
  /** Certificates of any vendor (AMD's VCEK, ASK and ARK, a TPM's AK). */
  'certificates',
  /** Revocation lists of any vendor, DER. */
  'crls',
] as const

export type SinglePart = (typeof SINGLE_PARTS)[number]
export type ListPart = (typeof LIST_PARTS)[number]

/** Collateral by part; what was not supplied is absent. */
export type CollateralBundle = Readonly<Partial<Record<SinglePart, Uint8Array>>> &
  Readonly<Partial<Record<ListPart, readonly Uint8Array[]>>>

function malformed(message: string, cause?: unknown): EvidenceError {
  return new EvidenceError('collateral-malformed', `collateral: ${message}`, { cause })
}

const isBytes = (value: unknown): value is Uint8Array =>
  value instanceof Uint8Array && value.length > 0

function readPart(name: CborValue, value: CborValue): [string, Uint8Array | Uint8Array[]] {
  if (typeof name === 'string' && (SINGLE_PARTS as readonly string[]).includes(name)) {
    if (!isBytes(value)) throw malformed(`"${name}" is not a byte string`)
    return [name, value]
  }
  if (typeof name === 'string' && (LIST_PARTS as readonly string[]).includes(name)) {
    if (!Array.isArray(value) || value.length === 0 || value.length > LIST_MAX) {
      throw malformed(`"${name}" is not a list of 1 to ${LIST_MAX}`)
    }
    if (!value.every(isBytes)) throw malformed(`"${name}" holds something else than byte strings`)
    return [name, value]
  }
  throw malformed('a part of another name')
}

/**
 * Parses a container.
 * @throws EvidenceError `collateral-malformed`
 */
export function parseCollateral(bytes: Uint8Array): CollateralBundle {
  if (bytes.length > COLLATERAL_BYTES_MAX) {
    throw malformed(`more than ${COLLATERAL_BYTES_MAX} bytes`)
  }
  let decoded: CborValue
  try {
    decoded = decodeCbor(bytes.slice(), { bytes: COLLATERAL_BYTES_MAX })
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    throw malformed(cause.message, cause)
  }
  if (!(decoded instanceof Map)) throw malformed('not a map')
  const bundle = Object.fromEntries(
    [...decoded].map(([name, value]: [CborValue, CborValue]) => readPart(name, value)),
  ) as CollateralBundle
  if (!equalBytes(encodeCollateral(bundle), bytes)) throw malformed('not in deterministic encoding')
  return bundle
}

/** The container's bytes: one spelling for one set of parts. */
export function encodeCollateral(bundle: CollateralBundle): Uint8Array {
  return encodeCbor(new Map<CborValue, CborValue>(Object.entries(bundle)))
}
