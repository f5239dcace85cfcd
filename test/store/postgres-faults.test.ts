/**
 * What PostgreSQL does to a store that has it for a database: settings that are not safe, waits that are
 * cancelled, connections and servers that end, rows that are locked, nodes that race. Nothing is answered
 * that may be lost, and what is known to be lost is said to be.
 */
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { beforeEach, describe, expect, it } from 'vitest'
import { leafIndex } from '../../src/bytes/integers.ts'
import { nativeSha256 } from '../../src/keys/native-hash.ts'
import type { BatchCommit, LogStore } from '../../src/log/store.ts'
import { TreeEdge } from '../../src/merkle/edge.ts'
import { PostgresDatabase } from '../../src/store/postgres/database.ts'
import { PostgresGuard } from '../../src/store/postgres/postgres-guard.ts'
import { PostgresLogStore } from '../../src/store/postgres/postgres-log-store.ts'
import { migrate, readMigrations } from '../../src/store/postgres/migrate.ts'
import { withoutPassword } from '../../src/store/postgres/url.ts'
import { headOf } from '../contract/guard.ts'
import { describePostgres, newPostgresLog, usePostgres } from '../support/postgres.ts'
import { slow } from '../support/mutate.ts'
import { useReleases } from '../support/releases.ts'
import { entryOf, hasher } from '../support/test-log.ts'

const releases = useReleases()

