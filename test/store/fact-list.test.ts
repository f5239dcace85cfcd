/** What a row of the index says is read as it was packed, and is damage when it is cut. */
import { describe, expect, it } from 'vitest'
import { FactListBuilder, unpackFacts } from '../../src/store/sqlite/index/fact-list.ts'
import type { Fact } from '../../src/store/sqlite/index/facts.ts'

describe('facts of a statement', () => {
  const names = {
    field: (id: number) => `field ${id}`,
    sharedValue: (id: number) => `shared ${id}`,
  }
  const texts = [
    '',
    'a',
    'ab',
    'AB',
    'abc',
    '00ff',
    'ä😀\u0000',
    'x'.repeat(300),
    'ef'.repeat(5000),
  ]

  it('are read as they were packed: text, hex, and values in common', () => {
    const builder = new FactListBuilder()
    for (let twice = 0; twice < 2; twice++) {
      const expected: Fact[] = []
      for (const [at, text] of texts.entries()) {
        const [id, role] = [1 + at * 100, at % 4]
        builder.addText(id, role, text)
        builder.addShared(id, role, 2 ** (6 * at))
        for (const value of [text, `shared ${2 ** (6 * at)}`]) {
          expected.push({ field: `field ${id}`, role, text: value })
        }
      }
      expect(unpackFacts(builder.end(), names)).toEqual(expected)
    }
    expect(unpackFacts(builder.end(), names)).toEqual([])
  })

  it('that are cut anywhere are damage, or are fewer', () => {
    const builder = new FactListBuilder()
    for (const text of texts.slice(0, 7)) builder.addText(1000, 1, text)
    const packed = builder.end()
    const whole = unpackFacts(packed, names)
    for (let length = 0; length < packed.length; length++) {
      try {
        const facts = unpackFacts(packed.subarray(0, length), names)
        expect(whole.slice(0, facts.length)).toEqual(facts)
        expect(facts.length).toBeLessThan(whole.length)
      } catch (error) {
        expect((error as Error).name).toBe('InvariantError')
      }
    }
  })
})
