/**
 * HalfSipHash-1-3 over a text's UTF-16 units, 40 bits of it: the number by which the index finds a
 * value. The key keeps those who choose the values from choosing many that share a number.
 */

/* eslint-disable no-bitwise -- the definition is in 32-bit words, none of which is an index */

/** Two words that nobody outside knows. */
export interface HashKey {
  readonly k0: number
  readonly k1: number
}

/** A key of 8 bytes. */
export function readHashKey(bytes: Uint8Array): HashKey {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return { k0: view.getInt32(0, true), k1: view.getInt32(4, true) }
}

/** The rounds after the last word, and again between the two halves of the result. */
const FINAL_ROUNDS = 3

/** Bits of the upper word that are kept. */
const HIGH_BITS = 8
export const HASH_BITS: number = 32 + HIGH_BITS

/** A number of {@link HASH_BITS} for the text in a domain. One loop over local words: it runs for every value. */
export function hashValue({ k0, k1 }: HashKey, domain: number, text: string): number {
  let [v0, v1, v2, v3] = [k0, k1 ^ 0xee, k0 ^ 0x6c796765, k1 ^ 0x74656462]
  const { length } = text
  // The domain, two units a word (the last perhaps half a word), the length; then the final rounds.
  const words = 2 + Math.ceil(length / 2)
  let high = 0
  for (let at = 0; at < words + 2 * FINAL_ROUNDS; at++) {
    let word = 0
    if (at === 0) word = domain
    else if (at < words - 1) {
      const unit = 2 * at - 2
      word = text.charCodeAt(unit)
      if (unit + 1 < length) word |= text.charCodeAt(unit + 1) << 16
    } else if (at === words - 1) word = length
    else if (at === words) v2 ^= 0xee
    else if (at === words + FINAL_ROUNDS) {
      high = (v1 ^ v3) >>> 0
      v1 ^= 0xdd
    }
    v3 ^= word
    v0 = (v0 + v1) | 0
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
    v0 = (v0 << 16) | (v0 >>> 16)
    v2 = (v2 + v3) | 0
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
    v0 = (v0 + v3) | 0
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
    v2 = (v2 + v1) | 0
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
    v2 = (v2 << 16) | (v2 >>> 16)
    v0 ^= word
  }
  const low = (v1 ^ v3) >>> 0
  return (high % 2 ** HIGH_BITS) * 2 ** 32 + low
}
