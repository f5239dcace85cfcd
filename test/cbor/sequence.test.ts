import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes } from '../../src/bytes/bytes.ts'
import { decodeHex, encodeHex } from '../../src/bytes/hex.ts'
import { encodeCbor } from '../../src/cbor/encode.ts'
import { splitCborSequence } from '../../src/cbor/sequence.ts'
import { refusal } from '../support/error-code.ts'

const LIMITS = { itemsMax: 3, itemBytesMax: 5 }
const split = (hex: string): string[] => splitCborSequence(decodeHex(hex), LIMITS).map(encodeHex)

describe('a CBOR sequence', () => {
  it.each([
    ['nothing', '', []],
    ['one item', '01', ['01']],
    ['three', '01820203f6', ['01', '820203', 'f6']],
  ])('of %s', (_, hex, items) => {
    expect(split(hex)).toEqual(items)
  })

  it.each([
    ['ends inside an item', '018202', 'ERR_CBOR_MALFORMED'],
    ['has an item of indefinite length', '019f01ff', 'ERR_CBOR_FORBIDDEN'],
    ['has too many items', '01020304', 'ERR_CBOR_LIMIT'],
    ['has an item that is too long', '01450102030405', 'ERR_CBOR_LIMIT'],
  ])('that %s is refused whole', (_, hex, code) => {
    expect(refusal(() => split(hex))).toBe(code)
  })

  it('gives back what was joined', () => {
    const item = fc.oneof(fc.integer(), fc.uint8Array({ maxLength: 40 }), fc.string())
    fc.assert(
      fc.property(fc.array(item, { maxLength: 20 }), (values) => {
        const items = values.map((value) => encodeCbor(value))
        const limits = { itemsMax: 20, itemBytesMax: 1000 }
        expect(splitCborSequence(concatBytes(...items), limits)).toEqual(items)
      }),
    )
  })
})
