import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { decodeHex } from '../../src/bytes/hex.ts'
import { CborTag } from '../../src/cbor/decode.ts'
import type { CborValue } from '../../src/cbor/decode.ts'
import { encodeCbor } from '../../src/cbor/encode.ts'
import { describeProblem, readProblem } from '../../src/client/problem-details.ts'

const CPD = 'application/concise-problem-details+cbor'

describe('readProblem', () => {
  it('reads the golden problem of standards.md §12', () => {
    const body = decodeHex(
      'a2206852656a65637465642178405369676e65642053746174656d656e74206e6f74206163636570746564206279207468652063757272656e7420526567697374726174696f6e20506f6c696379',
    )
    expect(readProblem(400, CPD, body)).toEqual({
      status: 400,
      title: 'Rejected',
      detail: 'Signed Statement not accepted by the current Registration Policy',
    })
  })

  it('reads tag 38, instance and a custom entry, and ignores what it does not know', () => {
    const body = encodeCbor(
      new Map<CborValue, CborValue>([
        [-1, new CborTag(38, ['en', 'Rejected'])],
        [-3, '/entries/1'],
        [-4, 128],
        [99, new Map()],
        ['https://x.example/p', new Map([[0, 'policy.issuer']])],
      ]),
    )
    expect(readProblem(400, CPD, body)).toEqual({
      status: 400,
      title: 'Rejected',
      instance: '/entries/1',
      code: 'policy.issuer',
    })
  })

  it.each([
    ['application/problem+json', '{"title":"T","detail":"D"}', { title: 'T', detail: 'D' }],
    [
      'application/json',
      '{"error":{"code":"InvalidInput","message":"M"}}',
      { detail: 'M', code: 'InvalidInput' },
    ],
    ['application/problem+json', '{"code":"C","rule":"R"}', { code: 'C', rule: 'R' }],
    ['application/json', '{"message":"M"}', { detail: 'M' }],
    ['application/json', '["M"]', {}],
    ['application/json', '{broken', { detail: '{broken' }],
    ['text/plain', 'Payload Too Large', { detail: 'Payload Too Large' }],
    ['text/html', '<html><head><TITLE>502 Bad\nGateway</TITLE>', { detail: '502 Bad Gateway' }],
    ['', '<!doctype html><p>x', {}],
    [CPD, 'not cbor at all', { detail: 'not cbor at all' }],
    ['', '', {}],
  ])('%s %s', (type, text, expected) => {
    expect(readProblem(418, type, encodeUtf8(text))).toEqual({ status: 418, ...expected })
  })

  it('gives one line without control or bidirectional characters, of bounded length', () => {
    const nasty = `a\u001b]0;x\u0007\u202eb\r\n${'z'.repeat(5000)}`
    const { detail } = readProblem(400, 'text/plain', encodeUtf8(nasty))
    expect(detail).toMatch(/^[ -~]+$/)
    expect(detail?.length).toBeLessThanOrEqual(1000)
  })

  it('never throws', () => {
    const seed = 20261124
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.json().map(encodeUtf8)),
        fc.constantFrom(CPD, 'application/json', 'text/html', 'text/plain', ''),
        (body, type) => {
          const line = describeProblem(readProblem(400, type, body))
          expect(line).not.toMatch(/\p{Cc}/u)
        },
      ),
      { seed, numRuns: process.env['ATTESTRY_SLOW'] === '1' ? 100_000 : 500 },
    )
  })
})
