/** The quote parser: exact lengths, nothing left over inside, and only its own error for any other bytes. */
import { describe, expect, it } from 'vitest'
import { concatBytes } from '../../../src/bytes/bytes.ts'
import { EvidenceError } from '../../../src/payload/tee/evidence.ts'
import { parseQuote, QUOTE_BYTES_MAX } from '../../../src/payload/tee/quote.ts'
import { makeDcap } from '../../support/intel-pki.ts'
import type { QuoteOptions } from '../../support/intel-quote.ts'

function reason(bytes: Uint8Array): string {
  try {
    parseQuote(bytes)
    return 'holds'
  } catch (error) {
    if (error instanceof EvidenceError) return error.reason
    throw error
  }
}
const made = (options: QuoteOptions): Uint8Array => makeDcap(options).quote

describe('a quote', () => {
  it('is read with what it signs and what follows it', () => {
    const bytes = made({ tee: 'tdx', trailing: Uint8Array.of(1, 2, 3) })
    const quote = parseQuote(bytes)
    expect(quote.signed).toEqual(bytes.subarray(0, 48 + 584))
    expect(quote.trailing).toEqual(Uint8Array.of(1, 2, 3))
    expect(concatBytes(quote.trimmed, quote.trailing)).toEqual(bytes)
  })

  it('is copied: the caller may write on', () => {
    const bytes = made({})
    const quote = parseQuote(bytes)
    bytes.fill(0)
    expect(quote.version).toBe(3)
    expect(quote.signed[0]).toBe(3)
  })

  it.each<[string, QuoteOptions, string]>([
    ['version 2', { version: 2 }, 'unsupported'],
    ['version 6', { version: 6 }, 'unsupported'],
    ['TDX of version 3', { tee: 'tdx', version: 3 }, 'unsupported'],
    ['another key', { keyType: 3 }, 'unsupported'],
    ['another TEE', { teeType: 0x82 }, 'unsupported'],
    ['another vendor', { vendor: '00'.repeat(16) }, 'unsupported'],
    ['another body', { version: 5, bodyType: 9 }, 'unsupported'],
    ['an enclave in a TDX quote', { version: 5, teeType: 0x81 }, 'malformed'],
    ['a domain in an SGX quote', { version: 5, tee: 'tdx', teeType: 0 }, 'malformed'],
    ['certification of type 0', { certificationType: 0 }, 'unsupported'],
    ['certification of type 6 inside', { certificationType: 6 }, 'unsupported'],
    ['version 4 without a QE report', { version: 4, outerType: 5 }, 'unsupported'],
    ['bytes left over inside', { inside: Uint8Array.of(0) }, 'malformed'],
    ['bytes left over inside, version 4', { version: 4, inside: Uint8Array.of(0) }, 'malformed'],
  ])('%s', (_, options, expected) => {
    expect(reason(made(options))).toBe(expected)
  })

  it.each(['sgx', 'tdx'] as const)('of %s is truncated at every length', (tee) => {
    const whole = made({ tee })
    for (let length = 0; length < whole.length; length++) {
      expect(reason(whole.subarray(0, length))).toBe('truncated')
    }
    expect(reason(whole)).toBe('holds')
  })

  it('is bounded', () => {
    expect(reason(new Uint8Array(QUOTE_BYTES_MAX + 1))).toBe('malformed')
    expect(reason(new Uint8Array(0))).toBe('truncated')
  })

  it('has a body of the length that goes with its type', () => {
    const bytes = made({ version: 5, tee: 'tdx', bodyType: 2 })
    new DataView(bytes.buffer).setUint32(50, 648, true)
    expect(reason(bytes)).toBe('malformed')
  })

  it('cannot ask for more than is there', () => {
    const bytes = made({})
    new DataView(bytes.buffer).setUint32(48 + 384, 0xffff_ffff, true)
    expect(reason(bytes)).toBe('truncated')
  })
})
