/** CBOR: what the strict scan refuses and tolerates, and deterministic encoding. */
import * as cborg from 'cborg'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeHex, encodeHex } from '../../src/bytes/hex.ts'
import { CborTag, decodeCbor, type CborValue } from '../../src/cbor/decode.ts'
import { encodeCbor } from '../../src/cbor/encode.ts'
import { scanCbor } from '../../src/cbor/scan.ts'
import { AttestryError } from '../../src/errors.ts'

const code = (action: () => unknown): string => {
  try {
    action()
  } catch (error) {
    if (error instanceof AttestryError) return error.code
    throw error
  }
  return 'accepted'
}
const decode = (hex: string): CborValue => decodeCbor(decodeHex(hex))
const wrap = (depth: number): Uint8Array => {
  const bytes = new Uint8Array(depth + 1).fill(0x81)
  bytes[depth] = 0x00
  return bytes
}

describe('scan', () => {
  const refused: readonly [what: string, hex: string, code: string][] = [
    ['nothing', '', 'ERR_CBOR_MALFORMED'],
    ['trailing byte', '0000', 'ERR_CBOR_MALFORMED'],
    ['duplicate key', 'a201010102', 'ERR_CBOR_FORBIDDEN'],
    ['duplicate key in two spellings', 'a20101180102', 'ERR_CBOR_FORBIDDEN'],
    ['duplicate text key', 'a2616101616102', 'ERR_CBOR_FORBIDDEN'],
    ['duplicate text key in two spellings', 'a261610178016102', 'ERR_CBOR_FORBIDDEN'],
    ['array as key', 'a1810101', 'ERR_CBOR_FORBIDDEN'],
    ['float as key', 'a1f93c0001', 'ERR_CBOR_FORBIDDEN'],
    ['indefinite array', '9f01ff', 'ERR_CBOR_FORBIDDEN'],
    ['indefinite map', 'bf0126ff', 'ERR_CBOR_FORBIDDEN'],
    ['indefinite bytes', '5f4101ff', 'ERR_CBOR_FORBIDDEN'],
    ['break alone', 'ff', 'ERR_CBOR_FORBIDDEN'],
    ['bad UTF-8', '62c328', 'ERR_CBOR_FORBIDDEN'],
    ['surrogate in UTF-8', '63eda080', 'ERR_CBOR_FORBIDDEN'],
    ['bignum', 'c249010000000000000000', 'ERR_CBOR_FORBIDDEN'],
    ['negative bignum', 'c349010000000000000000', 'ERR_CBOR_FORBIDDEN'],
    ['shared reference', 'd81c00', 'ERR_CBOR_FORBIDDEN'],
    ['generic object', 'd81b826141f6', 'ERR_CBOR_FORBIDDEN'],
    ['typed array', 'd84043010203', 'ERR_CBOR_FORBIDDEN'],
    ['set', 'd9010280', 'ERR_CBOR_FORBIDDEN'],
    ['record', 'd8698101', 'ERR_CBOR_FORBIDDEN'],
    ['self-described', 'd9d9f700', 'ERR_CBOR_FORBIDDEN'],
    ['reserved head', '1c', 'ERR_CBOR_MALFORMED'],
    ['simple value', 'f0', 'ERR_CBOR_FORBIDDEN'],
    ['one-byte simple value', 'f820', 'ERR_CBOR_FORBIDDEN'],
    ['a text that begins with a byte order mark', '64efbbbf61', 'ERR_CBOR_FORBIDDEN'],
    ['an algorithm spelled as a half float', 'a101f9c700', 'ERR_CBOR_FORBIDDEN'],
    ['an integer spelled as a float', 'fac0e00000', 'ERR_CBOR_FORBIDDEN'],
    ['an integer spelled as a double', '81fb7e37e43c8800759c', 'ERR_CBOR_FORBIDDEN'],
    ['a negative zero', 'f98000', 'ERR_CBOR_FORBIDDEN'],
    ['byte string too long', '5affffffff00', 'ERR_CBOR_MALFORMED'],
    ['array too long', '9a7fffffff00', 'ERR_CBOR_MALFORMED'],
    ['2^64-1 items', '9bffffffffffffffff00', 'ERR_CBOR_MALFORMED'],
    ['map too long', 'ba7fffffff0000', 'ERR_CBOR_MALFORMED'],
    ['truncated head', '19', 'ERR_CBOR_MALFORMED'],
    ['truncated array', '8201', 'ERR_CBOR_MALFORMED'],
  ]
  it.each(refused)('refuses %s', (_what, hex, expected) => {
    expect(code(() => scanCbor(decodeHex(hex)))).toBe(expected)
  })

  it('refuses nesting over the limit without touching the stack', () => {
    expect(code(() => scanCbor(wrap(16)))).toBe('accepted')
    expect(code(() => scanCbor(wrap(17)))).toBe('ERR_CBOR_LIMIT')
    expect(code(() => scanCbor(wrap(500_000)))).toBe('ERR_CBOR_LIMIT')
  })

  it('refuses more items and bytes than the limits', () => {
    expect(code(() => scanCbor(decodeHex('83010203'), { items: 3 }))).toBe('ERR_CBOR_LIMIT')
    expect(code(() => scanCbor(decodeHex('83010203'), { bytes: 3 }))).toBe('ERR_CBOR_LIMIT')
  })

  it('refuses a map with more pairs than any header has: integer keys can be chosen to collide', () => {
    const map = (pairs: number): Uint8Array =>
      encodeCbor(new Map(Array.from({ length: pairs }, (_, key) => [key, 0])))
    expect(code(() => scanCbor(map(256)))).toBe('accepted')
    expect(code(() => scanCbor(map(257)))).toBe('ERR_CBOR_LIMIT')
  })

  it('tolerates fractions, and times as floats: under tag 1 and in exp, nbf and iat', () => {
    for (const hex of ['f93e00', 'f90001', 'fb3ff8000000000000', 'c1fb41da13b86c000000']) {
      expect(code(() => scanCbor(decodeHex(hex)))).toBe('accepted')
    }
    expect(decode('a106fb41da13b86c000000')).toEqual(new Map([[6, 1_750_000_048]]))
    expect(code(() => decode('a107fb41da13b86c000000'))).toBe('ERR_CBOR_FORBIDDEN')
  })

  it('keeps two long texts apart that differ in a mark which decoders drop', () => {
    const text = 'a'.repeat(80)
    const keys = new Map([
      [text, 1],
      [`\uFEFF${text}`, 2],
    ])
    expect(code(() => decodeCbor(encodeCbor(keys)))).toBe('ERR_CBOR_FORBIDDEN')
    expect(decodeCbor(encodeCbor(`${text}\uFEFF`))).toBe(`${text}\uFEFF`)
  })

  it('refuses a wrong byte wherever it is in a text of whatever length, and no right one', () => {
    for (const length of [2, 1023, 1024, 1025, 70_000]) {
      const good = encodeCbor(`${'a'.repeat(length - 2)}\u00e9`)
      expect(code(() => scanCbor(good))).toBe('accepted')
      for (const at of [0, Math.floor(length / 2), length - 1]) {
        const bad = good.slice()
        bad[bad.length - length + at] = 0xff
        expect(
          code(() => scanCbor(bad)),
          `${at} of ${length}`,
        ).toBe('ERR_CBOR_FORBIDDEN')
      }
    }
  })

  it('tolerates non-shortest heads and any key order', () => {
    expect(decode('a2026161181b6162')).toEqual(
      new Map<CborValue, CborValue>([
        [2, 'a'],
        [27, 'b'],
      ]),
    )
    expect(decode('a21864010102')).toEqual(
      new Map<CborValue, CborValue>([
        [100, 1],
        [1, 2],
      ]),
    )
  })
})

