/**
 * A failover to a synchronous standby: whatever was told to be stored is there, and what was not told may
 * be there or not, whole. Without the synchronous standby this is what a guard is for (test/crash).
 */
import { afterAll, expect, it } from 'vitest'
import { leafIndex } from '../../src/bytes/integers.ts'
import { PostgresLogStore } from '../../src/store/postgres/postgres-log-store.ts'
import { Scribe } from '../contract/log-store.ts'
import { randomFrom, seed, slow } from '../support/mutate.ts'
import { describePostgres, usePostgres } from '../support/postgres.ts'
import type { PostgresServer } from '../support/postgres.ts'

const TRIALS = slow ? 50 : 2
const COMMITS = 100

const random = randomFrom(seed)

describePostgres('PostgreSQL that fails over to a synchronous standby', () => {
  const server = usePostgres()
  const standbys: PostgresServer[] = []
  afterAll(async () => {
    for (const standby of standbys) await standby.remove()
  })

  /** Commits until the server ends; the size that was told to be stored last. */
  async function commitUntilKilled(scribe: Scribe, url: string, kill: () => void): Promise<number> {
    const store = await PostgresLogStore.open(url, { mode: 'existing' })
    const killAt = random(COMMITS)
    let stored = scribe.head!.treeHead.treeSize
    try {
      for (let at = 0; ; at++) {
        const batch = scribe.commit(`batch-${at}`, 1 + (at % 7))
        const committed = store.commit(batch)
        if (at === killAt) kill()
        await committed
        stored = batch.next.treeHead.treeSize
      }
    } catch (error) {
      expect(['ERR_STORE_UNREACHABLE', 'ERR_STORE_BUSY']).toContain(
        (error as { code: string }).code,
      )
      return stored
    } finally {
      await store.close()
    }
  }

  it(`loses nothing that was told to be stored, in ${TRIALS} trials`, async () => {
    let primary = server()
    for (let trial = 0; trial < TRIALS; trial++) {
      const standby = await primary.createStandby('standby')
      standbys.push(standby)
      await primary.query(`CREATE DATABASE log_of_${trial}`)
      await primary.query("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
      await primary.query('SELECT pg_reload_conf()')
      const database = `log_of_${trial}`
      const made = await PostgresLogStore.open(primary.urlOf(database), { mode: 'create' })
      const scribe = new Scribe(made)
      await made.create(scribe.genesis())
      await made.close()

      let killed: Promise<void> | undefined
      const ending = primary
      const stored = await commitUntilKilled(scribe, primary.urlOf(database), () => {
        killed = ending.kill()
      })
      await killed
      await standby.query('SELECT pg_promote()')
      await standby.query('ALTER SYSTEM RESET synchronous_standby_names')
      await standby.query('SELECT pg_reload_conf()')

      const store = await PostgresLogStore.open(standby.urlOf(database), { mode: 'existing' })
      const { treeHead } = await store.readState()
      expect(treeHead.treeSize).toBeGreaterThanOrEqual(stored)
      const entries = await store.readEntries(leafIndex(0), 10_000)
      expect(entries).toHaveLength(treeHead.treeSize)
      expect(entries.map(({ entry }) => entry)).toEqual(scribe.entries.slice(0, entries.length))
      await store.close()
      primary = standby
    }
  })
})
