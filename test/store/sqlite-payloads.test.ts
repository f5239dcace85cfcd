/** The payload tables beside the log's: stored once, found by each name, moved by a commit, deleted. */
import Database from 'better-sqlite3'
import { describe, expect, it, vi } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { PayloadRows } from '../../src/store/sqlite/payload-rows.ts'
import { SqlitePayloadPruning } from '../../src/store/sqlite/sqlite-payload-pruning.ts'
import { SqlitePayloadStore } from '../../src/store/sqlite/sqlite-payload-store.ts'
import { SqlitePreimages } from '../../src/store/sqlite/sqlite-preimages.ts'
import { migrate, readMigrations } from '../../src/store/sqlite/migrate.ts'
import { expectNames, payload } from '../contract/payloads.ts'
import { useReleases } from '../support/releases.ts'
import { TestDirectory } from '../support/sqlite.ts'

const releases = useReleases()

function open(): { path: string; payloads: SqlitePayloadStore; database: Database.Database } {
  const directory = new TestDirectory()
  const log = directory.createStore()
  const payloads = SqlitePayloadStore.open(directory.storePath)
  const database = new Database(directory.storePath)
  releases.push(
    () => directory.remove(),
    () => log.close(),
    () => payloads.close(),
    () => database.close(),
  )
  return { path: directory.storePath, payloads, database }
}

/** What a commit does to the tables. */
function commit(database: Database.Database, leafIndex: number, bytes: Uint8Array): void {
  database.prepare('INSERT OR IGNORE INTO collateral VALUES (?, ?, ?)').run(sha256(bytes), leafIndex, bytes) // prettier-ignore
  database.prepare("INSERT INTO entry_collateral VALUES (?, 'preimage', ?)").run(leafIndex, sha256(bytes)) // prettier-ignore
}

describe('SqlitePayloadStore', () => {
  it('finds content by its SHA-256 and by the name that it was stored under', async () => {
    const { payloads } = open()
    await expectNames(payloads)
  })

  it('finds what became collateral, and keeps no second copy', async () => {
    const { payloads, database } = open()
    const one = payload('a', 'SHA-384')
    await payloads.put(one)
    commit(database, 5, one.bytes)
    expect(database.prepare('SELECT count(*) FROM payload').pluck().get()).toBe(0)
    expect(await payloads.find(one.name)).toEqual({ kind: 'stored', bytes: one.bytes })
    expect(await payloads.has(one.name)).toBe(true)
    expect(await payloads.put(payload('a'))).toBe('present')
    commit(database, 6, one.bytes)
    expect(payloads.listPinnedNames()).toEqual([one.name])
  })

  it('waits for the writer of the log without blocking, and gives up in the end', async () => {
    const { payloads, database } = open()
    database.exec('BEGIN IMMEDIATE')
    const waiting = payloads.put(payload('a'))
    await new Promise((resolve) => setTimeout(resolve, 30))
    database.exec('COMMIT')
    expect(await waiting).toBe('stored')
  })

  it('is read through the index, which pins what it reads', () => {
    const { path, database } = open()
    const preimages = SqlitePreimages.open(path)
    releases.push(() => preimages.close())
    const bytes = encodeUtf8('a')
    database.prepare('INSERT INTO payload VALUES (?, ?, 1, 0)').run(sha256(bytes), bytes)
    const pinned = (): unknown => database.prepare('SELECT pinned FROM payload').pluck().get()
    expect(pinned()).toBe(0)
    expect(preimages.read(payload('a').name)).toEqual(bytes)
    expect(pinned()).toBe(1)
    expect(preimages.read(payload('b').name)).toBeUndefined()
  })

  it.each([
    ['was deleted', 'DELETE FROM payload', undefined],
    [
      'became collateral',
      `INSERT INTO collateral SELECT digest, 1, bytes FROM payload;
       INSERT INTO entry_collateral SELECT 1, 'preimage', digest FROM collateral`,
      encodeUtf8('a'),
    ],
  ])('is not read unpinned by the index when it %s in between', async (_, sql, expected) => {
    const { path, payloads, database } = open()
    const preimages = SqlitePreimages.open(path)
    releases.push(() => preimages.close())
    const { name } = payload('a')
    await payloads.put(payload('a'))
    // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its own `this` below
    const find = PayloadRows.prototype.find
    const spy = vi.spyOn(PayloadRows.prototype, 'find').mockImplementationOnce(function (
      this: PayloadRows,
      digestOf,
    ) {
      const row = find.call(this, digestOf)
      database.exec(sql)
      return row
    })
    releases.push(() => spy.mockRestore())
    expect(preimages.read(name)).toEqual(expected)
  })
})

