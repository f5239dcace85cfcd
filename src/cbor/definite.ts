/**
 * Foreign CBOR with indefinite lengths (RFC 8949 §3.2), written again with definite ones, so that the
 * strict scan and the decoder behind it can read it. For payloads that somebody else's firmware encodes
 * and that are read once: what is hashed, logged and verified stays the bytes that arrived. Heads keep
 * their spelling elsewhere; nothing else is judged here, the scan does that.
 */
import { concatBytes } from '../bytes/bytes.ts'
import { InputError } from '../errors.ts'
import { encodeHead } from './encode.ts'
import { readHead } from './head.ts'
import { CBOR_LIMITS } from './limits.ts'

const BREAK = 0xff
const INDEFINITE = 31

/**
 * The one CBOR item that `bytes` consist of, with definite lengths throughout.
 * @throws InputError `ERR_CBOR_MALFORMED`, `ERR_CBOR_LIMIT` or `ERR_CBOR_FORBIDDEN`.
 */
export function definiteCbor(bytes: Uint8Array): Uint8Array {
  if (bytes.length > CBOR_LIMITS.bytes) {
    throw new InputError('ERR_CBOR_LIMIT', `CBOR of ${bytes.length} bytes`)
  }
  const writer = new DefiniteWriter(bytes)
  const parts = writer.item(0)
  if (writer.next !== bytes.length) {
    throw new InputError('ERR_CBOR_MALFORMED', 'bytes follow the CBOR item')
  }
  return concatBytes(...parts)
}

class DefiniteWriter {
  /** Offset behind what has been read. */
  next = 0
  private readonly bytes: Uint8Array
  private items = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  item(depth: number): readonly Uint8Array[] {
    if (++this.items > CBOR_LIMITS.items || depth > CBOR_LIMITS.depth) {
      throw new InputError('ERR_CBOR_LIMIT', 'too many CBOR items, or nested too deeply')
    }
    const start = this.next
    const initial = this.bytes[start]
    if (initial === undefined) throw new InputError('ERR_CBOR_MALFORMED', 'CBOR ends early')
    const major = Math.floor(initial / 32)
    if (initial % 32 === INDEFINITE) return this.indefinite(major, depth)
    const head = readHead(this.bytes, start)
    this.next = head.next
    const own = this.bytes.subarray(start, head.next)
    switch (major) {
      case 2:
      case 3:
        return [own, this.take(head.value)]
      case 4:
        return [own, ...this.many(head.value, depth)]
      case 5:
        return [own, ...this.many(2 * head.value, depth)]
      case 6:
        return [own, ...this.many(1, depth)]
      default:
        return [own]
    }
  }

  private take(length: number): Uint8Array {
    const end = this.next + length
    if (end > this.bytes.length) throw new InputError('ERR_CBOR_MALFORMED', 'CBOR ends early')
    const content = this.bytes.subarray(this.next, end)
    this.next = end
    return content
  }

  private many(count: number, depth: number): Uint8Array[] {
    const parts: Uint8Array[] = []
    for (let i = 0; i < count; i++) for (const part of this.item(depth + 1)) parts.push(part)
    return parts
  }

  /** Strings of chunks, arrays and maps that end with a break. */
  private indefinite(major: number, depth: number): readonly Uint8Array[] {
    if (major < 2 || major > 5) throw new InputError('ERR_CBOR_MALFORMED', 'reserved CBOR head')
    this.next++
    const parts: Uint8Array[] = []
    let count = 0
    let length = 0
    for (; this.bytes[this.next] !== BREAK; count++) {
      if (major < 4) {
        const head = readHead(this.bytes, this.next)
        if (head.major !== major) {
          throw new InputError('ERR_CBOR_MALFORMED', 'a chunk of another type')
        }
        this.next = head.next
        parts.push(this.take(head.value))
        length += head.value
        if (++this.items > CBOR_LIMITS.items) {
          throw new InputError('ERR_CBOR_LIMIT', 'too many CBOR items')
        }
      } else for (const part of this.item(depth + 1)) parts.push(part)
    }
    this.next++
    if (major === 5 && count % 2 !== 0) {
      throw new InputError('ERR_CBOR_MALFORMED', 'a map has a key without a value')
    }
    const size = major < 4 ? length : major === 5 ? count / 2 : count
    return [encodeHead(major, size), ...parts]
  }
}
