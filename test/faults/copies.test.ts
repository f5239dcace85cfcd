/**
 * Copies of a data directory, lost guards and second processes, with real files: each is refused,
 * and the message says what to do (design D7).
 */
import { spawnSync } from 'node:child_process'
import { cpSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { adoptGuard } from '../../src/log/adopt-guard.ts'
import type { Log } from '../../src/log/log.ts'
import { SqliteGuard } from '../../src/store/sqlite/sqlite-guard.ts'
import { SqliteLogStore } from '../../src/store/sqlite/sqlite-log-store.ts'
import { TestDirectory } from '../support/sqlite.ts'
import {
  appendMany,
  candidateOf,
  createTestLog,
  newSigner,
  openTestLog,
  testPorts,
} from '../support/test-log.ts'

const signer = newSigner()
let directory: TestDirectory
let older: TestDirectory

async function open(at: TestDirectory, guardPath = directory.guardPath): Promise<Log> {
  const store = at.openStore()
  const guard = SqliteGuard.open(guardPath)
  try {
    return (await openTestLog(testPorts({ signer, store, guard }))).log
  } catch (error) {
    await store.close()
    await guard.close()
    throw error
  }
}

beforeEach(async () => {
  directory = new TestDirectory()
  older = new TestDirectory()
  const parts = { signer, store: directory.createStore(), guard: directory.openGuard() }
  const ports = testPorts(parts)
  await createTestLog(ports)
  const { log } = await openTestLog(ports)
  await appendMany(log, 'a', 98)
  await log.close()
  cpSync(directory.data, older.data, { recursive: true })
  const again = await open(directory)
  await appendMany(again, 'b', 20)
  await again.close()
})

afterEach(() => {
  directory.remove()
  older.remove()
})

describe('with files', () => {
  it('an older copy of the data directory is refused, the newest one goes on', async () => {
    await expect(open(older)).rejects.toMatchObject({
      code: 'ERR_GUARD_AHEAD',
      message: expect.stringContaining(
        'the guard holds a signed head of size 120, the data directory ends at 100: this is an ' +
          'older copy of the log. Do not sign with it. Put the newest copy',
      ) as string,
    })
    const log = await open(directory)
    expect((await log.append(candidateOf('c'))).leafIndex).toBe(120)
    await log.close()
  })

  it('an older copy together with its older guard is refused by nobody but the real guard', async () => {
    // What design D7 cannot see: hence the guard is never backed up with the data.
    const log = await open(older, older.guardPath)
    await log.close()
    await expect(open(older)).rejects.toMatchObject({ code: 'ERR_GUARD_AHEAD' })
  })

  it('an older guard is refused', async () => {
    await expect(open(directory, older.guardPath)).rejects.toMatchObject({
      code: 'ERR_GUARD_BEHIND',
      message: expect.stringContaining('attestry guard adopt') as string,
    })
  })

  it('a lost guard is refused until one is adopted', async () => {
    renameSync(directory.guardPath, `${directory.guardPath}.lost`)
    for (const suffix of ['-wal', '-shm'])
      rmSync(`${directory.guardPath}${suffix}`, { force: true })
    await expect(open(directory)).rejects.toMatchObject({
      code: 'ERR_GUARD_MISSING',
      message: expect.stringContaining('attestry guard adopt') as string,
    })
    const parts = { signer, store: directory.openStore(), guard: directory.openGuard() }
    const { report } = await adoptGuard(testPorts(parts))
    expect(report.entries).toBe(120)
    await parts.store.close()
    await parts.guard.close()
    await (await open(directory)).close()
  })

  it('two copies that share a guard do not both sign', async () => {
    const log = await open(directory)
    cpSync(directory.storePath, older.storePath)
    for (const suffix of ['-wal', '-shm']) {
      cpSync(`${directory.storePath}${suffix}`, `${older.storePath}${suffix}`)
    }
    const ports = testPorts({
      ...{ signer, store: older.openStore(), guard: SqliteGuard.open(directory.guardPath) },
    })
    const { log: copy, fatal } = await openTestLog(ports)
    await log.append(candidateOf('c'))
    await expect(copy.append(candidateOf('d'))).rejects.toMatchObject({ code: 'ERR_LOG_STOPPED' })
    expect(fatal).toMatchObject([{ code: 'ERR_GUARD_FORK' }])
    await copy.close()
    await log.close()
    await expect(open(older)).rejects.toMatchObject({ code: 'ERR_GUARD_FORK' })
  })

  it('a second process is refused while the first one lives', async () => {
    const log = await open(directory)
    const lock = join(directory.data, 'lock.sqlite')
    const script = `
      const database = new (require('better-sqlite3'))(${JSON.stringify(lock)}, { timeout: 0 })
      try { database.exec('BEGIN EXCLUSIVE'); console.log('locked') } catch (e) { console.log(e.code) }`
    const second = (): string =>
      spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' }).stdout.trim()
    expect(second()).toBe('SQLITE_BUSY')
    expect(() => directory.openStore()).toThrow(expect.objectContaining({ code: 'ERR_LOG_LOCKED' }))
    await log.close()
    expect(second()).toBe('locked')
  })

  it('a running log can be read and checked beside it', async () => {
    const log = await open(directory)
    const options = { mode: 'existing', readonly: true } as const
    const reader = SqliteLogStore.open(directory.storePath, options)
    await log.append(candidateOf('c'))
    expect((await reader.readState()).treeHead.treeSize).toBe(121)
    await reader.close()
    await log.close()
  })
})
