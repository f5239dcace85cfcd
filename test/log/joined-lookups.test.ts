/** Look-ups of single entries share queries, and none of them sees less than it would alone. */
import { describe, expect, it } from 'vitest'
import type { LeafIndex } from '../../src/bytes/integers.ts'
import { JoinedLookups } from '../../src/log/joined-lookups.ts'

const idOf = (at: number): Uint8Array => Uint8Array.of(at)

/** A store whose queries end when they are told to. */
function heldStore() {
  const queries: { ids: number[]; answer: (error?: Error) => void }[] = []
  const lookups = new JoinedLookups(
    (ids) =>
      new Promise((resolve, reject) => {
        const asked = ids.map((id) => id[0]!)
        queries.push({
          ids: asked,
          answer: (error) =>
            error === undefined ? resolve(asked.map((at) => at as LeafIndex)) : reject(error),
        })
      }),
  )
  return { lookups, queries }
}
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('look-ups of single entries', () => {
  it('of one turn are one query, and each gets its own answer', async () => {
    const { lookups, queries } = heldStore()
    const asked = [1, 2, 3].map((at) => lookups.find(idOf(at)))
    await turn()
    expect(queries.map(({ ids }) => ids)).toEqual([[1, 2, 3]])
    queries[0]!.answer()
    expect(await Promise.all(asked)).toEqual([1, 2, 3])
  })

  it('that come while a query is under way are in the next one, never in an older one', async () => {
    const { lookups, queries } = heldStore()
    const first = lookups.find(idOf(1))
    await turn()
    const later = [2, 3].map((at) => lookups.find(idOf(at)))
    await turn()
    expect(queries).toHaveLength(1)
    queries[0]!.answer()
    expect(await first).toBe(1)
    await turn()
    expect(queries[1]!.ids).toEqual([2, 3])
    queries[1]!.answer()
    expect(await Promise.all(later)).toEqual([2, 3])
  })

  it('fail with their query, and the next ones are asked', async () => {
    const { lookups, queries } = heldStore()
    const failing = [1, 2].map((at) => lookups.find(idOf(at)))
    const settled = Promise.allSettled(failing)
    await turn()
    const next = lookups.find(idOf(3))
    queries[0]!.answer(new Error('lost'))
    expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await turn()
    queries[1]!.answer()
    expect(await next).toBe(3)
  })

  it('go on after a pause', async () => {
    const { lookups, queries } = heldStore()
    for (const at of [1, 2]) {
      const asked = lookups.find(idOf(at))
      await turn()
      queries.at(-1)!.answer()
      expect(await asked).toBe(at)
    }
    expect(queries).toHaveLength(2)
  })
})
