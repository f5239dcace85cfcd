/**
 * Distinguished names (RFC 5280 §4.1.2.4): the attributes as text, and two ways to compare. Chains
 * link by equal DER, which is stricter than RFC 5280 §7.1 asks; name constraints compare folded text
 * so that another spelling does not slip past an excluded subtree.
 */
import { decodeUtf8, equalBytes } from '../bytes/bytes.ts'
import { encodeHex } from '../bytes/hex.ts'
import { InputError } from '../errors.ts'
import { decodeOid, readChildren, readDer, TAG } from './der.ts'
import type { DerElement } from './der.ts'

/** One attribute; `value` is absent where the attribute is not text. */
export interface NameAttribute {
  readonly oid: string
  readonly value?: string
  /** Spelling for comparisons: case and white space folded. */
  readonly folded: string
}

/** A distinguished name: `rdns` in order, each a set of attributes. */
export interface DistinguishedName {
  readonly der: Uint8Array
  readonly rdns: readonly (readonly NameAttribute[])[]
}

const OID_EMAIL_ADDRESS = '1.2.840.113549.1.9.1'
const OID_COMMON_NAME = '2.5.4.3'

function malformed(message: string): InputError {
  return new InputError('ERR_X509_MALFORMED', message)
}

/** Text of one byte per character; `limit` is the first byte value that is not allowed. */
export function decodeSingleByteText(bytes: Uint8Array, limit = 0x80): string {
  let text = ''
  for (const byte of bytes) {
    if (byte >= limit) throw malformed('text holds a byte outside its character set')
    text += String.fromCharCode(byte)
  }
  return text
}

function decodeWideText(bytes: Uint8Array, width: number): string {
  if (bytes.length % width !== 0) throw malformed('text ends inside a character')
  let text = ''
  for (let i = 0; i < bytes.length; i += width) {
    let point = 0
    for (let j = 0; j < width; j++) point = point * 256 + bytes[i + j]!
    if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) throw malformed('not a character')
    text += String.fromCodePoint(point)
  }
  return text
}

function decodeText({ tag, content }: DerElement): string | undefined {
  switch (tag) {
    case 0x0c: // UTF8String
      try {
        return decodeUtf8(content)
      } catch (cause) {
        throw new InputError('ERR_X509_MALFORMED', 'text in a name is not UTF-8', { cause })
      }
    case 0x12: // NumericString
    case 0x13: // PrintableString
    case 0x16: // IA5String
    case 0x1a: // VisibleString
      return decodeSingleByteText(content)
    case 0x14: // TeletexString, in practice Latin-1
      return decodeSingleByteText(content, 0x100)
    case 0x1c: // UniversalString
      return decodeWideText(content, 4)
    case 0x1e: // BMPString
      return decodeWideText(content, 2)
    default:
      return undefined
  }
}

/** Case and white space folded, compatibility forms composed: RFC 4518 as far as matching needs it. */
function foldText(text: string): string {
  return text.normalize('NFKC').toLowerCase().split(/\s+/).filter(Boolean).join(' ')
}

function parseAttribute(element: DerElement): NameAttribute {
  const [type, value, ...rest] = element.tag === TAG.sequence ? readChildren(element) : []
  if (type?.tag !== TAG.oid || value === undefined || rest.length > 0) {
    throw malformed('not an attribute of a name')
  }
  const oid = decodeOid(type.content)
  const text = decodeText(value)
  if (text === undefined) return { oid, folded: `#${encodeHex(value.bytes)}` }
  return { oid, value: text, folded: foldText(text) }
}

/**
 * Parses a Name.
 * @throws InputError `ERR_X509_MALFORMED`
 */
export function parseName(der: Uint8Array): DistinguishedName {
  const rdns = readChildren(readDer(der, TAG.sequence)).map((rdn) => {
    const attributes = rdn.tag === TAG.set ? readChildren(rdn) : []
    if (attributes.length === 0) throw malformed('not a relative distinguished name')
    return attributes.map(parseAttribute)
  })
  return { der, rdns }
}

/** True when both names have the same DER. */
export function equalNames(a: DistinguishedName, b: DistinguishedName): boolean {
  return equalBytes(a.der, b.der)
}

function equalRdns(a: readonly NameAttribute[], b: readonly NameAttribute[]): boolean {
  if (a.length !== b.length) return false
  const spell = (attribute: NameAttribute): string => `${attribute.oid}=${attribute.folded}`
  const sorted = b.map(spell).sort()
  return a
    .map(spell)
    .sort()
    .every((text, i) => text === sorted[i])
}

/** True when `name` begins with all RDNs of `base`, compared as folded text. */
export function isWithinName(name: DistinguishedName, base: DistinguishedName): boolean {
  return base.rdns.every((rdn, i) => {
    const own = name.rdns[i]
    return own !== undefined && equalRdns(own, rdn)
  })
}

/** The first common name, where there is one that is text. */
export function commonName(name: DistinguishedName): string | undefined {
  return name.rdns.flat().find(({ oid }) => oid === OID_COMMON_NAME)?.value
}

/** E-mail addresses in the subject, which RFC 5280 §4.2.1.10 puts under e-mail constraints. */
export function emailAddresses(name: DistinguishedName): string[] {
  return name.rdns
    .flat()
    .filter((attribute) => attribute.oid === OID_EMAIL_ADDRESS)
    .map((attribute) => attribute.value ?? attribute.folded)
}
