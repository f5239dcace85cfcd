/** Strict JSON: every name twice is found, however it is spelled and wherever it stands, and the depth is right. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { parseMeasuredJson } from '../../src/bytes/strict-json.ts'
import { isShallow } from '../../src/payload/json-depth.ts'
import { seed, slow } from '../support/mutate.ts'

const CONTEXT = { code: 'ERR_PAYLOAD_MALFORMED', what: 'document' } as const

/** A document as it is written, with names that may come twice, and what is true of it. */
interface Written {
  readonly text: string
  readonly hasTwice: boolean
  readonly depth: number
}

/** One name in one of its spellings. */
const name = fc
  .tuple(fc.constantFrom('a', 'b', 'aa', '"', '\\', '{', '}', ':', '', 'é'), fc.boolean())
  .map(([plain, isEscaped]) => {
    const escape = (unit: string): string =>
      `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
    const text = isEscaped ? `"${Array.from(plain, escape).join('')}"` : JSON.stringify(plain)
    return { plain, text }
  })
const space = fc.constantFrom('', ' ', '\n\t')

const { document } = fc.letrec<{ document: Written }>((tie) => {
  const members = (maxLength: number): fc.Arbitrary<Written> =>
    fc.array(fc.tuple(name, space, tie('document')), { maxLength }).map((list) => ({
      text: `{${list.map(([key, gap, { text }]) => `${key.text}${gap}:${gap}${text}`).join(',')}}`,
      hasTwice:
        new Set(list.map(([{ plain }]) => plain)).size < list.length ||
        list.some(([, , { hasTwice }]) => hasTwice),
      depth: 1 + Math.max(0, ...list.map(([, , { depth }]) => depth)),
    }))
  return {
    document: fc.oneof(
      { maxDepth: 5 },
      fc
        .constantFrom('1', 'null', '"text"', '"{\\"a\\":[]}"', '"\\\\"', '"a\\\\\\":"')
        .map((text) => ({ text, hasTwice: false, depth: 0 })),
      members(3),
      members(12),
      fc.array(tie('document'), { maxLength: 3 }).map((list) => ({
        text: `[${list.map(({ text }) => text).join(', ')}]`,
        hasTwice: list.some(({ hasTwice }) => hasTwice),
        depth: 1 + Math.max(0, ...list.map(({ depth }) => depth)),
      })),
    ),
  }
})

describe('strict JSON', () => {
  it('refuses what has a name twice and nothing else, and tells the depth', () => {
    console.log(`seed ${seed} (repeat with ATTESTRY_SEED=${seed})`)
    let refused = 0
    const check = ({ text, hasTwice, depth }: Written): void => {
      const read = (): unknown => parseMeasuredJson(encodeUtf8(text), CONTEXT)
      if (hasTwice) {
        refused += 1
        expect(read).toThrow(/twice/)
      } else expect(read()).toStrictEqual({ value: JSON.parse(text) as unknown, depth })
    }
    fc.assert(fc.property(document, check), { numRuns: slow ? 200_000 : 3000, seed })
    expect(refused).toBeGreaterThan(100)
  })

  it.each([8, 9, 10, 300])('finds a name twice among %i others', (count) => {
    const names = Array.from({ length: count }, (_, at) => `"n${at}": ${at}`)
    const read = (...more: string[]): unknown =>
      parseMeasuredJson(encodeUtf8(`{${[...names, ...more].join(',')}}`), CONTEXT)
    expect(() => read('"n0": 1')).toThrow('document has the member "n0" twice')
    expect(() => read(`"n${count - 1}": 1`)).toThrow(/twice/)
    expect(() => read('"\\u006e0": 1')).toThrow('document has the member "\\u006e0" twice')
    expect(() => read('"\\u006e": 1')).not.toThrow()
  })

  it('does not take a name of a sibling, or of the object around, for one twice', () => {
    const text = '{"a":{"a":[{"a":1},{"a":1}],"\\u0062":1},"b":{"a":2},"c":{"b":3}}'
    expect(() => parseMeasuredJson(encodeUtf8(text), CONTEXT)).not.toThrow()
  })

  it('measures what isShallow() measures', () => {
    for (const depth of [63, 64, 65]) {
      for (const [open, close] of [['[', ']'] as const, ['{"a":', '}'] as const]) {
        const json = parseMeasuredJson(
          encodeUtf8(`${open.repeat(depth)}1${close.repeat(depth)}`),
          CONTEXT,
        )
        expect(json.depth).toBe(depth)
        expect(isShallow(json.value)).toBe(json.depth <= 64)
      }
    }
  })
})
