/** Statements: canonical form and id, required headers, receipts spliced in, payloads matched. */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { concatBytes, encodeUtf8, equalBytes } from '../../src/bytes/bytes.ts'
import { encodeHex } from '../../src/bytes/hex.ts'
import { CborTag, type CborMap, type CborValue } from '../../src/cbor/decode.ts'
import { encodeCbor } from '../../src/cbor/encode.ts'
import { encodeSign1, signSign1 } from '../../src/cose/sign1.ts'
import { parseSign1 } from '../../src/cose/parse-sign1.ts'
import { AttestryError } from '../../src/errors.ts'
import { matchPayload } from '../../src/statement/hash-envelope.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import {
  assertRegistrable,
  ENTRY_BYTES_MAX,
  parseSignedStatement,
} from '../../src/statement/signed-statement.ts'
import { attachReceipts } from '../../src/statement/transparent-statement.ts'
import { golden } from '../support/golden-vector.ts'
import { testSigner } from '../support/test-signer.ts'
import { hasVectors, readVector } from '../support/vectors.ts'

const signer = testSigner()
const payload = encodeUtf8('{"hello":"world"}')
const request = {
  payload,
  issuer: 'https://issuer.example',
  subject: 'pkg:npm/demo@1.0.0',
  contentType: 'application/json',
  signer,
}
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

function code(action: () => unknown): string {
  try {
    action()
    return 'accepted'
  } catch (error) {
    if (error instanceof AttestryError) return error.code
    throw error
  }
}

describe('canonical form', () => {
  it('is what sha256sum prints for the golden entries', () => {
    for (const [i, entry] of [golden.entry0, golden.entry1].entries()) {
      const statement = parseSignedStatement(entry)
      expect(statement.entry).toEqual(entry)
      expect(statement.entryId).toBe(golden.entryIds[i])
      expect(sha256(entry)).toBe(golden.entryIds[i])
    }
  })

  it('drops the unprotected header and shortens every outer head, touching nothing inside', async () => {
    const bytes = await signStatement(request)
    const { protectedBytes, signature } = parseSign1(bytes)
    const long = (content: Uint8Array) =>
      concatBytes(Uint8Array.of(0x5a, 0, 0, content.length >> 8, content.length & 255), content)
    const sprawling = concatBytes(
      Uint8Array.of(0xd8, 18, 0x98, 4),
      long(protectedBytes),
      encodeCbor(
        new Map<CborValue, CborValue>([
          [394, [encodeUtf8('x')]],
          ['note', 1],
        ]),
      ),
      long(payload),
      long(signature),
    )
    expect(parseSignedStatement(sprawling).entry).toEqual(bytes)
    expect(parseSignedStatement(sprawling).entryId).toBe(parseSignedStatement(bytes).entryId)
  })

  it('keeps a protected header that is not in canonical order', async () => {
    const header = encodeCbor(new Map<CborValue, CborValue>([[1, -7]]))
    const odd = Uint8Array.of(0xa2, 0x03, 0x00, 0x18, 0x01, 0x26) // {3: 0, 1: -7}, with 1 as 18 01
    const entry = encodeSign1({ protectedBytes: odd, payload, signature: new Uint8Array(64) })
    expect(parseSignedStatement(entry).entry).toEqual(entry)
    expect(equalBytes(header, odd)).toBe(false)
    await Promise.resolve()
  })
})

