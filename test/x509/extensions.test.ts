/** Lists of extensions and basic constraints, with @peculiar/asn1-x509 as a second opinion. */
import { AsnConvert } from '@peculiar/asn1-schema'
import { BasicConstraints, Extensions } from '@peculiar/asn1-x509'
import { describe, expect, it } from 'vitest'
import { decodeHex, encodeHex } from '../../src/bytes/hex.ts'
import { InputError } from '../../src/errors.ts'
import { readChildren, readDer, scanDer } from '../../src/x509/der.ts'
import { decodeExtensions } from '../../src/x509/extensions.ts'
import { readExtensions } from '../../src/x509/raw-extension.ts'
import { parseCertificate } from '../../src/x509/certificate.ts'
import { mutate, randomFrom, seed, slow } from '../support/mutate.ts'
import { EKU_CODE_SIGNING, issueCertificate, makeCa } from '../support/test-pki.ts'

const COUNT = slow ? 200_000 : 10_000
/** The library spells object identifiers with arcs of five bytes and more in hex. */
const LONG_ARC = /[a-f{]/

const ca = makeCa({ pathLength: 3 })
const leaf = issueCertificate({ ca, eku: [EKU_CODE_SIGNING], san: { dns: ['a.example'] } })

function extensionsOf(der: Uint8Array): Uint8Array {
  const wrapped = readChildren(readDer(parseCertificate(der).tbs)).at(-1)!
  return readDer(wrapped.content).bytes
}

/** `undefined` for what is refused. */
function attempt<Result>(read: () => Result): Result | undefined {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    expect(error.code).toBe('ERR_X509_MALFORMED')
    return undefined
  }
}

describe('extensions', () => {
  it(`that are damaged are read as the library reads them, or not at all (${COUNT} of them)`, () => {
    const random = randomFrom(seed)
    const lists = [ca, leaf].map(({ der }) => extensionsOf(der))
    let accepted = 0
    for (let count = 0; count < COUNT; count++) {
      const der = mutate(lists[count % 2]!, random)
      // As in a certificate, which is scanned whole.
      if (attempt(() => (scanDer(der), true)) === undefined) continue
      const own = attempt(() => readExtensions(readDer(der)))
      // It takes more: other tags, and one extension twice.
      if (own === undefined) continue
      const theirs = AsnConvert.parse(der, Extensions)
      accepted++
      expect(theirs, encodeHex(der)).toHaveLength(own.length)
      for (const [at, { oid, critical, value }] of own.entries()) {
        const other = theirs[at]!
        if (!LONG_ARC.test(other.extnID)) expect(oid).toBe(other.extnID)
        expect(critical).toBe(other.critical)
        expect(value).toEqual(new Uint8Array(other.extnValue.buffer))
      }
    }
    expect(accepted).toBeGreaterThan(0)
  })

  it.each([
    ['nothing', '3000', { isCa: false }],
    ['a FALSE that is written', '3003010100', { isCa: false }],
    ['a CA', '30030101ff', { isCa: true }],
    ['a path length', '30060101ff020100', { isCa: true, pathLength: 0 }],
    ['a long path length', '30080101ff0203010000', { isCa: true, pathLength: 65_536 }],
    ['the greatest one', '30080101ff02037fffff', { isCa: true, pathLength: 0x7fffff }],
    ['a path length without a CA', '3003020100', undefined],
    ['a negative path length', '30060101ff0201ff', undefined],
    ['a greater one', '30090101ff020400800000', undefined],
    ['a path length that is no safe integer', '300c0101ff0207' + '7f'.repeat(7), undefined],
    ['a text', '30030c0141', undefined],
    ['a third field', '30090101ff020100020100', undefined],
    ['two flags', '30060101ff0101ff', undefined],
  ])('of basic constraints with %s', (_, hex, expected) => {
    const value = decodeHex(hex)
    const read = attempt(() => decodeExtensions([{ oid: '2.5.29.19', critical: true, value }]))
    if (expected === undefined) expect(read).toBeUndefined()
    else {
      const { cA: isCa, pathLenConstraint: pathLength } = AsnConvert.parse(value, BasicConstraints)
      expect(read).toMatchObject(expected)
      expect({ isCa, pathLength }).toMatchObject(expected)
    }
  })
})
