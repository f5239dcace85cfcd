/** The packed table of ids says what a `Map` says, whatever the ids have in common. */
import { describe, expect, it } from 'vitest'
import { IdTable } from '../../src/store/sqlite/id-table.ts'
import { randomFrom, seed } from '../support/mutate.ts'

const integer = randomFrom(seed)
const newId = (): Uint8Array => Uint8Array.from({ length: 32 }, () => integer(256))

describe('the table of ids', () => {
  it('agrees with a Map while it grows, is written twice and emptied', () => {
    const table = new IdTable(1)
    const expected = new Map<string, number>()
    const known: Uint8Array[] = []
    for (let round = 0; round < 6_000; round++) {
      const again = known.length > 0 && integer(4) === 0
      const id = again ? known[integer(known.length)]! : newId()
      // Many that differ in one late byte only.
      if (!again && known.length > 0 && integer(3) === 0) {
        id.set(known[integer(known.length)]!.subarray(0, 31))
      }
      const value = integer(2 ** 31) * 2 ** 20
      const key = Buffer.from(id).toString('hex')
      expect(table.get(id)).toBe(expected.get(key))
      table.set(id, value)
      expected.set(key, value)
      known.push(id)
      expect(table.size).toBe(expected.size)
      if (round === 2_000) {
        table.clear()
        expected.clear()
      }
    }
    for (const id of known) {
      expect(table.get(id)).toBe(expected.get(Buffer.from(id).toString('hex')))
    }
  })

  it('tells every id once, in order, with its number', () => {
    const table = new IdTable(10)
    const ids = Array.from({ length: 1_000 }, () => newId())
    for (const [at, id] of ids.entries()) table.set(id, 2 ** 40 + at)
    const told = [...table.sortedPositions()].map((position) => ({
      id: Buffer.from(table.idAt(position)).toString('hex'),
      value: table.valueAt(position),
    }))
    const sorted = ids
      .map((id, at) => ({ id: Buffer.from(id).toString('hex'), value: 2 ** 40 + at }))
      .sort((a, b) => (a.id.slice(0, 8) < b.id.slice(0, 8) ? -1 : 1))
    expect(told).toEqual(sorted)
  })

  it('keeps a copy of an id that is a view', () => {
    const table = new IdTable(4)
    const buffer = new Uint8Array(64).fill(7)
    const view = buffer.subarray(5, 37)
    table.set(view, 3)
    buffer.fill(9)
    expect(table.get(view)).toBeUndefined()
    expect(table.get(new Uint8Array(32).fill(7))).toBe(3)
  })
})