describe('required headers', () => {
  const claims = (pairs: [CborValue, CborValue][]): CborMap => new Map(pairs)
  const good: [CborValue, CborValue][] = [
    [4, Uint8Array.of(1)],
    [
      15,
      claims([
        [1, 'https://issuer.example'],
        [2, 'sub'],
      ]),
    ],
    [3, 'application/json'],
  ]
  const make = async (change: (header: Map<CborValue, CborValue>) => void, detached = false) => {
    const header = new Map(good)
    change(header)
    return signSign1({ protectedHeader: header, payload, detached, signer })
  }
  it.each<[string, (header: Map<CborValue, CborValue>) => unknown, string]>([
    ['all of them', () => undefined, 'accepted'],
    ['no CWT claims', (h) => h.delete(15), 'ERR_STATEMENT_HEADERS'],
    ['no issuer', (h) => h.set(15, claims([[2, 'sub']])), 'ERR_STATEMENT_HEADERS'],
    [
      'no subject',
      (h) => h.set(15, claims([[1, 'https://issuer.example']])),
      'ERR_STATEMENT_HEADERS',
    ],
    [
      'an empty issuer',
      (h) =>
        h.set(
          15,
          claims([
            [1, ''],
            [2, 'sub'],
          ]),
        ),
      'ERR_STATEMENT_HEADERS',
    ],
    [
      'an issuer of 8193 characters',
      (h) =>
        h.set(
          15,
          claims([
            [1, 'a'.repeat(8193)],
            [2, 'sub'],
          ]),
        ),
      'ERR_STATEMENT_HEADERS',
    ],
    [
      'an issuer that is bytes',
      (h) =>
        h.set(
          15,
          claims([
            [1, Uint8Array.of(1)],
            [2, 'sub'],
          ]),
        ),
      'ERR_STATEMENT_HEADERS',
    ],
    [
      'a numeric subject',
      (h) =>
        h.set(
          15,
          claims([
            [1, 'https://issuer.example'],
            [2, 1],
          ]),
        ),
      'ERR_STATEMENT_HEADERS',
    ],
    ['claims that are an array', (h) => h.set(15, []), 'ERR_STATEMENT_HEADERS'],
    ['no kid', (h) => h.delete(4), 'ERR_STATEMENT_HEADERS'],
    [
      'x5t instead of kid',
      (h) => {
        h.delete(4)
        h.set(34, [-16, new Uint8Array(32)])
      },
      'accepted',
    ],
    [
      'x5t with an issuer that is no URI',
      (h) => {
        h.set(34, [-16, new Uint8Array(32)])
        h.set(
          15,
          claims([
            [1, 'a b:c'],
            [2, 's'],
          ]),
        )
      },
      'ERR_STATEMENT_HEADERS',
    ],
    ['kid as text', (h) => h.set(4, 'key-1'), 'ERR_STATEMENT_HEADERS'],
    ['content type beside a hash envelope', (h) => h.set(258, -16), 'ERR_STATEMENT_HEADERS'],
    [
      'an unknown digest',
      (h) => {
        h.delete(3)
        h.set(258, -14)
      },
      'ERR_STATEMENT_HEADERS',
    ],
    [
      'a digest of the wrong length',
      (h) => {
        h.delete(3)
        h.set(258, -16)
      },
      'ERR_STATEMENT_HEADERS',
    ],
    [
      'crit that names an unknown label',
      (h) => {
        h.set(2, ['attestedsvc'])
        h.set('attestedsvc', 1)
      },
      'ERR_COSE_CRIT',
    ],
    ['crit that names an absent label', (h) => h.set(2, [33]), 'ERR_COSE_CRIT'],
    ['an empty crit', (h) => h.set(2, []), 'ERR_COSE_CRIT'],
    [
      'crit that names typ, which nobody looks at',
      (h) => h.set(2, [16]).set(16, 'application/example+cose'),
      'ERR_COSE_CRIT',
    ],
    [
      'crit that names receipts, which are read unprotected only',
      (h) => h.set(2, [394]).set(394, [Uint8Array.of(1)]),
      'ERR_COSE_CRIT',
    ],
    ['protected receipts', (h) => h.set(394, [Uint8Array.of(1)]), 'ERR_STATEMENT_HEADERS'],
    ['crit that names label 15', (h) => h.set(2, [15]), 'accepted'],
    [
      'iat as tag 1',
      (h) =>
        h.set(
          15,
          claims([
            [1, 'https://issuer.example'],
            [2, 's'],
            [6, new CborTag(1, 5)],
          ]),
        ),
      'accepted',
    ],
    [
      'iat as text',
      (h) =>
        h.set(
          15,
          claims([
            [1, 'https://issuer.example'],
            [2, 's'],
            [6, 'now'],
          ]),
        ),
      'ERR_STATEMENT_HEADERS',
    ],
  ])('%s', async (_what, change, expected) => {
    const bytes = await make((header) => void change(header))
    expect(code(() => assertRegistrable(parseSignedStatement(bytes)))).toBe(expected)
  })

  it.each([
    ['alg', 1, /^alg \(1\) is missing from the protected header$/],
    ['kid', 4, /^kid \(4\), .* are all missing from the protected header$/],
  ])(
    'an unprotected %s is none, and the message says where it belongs',
    (_name, label, message) => {
      const header = new Map<CborValue, CborValue>([[1, -7], ...good])
      const unprotected = encodeCbor(new Map([[label, header.get(label)]]))
      header.delete(label)
      const bytes = encodeSign1({
        protectedBytes: encodeCbor(header),
        unprotectedBytes: unprotected,
        payload,
        signature: new Uint8Array(64),
      })
      expect(() => assertRegistrable(parseSignedStatement(bytes))).toThrow(message)
    },
  )

  it('a detached payload', async () => {
    expect(code(() => undefined)).toBe('accepted')
    const bytes = await make(() => undefined, true)
    expect(code(() => assertRegistrable(parseSignedStatement(bytes)))).toBe(
      'ERR_STATEMENT_PAYLOAD_MISSING',
    )
  })

  it('the same label in both maps', async () => {
    const { protectedBytes, signature } = parseSign1(await signStatement(request))
    const unprotectedBytes = encodeCbor(new Map([[4, Uint8Array.of(1)]]))
    const bytes = encodeSign1({ protectedBytes, unprotectedBytes, payload, signature })
    expect(code(() => parseSignedStatement(bytes))).toBe('ERR_COSE_HEADER')
  })

  it('accepts an entry of 65,535 bytes and refuses one of 65,536', async () => {
    const base = (await signStatement(request)).length - payload.length
    for (const [size, expected] of [
      [ENTRY_BYTES_MAX, 'accepted'],
      [ENTRY_BYTES_MAX + 1, 'ERR_STATEMENT_TOO_LARGE'],
    ] as const) {
      const padded = new Uint8Array(size - base - 2)
      const statement = parseSignedStatement(await signStatement({ ...request, payload: padded }))
      expect(statement.entry).toHaveLength(size)
      expect(code(() => assertRegistrable(statement))).toBe(expected)
    }
  })
})

