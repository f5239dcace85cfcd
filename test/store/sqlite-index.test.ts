/** The SQLite index keeps the contract; its plans and its bounds are beside, in index-plans.test.ts. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, it } from 'vitest'
import type { TreeSize } from '../../src/bytes/integers.ts'
import { MemoryIndex } from '../../src/store/memory/memory-index.ts'
import { openIndex } from '../../src/store/sqlite/index/open-index.ts'
import { SqliteIndex } from '../../src/store/sqlite/index/sqlite-index.ts'
import { comparable, describeIndexStore } from '../contract/index-store.ts'
import { countPostings, listPostings } from '../support/index-postings.ts'
import { recordsFrom } from '../support/index-records.ts'
import { randomRecords, seededRandom } from '../support/random-index.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const here = temporaryDirectory()

describeIndexStore('memory', async () => {
  const index = new MemoryIndex()
  const dispose = async (): Promise<void> => index.close()
  return { writer: index, reader: index, announce: () => undefined, dispose }
})

describeIndexStore('sqlite', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'attestry-index-'))
  const path = join(directory, 'index.sqlite')
  const { writer } = await openIndex(path, { madeBy: 'test' })
  const reader = SqliteIndex.open(path)
  return {
    writer,
    reader,
    announce: (treeSize) => reader.announce(treeSize as TreeSize),
    dispose: async () => {
      await reader.close()
      await writer.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
})

it('keeps nothing of a transaction whose rows fail in the middle, and goes on', async () => {
  const path = join(here, 'index.sqlite')
  const { writer } = await openIndex(path, { madeBy: 'test' })
  const reader = SqliteIndex.open(path)
  const records = randomRecords(seededRandom(7), 0, 200)
  await writer.append(records.slice(0, 20))
  // Statements are inserted after the values of all of them, and this one's id is too short.
  const wrong = records
    .slice(20)
    .map((each, at) => (at === 100 ? { ...each, entryId: each.entryId.subarray(1) } : each))
  await expect(writer.append(wrong)).rejects.toThrow('CHECK constraint failed')
  expect(await writer.readState()).toEqual({ treeSize: 20 })
  expect((await recordsFrom(reader, 0, 1000)).records).toHaveLength(20)
  // Fewer than those that failed: whatever was left of them would be found.
  await writer.append(records.slice(20, 30))
  await writer.append(records.slice(30))
  const database = new Database(path, { readonly: true })
  expect(countPostings(database)).toBe(listPostings(database).length)
  database.close()
  const read = await recordsFrom(reader, 0, 1000)
  expect(read.records.map(comparable)).toEqual(records.map(comparable))
  await reader.close()
  await writer.close()
})
