/**
 * GeneralName (RFC 5280 §4.2.1.6) as found in subject alternative names and name constraints. DNS,
 * e-mail, URI, IP and directory names are read; the other forms are kept as their tag only, so that
 * whoever decides about them can refuse.
 */
import { InputError } from '../errors.ts'
import { readChildren, readDer, TAG } from './der.ts'
import type { DerElement } from './der.ts'
import { decodeSingleByteText, parseName } from './name.ts'
import type { DistinguishedName } from './name.ts'

/** One name. `ip` is the raw content: an address, or in a constraint an address and its mask. */
export type GeneralName =
  | { readonly kind: 'dns' | 'email' | 'uri'; readonly value: string }
  | { readonly kind: 'ip'; readonly value: Uint8Array }
  | { readonly kind: 'directory'; readonly value: DistinguishedName }
  | { readonly kind: 'other'; readonly tag: number }

const TEXT_KINDS = new Map<number, 'dns' | 'email' | 'uri'>([
  [0x81, 'email'],
  [0x82, 'dns'],
  [0x86, 'uri'],
])
const TAG_IP = 0x87
const TAG_DIRECTORY = 0xa4
// otherName, x400Address, ediPartyName, registeredID
const OTHER_TAGS: ReadonlySet<number> = new Set([0xa0, 0xa3, 0xa5, 0x88])

function malformed(message: string): InputError {
  return new InputError('ERR_X509_MALFORMED', message)
}

/**
 * Parses one GeneralName element.
 * @throws InputError `ERR_X509_MALFORMED`, also for control characters in a text.
 */
export function parseGeneralName({ tag, content }: DerElement): GeneralName {
  const kind = TEXT_KINDS.get(tag)
  if (kind !== undefined) {
    const value = decodeSingleByteText(content)
    // A NUL once split what the CA saw from what the relying party compared (CVE-2009-2408).
    for (const byte of content) {
      if (byte < 0x20 || byte === 0x7f) throw malformed('control character in a name')
    }
    return { kind, value }
  }
  if (tag === TAG_IP) return { kind: 'ip', value: content }
  if (tag === TAG_DIRECTORY) return { kind: 'directory', value: parseName(content) }
  if (OTHER_TAGS.has(tag)) return { kind: 'other', tag }
  throw malformed('not a form of GeneralName')
}

/**
 * Parses the value of a subjectAltName extension.
 * @throws InputError `ERR_X509_MALFORMED` when it is empty or holds anything but well-formed names.
 */
export function parseSubjectAltNames(der: Uint8Array): GeneralName[] {
  const names = readChildren(readDer(der, TAG.sequence)).map(parseGeneralName)
  if (names.length === 0) throw malformed('empty subject alternative name')
  for (const name of names) {
    if (name.kind === 'ip' && name.value.length !== 4 && name.value.length !== 16) {
      throw malformed('an IP address has 4 or 16 bytes')
    }
    if (name.kind !== 'ip' && name.kind !== 'directory' && name.kind !== 'other') {
      if (name.value === '') throw malformed(`empty ${name.kind} name`)
    }
  }
  return names
}
