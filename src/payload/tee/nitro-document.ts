/**
 * AWS Nitro attestation documents (statements.md §5.3): a COSE_Sign1 with ES384, tagged or not, whose
 * payload carries its own certificates and its own time. Firmware since 2025 writes the payload with
 * indefinite lengths, and instances with NitroTPM give TPM registers. What a document says, as facts,
 * stands below its layout; `verify-nitro.ts` verifies.
 */
import { encodeHex } from '../../bytes/hex.ts'
import { decodeCbor, type CborMap, type CborValue } from '../../cbor/decode.ts'
import { definiteCbor } from '../../cbor/definite.ts'
import { HEADER } from '../../cose/labels.ts'
import type { CoseSign1 } from '../../cose/parse-sign1.ts'
import { InputError } from '../../errors.ts'
import { EvidenceError } from './evidence.ts'
import type { EvidenceFacts, Measurement } from './evidence.ts'
import { parseForeignSign1 } from './foreign-sign1.ts'

const ES384 = -35
const DOCUMENT_BYTES_MAX = 32 * 1024
const FIELD_BYTES_MAX = 1024
const PCRS_MAX = 32
const PCR_BYTES: readonly unknown[] = [32, 48, 64]
/** A parsed document. */
export interface NitroDocument {
  readonly message: CoseSign1
  readonly moduleId: string
  /** Milliseconds since 1970. */
  readonly timestamp: number
  /** Registers of the enclave, or of the instance's NitroTPM. */
  readonly pcrs: ReadonlyMap<number, Uint8Array>
  readonly isNitroTpm: boolean
  /** Leaf first, DER, with the root. */
  readonly chain: readonly Uint8Array[]
  readonly publicKey?: Uint8Array
  readonly userData?: Uint8Array
  readonly nonce?: Uint8Array
}

function malformed(message: string, cause?: unknown): EvidenceError {
  return new EvidenceError('malformed', message, { cause })
}

/**
 * Parses a document.
 * @throws EvidenceError `malformed` or `unsupported`.
 */
export function parseNitroDocument(bytes: Uint8Array): NitroDocument {
  if (bytes.length > DOCUMENT_BYTES_MAX) throw malformed('the document is too long')
  try {
    return readDocument(parseForeignSign1(bytes))
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause
    throw malformed(`not a Nitro document: ${cause.message}`, cause)
  }
}

function readDocument(message: CoseSign1): NitroDocument {
  if (message.payload === null) throw malformed('the document has no payload')
  if (message.protectedHeader.get(HEADER.algorithm) !== ES384) {
    throw new EvidenceError('unsupported', 'the document is not signed with ES384')
  }
  const map = decodeCbor(definiteCbor(message.payload))
  if (!(map instanceof Map)) throw malformed('the payload is not a map')
  const document = map as CborMap
  const moduleId = document.get('module_id')
  const timestamp = document.get('timestamp')
  if (typeof moduleId !== 'string' || moduleId === '') throw malformed('no module_id')
  if (typeof timestamp !== 'number' || !Number.isSafeInteger(timestamp) || timestamp <= 0) {
    throw malformed('no timestamp')
  }
  if (document.get('digest') !== 'SHA384') throw malformed('the digest is not SHA384')
  const bundle = document.get('cabundle')
  if (!Array.isArray(bundle)) throw malformed('no cabundle')
  const chain = [document.get('certificate'), ...[...(bundle as readonly CborValue[])].reverse()]
  const publicKey = readOptional(document.get('public_key'), 'public_key')
  const userData = readOptional(document.get('user_data'), 'user_data')
  const nonce = readOptional(document.get('nonce'), 'nonce')
  const isNitroTpm = document.has('nitrotpm_pcrs')
  if (isNitroTpm && document.has('pcrs')) throw malformed('two sets of registers')
  return {
    message,
    moduleId,
    timestamp,
    pcrs: readPcrs(document.get(isNitroTpm ? 'nitrotpm_pcrs' : 'pcrs')),
    isNitroTpm,
    chain: chain.map((certificate) => readField(certificate, 'a certificate')),
    ...(publicKey === undefined ? {} : { publicKey }),
    ...(userData === undefined ? {} : { userData }),
    ...(nonce === undefined ? {} : { nonce }),
  }
}

function readField(value: CborValue, what: string): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length > FIELD_BYTES_MAX) {
    throw malformed(`${what} is not a byte string of at most ${FIELD_BYTES_MAX} bytes`)
  }
  return value
}

function readOptional(value: CborValue, what: string): Uint8Array | undefined {
  return value === undefined || value === null ? undefined : readField(value, what)
}

function readPcrs(value: CborValue): ReadonlyMap<number, Uint8Array> {
  if (!(value instanceof Map) || value.size === 0 || value.size > PCRS_MAX) {
    throw malformed('there are 1 to 32 registers')
  }
  const pcrs = new Map<number, Uint8Array>()
  for (const [index, content] of value as CborMap) {
    const isIndex = typeof index === 'number' && index >= 0 && index < PCRS_MAX
    if (!isIndex || !(content instanceof Uint8Array) || !PCR_BYTES.includes(content.length)) {
      throw malformed('not a register')
    }
    pcrs.set(index, content)
  }
  return pcrs
}

const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0)

/** What a document says; nothing is verified here. */
export function nitroDocumentFacts(
  document: NitroDocument,
): Pick<EvidenceFacts, 'measurements' | 'debug' | 'reportData'> & { readonly teeType: 'nitro' } {
  const { pcrs, isNitroTpm, userData } = document
  const measurements: Measurement[] = [...pcrs]
    .filter(([index, value]) => index === 0 || !isZero(value))
    .map(([index, value]) => ({ name: `pcr${index}`, value: encodeHex(value) }))
  const image = pcrs.get(0)
  return {
    teeType: 'nitro',
    measurements,
    // An enclave in debug mode attests zeros (AWS, "Verifying the root of trust").
    debug: !isNitroTpm && (image === undefined || isZero(image)),
    reportData: userData ?? new Uint8Array(0),
  }
}
