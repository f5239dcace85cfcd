/**
 * The strict look at CBOR (RFC 8949) before anything decodes it: one pass over the bytes with named
 * limits. Refused: trailing bytes, indefinite lengths, bignums and every tag that a decoder might
 * act on, duplicate map keys (also in two spellings), invalid UTF-8, a byte order mark, unknown simple
 * values, and an integer spelled as a float where no time can stand.
 * Tolerated, because foreign signed headers contain them: any key order and non-shortest heads.
 * Byte strings are never looked into.
 */
import { InputError } from '../errors.ts'
import { decodeUtf8 } from '../bytes/bytes.ts'
import { floatOf, readHead } from './head.ts'
import type { CborHead } from './head.ts'
import { CBOR_LIMITS, MAP_KEY_BYTES_MAX } from './limits.ts'
import type { CborLimits } from './limits.ts'

/** Engines hash integer keys without a seed: many that collide make a Map quadratic. */
const MAP_PAIRS_MAX = 256

/** Tags that pass: epoch time, the COSE messages, encoded CBOR, URI, UUID, language text, CWT. */
const TAGS_ALLOWED: ReadonlySet<number> = new Set([1, 16, 17, 18, 24, 32, 37, 38, 61, 96, 97, 98])

const MAJOR_BYTES = 2
const MAJOR_TEXT = 3
const MAJOR_ARRAY = 4
const MAJOR_MAP = 5
const MAJOR_TAG = 6

/** Nearly all texts are ASCII, which a look tells sooner than decoding does; not of a long one. */
const SHORT_TEXT_BYTES = 1024
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf]

const TAG_TIME = 1
/** CWT claims exp, nbf and iat (RFC 8392): times, which other software writes as floats. */
const TIME_KEYS: ReadonlySet<string> = new Set(['0:4', '0:5', '0:6'])

/**
 * Checks that `bytes` is exactly one acceptable CBOR item.
 * @throws InputError `ERR_CBOR_MALFORMED`, `ERR_CBOR_LIMIT` or `ERR_CBOR_FORBIDDEN`.
 */
export function scanCbor(bytes: Uint8Array, limits: Partial<CborLimits> = {}): void {
  const end = scanItem(bytes, 0, limits)
  if (end !== bytes.length) {
    throw new InputError('ERR_CBOR_MALFORMED', `${bytes.length - end} bytes follow the CBOR item`)
  }
}

/**
 * Checks the one item that starts at `offset` and returns the offset behind it.
 * @throws InputError as {@link scanCbor}, but bytes may follow.
 */
export function scanItem(
  bytes: Uint8Array,
  offset: number,
  limits: Partial<CborLimits> = {},
): number {
  const bounds = { ...CBOR_LIMITS, ...limits }
  if (bytes.length > bounds.bytes) {
    throw new InputError('ERR_CBOR_LIMIT', `CBOR of ${bytes.length} bytes, limit ${bounds.bytes}`)
  }
  return new Scan(bytes, bounds).item(offset, 0)
}

class Scan {
  private readonly bytes: Uint8Array
  private readonly limits: CborLimits
  private items = 0

  constructor(bytes: Uint8Array, limits: CborLimits) {
    this.bytes = bytes
    this.limits = limits
  }

  item(offset: number, depth: number, isTime = false): number {
    if (++this.items > this.limits.items) {
      throw new InputError('ERR_CBOR_LIMIT', `more than ${this.limits.items} CBOR items`)
    }
    const head = readHead(this.bytes, offset)
    switch (head.major) {
      case MAJOR_BYTES:
        return this.content(head)
      case MAJOR_TEXT:
        return this.text(head)
      case MAJOR_ARRAY:
        return this.array(head, depth + 1)
      case MAJOR_MAP:
        return this.map(head, depth + 1)
      case MAJOR_TAG:
        return this.tag(head, depth + 1)
      case 7:
        return this.simple(head, isTime)
      default:
        return head.next
    }
  }

  /** End of a string's content, checked against what is left before anyone allocates. */
  private content(head: CborHead): number {
    if (head.value > this.bytes.length - head.next) {
      throw new InputError('ERR_CBOR_MALFORMED', 'a CBOR string is longer than what is left')
    }
    return head.next + head.value
  }

