/** The copy that backups are made of, against a store that goes on being written meanwhile. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TreeSize } from '../../src/bytes/integers.ts'
import type { SignedTreeHead } from '../../src/cose/signed-tree-head.ts'
import { checkLog } from '../../src/log/check-log.ts'
import type { Log } from '../../src/log/log.ts'
import { copyOnline } from '../../src/store/sqlite/online-copy.ts'
import type { OnlineCopy } from '../../src/store/sqlite/online-copy.ts'
import { SqliteLogStore } from '../../src/store/sqlite/sqlite-log-store.ts'
import { nativeSha256 } from '../../src/keys/native-hash.ts'
import { rejection } from '../support/error-code.ts'
import { TestDirectory } from '../support/sqlite.ts'
import {
  appendMany,
  candidateOf,
  createTestLog,
  openTestLog,
  testPorts,
} from '../support/test-log.ts'
import type { TestPorts } from '../support/test-log.ts'

let directory: TestDirectory
let ports: TestPorts
let log: Log
let target: string

beforeEach(async () => {
  directory = new TestDirectory()
  target = join(directory.root, 'copy.sqlite')
  ports = testPorts({ store: directory.createStore(), guard: directory.openGuard() })
  await createTestLog(ports)
  log = (await openTestLog(ports)).log
})

afterEach(async () => {
  await log.close()
  directory.remove()
})

function copy(onEntries: (entries: number) => void = () => undefined): Promise<OnlineCopy> {
  const findSignedHead = async (treeSize: TreeSize): Promise<SignedTreeHead> =>
    (await log.headAt(treeSize))!
  return copyOnline({
    ...{ source: directory.storePath, target, findSignedHead },
    onProgress: ({ entries }) => onEntries(entries),
  })
}

/** Everything in the copy is right, and it is one plain file. */
async function check({ head }: OnlineCopy): Promise<void> {
  const store = SqliteLogStore.open(target, { mode: 'existing', readonly: true })
  const { hasher, verifier } = ports
  const report = await checkLog({ store, hasher, verifier, sha256: nativeSha256 })
  expect(report.entries).toBe(head.treeHead.treeSize)
  expect((await store.findSignedHead(head.treeHead.treeSize))?.bytes).toEqual(head.bytes)
  await store.close()
  expect(readdirSync(directory.root).filter((name) => name.startsWith('copy.'))).toEqual([
    'copy.sqlite',
  ])
}

const rows = (path: string, sql: string): unknown[] => {
  const database = new Database(path, { readonly: true })
  try {
    return database.prepare(sql).pluck().all()
  } finally {
    database.close()
  }
}

const edit = (sql: string, ...values: readonly unknown[]): void => {
  const database = new Database(directory.storePath)
  database.prepare(sql).run(...values)
  database.close()
}

describe('a copy of a log that goes on', () => {
  it('ends with the head of its beginning, also where tiles have grown since', async () => {
    await appendMany(log, 'a', 700)
    await log.append(candidateOf('last'))
    const writes: Promise<unknown>[] = []
    const made = await copy((entries) => writes.push(log.append(candidateOf(`during-${entries}`))))
    await Promise.all(writes)
    expect(made.state.treeHead.treeSize).toBe(703)
    expect(writes.length).toBeGreaterThan(2)
    await check(made)
  })

  it('never holds the WAL: it can start again between any two pages', async () => {
    await appendMany(log, 'a', 1500)
    const wal = new Database(directory.storePath, { timeout: 0 })
    const busy: unknown[] = []
    const made = await copy(() =>
      busy.push(wal.pragma('wal_checkpoint(RESTART)', { simple: true })),
    )
    wal.close()
    expect(busy.length).toBeGreaterThan(4)
    expect(new Set(busy)).toEqual(new Set([0]))
    await check(made)
  })

  it('has tiles of three levels', async () => {
    for (let part = 0; part < 17; part++) await appendMany(log, `p${part}`, 3900)
    const made = await copy()
    expect(rows(target, 'SELECT max(key) / 17592186044416 FROM tile')).toEqual([2])
    await check(made)
  }, 120_000)

  it('keeps content that became collateral of a later entry while it was copied', async () => {
    await appendMany(log, 'a', 600)
    const content = Buffer.from('content')
    const digest = nativeSha256(content)
    edit('INSERT INTO payload VALUES (?, ?, 1, 1)', digest, content)
    const collateral = [{ kind: 'preimage' as const, digest, bytes: new Uint8Array(content) }]
    let admitted: Promise<unknown> | undefined
    const made = await copy(() => {
      admitted ??= log.append(candidateOf('its entry', { collateral }))
    })
    await admitted
    expect(rows(directory.storePath, 'SELECT digest FROM payload')).toEqual([])
    expect(rows(target, 'SELECT digest FROM payload')).toEqual([Buffer.from(digest)])
    expect(rows(target, 'SELECT digest FROM collateral')).toEqual([])
    await check(made)
  })

  it('is not made of two moments when content was pruned meanwhile', async () => {
    await appendMany(log, 'a', 600)
    const prune = (entries: number): void =>
      edit('INSERT INTO pruned_payload VALUES (randomblob(32), ?, 1)', Buffer.alloc(32, entries))
    expect(await rejection(() => copy(prune))).toBe('ERR_STORE_BUSY')
  })
})
