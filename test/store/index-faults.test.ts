/**
 * What goes wrong in the tables of the index: transactions that fail between two values, and pages
 * that are not what they were. Each is told, or costs a fact; nothing goes round for ever.
 */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { UnavailableError } from '../../src/errors.ts'
import type { IndexQuery, IndexRecord } from '../../src/log/index-store.ts'
import { openIndex } from '../../src/store/sqlite/index/open-index.ts'
import { SqliteIndex } from '../../src/store/sqlite/index/sqlite-index.ts'
import { comparable } from '../contract/index-store.ts'
import { countPostings, listPostings } from '../support/index-postings.ts'
import { madeUpRecord, recordsFrom } from '../support/index-records.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const directory = temporaryDirectory()
const ascending: IndexQuery = { order: 'ascending', limit: 1000 }

/** Does something to a file beside its writer. */
function change(path: string, sql: string): void {
  const database = new Database(path)
  database.exec(sql)
  database.close()
}

describe('a transaction that fails between two values', () => {
  const records = Array.from({ length: 40 }, (_, at) =>
    madeUpRecord(at, { issuer: `issuer-${at % 4}`, subject: `subject-${at % 5}` }),
  )

  it.each([
    ['a value in common', 'shared_value', "NEW.value = 'subject-3'", 37],
    ['a page', 'posting_page', 'true', 37],
    ['a run', 'run', 'true', 37],
    ['a run of those that are merged', 'run', 'NEW.end_index - NEW.first_index > 1', 1],
  ])('leaves nothing of itself to the next one: %s', async (name, table, condition, count) => {
    const path = join(directory, `${name}.sqlite`)
    const { writer } = await openIndex(path, { madeBy: 'test' })
    await writer.append(records.slice(0, 1))
    await writer.append(records.slice(1, 3))
    const failing = `CREATE TRIGGER failing BEFORE INSERT ON ${table} WHEN ${condition}
      BEGIN SELECT RAISE(ABORT, 'the disk is full'); END`
    change(path, failing)
    let at = 3
    const append = async (): Promise<void> => {
      for (; at < records.length; at += count) await writer.append(records.slice(at, at + count))
    }
    await expect(append()).rejects.toThrow('the disk is full')
    expect(await writer.readState()).toEqual({ treeSize: at })
    change(path, 'DROP TRIGGER failing')
    for (; at < records.length; at++) await writer.append([records[at]!])
    await writer.close()
    const reader = SqliteIndex.open(path)
    const { statements } = await reader.query(ascending)
    expect(statements.map(({ issuer, subject }) => [issuer, subject])).toEqual(
      records.map(({ issuer, subject }) => [issuer, subject]),
    )
    const read = await recordsFrom(reader, 0, 100)
    expect(read.records.map(comparable)).toEqual(records.map(comparable))
    await reader.close()
    const database = new Database(path, { readonly: true })
    expect(countPostings(database)).toBe(listPostings(database).length)
    database.close()
  })
})

describe('a page that is not what it was', () => {
  const digest = { role: 'dependency', algorithm: 'sha256', value: 'ab'.repeat(32) } as const
  const record = (at: number, envelope: Partial<IndexRecord> = {}): IndexRecord =>
    madeUpRecord(at, { issuer: 'everyone', ...envelope }, { digests: [digest] })
  const records = Array.from({ length: 1600 }, (_, at) => record(at))

  /** Sets the key at a place of each page that has one key only. */
  function setKey(path: string, key: number, place: number): number {
    const database = new Database(path)
    const rows = database.prepare('SELECT page_id, postings FROM posting_page').all() as {
      readonly page_id: number
      readonly postings: Buffer
    }[]
    const set = database.prepare('UPDATE posting_page SET postings = ? WHERE page_id = ?')
    let changed = 0
    for (const { page_id: pageId, postings } of rows) {
      const bytes = Uint8Array.from(postings)
      const keys = new Float64Array(bytes.buffer, 0, bytes.length / 12)
      if (keys.some((each) => each !== keys[0])) continue
      keys[place] = key
      set.run(bytes, pageId)
      changed++
    }
    database.close()
    return changed
  }

  const wrong = [-1, 0, 2 ** 42, Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
  const cases = wrong.flatMap((key) => [0, 5].map((place) => [key, place] as const))

  it.each(cases)('a key of %d at %d', async (key, place) => {
    const path = join(directory, `key-${key}-${place}.sqlite`)
    const { writer } = await openIndex(path, { madeBy: 'test' })
    for (let at = 0; at < 6; at++) await writer.append(records.slice(at * 200, at * 200 + 200))
    await writer.append(records.slice(1200, 1400))
    expect(setKey(path, key, place)).toBeGreaterThan(0)
    const reader = SqliteIndex.open(path)
    for (const order of ['ascending', 'descending'] as const) {
      for (const query of [{ issuer: 'everyone' }, { digest }, { kind: 'opaque' }] as const) {
        try {
          const { statements } = await reader.query({ ...ascending, order, ...query })
          for (const each of statements) expect(each.issuer).toBe('everyone')
        } catch (error) {
          expect(error).toBeInstanceOf(UnavailableError)
        }
      }
    }
    await reader.close()
    // Postings of that page change, and then all are merged.
    const later = [record(7, { envelope: { digest: 'sha256:aa', preimage: 'read' } })]
    await writer.replace(later).catch((error: unknown) => {
      expect(error).toMatchObject({ name: 'InvariantError' })
    })
    await expect(writer.append(records.slice(1400))).rejects.toMatchObject({
      name: 'InvariantError',
    })
    expect(await writer.readState()).toEqual({ treeSize: 1400 })
    await writer.close()
  })
})