  private text(head: CborHead): number {
    const end = this.content(head)
    // Decoders drop the mark from long texts: two texts, and two map keys, would become one.
    if (
      BYTE_ORDER_MARK.every((byte, i) => head.next + i < end && this.bytes[head.next + i] === byte)
    ) {
      throw new InputError('ERR_CBOR_FORBIDDEN', 'a CBOR text begins with a byte order mark')
    }
    if (end - head.next <= SHORT_TEXT_BYTES && this.isAscii(head.next, end)) return end
    try {
      decodeUtf8(this.bytes.subarray(head.next, end))
    } catch (cause) {
      throw new InputError('ERR_CBOR_FORBIDDEN', 'a CBOR text is not valid UTF-8', { cause })
    }
    return end
  }

  private isAscii(start: number, end: number): boolean {
    for (let i = start; i < end; i++) if (this.bytes[i]! >= 0x80) return false
    return true
  }

  private array(head: CborHead, depth: number): number {
    this.container(head, depth, 1)
    let offset = head.next
    for (let i = 0; i < head.value; i++) offset = this.item(offset, depth)
    return offset
  }

  private map(head: CborHead, depth: number): number {
    this.container(head, depth, 2)
    if (head.value > MAP_PAIRS_MAX) {
      throw new InputError('ERR_CBOR_LIMIT', `CBOR map of more than ${MAP_PAIRS_MAX} pairs`)
    }
    const keys = new Set<string>()
    let offset = head.next
    for (let i = 0; i < head.value; i++) {
      const valueOffset = this.item(offset, depth)
      const key = this.keyOf(offset)
      if (keys.has(key)) throw new InputError('ERR_CBOR_FORBIDDEN', 'a CBOR map has a key twice')
      keys.add(key)
      offset = this.item(valueOffset, depth, TIME_KEYS.has(key))
    }
    return offset
  }

  /** One spelling for each key, so that `01` and `1801` are the same key. */
  private keyOf(offset: number): string {
    const head = readHead(this.bytes, offset)
    if (head.major <= 1) return `${head.major}:${head.exact}`
    if (head.major === MAJOR_BYTES || head.major === MAJOR_TEXT) {
      if (head.value > MAP_KEY_BYTES_MAX) {
        throw new InputError('ERR_CBOR_LIMIT', `CBOR map key over ${MAP_KEY_BYTES_MAX} bytes`)
      }
      const content = this.bytes.subarray(head.next, head.next + head.value)
      return `${head.major}:${content.join(',')}`
    }
    throw new InputError('ERR_CBOR_FORBIDDEN', 'CBOR map keys must be integers or strings')
  }

  private tag(head: CborHead, depth: number): number {
    this.container({ ...head, value: 0 }, depth, 1)
    if (!TAGS_ALLOWED.has(head.value) && this.limits.tags?.includes(head.value) !== true) {
      throw new InputError('ERR_CBOR_FORBIDDEN', `CBOR tag ${head.exact} is not accepted`)
    }
    return this.item(head.next, depth, head.value === TAG_TIME)
  }

  /** False, true, null, undefined and floats. One-byte simple values have no meaning here. */
  private simple(head: CborHead, isTime: boolean): number {
    if (head.info < 20 || head.info === 24) {
      throw new InputError('ERR_CBOR_FORBIDDEN', `CBOR simple value ${head.exact} is not accepted`)
    }
    // Decoded, -7.0 is -7: an algorithm to us and none to software that keeps the two apart.
    if (head.info > 24 && !isTime && Number.isInteger(floatOf(this.bytes, head))) {
      throw new InputError('ERR_CBOR_FORBIDDEN', 'a CBOR float stands for an integer')
    }
    return head.next
  }

  private container(head: CborHead, depth: number, itemsEach: number): void {
    if (depth > this.limits.depth) {
      throw new InputError('ERR_CBOR_LIMIT', `CBOR nested deeper than ${this.limits.depth}`)
    }
    if (head.value * itemsEach > this.bytes.length - head.next) {
      throw new InputError('ERR_CBOR_MALFORMED', 'a CBOR container is longer than what is left')
    }
  }
}
