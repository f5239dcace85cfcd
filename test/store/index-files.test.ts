/** The file of the index: transactions that are cut off, files that cannot be used, rows that are gone. */
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { UnavailableError } from '../../src/errors.ts'
import type { IndexQuery, IndexRecord } from '../../src/log/index-store.ts'
import { openIndex } from '../../src/store/sqlite/index/open-index.ts'
import type { OpenIndexOptions } from '../../src/store/sqlite/index/open-index.ts'
import { SqliteIndex } from '../../src/store/sqlite/index/sqlite-index.ts'
import { comparable } from '../contract/index-store.ts'
import { countPostings, listPostings, setPosting } from '../support/index-postings.ts'
import { madeUpRecord, recordsFrom } from '../support/index-records.ts'
import { randomRecords, seededRandom } from '../support/random-index.ts'

let directory: string
let path: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'attestry-index-'))
  path = join(directory, 'index.sqlite')
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const records = randomRecords(seededRandom(5), 0, 3000)
const all: IndexQuery = { order: 'ascending', limit: 10_000 }

async function make(count: number, options: Partial<OpenIndexOptions> = {}): Promise<void> {
  const { writer } = await openIndex(path, { madeBy: '1', ...options })
  await writer.append(records.slice(0, count))
  await writer.close()
}

/** Everything that is stored, as text: equal for equal tables. */
function dump(file: string): string {
  const database = new Database(file, { readonly: true })
  const names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
  const tables = database.prepare(names).pluck().all() as string[]
  const rows = tables.map((table) => database.prepare(`SELECT * FROM ${table}`).raw().all())
  const check = database.pragma('integrity_check', { simple: true })
  database.close()
  expect(check).toBe('ok')
  return JSON.stringify(rows)
}

/** That a file says of the first records what they are, by look-ups as well. */
async function expectRecords(file: string, count: number): Promise<void> {
  const reader = SqliteIndex.open(file)
  const read = await recordsFrom(reader, 0, records.length)
  expect(read.records.map(comparable)).toEqual(records.slice(0, count).map(comparable))
  await reader.close()
  const database = new Database(file, { readonly: true })
  expect(countPostings(database)).toBe(listPostings(database).length)
  database.close()
}

describe('a transaction that is cut off', () => {
  it('leaves nothing behind, wherever it was, and the next one goes on exactly there', async () => {
    await make(1000)
    const before = dump(path)
    const { writer } = await openIndex(path, { madeBy: '1' })
    const batch = records.slice(1000, 2000)
    // The file as a kill -9 leaves it, at three moments of one transaction.
    const copies = [1, 500, 999].map((at) => ({ at, file: join(directory, `copy-${at}.sqlite`) }))
    for (const { at, file } of copies) {
      const record = batch[at]!
      batch[at] = Object.defineProperty({ ...record }, 'description', {
        get: () => {
          if (!existsSync(file))
            for (const end of ['', '-wal']) copyFileSync(path + end, file + end)
          return record.description
        },
      })
    }
    await writer.append(batch)
    await writer.append(records.slice(2000))
    await writer.close()
    for (const { file } of copies) {
      expect(dump(file)).toBe(before)
      const again = await openIndex(file, { madeBy: '1' })
      expect(again.reset).toBeUndefined()
      expect(await again.writer.readState()).toEqual({ treeSize: 1000 })
      await again.writer.append(records.slice(1000, 2000))
      await again.writer.append(records.slice(2000))
      await again.writer.close()
      await expectRecords(file, records.length)
    }
  })

  it('is not seen by readers before it ends, and not in part', async () => {
    await make(10)
    const { writer } = await openIndex(path, { madeBy: '1' })
    const reader = SqliteIndex.open(path)
    const seen: Promise<{ readonly treeSize: number; readonly found: number }>[] = []
    const look = async (): Promise<{ readonly treeSize: number; readonly found: number }> => {
      const { treeSize, statements } = await reader.query(all)
      return { treeSize, found: statements.length }
    }
    const watched = records.slice(10, 20).map((record) =>
      Object.defineProperty({ ...record }, 'description', {
        get: () => {
          seen.push(look())
          return record.description
        },
      }),
    )
    await writer.append(watched)
    seen.push(look())
    const answers = await Promise.all(seen)
    expect(answers.length).toBeGreaterThan(10)
    expect(answers.pop()).toEqual({ treeSize: 20, found: 20 })
    for (const answer of answers) expect(answer).toEqual({ treeSize: 10, found: 10 })
    await reader.close()
    await writer.close()
  })
})

it('a transaction of more statements than one run has places keeps them all', async () => {
  await make(records.length)
  await expectRecords(path, records.length)
})

describe('a file that cannot be used', () => {
  const open = async (options: Partial<OpenIndexOptions> = {}): Promise<string | undefined> => {
    const { writer, reset } = await openIndex(path, { madeBy: '1', ...options })
    const { treeSize } = await writer.readState()
    expect(treeSize === 0).toBe(reset !== undefined)
    await writer.close()
    return reset
  }

  it('is used when it can be', async () => {
    await make(5)
    expect(await open()).toBeUndefined()
    const asked: unknown[] = []
    const isOfLog: OpenIndexOptions['isOfLog'] = async (origin) => {
      asked.push(origin)
      return true
    }
    expect(await open({ isOfLog })).toBeUndefined()
    const [first, last] = [records[0]!.entryId, records[4]!.entryId]
    expect(asked).toEqual([{ treeSize: 5, first, last }])
  })

  it('is made again when statements are read in another way now', async () => {
    await make(5)
    expect(await open({ madeBy: '2' })).toBe('other-version')
  })

  it('is made again when it is of another log, or ahead of this one', async () => {
    await make(5)
    expect(await open({ isOfLog: async () => false })).toBe('other-log')
  })

  it('is made again when it was made by other migrations', async () => {
    await make(5)
    const database = new Database(path)
    database.exec("UPDATE migration SET checksum = x'00'")
    database.close()
    expect(await open()).toBe('other-version')
  })

  it.each(['', 'no database', 'SQLite format 3\u0000 and then nothing'])(
    'is made again when it is "%s"',
    async (content) => {
      writeFileSync(path, content)
      // An empty file is an empty database: one of another version.
      expect(await open()).toBe(content === '' ? 'other-version' : 'damaged')
      await make(3)
      expect(await open()).toBeUndefined()
    },
  )
})

