/** Indefinite lengths written again as definite ones; the examples are those of RFC 8949, Appendix A. */
import { describe, expect, it } from 'vitest'
import { decodeHex, encodeHex } from '../../src/bytes/hex.ts'
import { definiteCbor } from '../../src/cbor/definite.ts'
import { CBOR_LIMITS } from '../../src/cbor/limits.ts'
import { refusal } from '../support/error-code.ts'

const definite = (hex: string): string => encodeHex(definiteCbor(decodeHex(hex)))

describe('an item of indefinite length', () => {
  it.each([
    ['a byte string of chunks', '5f42010243030405ff', '450102030405'],
    ['a text of chunks', '7f657374726561646d696e67ff', '6973747265616d696e67'],
    ['an empty list', '9fff', '80'],
    ['lists of both kinds', '9f018202039f0405ffff', '8301820203820405'],
    ['a map', 'bf6346756ef563416d7421ff', 'a26346756ef563416d7421'],
    ['a map of lists', 'bf61610161629f0203ffff', 'a26161016162820203'],
    ['behind a tag', 'd8189f01ff', 'd8188101'],
  ])('%s', (_, indefinite, expected) => {
    expect(definite(indefinite)).toBe(expected)
  })
})

describe('definite lengths', () => {
  it.each([
    '00',
    '3bffffffffffffffff',
    'f4',
    'fb7e37e43c8800759c',
    '1800',
    'a201020304',
    'd90190a0',
  ])('%s stays as it is spelled', (hex) => {
    expect(definite(hex)).toBe(hex)
  })
})

describe('what is no item', () => {
  it.each([
    ['nothing', ''],
    ['no break', '9f01'],
    ['a break alone', 'ff'],
    ['a break in a definite list', '82ff01'],
    ['a key without a value', 'bf01ff'],
    ['a chunk of another type', '5f6161ff'],
    ['a string that ends early', '4301'],
    ['an integer of indefinite length', '1f'],
    ['bytes behind it', '9fff00'],
  ])('%s', (_, hex) => {
    expect(refusal(() => definite(hex))).toBe('ERR_CBOR_MALFORMED')
  })

  it('a chunk that is itself of chunks', () => {
    expect(refusal(() => definite('5f5f4101ffff'))).toBe('ERR_CBOR_FORBIDDEN')
  })

  it('too deep, too many and too long', () => {
    const deep = CBOR_LIMITS.depth + 1
    expect(refusal(() => definite('9f'.repeat(deep) + '00' + 'ff'.repeat(deep)))).toBe(
      'ERR_CBOR_LIMIT',
    )
    expect(definite('9f'.repeat(deep - 1) + '00' + 'ff'.repeat(deep - 1))).toBe(
      `${'81'.repeat(deep - 1)}00`,
    )
    expect(refusal(() => definite(`9f${'00'.repeat(CBOR_LIMITS.items)}ff`))).toBe('ERR_CBOR_LIMIT')
    expect(refusal(() => definite(`5f${'40'.repeat(CBOR_LIMITS.items)}ff`))).toBe('ERR_CBOR_LIMIT')
    expect(refusal(() => definiteCbor(new Uint8Array(CBOR_LIMITS.bytes + 1)))).toBe(
      'ERR_CBOR_LIMIT',
    )
  })
})