describe('receipts', () => {
  it('are spliced in: the golden Transparent Statement, byte for byte', () => {
    const transparent = attachReceipts(golden.entry1, [golden.inclusionReceipt])
    expect(sha256(transparent)).toBe(golden.transparentStatementSha256)
    expect(parseSignedStatement(transparent).entry).toEqual(golden.entry1)
    expect(parseSignedStatement(transparent).receipts).toEqual([golden.inclusionReceipt])
  })

  it('keep their order, are not added twice, and leave other parameters as they were spelled', async () => {
    const { protectedBytes, signature } = parseSign1(await signStatement(request))
    const oddPair = Uint8Array.of(0x18, 0x21, 0x42, 1, 2) // 33: h'0102'
    const unprotectedBytes = concatBytes(Uint8Array.of(0xa1), oddPair)
    const start = encodeSign1({ protectedBytes, unprotectedBytes, payload, signature })
    const one = attachReceipts(start, [golden.inclusionReceipt])
    const two = attachReceipts(one, [golden.consistencyReceipt, golden.inclusionReceipt])
    expect(parseSignedStatement(two).receipts).toEqual([
      golden.inclusionReceipt,
      golden.consistencyReceipt,
    ])
    expect(encodeHex(two)).toContain(encodeHex(oddPair))
    expect(parseSignedStatement(two).unprotectedX5chain).toEqual([Uint8Array.of(1, 2)])
    expect(code(() => attachReceipts(start, []))).toBe('ERR_RECEIPT_MALFORMED')
  })

  it('are not added to a statement that has label 394 protected, which nobody could parse', async () => {
    const header = new Map<CborValue, CborValue>([[394, [Uint8Array.of(1)]]])
    const bytes = await signSign1({ protectedHeader: header, payload, signer })
    expect(code(() => attachReceipts(bytes, [golden.inclusionReceipt]))).toBe('ERR_COSE_HEADER')
  })

  it('of another shape do not count as receipts', () => {
    const { protectedBytes, signature } = parseSign1(golden.entry1)
    for (const value of [null, 7, [], [1], new Map()] as CborValue[]) {
      const unprotectedBytes = encodeCbor(new Map([[394, value]]))
      const bytes = encodeSign1({ protectedBytes, unprotectedBytes, payload, signature })
      expect(parseSignedStatement(bytes).receipts).toEqual([])
    }
  })
})