/** A change that leaves values of other types, as a flipped bit may: SQLite reads them as they are. */
function withoutTypes(table: string, change: string): string {
  return `PRAGMA writable_schema = ON;
    UPDATE sqlite_schema SET sql = replace(sql, ') STRICT', ')') WHERE name = '${table}';
    PRAGMA writable_schema = RESET;
    UPDATE ${table} SET ${change};`
}

describe('rows that are gone', () => {
  const withRows = async (
    change: (database: Database.Database) => void,
    test: (index: SqliteIndex) => Promise<void>,
    rows: readonly IndexRecord[] = records.slice(0, 100),
  ): Promise<void> => {
    const { writer } = await openIndex(path, { madeBy: '1' })
    await writer.append(rows)
    await writer.close()
    const database = new Database(path)
    change(database)
    database.close()
    const reader = SqliteIndex.open(path)
    try {
      await test(reader)
    } finally {
      await reader.close()
    }
  }
  /** Takes out what leads to a statement, in that role if one is named. */
  const hidePostings = (leafIndex: number, role?: number) => (database: Database.Database) => {
    for (const posting of listPostings(database)) {
      if (posting.leafIndex !== leafIndex || (role ?? posting.fact.role) !== posting.fact.role)
        continue
      setPosting(database, posting, false)
    }
  }
  const digests = [{ role: 'subject', algorithm: 'sha256', value: 'ab'.repeat(32) }] as const

  it('a fact that look-ups do not find is not in the record either', () =>
    withRows(
      hidePostings(1, 1),
      async (index) => {
        const { records: read } = await recordsFrom(index, 0, 2)
        expect(read.map(({ description }) => description.digests)).toEqual([digests, []])
      },
      [madeUpRecord(0, {}, { digests }), madeUpRecord(1, {}, { digests })],
    ))

  it('a statement that look-ups do not find by its kind is missing among the records', () =>
    withRows(hidePostings(7), async (index) => {
      const { records: read, treeSize } = await recordsFrom(index, 5, 5)
      expect(treeSize).toBe(100)
      expect(read.map(comparable)).toEqual([5, 6, 8, 9].map((at) => comparable(records[at]!)))
    }))

  it('a value that shares its key with another is not taken for it', () => {
    const envelope = (digest: string): Partial<IndexRecord> => ({
      envelope: { digest, preimage: 'read' },
    })
    const rows = ['a', 'b', 'a'].map((text, at) =>
      madeUpRecord(at, { issuer: text, ...envelope(`sha256:${text}`) }, { digests }),
    )
    return withRows(
      (database) => {
        // As if the values of statement 1 had the keys of the other ones' values.
        for (const { leafIndex, key } of listPostings(database)) {
          if (leafIndex === 0) setPosting(database, { key, leafIndex: 1 }, true)
        }
      },
      async (index) => {
        for (const order of ['ascending', 'descending'] as const) {
          const { statements } = await index.query({ ...all, order, issuer: 'a' })
          expect(statements.map(({ leafIndex }) => leafIndex).sort()).toEqual([0, 2])
        }
        expect(await index.findEnvelopes('sha256:a')).toEqual([0, 2])
        expect(await index.findEnvelopes('sha256:b')).toEqual([1])
      },
      rows,
    )
  })

  it.each([
    ['a row', 'DELETE FROM statement WHERE leaf_index = 7'],
    ['the facts of a row', "UPDATE statement SET facts = x'ff' WHERE leaf_index = 7"],
    ['findings that are no list', "UPDATE statement SET findings = '{}' WHERE leaf_index = 7"],
    ['a finding without a code', "UPDATE statement SET findings = '[null]' WHERE leaf_index = 7"],
    ['values that are no text', withoutTypes('shared_value', "value = x'00'")],
    ['values in common', 'DELETE FROM shared_value'],
    ['the name of a field', "DELETE FROM field WHERE name = 'kind'"],
    ['a page of postings', "UPDATE posting_page SET postings = x'00'"],
    ['a run', 'DELETE FROM run'],
    ['the begin of a run', 'UPDATE run SET first_index = 1'],
    ['the end of a run', 'UPDATE run SET end_index = 50'],
  ])('a damaged index answers 503, and never ends the process: %s', (_name, sql) =>
    withRows(
      (database) => database.unsafeMode(true).exec(sql),
      async (index) => {
        const query = { ...all, type: 'application/json' }
        await expect(index.query(sql.includes('posting') ? query : all)).rejects.toThrow(
          UnavailableError,
        )
        const state = { treeSize: 100, failure: expect.any(String) as string }
        expect(await index.readState()).toMatchObject(state)
      },
    ),
  )

  it('what is whole beside a row that is gone is still answered', () =>
    withRows(
      (database) => database.exec('DELETE FROM statement WHERE leaf_index = 7'),
      async (index) => {
        await expect(index.query(all)).rejects.toThrow(UnavailableError)
        const { statements } = await index.query({ ...all, indexFrom: 8 })
        expect(statements).toHaveLength(92)
      },
    ))
})
