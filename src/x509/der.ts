/**
 * DER (X.690) as far as certificates need it: strict reading of tag, length and content, and a
 * bounded scan of a whole structure. The scan runs before
 * anything else reads a byte, so that nesting, indefinite lengths and trailing bytes end here. It
 * leaves out high tag numbers and the order of SET OF, which no certificate decision rests on.
 */
import { InputError } from '../errors.ts'

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  sequence: 0x30,
  set: 0x31,
} as const

const DEPTH_MAX = 24
const ELEMENTS_MAX = 1024
const OID_BYTES_MAX = 64

/** One element: `bytes` is the whole of it, `content` what follows tag and length. */
export interface DerElement {
  readonly tag: number
  readonly bytes: Uint8Array
  readonly content: Uint8Array
}

function malformed(message: string): InputError {
  return new InputError('ERR_X509_MALFORMED', `DER: ${message}`)
}

function byteAt(bytes: Uint8Array, offset: number): number {
  const byte = bytes[offset]
  if (byte === undefined) throw malformed('ends inside an element')
  return byte
}

/** Reads the element that starts at `offset`; more bytes may follow it. */
function readElementAt(bytes: Uint8Array, offset: number): DerElement {
  const tag = byteAt(bytes, offset)
  if (tag % 32 === 31) throw malformed('high tag numbers are not supported')
  const first = byteAt(bytes, offset + 1)
  let length = first
  let start = offset + 2
  if (first >= 0x80) {
    const count = first - 0x80
    if (count === 0) throw malformed('indefinite length')
    if (count > 3) throw malformed('length of more than three bytes')
    length = 0
    for (let i = 0; i < count; i++) length = length * 256 + byteAt(bytes, start + i)
    start += count
    if (length < 0x80 || length < 256 ** (count - 1)) throw malformed('length is not minimal')
  }
  const end = start + length
  if (end > bytes.length) throw malformed('length runs past the end')
  return { tag, bytes: bytes.subarray(offset, end), content: bytes.subarray(start, end) }
}

/**
 * The one element that `bytes` consist of.
 * @throws InputError `ERR_X509_MALFORMED` for another tag, a non-DER length or trailing bytes.
 */
export function readDer(bytes: Uint8Array, tag?: number): DerElement {
  const element = readElementAt(bytes, 0)
  if (element.bytes.length !== bytes.length) throw malformed('trailing bytes')
  if (tag !== undefined && element.tag !== tag) {
    throw malformed(`expected tag ${tag.toString(16)}, got ${element.tag.toString(16)}`)
  }
  return element
}

/**
 * The elements that the content of a constructed element consists of; `elementsMax` bounds them.
 * @throws InputError `ERR_X509_MALFORMED`
 */
export function readChildren(
  element: DerElement,
  elementsMax: number = ELEMENTS_MAX,
): DerElement[] {
  const children: DerElement[] = []
  for (let offset = 0; offset < element.content.length;) {
    if (children.length >= elementsMax) throw malformed('too many elements')
    const child = readElementAt(element.content, offset)
    children.push(child)
    offset += child.bytes.length
  }
  return children
}

function checkPrimitive({ tag, content }: DerElement): void {
  const first = content[0]
  const second = content[1]
  switch (tag) {
    case TAG.boolean:
      if (content.length !== 1 || (first !== 0 && first !== 0xff)) throw malformed('bad BOOLEAN')
      return
    case TAG.integer:
      if (first === undefined) throw malformed('empty INTEGER')
      if (second !== undefined && (first === 0 ? second < 0x80 : first === 0xff && second >= 0x80))
        throw malformed('INTEGER is not minimal')
      return
    case TAG.bitString: {
      const last = content[content.length - 1]!
      if (first === undefined || first > 7 || (first > 0 && content.length === 1))
        throw malformed('bad BIT STRING')
      if (first > 0 && last % 2 ** first !== 0) throw malformed('BIT STRING has loose bits')
      return
    }
    case TAG.null:
      if (content.length !== 0) throw malformed('NULL with content')
      return
    case TAG.oid:
      decodeOid(content)
      return
  }
}

/**
 * Scans a whole structure: definite minimal lengths, bounded depth and element count, nothing
 * trailing, well-formed primitives. The content of OCTET STRINGs is not looked into.
 * @throws InputError `ERR_X509_MALFORMED`
 */
export function scanDer(bytes: Uint8Array, elementsMax: number = ELEMENTS_MAX): void {
  const pending: { element: DerElement; depth: number }[] = [{ element: readDer(bytes), depth: 1 }]
  let seen = 0
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (++seen > elementsMax) throw malformed('too many elements')
    const { element, depth } = next
    const constructed = Math.floor(element.tag / 32) % 2 === 1
    if (!constructed) {
      if (element.tag === 0x10 || element.tag === 0x11) throw malformed('primitive SEQUENCE or SET')
      checkPrimitive(element)
      continue
    }
    if (element.tag < 0x40 && element.tag !== TAG.sequence && element.tag !== TAG.set)
      throw malformed('constructed form of a primitive type')
    if (depth >= DEPTH_MAX) throw malformed('nested too deeply')
    for (const child of readChildren(element, elementsMax)) {
      pending.push({ element: child, depth: depth + 1 })
    }
  }
}

/**
 * Dotted text of an object identifier's content.
 * @throws InputError `ERR_X509_MALFORMED` for non-minimal or oversized arcs.
 */
export function decodeOid(content: Uint8Array): string {
  if (content.length === 0 || content.length > OID_BYTES_MAX)
    throw malformed('bad OBJECT IDENTIFIER')
  const arcs: bigint[] = []
  let arc = 0n
  let inside = false
  for (const byte of content) {
    if (!inside && byte === 0x80) throw malformed('OBJECT IDENTIFIER is not minimal')
    arc = arc * 128n + BigInt(byte % 128)
    inside = byte >= 0x80
    if (inside) continue
    if (arcs.length === 0) {
      const root = arc < 40n ? 0n : arc < 80n ? 1n : 2n
      arcs.push(root, arc - root * 40n)
    } else arcs.push(arc)
    arc = 0n
  }
  if (inside) throw malformed('OBJECT IDENTIFIER ends inside an arc')
  return arcs.join('.')
}

/** `magnitude` without leading zero bytes; empty for zero. */
export function trimZeros(magnitude: Uint8Array): Uint8Array {
  let start = 0
  while (start < magnitude.length && magnitude[start] === 0) start++
  return magnitude.subarray(start)
}

/**
 * Big-endian magnitude, without leading zeros, of a non-negative INTEGER element.
 * @throws InputError `ERR_X509_MALFORMED` for another type, a negative or a non-minimal integer.
 */
export function readUnsigned(element: DerElement | undefined): Uint8Array {
  if (element?.tag !== TAG.integer) throw malformed('expected an INTEGER')
  checkPrimitive(element)
  if (element.content[0]! >= 0x80) throw malformed('negative INTEGER')
  return trimZeros(element.content)
}
