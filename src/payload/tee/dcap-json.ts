/**
 * The JSON that Intel signs: `{"tcbInfo":{…},"signature":"<hex>"}` and the same with `enclaveIdentity`.
 * The signature covers the exact bytes of the first member's value, so they are cut out of the text,
 * never written again. Below, readers that refuse a member of another form with one reason.
 */
import { decodeUtf8, encodeUtf8 } from '../../bytes/bytes.ts'
import { decodeHex } from '../../bytes/hex.ts'
import type { UnixSeconds } from '../../bytes/integers.ts'
import { parseStrictJson } from '../../bytes/strict-json.ts'
import { readMembers } from '../../bytes/json-values.ts'
import { InputError } from '../../errors.ts'
import { memberAt } from '../json-members.ts'
import { findMember } from '../json-slice.ts'
import { parseRfc3339 } from '../rfc3339.ts'
import { EvidenceError } from './evidence.ts'
import type { EvidenceReason } from './evidence.ts'

const ITEMS_MAX = 1024

/** A signed JSON document, taken apart; the signature is not checked. */
export interface SignedJson {
  /** What was signed, byte for byte. */
  readonly signed: Uint8Array
  /** r ‖ s, 64 bytes. */
  readonly signature: Uint8Array
  readonly value: unknown
}

/** The text of the object that is the member `name` of a well-formed document; it must come first. */
function rawFirstMember(text: string, name: string): string | undefined {
  const isFirst = new RegExp(`^[ \\t\\r\\n]*\\{[ \\t\\r\\n]*"${name}"`).test(text)
  const value = isFirst ? findMember(text, name) : undefined
  if (value === undefined || text.charAt(value.start) !== '{') return undefined
  return text.slice(value.start, value.end)
}

/**
 * Takes a signed document apart.
 * @throws EvidenceError `reason` unless it is `{<name>: {…}, "signature": "<128 hex digits>"}`.
 */
export function openSignedJson(
  bytes: Uint8Array,
  name: 'tcbInfo' | 'enclaveIdentity',
  reason: EvidenceReason,
): SignedJson {
  const context = { code: 'ERR_PAYLOAD_MALFORMED', what: name } as const
  try {
    const members = readMembers(
      parseStrictJson(bytes, context),
      { required: [name, 'signature'] },
      context,
    )
    const { signature } = members
    const raw = rawFirstMember(decodeUtf8(bytes), name)
    if (typeof signature !== 'string' || signature.length !== 128 || raw === undefined) {
      throw new EvidenceError(reason, `${name} is not in its signed form`)
    }
    return {
      signed: encodeUtf8(raw),
      signature: decodeHex(signature.toLowerCase()),
      value: members[name],
    }
  } catch (cause) {
    if (cause instanceof InputError) throw new EvidenceError(reason, cause.message, { cause })
    throw cause
  }
}

/** Reads members of one document; whatever has another form is refused with its reason. */
export class JsonFields {
  readonly #reason: EvidenceReason
  readonly #what: string

  constructor(reason: EvidenceReason, what: string) {
    this.#reason = reason
    this.#what = what
  }

  /** The error for a member of another form. */
  refuse(name: string): EvidenceError {
    return new EvidenceError(this.#reason, `${this.#what}: "${name}" is missing or of another form`)
  }

  text(value: unknown, name: string): string {
    const text = memberAt(value, name)
    if (typeof text !== 'string' || text === '' || text.length > 256) throw this.refuse(name)
    return text
  }

  integer(value: unknown, name: string, max: number): number {
    const number = memberAt(value, name)
    if (typeof number !== 'number' || !Number.isInteger(number) || number < 0 || number > max) {
      throw this.refuse(name)
    }
    return number
  }

  /** Bytes of hex in either case. */
  bytes(value: unknown, name: string, length: number): Uint8Array {
    const text = this.text(value, name).toLowerCase()
    if (text.length !== 2 * length || !/^[0-9a-f]*$/.test(text)) throw this.refuse(name)
    return decodeHex(text)
  }

  time(value: unknown, name: string): UnixSeconds {
    try {
      return Math.floor(parseRfc3339(this.text(value, name), name) / 1000)
    } catch (cause) {
      if (cause instanceof InputError) throw this.refuse(name)
      throw cause
    }
  }

  /** A list of at most 1024 items; absent counts as empty where `optional`. */
  list(value: unknown, name: string, optional = false): readonly unknown[] {
    const list = memberAt(value, name)
    if (list === undefined && optional) return []
    if (!Array.isArray(list) || list.length > ITEMS_MAX) throw this.refuse(name)
    return list
  }
}
