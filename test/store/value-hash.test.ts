/** The keyed hash of values: known answers, and numbers that look like chance. */
import { describe, expect, it } from 'vitest'
import { HASH_BITS, hashValue, readHashKey } from '../../src/store/sqlite/index/value-hash.ts'

const key = readHashKey(Uint8Array.from({ length: 8 }, (_, at) => at))

describe('hashValue', () => {
  it('is a safe integer that depends on key, domain, every unit, and the length', () => {
    const texts = [
      '',
      '\u0000',
      '\u0000\u0000',
      'a',
      'b',
      'ab',
      'ba',
      'abc',
      'abcd',
      'ä€😀',
      '\ud800',
    ]
    const hashes = texts.flatMap((text) => [
      hashValue(key, 1, text),
      hashValue(key, 2, text),
      hashValue({ k0: 1, k1: 2 }, 1, text),
    ])
    for (const hash of hashes)
      expect(Number.isSafeInteger(hash) && hash >= 0 && hash < 2 ** HASH_BITS).toBe(true)
    expect(new Set(hashes).size).toBe(hashes.length)
    expect(hashValue(key, 1, 'abcd')).toBe(hashValue(key, 1, ['ab', 'cd'].join('')))
  })

  it('spreads counters over all bits', () => {
    const count = 20_000
    const hashes = Array.from({ length: count }, (_, at) => hashValue(key, 0, `value-${at}`))
    expect(new Set(hashes).size).toBe(count)
    for (let bit = 0; bit < HASH_BITS; bit++) {
      const ones = hashes.filter((hash) => Math.floor(hash / 2 ** bit) % 2 === 1).length
      expect(Math.abs(ones - count / 2), `bit ${bit}`).toBeLessThan(5 * Math.sqrt(count / 4))
    }
  })

  it('is HalfSipHash-1-3 where the words are those of its definition', () => {
    // Written out from the definition, over 32-bit words: domain, text, length.
    expect(hashValue(key, 7, 'abcde')).toBe(reference([7, 0x620061, 0x640063, 0x65, 5]))
    expect(hashValue(key, 0, '')).toBe(reference([0, 0]))
  })
})

function reference(words: readonly number[]): number {
  const v = new Uint32Array([key.k0, key.k1 ^ 0xee, key.k0 ^ 0x6c796765, key.k1 ^ 0x74656462])
  const rotate = (at: number, bits: number): void => {
    v[at] = (v[at]! << bits) | (v[at]! >>> (32 - bits))
  }
  const mix = (a: number, b: number, bits: number): void => {
    v[a] = v[a]! + v[b]!
    rotate(b, bits)
    v[b] = v[b]! ^ v[a]
  }
  const round = (): void => {
    mix(0, 1, 5)
    rotate(0, 16)
    mix(2, 3, 8)
    mix(0, 3, 7)
    mix(2, 1, 13)
    rotate(2, 16)
  }
  for (const word of words) {
    v[3] = v[3]! ^ word
    round()
    v[0] = v[0]! ^ word
  }
  v[2] = v[2]! ^ 0xee
  for (let i = 0; i < 3; i++) round()
  const high = (v[1]! ^ v[3]!) >>> 0
  v[1] = v[1]! ^ 0xdd
  for (let i = 0; i < 3; i++) round()
  const low = (v[1] ^ v[3]!) >>> 0
  return (high % 2 ** 8) * 2 ** 32 + low
}
