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

describePostgres('a node that is cut off', () => {
  const servers = { store: usePostgres(), guard: usePostgres() }
  const folder = mkdtempSync(join(tmpdir(), 'attestry-end-'))
  const signer = testSigner()
  const oracle = new ReceiptsOracle(signer)
  let node: NodeProcess

  beforeAll(async () => {
    const place = { folder, store: servers.store(), guard: servers.guard() }
    node = (await createNodes(place, signer.publicKey, ['node'])).nodes[0]!
  }, 60_000)
  afterAll(async () => {
    await node.dispose()
    rmSync(folder, { recursive: true, force: true })
  })

  for (const what of ['guard', 'store'] as const) {
    it(`from the ${what} ends when it is told to`, async () => {
      await node.start()
      await oracle.learnKey(node.url)
      expect(await oracle.post(node.url, await oracle.nextStatement())).toBe(true)
      node.cut(what, 'silent')
      // Its last journal cannot be written.
      expect(await node.stop(), node.told).toBe(0)
      node.heal()
    }, 60_000)
  }
})
