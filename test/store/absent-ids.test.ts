/** No id is taken for absent that anybody may have stored since it was looked up. */
import { describe, expect, it } from 'vitest'
import type { LeafIndex } from '../../src/bytes/integers.ts'
import { AbsentIds } from '../../src/store/postgres/absent-ids.ts'

const [a, b, c] = [1, 2, 3].map((at) => new Uint8Array(32).fill(at)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
]
const nowhere = async (ids: readonly Uint8Array[]): Promise<undefined[]> => ids.map(() => undefined)

/** After a batch of this process, which says where the store ends. */
function begun(): AbsentIds {
  const absent = new AbsentIds()
  absent.stored([c], 9)
  return absent
}

describe('ids that were looked up and are nowhere', () => {
  it('need not be looked up again while nobody else stores anything', async () => {
    const absent = begun()
    await absent.lookUp([a, b], nowhere)
    expect(absent.hasAll([a, b])).toBe(true)
    absent.saw(10)
    absent.stored([b], 10)
    expect(absent.hasAll([a])).toBe(true)
    expect(absent.hasAll([a, b])).toBe(false)
  })

  it('are those alone that were not found', async () => {
    const absent = begun()
    expect(await absent.lookUp([a, c], async () => [undefined, 9 as LeafIndex])).toEqual([
      undefined,
      9,
    ])
    expect(absent.hasAll([a])).toBe(true)
    expect(absent.hasAll([c])).toBe(false)
  })

  it('are not kept before this process stored anything', async () => {
    const absent = new AbsentIds()
    await absent.lookUp([a], nowhere)
    absent.stored([b], 9)
    expect(absent.hasAll([a])).toBe(false)
  })

  it.each([
    ['the store has another size', (absent: AbsentIds) => absent.saw(11)],
    ['a batch does not follow the last one', (absent: AbsentIds) => absent.stored([b], 11)],
    ['a commit comes second, or its outcome is unknown', (absent: AbsentIds) => absent.forget()],
  ])('are forgotten, those on their way too, when %s', async (_, happen) => {
    const absent = begun()
    await absent.lookUp([a], nowhere)
    await absent.lookUp([b], async () => {
      happen(absent)
      return [undefined]
    })
    expect([absent.hasAll([a]), absent.hasAll([b])]).toEqual([false, false])
  })

  it('are not those that this process stored while the look-up was under way', async () => {
    const absent = begun()
    await absent.lookUp([a, b], async (ids) => {
      absent.stored([a], 10)
      return nowhere(ids)
    })
    expect([absent.hasAll([a]), absent.hasAll([b])]).toEqual([false, true])
  })

  it('are not kept by a look-up that fails', async () => {
    const absent = begun()
    const failing = absent.lookUp([a], () => Promise.reject(new Error('lost')))
    await expect(failing).rejects.toThrow('lost')
    expect(absent.hasAll([a])).toBe(false)
  })
})
