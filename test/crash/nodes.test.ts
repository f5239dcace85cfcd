/**
 * Three nodes as processes on one PostgreSQL and one guard cluster, under load, while nodes are ended,
 * frozen and cut off and the databases crash (T2, T10): no acknowledged entry is lost or moves, no size
 * has two roots, every head is a prefix of the next, and all of them register again afterwards.
 * A handful of trials; 200 with ATTESTRY_SLOW=1, where nodes are frozen for half a minute as well.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { randomFrom, seed, slow } from '../support/mutate.ts'
import { createNodes } from '../support/node-process.ts'
import type { NodeProcess } from '../support/node-process.ts'
import { describePostgres, usePostgres } from '../support/postgres.ts'
import { ReceiptsOracle } from '../support/receipts-oracle.ts'
import { attestry } from '../support/server-process.ts'
import { testSigner } from '../support/test-signer.ts'

const TRIALS = slow ? 200 : 3
const CLIENTS = 16
const LONG_FREEZE_MS = 30_000
/** All nodes register again within this time once everything is well. */
const RECOVERY_MS_MAX = 20_000

const random = randomFrom(seed)
const pick = <Item>(items: readonly Item[]): Item => items[random(items.length)]!

function sample<Item>(items: readonly Item[], count: number): Item[] {
  return items.length <= count ? [...items] : Array.from({ length: count }, () => pick(items))
}

describePostgres('nodes that are ended, frozen and cut off under load', () => {
  const servers = { store: usePostgres(), guard: usePostgres() }
  const folder = mkdtempSync(join(tmpdir(), 'attestry-nodes-'))
  const signer = testSigner()
  const oracle = new ReceiptsOracle(signer)
  const nodes: NodeProcess[] = []
  let first = ''

  beforeAll(async () => {
    const place = { folder, store: servers.store(), guard: servers.guard() }
    const made = await createNodes(place, signer.publicKey, ['one', 'two', 'three'])
    nodes.push(...made.nodes)
    first = made.first
    await Promise.all(nodes.map((node) => node.start()))
    await oracle.learnKey(nodes[0]!.url)
  }, 120_000)

  afterAll(async () => {
    for (const node of nodes) await node.dispose()
    rmSync(folder, { recursive: true, force: true })
  })

  /** What goes wrong in a trial; each mends what it broke. */
  const troubles: Readonly<Record<string, () => Promise<void>>> = {
    'a node is killed': async () => {
      const node = pick(nodes)
      await node.kill()
      await node.start()
    },
    'all nodes are killed': async () => {
      await Promise.all(nodes.map((node) => node.kill()))
      await Promise.all(nodes.map((node) => node.start()))
    },
    'a node is frozen': async () => {
      const node = pick(nodes)
      node.freeze()
      await wait(slow && random(20) === 0 ? LONG_FREEZE_MS : 300 + random(2000))
      node.thaw()
    },
    'a node is cut off': async () => {
      const node = pick(nodes)
      node.cut(pick(['store', 'guard']), pick(['silent', 'reset']))
      await wait(300 + random(2000))
      node.heal()
    },
    'the database crashes': async () => {
      await servers.store().kill()
      await wait(random(500))
      await servers.store().start()
    },
    'the guard crashes': async () => {
      await servers.guard().kill()
      await wait(random(500))
      await servers.guard().start()
    },
  }

  async function client(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const statement = await oracle.nextStatement()
      const [one, two] = [pick(nodes), pick(nodes)]
      // Some go to two nodes at once, or again where the first outcome is unknown.
      const isTwice = random(4) === 0
      const posts = [oracle.post(one.url, statement)]
      if (isTwice) posts.push(oracle.post(two.url, statement))
      const told = await Promise.all(posts)
      if (!told.includes(true)) await wait(20)
      if (!told.includes(true) && random(2) === 0) await oracle.post(two.url, statement)
    }
  }

  /** Each node registers and answers for everything, also what others registered. */
  async function recover(node: NodeProcess): Promise<void> {
    expect(node.isRunning, `a node ended by itself: ${node.told}`).toBe(true)
    const statement = await oracle.nextStatement()
    const deadline = Date.now() + RECOVERY_MS_MAX
    while (!(await oracle.post(node.url, statement))) {
      expect(Date.now(), `a node does not recover: ${node.told}`).toBeLessThan(deadline)
      await wait(50)
    }
  }

  const names = Object.keys(troubles)
  it(`lose nothing, fork nothing and store nothing twice, in ${TRIALS} trials`, async () => {
    for (let trial = 0; trial < TRIALS; trial++) {
      // Each kind of trouble at least once, then any.
      const trouble = trial < names.length ? names[trial]! : pick(names)
      let isOver = false
      const clients = Array.from({ length: CLIENTS }, () => client(() => isOver))
      await wait(100 + random(400))
      await troubles[trouble]!()
      await wait(random(300))
      isOver = true
      await Promise.all(clients)
      for (const node of nodes) await recover(node)
      const ids = sample([...oracle.entries.keys()], 60)
      await Promise.all(nodes.map((node) => oracle.checkEntries(node.url, ids)))
      await oracle.checkHeads(pick(nodes).url, sample([...oracle.heads.keys()], 20))
    }
    const ids = [...oracle.entries.keys()]
    await oracle.checkEntries(pick(nodes).url, ids)
    await oracle.checkHeads(pick(nodes).url, [...oracle.heads.keys()])
    const indexes = [...oracle.entries.values()].map(({ leafIndex }) => leafIndex)
    expect(new Set(indexes).size).toBe(indexes.length)
    // An outsider replays everything: the journals that three nodes wrote follow each other.
    const { url } = pick(nodes)
    const trust = join(folder, 'trust.json')
    const fetched = await attestry('trust', 'fetch', '--url', url, '-o', trust)
    expect(fetched, fetched.stderr).toMatchObject({ code: 0 })
    const state = join(folder, 'audit.state')
    const audited = await attestry('audit', url, '--trust', trust, '--state', state)
    expect(audited, audited.stderr).toMatchObject({ code: 0 })
    for (const node of nodes) expect(await node.stop(), node.told).toBe(0)
    const checked = await attestry('log', 'check', '--data', first)
    expect(checked, checked.stderr).toMatchObject({ code: 0 })
    console.info(
      `${TRIALS} trials, ${indexes.length} acknowledged, ${oracle.heads.size} heads, not ` +
        `acknowledged: ${JSON.stringify(Object.fromEntries(oracle.refused))}, seed ${seed}`,
    )
  }, 3_600_000)
})
