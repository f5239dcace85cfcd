/** The short way to decode says nothing else than the long one, and takes what statements consist of. */
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes } from '../../src/bytes/bytes.ts'
import { decodeHex } from '../../src/bytes/hex.ts'
import { CborTag, decodeCbor, decodeScanned, type CborValue } from '../../src/cbor/decode.ts'
import { encodeCbor, encodeHead } from '../../src/cbor/encode.ts'
import { decodePlain, UNSURE } from '../../src/cbor/plain.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { mutate, randomFrom, seed, slow } from '../support/mutate.ts'
import { testSigner } from '../support/test-signer.ts'

const rounds = slow ? 1_000_000 : 5000
const statement = await signStatement({
  payload: new Uint8Array([1, 2, 3]),
  issuer: 'https://issuer.example',
  subject: 'urn:größe',
  contentType: 'application/vnd.in-toto+json',
  signer: testSigner(),
})
const { protectedBytes } = parseSignedStatement(statement).message

/** Every kind of item that the short way takes, and some that it does not. */
const mixed = encodeCbor(
  new Map<CborValue, CborValue>([
    [1, [0, -1, 23, 24, 255, 256, 65_535, 65_536, 4_294_967_295, -4_294_967_296]],
    ['text', ['', 'a', 'ä€😀', '\u0000']],
    [-65_537, new Map<CborValue, CborValue>([[2, [true, false, null, undefined]]])],
    ['bytes', [new Uint8Array(0), new Uint8Array(300)]],
    [7, new CborTag(18, [])],
  ]),
)

/** Both ways give the same, or the short one nothing. */
function same(bytes: Uint8Array): boolean {
  const plain = decodePlain(bytes)
  if (plain === UNSURE) return false
  // Called a hundred thousand times: an assertion for each would take minutes.
  const scanned = decodeScanned(bytes)
  if (!isDeepStrictEqual(plain, scanned)) expect(plain).toStrictEqual(scanned)
  return true
}

describe('the short way', () => {
  it.each([
    ['a statement', statement],
    ['its protected header', protectedBytes],
    ['every plain kind of item', mixed],
    ['integers in long heads', decodeHex('8418011900011a0000000139ffff')],
    ['a Buffer', Buffer.from(mixed)],
  ])('takes %s', (_, bytes) => {
    expect(same(bytes)).toBe(true)
  })

  it('gives views of the input that are no Buffers', () => {
    const bytes = Buffer.from('43010203', 'hex')
    const decoded = decodeCbor(bytes) as Uint8Array
    expect(decoded.constructor).toBe(Uint8Array)
    expect(decoded.buffer).toBe(bytes.buffer)
  })

  const left: readonly [what: string, bytes: Uint8Array][] = [
    ['nothing', new Uint8Array(0)],
    ['a byte behind the item', decodeHex('0000')],
    ['a float', decodeHex('f93e00')],
    ['another tag', decodeHex('c11a5c0a0b0c')],
    ['a simple value in two bytes', decodeHex('f818')],
    ['an integer of eight bytes', decodeHex('1b0000000000000001')],
    ['a key twice', decodeHex('a201010102')],
    ['a key twice in two spellings', decodeHex('a20101180102')],
    ['a text key twice in two spellings', decodeHex('a261610178016102')],
    ['a byte string as key', decodeHex('a1410101')],
    ['an array as key', decodeHex('a1810101')],
    ['a text that begins with a mark', decodeHex('64efbbbf61')],
    ['a text that is not UTF-8', decodeHex('62c328')],
    ['an indefinite array', decodeHex('9f01ff')],
    ['a reserved head', decodeHex('1c')],
    ['a string without its end', decodeHex('430102')],
    ['an array without its end', decodeHex('8201')],
    ['a long key', encodeCbor(new Map([['k'.repeat(257), 1]]))],
    ['many pairs', encodeCbor(new Map(Array.from({ length: 65 }, (_, key) => [key, 0])))],
    ['many items', encodeCbor(Array.from({ length: 600 }, () => 0))],
    ['deep nesting', concatBytes(new Uint8Array(9).fill(0x81), Uint8Array.of(0))],
    ['more than a mebibyte', concatBytes(encodeHead(2, 1_048_576), new Uint8Array(1_048_576))],
  ]
  it.each(left)('leaves %s to the long one', (_, bytes) => {
    expect(decodePlain(bytes)).toBe(UNSURE)
  })

  it('is not taken under limits of the caller’s own', () => {
    expect(() => decodeCbor(decodeHex('83010203'), { items: 3 })).toThrow(/3 CBOR items/)
  })

  it('says the same as the long one of whatever it takes', () => {
    console.log(`seed ${seed} (repeat with ATTESTRY_SEED=${seed})`)
    const random = randomFrom(seed)
    let taken = 0
    for (let round = 0; round < rounds; round++) {
      for (const bytes of [statement, protectedBytes, mixed]) {
        if (same(mutate(bytes, random))) taken += 1
      }
    }
    expect(taken).toBeGreaterThan(rounds / 100)
  })

  it('says the same as the long one of random bytes and of random documents', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => void same(bytes)),
      {
        numRuns: rounds,
        seed,
      },
    )
    const { node } = fc.letrec<{ node: CborValue }>((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        fc.integer(),
        fc.string({ unit: 'binary' }),
        fc.uint8Array(),
        fc.constantFrom(true, false, null, undefined),
        fc.array(tie('node'), { maxLength: 4 }),
        fc
          .array(fc.tuple(fc.oneof(fc.integer(), fc.string()), tie('node')), { maxLength: 4 })
          .map((pairs) => new Map(pairs)),
      ),
    }))
    const document = (value: CborValue): void => void same(encodeCbor(value))
    fc.assert(fc.property(node, document), { numRuns: 2000, seed })
  })
})
