/** The SQLite store and guard keep the contracts, and the settings that durability rests on. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs' // prettier-ignore
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { namingFile } from '../../src/cli/files.ts'
import { openDatabase } from '../../src/store/sqlite/database.ts'
import { advanceGuard, GUARD_TABLE } from '../../src/store/sqlite/guard-row.ts'
import { migrate, readMigrations } from '../../src/store/sqlite/migrate.ts'
import { SqliteApiTokens } from '../../src/store/sqlite/sqlite-api-tokens.ts'
import { SqliteGuard } from '../../src/store/sqlite/sqlite-guard.ts'
import { SqliteLogStore } from '../../src/store/sqlite/sqlite-log-store.ts'
import { SqlitePayloadPruning } from '../../src/store/sqlite/sqlite-payload-pruning.ts'
import { readRefusals, SqliteRefusals } from '../../src/store/sqlite/sqlite-refusals.ts'
import { describeGuard, headOf } from '../contract/guard.ts'
import { describeLogStore } from '../contract/log-store.ts'
import { guardUnderTest, storeUnderTest, TestDirectory } from '../support/sqlite.ts'

describeLogStore('sqlite', () => storeUnderTest())

describeGuard('sqlite', () => guardUnderTest())

describe('sqlite files', () => {
  let directory: TestDirectory
  beforeEach(() => {
    directory = new TestDirectory()
  })
  afterEach(() => directory.remove())

  it('run with synchronous=FULL in WAL mode, on every connection', () => {
    for (const create of [true, false]) {
      const database = openDatabase(directory.storePath, { create })
      expect(database.pragma('synchronous', { simple: true })).toBe(2)
      expect(database.pragma('journal_mode', { simple: true })).toBe('wal')
      expect(database.pragma('wal_autocheckpoint', { simple: true })).toBe(0)
      database.close()
    }
  })

  it('are never made by opening a log or a guard', () => {
    expect(() => directory.openStore()).toThrow(
      expect.objectContaining({ code: 'ERR_LOG_MISSING' }),
    )
    directory.openGuard()
    expect(existsSync(directory.storePath)).toBe(false)
    expect(existsSync(directory.guardPath)).toBe(false)
  })

  it('are told, when the guard cannot be made', async () => {
    const guard = SqliteGuard.open('/nowhere/log.guard')
    await expect(guard.create(await headOf(2))).rejects.toMatchObject({
      code: 'ERR_CONFIGURATION',
      message: expect.stringContaining('/nowhere/log.guard') as string,
    })
  })

  it('are never overwritten by creating a log', async () => {
    const store = directory.createStore()
    await store.close()
    expect(() => directory.createStore()).toThrow(
      expect.objectContaining({ code: 'ERR_LOG_EXISTS' }),
    )
  })

  it('are written by one process, and read beside it', async () => {
    const store = directory.createStore()
    expect(() => directory.openStore()).toThrow(
      expect.objectContaining({
        code: 'ERR_LOG_LOCKED',
        message: expect.stringContaining('stop it first') as string,
      }),
    )
    const options = { mode: 'existing', readonly: true } as const
    const reader = SqliteLogStore.open(directory.storePath, options)
    await expect(reader.readState()).rejects.toMatchObject({ code: 'ERR_LOG_MISSING' })
    await reader.close()
    await store.close()
    await directory.openStore().close()
  })

  it('are no log when they are something else', () => {
    writeFileSync(
      directory.storePath,
      'not a database, and long enough to be looked at '.repeat(40),
    )
    expect(() => directory.openStore()).toThrow(
      expect.objectContaining({ code: 'ERR_LOG_CORRUPT' }),
    )
  })

  it('are no guard when they are something else', () => {
    writeFileSync(
      directory.guardPath,
      'not a database, and long enough to be looked at '.repeat(40),
    )
    expect(() => directory.openGuard()).toThrow(
      expect.objectContaining({ code: 'ERR_GUARD_MISSING' }),
    )
  })
})

describe('a disk that does not do what it should', () => {
  let directory: TestDirectory
  beforeEach(() => void (directory = new TestDirectory()))
  afterEach(() => directory.remove())

  it('is told when it cannot say whether a file is there, which is not taken for missing', () => {
    // As a directory that this user may not enter, and the same for root.
    const loop = join(dirname(directory.storePath), 'loop')
    symlinkSync(loop, loop)
    const path = join(loop, 'log.sqlite')
    const unreachable = expect.objectContaining({
      code: 'ERR_DISK',
      message: expect.stringContaining(path) as string,
    }) as Error
    expect(() => SqliteLogStore.open(path, { mode: 'existing' })).toThrow(unreachable)
    expect(() => SqliteGuard.open(path)).toThrow(unreachable)
    expect(() => SqliteApiTokens.open(path)).toThrow(unreachable)
    expect(() => readRefusals(path, 1)).toThrow(unreachable)
    expect(() => SqlitePayloadPruning.open(path)).toThrow(unreachable)
  })

  it.each(['log.sqlite', 'lock.sqlite', 'guard'])('is named with the file: %s', async (name) => {
    const path = name === 'guard' ? directory.guardPath : join(dirname(directory.storePath), name)
    await directory.createStore().close()
    rmSync(path, { force: true })
    // Nobody can open a directory as a file, not even root.
    mkdirSync(path)
    const open = name === 'guard' ? () => directory.openGuard() : () => directory.openStore()
    expect(open).toThrow(
      expect.objectContaining({
        code: 'ERR_DISK',
        message: expect.stringContaining(`${path} cannot be read or written now`) as unknown,
      }),
    )
  })

  it('is named with the file of a write', async () => {
    const database = openDatabase(directory.guardPath, { create: true })
    database.exec(GUARD_TABLE)
    database.pragma('query_only = 1')
    const head = await headOf(2)
    expect(() => advanceGuard(database)({ from: head, to: head })).toThrow(
      `${directory.guardPath}: attempt to write a readonly database`,
    )
    database.close()
  })

  it.each(['IOERR_READ', 'FULL', 'CANTOPEN', 'READONLY', 'PERM'])(
    'is told by a command as what it is, wherever it was met: %s',
    async (name) => {
      const error = new Database.SqliteError('disk I/O error', `SQLITE_${name}`)
      expect(await namingFile(error)).toMatchObject({ code: 'ERR_DISK', cause: error })
    },
  )
})

describe('a store that another connection blocks', () => {
  it('says that nothing was stored', async () => {
    const directory = new TestDirectory()
    const store = directory.createStore()
    const other = new Database(directory.storePath)
    other.exec('BEGIN IMMEDIATE')
    const head = { treeHead: { treeSize: 2, rootHash: new Uint8Array(32) }, registrationTime: 1 }
    await expect(
      store.saveSignedHead({ ...head, bytes: new Uint8Array(9) } as never),
    ).rejects.toMatchObject({ code: 'ERR_STORE_BUSY' })
    other.exec('ROLLBACK')
    other.close()
    await store.close()
    directory.remove()
  })
})

describe('migrations', () => {
  const [first] = readMigrations()
  const later = { number: 2, name: '0002-later.sql', sql: 'CREATE TABLE later (a INTEGER) STRICT' }

  it('run once, in their order, each whole or not at all', () => {
    const database = new Database(':memory:')
    migrate(database, { apply: true, migrations: [first!] })
    migrate(database, { apply: true, migrations: [first!] })
    const broken = { ...later, sql: `${later.sql}; CREATE TABLE` }
    expect(() => migrate(database, { apply: true, migrations: [first!, broken] })).toThrow()
    expect(database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'later'").get()).toBe(
      undefined,
    )
    migrate(database, { apply: true, migrations: [first!, later] })
    expect(database.prepare('SELECT count(*) FROM migration').pluck().get()).toBe(2)
  })

  it('refuse a newer database, a changed text, and an old database that is only read', () => {
    const database = new Database(':memory:')
    migrate(database, { apply: true, migrations: [first!, later] })
    const refused = expect.objectContaining({ code: 'ERR_CONFIGURATION' }) as Error
    expect(() => migrate(database, { apply: true, migrations: [first!] })).toThrow(refused)
    const changed = { ...later, sql: `${later.sql} ` }
    expect(() => migrate(database, { apply: true, migrations: [first!, changed] })).toThrow(refused)
    const old = new Database(':memory:')
    expect(() => migrate(old, { apply: false, migrations: [first!] })).toThrow(refused)
  })

  it('are the files of migrations/sqlite', () => {
    expect(readMigrations().map(({ name }) => name)).toEqual([
      '0001-log.sql',
      '0002-governance-and-collateral.sql',
      '0003-payloads.sql',
      '0004-moved.sql',
    ])
  })

  it('tell a log of the first version where its rules are', () => {
    const database = new Database(':memory:')
    migrate(database, { apply: true, migrations: [first!] })
    database
      .prepare(
        "INSERT INTO log VALUES (1, 'log.example', 'https://log.example', x'00', 9, ?, 1, 1)",
      )
      .run(Buffer.alloc(32))
    migrate(database, { apply: true })
    expect(database.prepare('SELECT * FROM governance ORDER BY leaf_index').all()).toEqual([
      { kind: 'policy', leaf_index: 0 },
      { kind: 'trust-anchors', leaf_index: 1 },
    ])
  })
})

describe('refusals', () => {
  it('are kept beside the log, and recording them never fails', async () => {
    const directory = new TestDirectory()
    const store = directory.createStore()
    const refusals = SqliteRefusals.open(directory.storePath)
    const refusal = { entryId: 'ab'.repeat(32), rule: 'algorithm', reason: 'why', refusedAt: 7 }
    refusals.record(refusal)
    refusals.record({ ...refusal, issuer: 'https://issuer.example', refusedAt: 8 })
    expect(refusals.find(refusal.entryId)).toEqual([
      refusal,
      { ...refusal, issuer: 'https://issuer.example', refusedAt: 8 },
    ])
    for (let at = 0; at < 5000; at++) refusals.record({ ...refusal, entryId: 'flood' })
    expect(refusals.find('flood').length).toBe(1000)
    refusals.close()
    await store.close()
    directory.remove()
  })
})

describe('a copied database', () => {
  it('is complete once the store is closed', async () => {
    const directory = new TestDirectory()
    await directory.createStore().close()
    expect(existsSync(`${directory.storePath}-wal`)).toBe(false)
    copyFileSync(directory.storePath, `${directory.storePath}.copy`)
    expect(readFileSync(`${directory.storePath}.copy`).length).toBeGreaterThan(4096)
    directory.remove()
  })
})
