/** Plans against the RFC's recursion on ranges of BigInts, far beyond 2^32 and at 2^53−1. */
import { describe, expect, it } from 'vitest'
import { InputError, InvariantError } from '../../src/errors.ts'
import { portableHasher } from '../../src/merkle/hasher.ts'
import { consistencyPathNodes, foldNodes, inclusionPathNodes } from '../../src/merkle/nodes.ts'
import { rootNodes } from '../../src/merkle/nodes.ts'
import type { NodeId } from '../../src/merkle/nodes.ts'

type Range = readonly [start: bigint, end: bigint]

function split([start, end]: Range): bigint {
  let k = 1n
  while (k * 2n < end - start) k *= 2n
  return start + k
}

function perfect(range: Range): NodeId[] {
  const [start, end] = range
  if (start === end) return []
  const width = end - start
  const digits = width.toString(2)
  if (/^10*$/.test(digits)) return [{ level: digits.length - 1, index: Number(start / width) }]
  const middle = split(range)
  return [...perfect([start, middle]), ...perfect([middle, end])]
}

function naiveInclusion(leaf: bigint, range: Range): NodeId[][] {
  const [start, end] = range
  if (end - start === 1n) return []
  const middle = split(range)
  return leaf < middle
    ? [...naiveInclusion(leaf, [start, middle]), perfect([middle, end])]
    : [...naiveInclusion(leaf, [middle, end]), perfect([start, middle])]
}

function naiveConsistency(size1: bigint, range: Range, isOld = true): NodeId[][] {
  const [start, end] = range
  if (size1 === end) return isOld ? [] : [perfect(range)]
  const middle = split(range)
  return size1 <= middle
    ? [...naiveConsistency(size1, [start, middle], isOld), perfect([middle, end])]
    : [...naiveConsistency(size1, [middle, end], false), perfect([start, middle])]
}

const MAX = 2 ** 53 - 1
const SIZES = [
  ...[1, 2, 3, 255, 256, 257, 65_535, 65_536, 65_537, 70_000],
  ...[2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 33 + 12_345],
  ...[2 ** 52 - 1, 2 ** 52, 2 ** 52 + 1, 2 ** 53 - 2 ** 20, MAX - 1, MAX],
]
/** Interesting positions below `size`, among them both sides of every power of two. */
function positionsBelow(size: number): number[] {
  const powers = Array.from({ length: 54 }, (_, power) => 2 ** power)
  const near = powers.flatMap((power) => [power - 1, power, power + 1, size - power])
  const parts = [3, 5, 7].map((part) => Math.floor(size / part))
  return [...new Set([0, ...near, ...parts])].filter((position) => position >= 0 && position < size)
}

describe.each(SIZES)('plans at size %i', (size) => {
  it('are those of the RFC', () => {
    for (const leafIndex of positionsBelow(size)) {
      const naive = naiveInclusion(BigInt(leafIndex), [0n, BigInt(size)])
      expect(inclusionPathNodes(leafIndex, size)).toEqual(naive)
    }
    for (const size1 of [...positionsBelow(size).slice(1), size].filter((size1) => size1 > 0)) {
      const naive = naiveConsistency(BigInt(size1), [0n, BigInt(size)])
      expect(consistencyPathNodes(size1, size)).toEqual(naive)
    }
    expect(rootNodes(size)).toEqual(perfect([0n, BigInt(size)]))
  })

  it('use only complete nodes', () => {
    const elements = [...inclusionPathNodes(0, size), ...inclusionPathNodes(size - 1, size)]
    for (const { level, index } of elements.flat()) {
      expect(Number.isSafeInteger(index)).toBe(true)
      expect((BigInt(index) + 1n) * 2n ** BigInt(level) <= BigInt(size)).toBe(true)
    }
  })
})

describe('plans out of range', () => {
  it.each([
    [0, 0],
    [1, 1],
    [-1, 5],
    [0.5, 5],
    [0, MAX + 1],
    [Number.NaN, 5],
    [0, Number.POSITIVE_INFINITY],
  ])('no inclusion of %s in %s', (leafIndex, size) => {
    expect(() => inclusionPathNodes(leafIndex, size)).toThrow(InputError)
  })

  it.each([
    [0, 0],
    [0, 5],
    [6, 5],
    [-1, 5],
    [1, MAX + 1],
    [1.5, 5],
  ])('no consistency from %s to %s', (size1, size2) => {
    expect(() => consistencyPathNodes(size1, size2)).toThrow(InputError)
  })

  it('no root of a size that is not one', () => {
    expect(rootNodes(0)).toEqual([])
    expect(() => rootNodes(-1)).toThrow(InputError)
    expect(() => rootNodes(MAX + 1)).toThrow(InputError)
    expect(() => foldNodes([], portableHasher)).toThrow(InvariantError)
  })
})
