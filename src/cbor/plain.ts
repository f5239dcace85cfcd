/**
 * The short way to decode what nearly every statement and head consists of: integers, strings, arrays,
 * small maps and tag 18. One pass scans and decodes. It accepts less than {@link scanCbor} does and
 * never says what is wrong: whatever it is not sure of goes the long way (decode.ts), which alone
 * refuses. The tests hold both to the same values.
 */
import { decodeUtf8 } from '../bytes/bytes.ts'
import { InputError } from '../errors.ts'
import { CBOR_LIMITS, MAP_KEY_BYTES_MAX } from './limits.ts'
import { CborTag } from './values.ts'
import type { CborValue } from './values.ts'

/** The answer for everything that this reader leaves to others. */
export const UNSURE: unique symbol = Symbol('unsure')

type Plain = CborValue | typeof UNSURE

/** Each at most what scan.ts allows. */
const DEPTH_MAX = 8
const ITEMS_MAX = 512
const MAP_PAIRS_MAX = 64

const TAG_COSE_SIGN1 = 18
/** What a byte order mark begins with, and a few letters that go the long way for it. */
const MARK_BEGINS = 0xef
const FALSE = 20
const UNDEFINED = 23
const SIMPLE: readonly (boolean | null | undefined)[] = [false, true, null, undefined]

/** The one item that `bytes` consist of, if it is plain. Byte strings are views of `bytes`. */
export function decodePlain(bytes: Uint8Array): Plain {
  if (bytes.length > CBOR_LIMITS.bytes) return UNSURE
  const reader = new PlainReader(bytes)
  const value = reader.item(0)
  return reader.next === bytes.length ? value : UNSURE
}

class PlainReader {
  /** Offset behind what has been read. */
  next = 0
  private readonly bytes: Uint8Array
  private items = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  item(depth: number): Plain {
    const initial = this.bytes[this.next++]
    if (initial === undefined || ++this.items > ITEMS_MAX || depth > DEPTH_MAX) return UNSURE
    const info = initial & 31
    if (initial >> 5 === 7) {
      return info >= FALSE && info <= UNDEFINED ? SIMPLE[info - FALSE] : UNSURE
    }
    const argument = info < 24 ? info : this.argument(info)
    // No string and no container is longer than what is left; an absent argument is not either.
    const isInteger = initial >> 5 < 2
    if (argument < 0 || (!isInteger && argument > this.bytes.length - this.next)) return UNSURE
    switch (initial >> 5) {
      case 0:
        return argument
      case 1:
        return -1 - argument
      case 2:
        return this.byteString(argument)
      case 3:
        return this.text(argument)
      case 4:
        return this.array(argument, depth + 1)
      case 5:
        return this.map(argument, depth + 1)
      default:
        return argument === TAG_COSE_SIGN1 ? this.tagged(argument, depth + 1) : UNSURE
    }
  }

  /** An argument of one, two or four bytes; −1 for any other head, and where bytes are missing. */
  private argument(info: number): number {
    const length = info === 24 ? 1 : info === 25 ? 2 : info === 26 ? 4 : 0
    const end = this.next + length
    if (length === 0 || end > this.bytes.length) return -1
    let value = 0
    while (this.next < end) value = value * 256 + this.bytes[this.next++]!
    return value
  }

  /** A plain view: of a Node Buffer, `subarray` would make a Buffer. */
  private byteString(length: number): Uint8Array {
    const { buffer, byteOffset } = this.bytes
    const start = byteOffset + this.next
    this.next += length
    return new Uint8Array(buffer, start, length)
  }

  private text(length: number): string | typeof UNSURE {
    if (this.bytes[this.next] === MARK_BEGINS) return UNSURE
    const content = this.byteString(length)
    try {
      return decodeUtf8(content)
    } catch (error) {
      if (error instanceof InputError) return UNSURE
      throw error
    }
  }

  private array(length: number, depth: number): Plain {
    const list: CborValue[] = []
    for (let i = 0; i < length; i++) {
      const item = this.item(depth)
      if (item === UNSURE) return UNSURE
      list.push(item)
    }
    return list
  }

  private map(pairs: number, depth: number): Plain {
    if (pairs > MAP_PAIRS_MAX) return UNSURE
    const map = new Map<CborValue, CborValue>()
    for (let i = 0; i < pairs; i++) {
      const start = this.next
      const key = this.item(depth)
      const isKey = typeof key === 'number' || typeof key === 'string'
      if (!isKey || this.next - start > MAP_KEY_BYTES_MAX || map.has(key)) return UNSURE
      const value = this.item(depth)
      if (value === UNSURE) return UNSURE
      map.set(key, value)
    }
    return map
  }

  private tagged(tag: number, depth: number): Plain {
    const value = this.item(depth)
    return value === UNSURE ? UNSURE : new CborTag(tag, value)
  }
}