describe('payload', () => {
  it('matches the content or its digest, and nothing else', async () => {
    for (const hash of [undefined, 'SHA-256', 'SHA-384', 'SHA-512'] as const) {
      const statement = parseSignedStatement(
        await signStatement({ ...request, ...(hash ? { hash } : {}) }),
      )
      expect(code(() => matchPayload(statement, payload))).toBe('accepted')
      expect(code(() => matchPayload(statement, payload.subarray(1)))).toBe('ERR_PAYLOAD_MISMATCH')
      if (hash !== undefined)
        expect(statement.headers.hashEnvelope).toMatchObject({
          algorithm: hash,
          preimageContentType: 'application/json',
        })
    }
    expect(code(() => matchPayload(parseSignedStatement(golden.entry1), golden.preimage))).toBe(
      'accepted',
    )
  })
})

describe.skipIf(!hasVectors)('real statements', () => {
  it('a Microsoft statement with one and with two receipts has the published entry', () => {
    const bare = readVector('scitt/scitt-for-phi/signed-statement.scitt')
    for (const name of ['1ts', '2ts']) {
      const statement = parseSignedStatement(
        readVector(`scitt/scitt-for-phi/${name}-statement.scitt`),
      )
      expect(statement.entry).toEqual(bare)
      expect(statement.entryId).toBe(
        'ad2c00a990a1b0a4f8ea765b58eb64b207b94ec52ff6baeb8a79fffe7bc2bfcd',
      )
    }
  })

  it('its payload is the model manifest', () => {
    const statement = parseSignedStatement(readVector('scitt/scitt-for-phi/signed-statement.scitt'))
    expect(
      code(() => matchPayload(statement, readVector('provenance/in-toto/model-manifest.json'))),
    ).toBe('accepted')
  })

  it.each([
    ['css-attested-cosesign1-20250617', 'ERR_COSE_CRIT'],
    ['css-attested-cosesign1-20250812', 'ERR_COSE_CRIT'],
    ['css-attested-cosesign1-20250925', 'ERR_COSE_CRIT'],
    ['cts-hashv-cwtclaims-b64url', 'accepted'],
    ['manifest.spdx.json.sha384.digest', 'accepted'],
  ])('%s: %s', (name, expected) => {
    const statement = parseSignedStatement(readVector(`scitt/scitt-ccf-ledger/${name}.cose`))
    expect(code(() => assertRegistrable(statement))).toBe(expected)
  })

  it('the old two-element receipt in label 394 is stripped', () => {
    const bytes = readVector('scitt/scitt-ccf-ledger/cts-hashv-cwtclaims-b64url.cose')
    expect(parseSignedStatement(parseSignedStatement(bytes).entry).receipts).toEqual([])
  })
})
