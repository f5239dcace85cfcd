/**
 * Parses COSE_Sign1 (RFC 9052 §4.2). The protected header is kept as the bytes that arrived and is
 * decoded only to be read. Only the tagged form exists (RFC 9943 §6.1), and a label in both maps is
 * refused.
 */
import { CborTag, decodeCbor } from '../cbor/decode.ts'
import type { CborMap, CborValue } from '../cbor/decode.ts'
import type { CborLimits } from '../cbor/limits.ts'
import { InputError } from '../errors.ts'
import { TAG_COSE_SIGN1 } from './labels.ts'

/** A parsed COSE_Sign1. Byte strings are views of the input. */
export interface CoseSign1 {
  /** Content of the protected byte string, exactly as received. */
  readonly protectedBytes: Uint8Array
  readonly protectedHeader: CborMap
  readonly unprotectedHeader: CborMap
  /** `null` when detached. */
  readonly payload: Uint8Array | null
  readonly signature: Uint8Array
}

function fail(message: string): never {
  throw new InputError('ERR_COSE_STRUCTURE', message)
}

/**
 * Parses tagged COSE_Sign1 bytes.
 * @throws InputError `ERR_CBOR_*`, `ERR_COSE_STRUCTURE` or `ERR_COSE_HEADER`.
 */
export function parseSign1(bytes: Uint8Array, limits?: Partial<CborLimits>): CoseSign1 {
  const tagged = decodeCbor(bytes, limits)
  if (!(tagged instanceof CborTag) || tagged.tag !== TAG_COSE_SIGN1) {
    fail('expected a COSE_Sign1 with tag 18')
  }
  const elements = tagged.value
  if (!Array.isArray(elements) || elements.length !== 4) fail('COSE_Sign1 is an array of four')
  const [protectedBytes, unprotectedHeader, payload, signature] = elements as readonly CborValue[]
  if (!(protectedBytes instanceof Uint8Array)) fail('the protected header is a byte string')
  if (!(unprotectedHeader instanceof Map)) fail('the unprotected header is a map')
  if (!(payload instanceof Uint8Array) && payload !== null)
    fail('the payload is a byte string or nil')
  if (!(signature instanceof Uint8Array)) fail('the signature is a byte string')
  const protectedHeader = parseProtected(protectedBytes, limits)
  if (unprotectedHeader.size > 0) assertDisjoint(protectedHeader, unprotectedHeader as CborMap)
  return { protectedBytes, protectedHeader, unprotectedHeader, payload, signature }
}

function assertDisjoint(protectedHeader: CborMap, unprotectedHeader: CborMap): void {
  for (const label of protectedHeader.keys()) {
    if (unprotectedHeader.has(label)) {
      throw new InputError(
        'ERR_COSE_HEADER',
        `header parameter ${describeLabel(label)} is in both maps`,
      )
    }
  }
}

function parseProtected(bytes: Uint8Array, limits?: Partial<CborLimits>): CborMap {
  if (bytes.length === 0) return new Map()
  const header = decodeCbor(bytes, limits)
  if (!(header instanceof Map)) fail('the protected header is not a map')
  return header as CborMap
}

/** Labels are integers or short strings (the scan sees to that); text ones are for people to read. */
export function describeLabel(label: CborValue): string {
  return typeof label === 'string'
    ? JSON.stringify(label)
    : typeof label === 'number'
      ? `${label}`
      : '?'
}
