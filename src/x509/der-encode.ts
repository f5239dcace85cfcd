/** The few DER encoders that canonical keys need. */
import { concatBytes } from '../bytes/bytes.ts'
import { TAG, trimZeros } from './der.ts'

/** Encodes one element from its tag and the parts of its content. */
export function encodeDer(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = concatBytes(...parts)
  const head = [tag]
  if (content.length < 0x80) head.push(content.length)
  else {
    const digits: number[] = []
    for (let rest = content.length; rest > 0; rest = Math.floor(rest / 256))
      digits.unshift(rest % 256)
    head.push(0x80 + digits.length, ...digits)
  }
  return concatBytes(Uint8Array.from(head), content)
}

/** Encodes a non-negative INTEGER from its big-endian magnitude. */
export function encodeUnsigned(magnitude: Uint8Array): Uint8Array {
  const digits = trimZeros(magnitude)
  const first = digits[0]
  const sign = first === undefined || first >= 0x80 ? Uint8Array.of(0) : new Uint8Array(0)
  return encodeDer(TAG.integer, sign, digits)
}