describe('decode', () => {
  it('gives numbers for integers that fit, however spelled, and bigints beyond', () => {
    expect(decode('1b0000000000000001')).toBe(1)
    expect(decode('1b001fffffffffffff')).toBe(Number.MAX_SAFE_INTEGER)
    expect(decode('1bffffffffffffffff')).toBe(2n ** 64n - 1n)
    expect(decode('3bffffffffffffffff')).toBe(-(2n ** 64n))
    expect(decode('a11b000000000000000102')).toEqual(new Map([[1, 2]]))
  })

  it('interprets no tag', () => {
    expect(decode('c11a5c0a0b0c')).toEqual(new CborTag(1, 0x5c0a0b0c))
    expect(decode('d28440a0f640')).toBeInstanceOf(CborTag)
  })

  it('keeps a __proto__ key as a key', () => {
    const map = decode('a1695f5f70726f746f5f5f01') as ReadonlyMap<string, number>
    expect(map.get('__proto__')).toBe(1)
  })

  it('yields plain byte arrays from a Buffer', () => {
    const bytes = decodeCbor(Buffer.from('43010203', 'hex'))
    expect((bytes as object).constructor).toBe(Uint8Array)
  })
})

describe('encode', () => {
  it('sorts keys bytewise on the encoded key, not by length', () => {
    expect(
      encodeHex(
        encodeCbor(
          new Map([
            [100, 1],
            [-1, 2],
          ]),
        ),
      ),
    ).toBe('a21864012002')
  })

  it.each([
    [0, '00'],
    [23, '17'],
    [24, '1818'],
    [255, '18ff'],
    [256, '190100'],
    [65_536, '1a00010000'],
    [2 ** 32, '1b0000000100000000'],
    [-1, '20'],
    [-257, '390100'],
    [2n ** 64n - 1n, '1bffffffffffffffff'],
  ])('encodes %s shortest', (value, hex) => {
    expect(encodeHex(encodeCbor(value))).toBe(hex)
  })

  const leaf = fc.oneof(
    fc.maxSafeInteger(),
    fc.string({ unit: 'grapheme' }),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 40 }),
  )
  const { tree } = fc.letrec<{ tree: CborValue }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie('tree'), { maxLength: 4 }),
      fc
        .uniqueArray(fc.tuple(fc.oneof(fc.integer(), fc.string()), tie('tree')), {
          selector: ([key]) => key,
          maxLength: 5,
        })
        .map((pairs) => new Map<CborValue, CborValue>(pairs)),
    ),
  }))

  it('is undone by decode, and agrees with cborg', () => {
    fc.assert(
      fc.property(tree, (value) => {
        const bytes = encodeCbor(value)
        expect(decodeCbor(bytes)).toEqual(value)
        // cborg's own deterministic mode, as a second opinion on lengths, order and heads.
        expect(encodeHex(bytes)).toBe(encodeHex(cborg.encode(value, cborg.rfc8949EncodeOptions)))
      }),
    )
  })

  it('any byte soup is refused with our own error or decodes and re-encodes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const outcome = code(() => decodeCbor(bytes))
        expect(outcome).toMatch(/^(accepted|ERR_CBOR_(MALFORMED|LIMIT|FORBIDDEN))$/)
      }),
      { numRuns: 5_000 },
    )
  })
})
