/**
 * Deterministic CBOR encoding, RFC 8949 §4.2.1: shortest heads, definite lengths, map keys in the
 * bytewise order of their encodings. Floats are not encoded: nothing that we emit has one.
 */
import { compareBytes, concatBytes, encodeUtf8 } from '../bytes/bytes.ts'
import { InvariantError } from '../errors.ts'
import { CborTag, type CborMap, type CborValue } from './decode.ts'

/** Head of major type 0..7 with argument `n` (0 ≤ n < 2^64) in its shortest form. */
export function encodeHead(major: number, n: number | bigint): Uint8Array {
  const type = major * 32
  if (n < 24) return Uint8Array.of(type + Number(n))
  const length = n < 0x100 ? 1 : n < 0x1_0000 ? 2 : n < 0x1_0000_0000 ? 4 : 8
  const head = new Uint8Array(1 + length)
  head[0] = type + 24 + Math.log2(length)
  const view = new DataView(head.buffer)
  if (length === 1) view.setUint8(1, Number(n))
  else if (length === 2) view.setUint16(1, Number(n))
  else if (length === 4) view.setUint32(1, Number(n))
  else view.setBigUint64(1, BigInt(n))
  return head
}

/** A byte string with its shortest head. */
export function encodeByteString(content: Uint8Array): Uint8Array {
  return concatBytes(encodeHead(2, content.length), content)
}

/** Deterministic encoding of `value`. @throws InvariantError for floats and unsafe integers. */
export function encodeCbor(value: CborValue): Uint8Array {
  switch (typeof value) {
    case 'number':
    case 'bigint':
      return encodeInteger(value)
    case 'string': {
      const text = encodeUtf8(value)
      return concatBytes(encodeHead(3, text.length), text)
    }
    case 'boolean':
      return Uint8Array.of(value ? 0xf5 : 0xf4)
    case 'undefined':
      return Uint8Array.of(0xf7)
    default:
      return encodeObject(value)
  }
}

function encodeObject(value: Exclude<CborValue, number | bigint | string | boolean | undefined>) {
  if (value === null) return Uint8Array.of(0xf6)
  if (value instanceof Uint8Array) return encodeByteString(value)
  if (value instanceof CborTag)
    return concatBytes(encodeHead(6, value.tag), encodeCbor(value.value))
  if (isMap(value)) return encodeMap(value)
  return concatBytes(encodeHead(4, value.length), ...value.map(encodeCbor))
}

function isMap(value: CborMap | readonly CborValue[]): value is CborMap {
  return value instanceof Map
}

function encodeMap(map: CborMap): Uint8Array {
  const pairs = [...map].map(([key, item]) => ({ key: encodeCbor(key), item: encodeCbor(item) }))
  pairs.sort((a, b) => compareBytes(a.key, b.key))
  return concatBytes(encodeHead(5, pairs.length), ...pairs.flatMap(({ key, item }) => [key, item]))
}

function encodeInteger(value: number | bigint): Uint8Array {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new InvariantError(`cannot encode ${value} as a CBOR integer`)
  }
  return value >= 0 ? encodeHead(0, value) : encodeHead(1, -1n - BigInt(value))
}