describePostgres('PostgreSQL that fails', () => {
  const server = usePostgres()
  let url: string
  beforeEach(async () => {
    url = await server().createSchema()
  })

  const newLog = (): ReturnType<typeof newPostgresLog> => newPostgresLog(url, releases)

  async function openNode(): Promise<PostgresLogStore> {
    const store = await PostgresLogStore.open(url, { mode: 'existing' })
    releases.push(() => store.close())
    return store
  }

  /** A session of somebody else. */
  async function session(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => undefined)
    await client.connect()
    releases.push(() => client.end())
    return client
  }

  /** Applies a setting of the server until the test is over. */
  async function set(name: string, value: string): Promise<void> {
    releases.push(async () => {
      await server().query(`ALTER SYSTEM RESET ${name}`)
      await reload()
    })
    await server().query(`ALTER SYSTEM SET ${name} = ${value}`)
    await reload()
  }

  async function reload(): Promise<void> {
    await server().query('SELECT pg_reload_conf()')
    // Each process reads it when it next looks; a new session has it.
    await wait(100)
  }

  /** The process whose commit waits for a standby that is not there. */
  async function waitingForStandby(): Promise<number> {
    for (;;) {
      const rows = await server().query(
        "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'",
      )
      const [row] = rows as { readonly pid: number }[]
      if (row !== undefined) return row.pid
      await wait(10)
    }
  }

  /** Lets a write wait for a standby that is not there, and ends that: the outcome is told to be unknown. */
  async function endWait(
    write: () => Promise<unknown>,
    end: 'pg_cancel_backend' | 'pg_terminate_backend',
  ): Promise<void> {
    await set('synchronous_standby_names', 'nobody')
    const failed = expect(write()).rejects.toMatchObject({ code: 'ERR_STORE_UNREACHABLE' })
    const pid = await waitingForStandby()
    await server().query(`SELECT ${end}(${pid})`)
    await failed
  }

  describe('settings', () => {
    it.each([
      ['fsync', 'off', 'fsync off'],
      ['full_page_writes', 'off', 'full_page_writes off'],
    ])('%s = %s is refused', async (name, value, message) => {
      await set(name, value)
      const opened = PostgresLogStore.open(url, { mode: 'create' })
      await expect(opened).rejects.toMatchObject({ code: 'ERR_CONFIGURATION' })
      await expect(opened).rejects.toThrow(message)
      await expect(PostgresGuard.open(url)).rejects.toMatchObject({ code: 'ERR_CONFIGURATION' })
    })

    it('synchronous_commit is set, and the stronger remote_apply stays', async () => {
      const read = { name: 'read', text: "SELECT current_setting('synchronous_commit') AS value" }
      for (const [value, expected] of [
        ['off', 'on'],
        ['local', 'on'],
        ['remote_apply', 'remote_apply'],
      ] as const) {
        await set('synchronous_commit', value)
        const database = await PostgresDatabase.open(url, { connectionsMax: 1 })
        expect(await database.query(read)).toEqual([{ value: expected }])
        await database.close()
      }
    })

    it('a database of another encoding is refused, and one that is read-only is not there', async () => {
      await server().query("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
      const latin = PostgresLogStore.open(server().urlOf('latin'), { mode: 'create' })
      await expect(latin).rejects.toThrow('LATIN1')
      await set('default_transaction_read_only', 'on')
      await expect(PostgresLogStore.open(url, { mode: 'create' })).rejects.toMatchObject({
        code: 'ERR_STORE_UNREACHABLE',
      })
    })
  })

  describe('commits', () => {
    it.each([
      ['', ''],
      [', where the role hides warnings, too', ' -c client_min_messages=error'],
    ])(
      'whose wait for a standby is cancelled are not told to be stored, though they are here%s',
      async (_, option) => {
        url += encodeURIComponent(option)
        const { store, scribe } = await newLog()
        await endWait(() => store.commit(scribe.commit('a', 3)), 'pg_cancel_backend')
        expect(await store.readState()).toMatchObject({ ...scribe.head })
      },
    )

    it('of keys, in a transaction of several statements, are no exception', async () => {
      const { store } = await newLog()
      const change = { purpose: 'checkpoint', retired: [], at: 1 } as const
      await endWait(() => store.changeServiceKeys(change), 'pg_cancel_backend')
    })

    it('whose connection ends are of unknown outcome, and the store works on', async () => {
      const { store, scribe } = await newLog()
      await endWait(() => store.commit(scribe.commit('a', 3)), 'pg_terminate_backend')
      await releases.pop()!()
      expect(await store.readState()).toMatchObject({ ...scribe.head })
      await store.commit(scribe.commit('b', 1))
    })

    it('are not stored while the server is away, and go on when it is back', async () => {
      const { store, scribe } = await newLog()
      const heard: unknown[] = []
      store.watch((told) => heard.push(told))
      await server().kill()
      const batch = scribe.commit('a', 3)
      await expect(store.commit(batch)).rejects.toMatchObject({ code: 'ERR_STORE_BUSY' })
      await expect(store.readState()).rejects.toMatchObject({ code: 'ERR_STORE_UNREACHABLE' })
      await expect(store.findLeafIndexes([batch.entries[0]!.entryId])).rejects.toMatchObject({
        code: 'ERR_STORE_UNREACHABLE',
      })
      await server().start()
      await store.commit(batch)
      expect(await store.readState()).toMatchObject({ ...scribe.head })
      heard.length = 0
      for (let at = 0; heard.length === 0; at++) {
        expect(at).toBeLessThan(200)
        await store.commit(scribe.commit(`again-${at}`, 1))
        await wait(50)
      }
    })

    it('are not stored by a server that takes no writes for a time', async () => {
      const { store, scribe } = await newLog()
      await store.commit(scribe.commit('a', 1))
      await set('default_transaction_read_only', 'on')
      const batch = scribe.commit('b', 1)
      await expect(store.commit(batch)).rejects.toMatchObject({ code: 'ERR_STORE_BUSY' })
      await expect(store.commit(batch)).rejects.toMatchObject({ code: 'ERR_STORE_BUSY' })
      await releases.pop()!()
      await store.commit(batch)
    })

    it('survive an immediate end of the server', async () => {
      const { store, scribe } = await newLog()
      for (const name of ['a', 'b', 'c']) await store.commit(scribe.commit(name, 40))
      await server().kill()
      await server().start()
      const again = await openNode()
      expect(await again.readState()).toMatchObject({ ...scribe.head })
      const stored = await again.readEntries(leafIndex(0), 1000)
      expect(stored.map(({ entry }) => entry)).toEqual(scribe.entries)
    })

    it('wait for the row of the head, and look at it again then', async () => {
      const { store, scribe } = await newLog()
      const batch = scribe.commit('a', 3)
      const other = await session()
      await other.query('BEGIN')
      await other.query('UPDATE log SET epoch = epoch + 1')
      const refused = expect(store.commit(batch)).rejects.toMatchObject({ code: 'ERR_HEAD_MOVED' })
      await wait(100)
      await other.query('COMMIT')
      await refused
      const { epoch } = await store.readState()
      await other.query('BEGIN')
      await other.query('UPDATE log SET epoch = epoch + 1')
      const taken = store.commit({ ...batch, expected: { ...batch.expected, epoch: epoch! } })
      await wait(100)
      await other.query('ROLLBACK')
      await taken
      expect(await store.readEntries(leafIndex(2), 9)).toHaveLength(3)
    })

    it.skipIf(!slow)(
      'that a server is slow to answer may still be stored later, and then no other one is (ATTESTRY_SLOW: it takes the whole time limit)',
      async () => {
        const { store, scribe } = await newLog()
        await store.commit(scribe.commit('a', 1))
        const rows = await server().query(
          "SELECT pid FROM pg_stat_activity WHERE query LIKE 'WITH moved%'",
        )
        const [{ pid }] = rows as [{ readonly pid: number }]
        const [batch, other] = [scribe.commit('b', 2), scribe.commit('c', 2)]
        process.kill(pid, 'SIGSTOP')
        await expect(store.commit(batch)).rejects.toMatchObject({ code: 'ERR_STORE_UNREACHABLE' })
        process.kill(pid, 'SIGCONT')
        await expect
          .poll(async () => (await store.readState()).treeHead)
          .toEqual(batch.next.treeHead)
        const late = { ...other, expected: batch.expected }
        await expect(store.commit(late)).rejects.toMatchObject({ code: 'ERR_HEAD_MOVED' })
      },
    )

    it('hold no lock when their process stops: there is nothing between two of their messages', async () => {
      const { store, scribe } = await newLog()
      await store.commit(scribe.commit('a', 1))
      const rows = await server().query(
        "SELECT state FROM pg_stat_activity WHERE application_name = 'attestry'",
      )
      expect(new Set((rows as { readonly state: string }[]).map(({ state }) => state))).toEqual(
        new Set(['idle']),
      )
    })

    it('of nodes that race make one sequence, and every batch is whole', async () => {
      const seed = Math.floor(Math.random() * 1e6)
      console.info(`racing nodes: seed ${seed}`)
      const { store } = await newLog()
      const nodes = [store, await openNode(), await openNode()]
      const lost = await Promise.all(nodes.map((node, at) => commitMany(node, `${seed}-${at}`, 20)))
      const { treeHead } = await store.readState()
      const entries = await store.readEntries(leafIndex(0), 10_000)
      const { edge } = TreeEdge.empty(hasher).append(entries.map(({ entry }) => hasher.leaf(entry)))
      expect(edge.rootHash()).toEqual(treeHead.rootHash)
      expect(entries).toHaveLength(treeHead.treeSize)
      const ids = entries.map(({ entry }) => nativeSha256(entry))
      expect(await store.findLeafIndexes(ids)).toEqual([...ids.keys()])
      expect(await store.listBatchHeads(0, 1000)).toHaveLength(1 + 3 * 20)
      // Otherwise nothing raced.
      expect(lost.reduce((sum, count) => sum + count)).toBeGreaterThan(0)
    })
  })

  describe('the schema', () => {
    it('is made once by nodes that start together, and is not made by one that only looks', async () => {
      await expect(PostgresLogStore.open(url, { mode: 'existing' })).rejects.toMatchObject({
        code: 'ERR_LOG_MISSING',
      })
      const stores = await Promise.all(
        Array.from({ length: 4 }, () => PostgresLogStore.open(url, { mode: 'create' })),
      )
      for (const store of stores) await store.close()
      expect(await server().query('SELECT number FROM migration', url)).toHaveLength(
        readMigrations().length,
      )
    })

    it('is refused when it was made by other migrations', async () => {
      await newLog()
      const database = await PostgresDatabase.open(url, { connectionsMax: 1 })
      releases.push(() => database.close())
      const migrations = readMigrations()
      const changed = migrations.map((one) => ({ ...one, sql: `${one.sql}-- changed` }))
      await expect(migrate(database, 'none', changed)).rejects.toThrow('another text')
      await expect(migrate(database, 'none', [])).rejects.toThrow('a newer version')
      const more = { number: 99, name: '0099-more.sql', sql: 'CREATE TABLE more (id integer)' }
      await expect(migrate(database, 'none', [...migrations, more])).rejects.toThrow('older')
      expect(await migrate(database, 'outstanding', [...migrations, more])).toBe(true)
      expect(await server().query('SELECT * FROM more', url)).toEqual([])
    })

    it('is left as it was by a migration that fails', async () => {
      await newLog()
      const database = await PostgresDatabase.open(url, { connectionsMax: 1 })
      releases.push(() => database.close())
      const sql = 'CREATE TABLE half (id integer); SELECT 1 / 0'
      const wrong = { number: 99, name: '0099-wrong.sql', sql }
      await expect(migrate(database, 'all', [...readMigrations(), wrong])).rejects.toThrow('zero')
      expect(await server().query("SELECT to_regclass('half') AS half", url)).toEqual([
        { half: null },
      ])
      expect(await migrate(database, 'none')).toBe(true)
    })
  })

  it('a reader writes nothing', async () => {
    const { scribe } = await newLog()
    const reader = await PostgresLogStore.open(url, { mode: 'existing', readonly: true })
    releases.push(() => reader.close())
    await expect(reader.commit(scribe.commit('a', 1))).rejects.toMatchObject({
      code: 'ERR_INVARIANT',
    })
  })

  it('a guard that is away says so, and is there again', async () => {
    const guard = await PostgresGuard.open(url)
    releases.push(() => guard.close())
    const [first, second] = [await headOf(2), await headOf(3)]
    await guard.create(first)
    await server().kill()
    const code = 'ERR_GUARD_UNREACHABLE'
    await expect(guard.read()).rejects.toMatchObject({ code })
    await expect(guard.advance(first, second)).rejects.toMatchObject({ code })
    await server().start()
    expect(await guard.advance(first, second)).toEqual(second)
  })
})

