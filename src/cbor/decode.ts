/**
 * Decoding of CBOR that {@link scanCbor} has passed. cbor-x (its build without eval) does the work;
 * what it would interpret is either refused by the scan or put back here: tag 1 stays a tag, and an
 * integer is a `number` when it fits, however it was spelled. Decoded bytes are views of the input.
 * What is plain takes a shorter way with the same result (plain.ts).
 */
import { Decoder, addExtension } from 'cbor-x/decode-no-eval'
import { InputError } from '../errors.ts'
import type { CborLimits } from './limits.ts'
import { decodePlain, UNSURE } from './plain.ts'
import { scanCbor } from './scan.ts'
import { CborTag, type CborValue } from './values.ts'

export { CborTag } from './values.ts'
export type { CborMap, CborValue } from './values.ts'

// cbor-x keeps its tag handlers in a global table; this room is its only importer (D14), so the
// date handler of tag 1 can be replaced for good.
addExtension({
  tag: 1,
  Class: CborTag as unknown as new () => CborTag,
  encode: (): never => {
    throw new Error('unused: encode.ts encodes')
  },
  decode: (value: CborValue) => new CborTag(1, value),
})

const decoder = new Decoder({ useRecords: false, mapsAsObjects: false })

/**
 * Scans and decodes exactly one CBOR item.
 * @throws InputError `ERR_CBOR_MALFORMED`, `ERR_CBOR_LIMIT` or `ERR_CBOR_FORBIDDEN`.
 */
export function decodeCbor(bytes: Uint8Array, limits?: Partial<CborLimits>): CborValue {
  // The short way knows the usual limits only.
  const plain = limits === undefined ? decodePlain(bytes) : UNSURE
  return plain === UNSURE ? decodeScanned(bytes, limits) : plain
}

/** The long way, for any item: {@link decodeCbor} says the same of what is plain. */
export function decodeScanned(bytes: Uint8Array, limits: Partial<CborLimits> = {}): CborValue {
  scanCbor(bytes, limits)
  // A plain view: a Node Buffer would make every decoded byte string a Buffer.
  const view = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let decoded: unknown
  try {
    decoded = decoder.decode(view)
  } catch (cause) {
    throw new InputError('ERR_CBOR_MALFORMED', 'CBOR does not decode', { cause })
  }
  return normalise(decoded)
}

function normalise(value: unknown): CborValue {
  if (typeof value === 'bigint') {
    return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
      ? Number(value)
      : value
  }
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) {
    return value as CborValue
  }
  if (Array.isArray(value)) return value.map(normalise)
  if (value instanceof Map) {
    const map = new Map<CborValue, CborValue>()
    for (const [key, item] of value) map.set(normalise(key), normalise(item))
    return map
  }
  if ('tag' in value && 'value' in value && typeof value.tag === 'number') {
    // The tag class of cbor-x, which its type declarations do not export.
    return new CborTag(value.tag, normalise(value.value))
  }
  throw new InputError('ERR_CBOR_FORBIDDEN', 'CBOR holds a type that is not accepted')
}
