/** Ids in memory and in the table: every id is found at every moment, whatever a crash leaves. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nativeSha256 } from '../../src/keys/native-hash.ts'
import { ID_RUN_LENGTH, IdTail } from '../../src/store/sqlite/id-tail.ts'
import { openDatabase } from '../../src/store/sqlite/database.ts'
import { TestDirectory } from '../support/sqlite.ts'
import {
  appendMany,
  candidateOf,
  createTestLog,
  entryOf,
  openTestLog,
  testPorts,
} from '../support/test-log.ts'

const id = (n: number): Uint8Array => nativeSha256(entryOf(`entry-${n}`))
const ids = (start: number, count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, at) => id(start + at))

describe('the tail of ids', () => {
  it('gives a run to the table in key order and completely, and finds every id until then', () => {
    const tail = new IdTail(0, 100)
    const table = new Map<string, number>()
    let progress = 0
    for (let size = 0; size < 500; size += 7) {
      const slice = tail.slice(7)
      for (const { id: key, leafIndex } of slice.rows) table.set(key.join(), leafIndex)
      const keys = slice.rows.map(({ id: key }) => Buffer.from(key).toString('hex'))
      expect(keys).toEqual([...keys].sort())
      tail.drained(slice)
      progress = slice.indexedBelow ?? progress
      tail.add(ids(size, 7), size)
      for (let n = 0; n < size + 7; n++) {
        expect(tail.find(id(n)) ?? table.get(id(n).join()), `id ${n} at size ${size}`).toBe(n)
        if (n < progress) expect(table.get(id(n).join())).toBe(n)
      }
    }
    expect(progress).toBeGreaterThan(200)
  })

  it('changes nothing when a slice is not stored', () => {
    const tail = new IdTail(0, 10)
    tail.add(ids(0, 10), 0)
    expect(tail.slice(1)).toEqual(tail.slice(1))
    expect(tail.slice(1).indexedBelow).toBe(10)
  })

  it('remembers what is absent until it is added, also when it has gone into the table', () => {
    const tail = new IdTail(0, 2)
    for (const absent of ids(0, 3)) tail.noteAbsent(absent)
    tail.add(ids(0, 2), 0)
    tail.drained(tail.slice(2))
    expect(ids(0, 4).map((one) => tail.find(one))).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ])
    expect(ids(0, 4).map((one) => tail.isAbsent(one))).toEqual([false, false, true, false])
    for (let n = 10; n < 9000; n++) tail.noteAbsent(id(n))
    expect(tail.isAbsent(id(2))).toBe(false)
  })

  it('knows an id that is there already, or twice in one batch', () => {
    const tail = new IdTail(0, 10)
    tail.add(ids(0, 3), 0)
    expect(tail.holdsAny(ids(3, 3))).toBe(false)
    expect(tail.holdsAny([id(5), id(2)])).toBe(true)
    expect(tail.holdsAny([id(5), id(5)])).toBe(true)
  })
})

describe('a store with more entries than a run', () => {
  let directory: TestDirectory
  beforeEach(() => {
    directory = new TestDirectory()
  })
  afterEach(() => directory.remove())

  it('finds every id before, while and after a run is drained, and when opened again', async () => {
    const count = ID_RUN_LENGTH + 3_000
    let store = directory.createStore()
    const ports = testPorts({ store })
    await createTestLog(ports)
    let { log } = await openTestLog(ports)
    const check = async (upTo: number): Promise<void> => {
      const wanted = Array.from({ length: upTo }, (_, n) => entryOf(`bulk-${n}`))
      const found = await store.findLeafIndexes(wanted.map(nativeSha256))
      expect(found.every((index) => index !== undefined)).toBe(true)
      expect(new Set(found).size).toBe(upTo)
    }
    // In portions below the log's queue limit; names go on where the last portion ended.
    for (let at = 0; at < count; at += 2_000) {
      const names = Array.from({ length: Math.min(2_000, count - at) }, (_, n) => `bulk-${at + n}`)
      await Promise.all(names.map((name) => log.append(candidateOf(name))))
    }
    await check(count)
    await log.close()
    store = directory.openStore()
    await check(count)
    ;({ log } = await openTestLog({ ...ports, store, guard: ports.guard }))
    await appendMany(log, 'more', 4_000)
    await check(count)
    await log.close()
    const database = openDatabase(directory.storePath, { readonly: true })
    const rows = database.prepare('SELECT count(*) AS n FROM entry_id').get() as { n: number }
    expect(rows.n).toBeGreaterThan(4_000)
    database.close()
  }, 120_000)
})
