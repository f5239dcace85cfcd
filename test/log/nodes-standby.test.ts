/**
 * What is committed and not on the synchronous standby is signed by nobody: whoever waited for the
 * standby may be cut off, and from then on everybody sees what it committed.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { randomFrom, seed } from '../support/mutate.ts'
import { describePostgres, usePostgres } from '../support/postgres.ts'
import { candidateOf } from '../support/test-log.ts'
import { closeAll, openNode, postgresCluster } from '../support/test-nodes.ts'

interface Session {
  readonly pid: number
  readonly query: string
}

describePostgres('a batch whose wait for the synchronous standby was cancelled', () => {
  const server = usePostgres()

  async function set(sql: string): Promise<void> {
    await server().query(`ALTER SYSTEM ${sql}`)
    await server().query('SELECT pg_reload_conf()')
    // Each process reads it when it next looks.
    await wait(100)
  }

  /** The first session that waits for the standby, beside `except`. */
  async function waiting(except?: number): Promise<Session> {
    for (;;) {
      const rows = (await server().query(
        "SELECT pid, query FROM pg_stat_activity WHERE wait_event = 'SyncRep'",
      )) as Session[]
      const found = rows.find(({ pid }) => pid !== except)
      if (found !== undefined) return found
      await wait(10)
    }
  }

  it('is signed once a later write is on the standby, and not before', async () => {
    const shared = await postgresCluster(server())
    // Nothing is written but what this is about.
    const limits = { idleSaveMs: 3_600_000 }
    const nodes = [await openNode(shared, randomFrom(seed), limits)]
    const [{ log, fatal }] = nodes as [(typeof nodes)[0]]
    await log.append(candidateOf('before'))

    await set("SET synchronous_standby_names = 'nobody'")
    const answered = log.append(candidateOf('a'))
    const commit = await waiting()
    expect(commit.query).toContain('UPDATE log')
    await server().query(`SELECT pg_cancel_backend(${commit.pid})`)
    // Whatever the node does now is a write that waits for the standby: not that of the guard.
    const next = await waiting(commit.pid)
    expect((await shared.store.readState()).treeHead.treeSize).toBe(4)
    expect(next.query).toContain('INTO signed_head')
    expect(log.currentHead().treeHead.treeSize).toBe(3)

    await set('RESET synchronous_standby_names')
    expect((await answered).leafIndex).toBe(3)
    expect(fatal).toEqual([])
    await closeAll(nodes)
    await shared.dispose()
  }, 60_000)
})
