/**
 * The end of a node that is cut off from the databases: SIGTERM ends it, whatever it waits for.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createNodes } from '../support/node-process.ts'
import type { NodeProcess } from '../support/node-process.ts'
import { describePostgres, usePostgres } from '../support/postgres.ts'
import { ReceiptsOracle } from '../support/receipts-oracle.ts'
import { testSigner } from '../support/test-signer.ts'

const CUTS = ['guard', 'store'] as const

describePostgres('a node that is cut off', () => {
  const servers = { store: usePostgres(), guard: usePostgres() }
  const folder = mkdtempSync(join(tmpdir(), 'attestry-end-'))
  const signer = testSigner()
  let nodes: readonly NodeProcess[] = []

  beforeAll(async () => {
    const place = { folder, store: servers.store(), guard: servers.guard() }
    nodes = (await createNodes(place, signer.publicKey, CUTS)).nodes
  }, 60_000)
  afterAll(async () => {
    for (const node of nodes) await node.dispose()
    rmSync(folder, { recursive: true, force: true })
  })

  // Most of it is waiting.
  it.concurrent.each(CUTS)(
    'from the %s ends when it is told to',
    async (what) => {
      const node = nodes[CUTS.indexOf(what)]!
      const oracle = new ReceiptsOracle(signer)
      await node.start()
      await oracle.learnKey(node.url)
      expect(await oracle.post(node.url, await oracle.nextStatement())).toBe(true)
      node.cut(what, 'silent')
      // Its last journal cannot be written.
      expect(await node.stop(), node.told).toBe(0)
      node.heal()
    },
    60_000,
  )
})
