/**
 * Failover of the database to a real standby (T11). A synchronous one has everything: nodes go on with
 * it, and nothing is lost. An asynchronous one may lack the last batches: the guard knows better, every
 * node stops, the idle one too, none starts again, and all go on when the server is back that has them.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { createNodes } from '../support/node-process.ts'
import type { NodeProcess } from '../support/node-process.ts'
import { PostgresServer } from '../support/postgres-server.ts'
import { describePostgres } from '../support/postgres.ts'
import { ReceiptsOracle } from '../support/receipts-oracle.ts'
import { testSigner } from '../support/test-signer.ts'

const PROMOTE = 'SELECT pg_promote(true)'

/** What a test made, the last first when it is taken down. */
const made: (() => Promise<unknown>)[] = []

interface Failover {
  readonly nodes: readonly [busy: NodeProcess, idle: NodeProcess]
  readonly oracle: ReceiptsOracle
  readonly primary: PostgresServer
  readonly standby: PostgresServer
  /** Posts one statement until a node has acknowledged it. */
  readonly post: (node: NodeProcess) => Promise<void>
}

async function create(): Promise<Failover> {
  const folder = mkdtempSync(join(tmpdir(), 'attestry-failover-'))
  made.push(async () => rmSync(folder, { recursive: true, force: true }))
  const [primary, guard] = [await PostgresServer.create(), await PostgresServer.create()]
  made.push(() => primary.remove(), () => guard.remove()) // prettier-ignore
  const signer = testSigner()
  const { nodes } = await createNodes(
    { folder, store: primary, guard },
    signer.publicKey,
    ['busy', 'idle'], // prettier-ignore
  )
  const standby = await primary.createStandby('standby')
  made.push(() => standby.remove())
  const [busy, idle] = nodes as [NodeProcess, NodeProcess]
  for (const node of nodes) {
    made.push(() => node.dispose())
    await node.start()
  }
  const oracle = new ReceiptsOracle(signer)
  await oracle.learnKey(busy.url)
  const post = async (node: NodeProcess): Promise<void> => {
    const statement = await oracle.nextStatement()
    await expect.poll(() => oracle.post(node.url, statement), { timeout: 30_000 }).toBe(true)
  }
  await post(busy)
  return { nodes: [busy, idle], oracle, primary, standby, post }
}

async function checkAll({ nodes, oracle }: Failover): Promise<void> {
  for (const { url } of nodes) {
    await oracle.checkEntries(url, [...oracle.entries.keys()])
    await oracle.checkHeads(url, [...oracle.heads.keys()])
  }
}

afterEach(async () => {
  for (const end of made.splice(0).reverse()) await end()
}, 60_000)

describePostgres('a failover of the database', () => {
  it('to a synchronous standby loses nothing, and the nodes go on', async () => {
    const failover = await create()
    const { nodes, primary, standby, post } = failover
    await primary.query("ALTER SYSTEM SET synchronous_standby_names = '*'")
    await primary.query('SELECT pg_reload_conf()')
    const count = 'SELECT count(*)::int AS count FROM pg_stat_replication WHERE sync_state = '
    await expect.poll(() => primary.query(`${count}'sync'`)).toEqual([{ count: 1 }])
    for (let posts = 0; posts < 10; posts++) await post(nodes[posts % 2]!)
    await primary.kill()
    for (const node of nodes) node.failOver(standby)
    await standby.query(PROMOTE)
    for (const node of nodes) await post(node)
    for (const node of nodes) expect(node.isRunning, node.told).toBe(true)
    await checkAll(failover)
  }, 120_000)

  it('to an asynchronous one that lacks rows is signed by no node', async () => {
    const failover = await create()
    const { nodes, primary, standby, post } = failover
    const [busy] = nodes
    // It follows a moment later, and the moment does not come.
    await standby.stop()
    for (let posts = 0; posts < 5; posts++) await post(busy)
    await primary.kill()
    await standby.start()
    for (const node of nodes) node.failOver(standby)
    await standby.query(PROMOTE)
    // Nobody asks the idle node for anything.
    for (const node of nodes) {
      expect(await node.ended, node.told).not.toBe(0)
      expect(node.told).toContain('No node signs with it')
    }
    for (const node of nodes) await expect(node.start()).rejects.toThrow('ERR_GUARD_AHEAD')

    await standby.stop()
    await primary.start()
    for (const node of nodes) {
      node.failOver(primary)
      await node.start()
      await post(node)
    }
    await checkAll(failover)
  }, 120_000)
})
