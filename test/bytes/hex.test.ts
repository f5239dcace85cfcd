/** Hex of bytes of any length: of digests, and of what is longer than a stack is deep. */
import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { decodeHex, encodeHex } from '../../src/bytes/hex.ts'

it('is written of every length, also around the blocks that it is written in', () => {
  for (const length of [0, 1, 31, 32, 33, 1023, 1024, 1025, 2048, 2049, 5000]) {
    const bytes = new Uint8Array(randomBytes(length))
    const text = encodeHex(bytes)
    expect(text, `${length} bytes`).toBe(Buffer.from(bytes).toString('hex'))
    expect(decodeHex(text)).toEqual(bytes)
  }
})

it('does not recurse with the length', () => {
  const bytes = new Uint8Array(24 * 1024 * 1024).fill(0xa5)
  expect(encodeHex(bytes) === 'a5'.repeat(bytes.length)).toBe(true)
})
