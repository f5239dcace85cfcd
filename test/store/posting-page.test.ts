/** A page of postings is read as it was made, and searched where it lies. */
import { describe, expect, it } from 'vitest'
import { findPlace, PageBuilder, readPage } from '../../src/store/sqlite/index/posting-page.ts'

const KEY_MAX = 2 ** 42 - 1

describe('a page of postings', () => {
  it.each([1, 336, 337, 338, 800])('gives back %s of them, wherever it lies in memory', (count) => {
    const read: (readonly [number, number])[] = []
    const builder = new PageBuilder(({ keys, offsets }, bytes) => {
      const shifted = Buffer.concat([Buffer.alloc(1), bytes]).subarray(1)
      const page = readPage(shifted)
      expect(page).toEqual({ keys, offsets })
      for (const [at, key] of page.keys.entries()) {
        expect(findPlace(page, key, page.offsets[at]!)).toBe(at)
        expect(findPlace(page, key, page.offsets[at]! + 1)).toBe(at + 1)
        read.push([key, page.offsets[at]!])
      }
    })
    const postings = Array.from({ length: count }, (_, at) => [KEY_MAX - count + at, at] as const)
    for (const [key, offset] of postings) builder.add(key, offset)
    builder.end()
    builder.end()
    expect(read).toEqual(postings)
  })

  it('that is cut or no bytes at all is damage', () => {
    for (const wrong of [Buffer.alloc(0), Buffer.alloc(13), 'text', undefined]) {
      expect(() => readPage(wrong)).toThrow(expect.objectContaining({ name: 'InvariantError' }))
    }
  })
})
