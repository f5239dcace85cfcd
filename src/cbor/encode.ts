/**
 * Deterministic CBOR encoding, RFC 8949 §4.2.1: shortest heads, definite lengths, map keys in the
 * bytewise order of their encodings. Floats are not encoded: nothing that we emit has one.
 */
import { compareBytes, concatBytes, encodeUtf8 } from '../bytes/bytes.ts'
import { InvariantError } from '../errors.ts'
import { CborTag, type CborMap, type CborValue } from './decode.ts'

const BYTE_STRING = 2 * 32

/** Bytes that the shortest head with argument `n` takes. */
export function headLength(n: number | bigint): number {
  return n < 24 ? 1 : n < 0x100 ? 2 : n < 0x1_0000 ? 3 : n < 0x1_0000_0000 ? 5 : 9
}

/** Head of major type 0..7 with argument `n` (0 ≤ n < 2^64) in its shortest form. */
export function encodeHead(major: number, n: number | bigint): Uint8Array {
  const head = new Uint8Array(headLength(n))
  writeHead(head, 0, major * 32, n)
  return head
}

/** What the initial byte adds to its major type, by the length of the head. */
const INFO_OF_LENGTH: readonly number[] = [0, 0, 24, 25, 0, 26, 0, 0, 0, 27]

/**
 * Writes a shortest head into `target` at `offset`; returns the offset behind it.
 * @param type the major type times 32.
 */
export function writeHead(
  target: Uint8Array,
  offset: number,
  type: number,
  n: number | bigint,
): number {
  const length = headLength(n)
  const end = offset + length
  if (length === 1) {
    target[offset] = type + Number(n)
    return end
  }
  target[offset] = type + INFO_OF_LENGTH[length]!
  if (n <= Number.MAX_SAFE_INTEGER) {
    let small = Number(n)
    for (let i = end - 1; i > offset; i--) {
      target[i] = small % 256
      small = Math.floor(small / 256)
    }
    return end
  }
  let rest = BigInt(n)
  for (let i = end - 1; i > offset; i--) {
    target[i] = Number(rest % 256n)
    rest /= 256n
  }
  return end
}

/** A byte string with its shortest head. */
export function encodeByteString(content: Uint8Array): Uint8Array {
  return joinEncoded([{ content }])
}

/** An item of {@link joinEncoded}: bytes that are CBOR already, or the content of a byte string. */
export type EncodedPart = Uint8Array | { readonly content: Uint8Array }

/** Joins CBOR items into one allocation, giving byte strings their heads: the server's hot path. */
export function joinEncoded(parts: readonly EncodedPart[]): Uint8Array {
  let length = 0
  for (const part of parts) {
    length +=
      part instanceof Uint8Array
        ? part.length
        : headLength(part.content.length) + part.content.length
  }
  const joined = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    const isEncoded = part instanceof Uint8Array
    const bytes = isEncoded ? part : part.content
    if (!isEncoded) offset = writeHead(joined, offset, BYTE_STRING, bytes.length)
    joined.set(bytes, offset)
    offset += bytes.length
  }
  return joined
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
