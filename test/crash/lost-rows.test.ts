/**
 * A database that lost its last rows (T11): an asynchronous standby was promoted without them, or a
 * backup was restored. The guard knows better: every node stops, the idle one too, none starts again,
 * and all of them go on once the database that has the rows is back.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { createNodes } from '../support/node-process.ts'
import type { NodeProcess } from '../support/node-process.ts'
import { describePostgres, usePostgres } from '../support/postgres.ts'
import { ReceiptsOracle } from '../support/receipts-oracle.ts'
import { testSigner } from '../support/test-signer.ts'

describePostgres('a database that lost its last rows', () => {
  const servers = { store: usePostgres(), guard: usePostgres() }
  const folder = mkdtempSync(join(tmpdir(), 'attestry-lost-'))
  const nodes: NodeProcess[] = []

  afterAll(async () => {
    for (const node of nodes) await node.dispose()
    rmSync(folder, { recursive: true, force: true })
  })

  it('is not signed by any node, and the one that has them is again', async () => {
    const signer = testSigner()
    const oracle = new ReceiptsOracle(signer)
    const store = servers.store()
    const place = { folder, store, guard: servers.guard() }
    nodes.push(...(await createNodes(place, signer.publicKey, ['busy', 'idle'])).nodes)
    const [busy, idle] = nodes as [NodeProcess, NodeProcess]
    await Promise.all(nodes.map((node) => node.start()))
    await oracle.learnKey(busy.url)
    const post = async (node: NodeProcess): Promise<boolean> =>
      oracle.post(node.url, await oracle.nextStatement())
    const data = join(store.directory, 'data')
    const [older, newest] = [`${data}.older`, `${data}.newest`]

    expect(await post(busy)).toBe(true)
    await store.stop()
    execFileSync('cp', ['-a', data, older])
    await store.start()
    await expect.poll(() => post(busy), { timeout: 20_000 }).toBe(true)
    for (let more = 0; more < 5; more++) expect(await post(busy)).toBe(true)

    await store.kill()
    renameSync(data, newest)
    renameSync(older, data)
    await store.start()
    // Nobody asks the idle node for anything.
    for (const node of nodes) {
      expect(await node.ended, node.told).not.toBe(0)
      expect(node.told).toContain('No node signs with it')
    }
    for (const node of nodes) await expect(node.start()).rejects.toThrow('ERR_GUARD_AHEAD')

    await store.kill()
    rmSync(data, { recursive: true })
    renameSync(newest, data)
    await store.start()
    for (const node of nodes) {
      await node.start()
      expect(await post(node)).toBe(true)
    }
    await oracle.checkEntries(idle.url, [...oracle.entries.keys()])
    await oracle.checkHeads(idle.url, [...oracle.heads.keys()])
  }, 120_000)
})
