/**
 * Bytes as other people's JSON spells them: base64 or base64url, padded or not, hex in either case,
 * or a list of numbers. One value may have many spellings here, so nothing is hashed or compared as
 * text; trailing loose bits are refused all the same.
 */
import { decodeBase64url } from '../../bytes/base64.ts'
import { decodeHex } from '../../bytes/hex.ts'
import { InputError } from '../../errors.ts'
import { EvidenceError } from './evidence.ts'

function malformed(what: string): EvidenceError {
  return new EvidenceError('malformed', `${what} is not what it should be`)
}

function decode(what: string, action: () => Uint8Array): Uint8Array {
  try {
    return action()
  } catch (cause) {
    if (cause instanceof InputError) throw malformed(what)
    throw cause
  }
}

/** @throws EvidenceError `malformed` unless `value` is base64 or base64url text. */
export function bytesFromBase64(value: unknown, what: string): Uint8Array {
  if (typeof value !== 'string') throw malformed(what)
  const text = value
    .replace(/={1,2}$/, '')
    .replaceAll('+', '-')
    .replaceAll('/', '_')
  return decode(what, () => decodeBase64url(text))
}

/** @throws EvidenceError `malformed` unless `value` is hex text. */
export function bytesFromHex(value: unknown, what: string): Uint8Array {
  if (typeof value !== 'string') throw malformed(what)
  return decode(what, () => decodeHex(value.toLowerCase()))
}

/** @throws EvidenceError `malformed` unless `value` is a list of bytes. */
export function bytesFromNumbers(value: unknown, what: string): Uint8Array {
  if (!Array.isArray(value)) throw malformed(what)
  const isByte = (item: unknown): item is number =>
    typeof item === 'number' && Number.isInteger(item) && item >= 0 && item < 256
  if (!value.every(isByte)) throw malformed(what)
  return Uint8Array.from(value)
}