describe('SqlitePayloadPruning', () => {
  it('tells what may go from what may not', async () => {
    const { path, payloads, database } = open()
    const [free, used, chain] = [payload('free'), payload('used'), payload('chain')]
    for (const one of [free, used, chain]) await payloads.put(one)
    commit(database, 3, used.bytes)
    commit(database, 4, chain.bytes)
    database.prepare("INSERT INTO entry_collateral VALUES (5, 'x5chain', ?)").run(chain.sha256)
    const pruning = SqlitePayloadPruning.open(path)
    releases.push(() => pruning.close())
    expect(pruning.find(free.name)).toMatchObject({ isPinned: false, isNeeded: false })
    expect(pruning.find(used.name)).toMatchObject({ isPinned: true, isNeeded: false })
    expect(pruning.find(chain.name)).toMatchObject({ isPinned: true, isNeeded: true })
    expect(pruning.find(payload('none').name)).toBeUndefined()
    expect(pruning.deleteUnpinned(used.sha256)).toBe(false)
    expect(pruning.deleteUnpinned(free.sha256)).toBe(true)
    expect(await payloads.find(free.name)).toBeUndefined()
  })

  it('marks before it deletes: from then on nothing is decided with it, and it is not taken', async () => {
    const { path, payloads, database } = open()
    const used = payload('used', 'SHA-512')
    await payloads.put(used)
    commit(database, 3, used.bytes)
    const pruning = SqlitePayloadPruning.open(path)
    releases.push(() => pruning.close())
    expect(() => pruning.deleteMarked(used.sha256)).toThrow('not marked')
    const entryId = new Uint8Array(32).fill(7)
    pruning.mark(used.sha256, entryId, 9)
    expect(await payloads.find(used.name)).toEqual({ kind: 'pruned', entryId })
    expect(await payloads.has(used.name)).toBe(false)
    expect(await payloads.put(used)).toBe('pruned')
    pruning.deleteMarked(used.sha256)
    expect(database.prepare('SELECT count(*) FROM collateral').pluck().get()).toBe(0)
    expect(database.prepare('SELECT count(*) FROM entry_collateral').pluck().get()).toBe(1)
    const sha256Name = { algorithm: 'SHA-256', digest: used.sha256 } as const
    expect(payloads.listPruned()).toEqual([{ digest: used.sha256, names: [sha256Name, used.name] }])
  })
})

describe('the migration', () => {
  it('keeps what a log has', () => {
    const database = new Database(':memory:')
    const migrations = readMigrations()
    migrate(database, { apply: true, migrations: migrations.slice(0, 2) })
    const digestOf = Buffer.alloc(32, 1)
    database.prepare("INSERT INTO governance VALUES ('journal', 7)").run()
    database.prepare("INSERT INTO entry_collateral VALUES (6, 'jwks', ?)").run(digestOf)
    migrate(database, { apply: true, migrations })
    expect(database.prepare('SELECT * FROM governance').all()).toEqual([
      { kind: 'journal', leaf_index: 7 },
    ])
    expect(database.prepare('SELECT * FROM entry_collateral').all()).toEqual([
      { leaf_index: 6, kind: 'jwks', digest: digestOf },
    ])
    const twice = database.prepare("INSERT INTO entry_collateral VALUES (6, 'jwks', ?)")
    expect(() => twice.run(digestOf)).toThrow('UNIQUE')
  })
})