describe('messages', () => {
  it.each([
    ['postgres://u:secret@h:5432/db?sslmode=require', 'postgres://u@h:5432/db'],
    ['postgresql://u:se@cret@h/db', 'postgresql://u@h/db'],
    ['postgres://u:secret@/db?host=/tmp', 'postgres://u@/db'],
    // Not escaped, as they come out of generators: no URL, and named in what says so.
    ['postgres://u:se/cr@et@h:5432/db', 'postgres://u@h:5432/db'],
    ['postgres://u:se?cret@h/db?sslmode=require', 'postgres://u@h/db'],
    ['postgres://u:12/se:cret@h/db', 'postgres://u@h/db'],
    ['postgres://h:5432/db?user=u@h', 'postgres://h:5432/db'],
    ['postgres://[::1]:5432/db', 'postgres://[::1]:5432/db'],
    ['postgres://h/db?password=secret', 'postgres://h/db'],
    ['postgres:///db', 'postgres:///db'],
    ['/var/lib/log.sqlite', '/var/lib/log.sqlite'],
  ])('name %s without its password', (url, name) => {
    expect(withoutPassword(url)).toBe(name)
  })
})

/** Commits `count` batches, each from the head that is stored then; returns how often others were first. */
async function commitMany(store: LogStore, name: string, count: number): Promise<number> {
  let lost = 0
  for (let done = 0; done < count;) {
    const batch = await nextBatch(store, `${name}-${done}`, 1 + (done % 5))
    try {
      await store.commit(batch)
      done++
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_HEAD_MOVED' })
      lost++
    }
  }
  return lost
}

async function nextBatch(store: LogStore, name: string, count: number): Promise<BatchCommit> {
  const { treeHead, registrationTime, policyIndex, epoch } = await store.readState()
  const expected = { treeHead, registrationTime, policyIndex, epoch: epoch! }
  const stored = await store.readEntries(leafIndex(0), treeHead.treeSize)
  const before = TreeEdge.empty(hasher).append(stored.map(({ entry }) => hasher.leaf(entry)))
  const entries = Array.from({ length: count }, (_, at) => entryOf(`${name}-${at}`))
  const { edge, tiles } = before.edge.append(entries.map((entry) => hasher.leaf(entry)))
  const next = {
    ...expected,
    treeHead: { treeSize: edge.treeSize, rootHash: edge.rootHash() },
  }
  return {
    ...{ expected, next, tiles, signedHeads: [] },
    entries: entries.map((entry) => ({ entryId: nativeSha256(entry), entry })),
  }
}
