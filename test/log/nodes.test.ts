/**
 * Several nodes on one log, in one process: what each step of a node's life does when another node is
 * faster, slower, frozen, cut off or gone. `test/crash/nodes.test.ts` does it with processes.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { leafIndex, treeSize } from '../../src/bytes/integers.ts'
import { signTreeHead } from '../../src/cose/signed-tree-head.ts'
import type { UnavailableError } from '../../src/errors.ts'
import { checkLog } from '../../src/log/check-log.ts'
import { rotateKey } from '../../src/log/rotate-key.ts'
import type { RootHash } from '../../src/merkle/hasher.ts'
import { randomFrom, seed, slow } from '../support/mutate.ts'
import {
  appendMany,
  candidateOf,
  entryOf,
  GENESIS_TIME,
  newSigner,
} from '../support/test-log.ts'
import { Oracle } from '../support/nodes-oracle.ts'
import { memoryCluster, NO_FAULTS, openNode } from '../support/test-nodes.ts'
import type { FaultRates, SharedPorts, TestNode } from '../support/test-nodes.ts'

async function openNodes(
  count: number,
  rates?: FaultRates,
): Promise<{ shared: SharedPorts; nodes: TestNode[]; random: (n: number) => number }> {
  const random = randomFrom(seed)
  const shared = await memoryCluster()
  const nodes = []
  for (let at = 0; at < count; at++) nodes.push(await openNode(shared, random, { rates }))
  return { shared, nodes, random }
}

async function closeAll(nodes: readonly TestNode[]): Promise<void> {
  for (const { log } of nodes) await log.close()
}

describe('two nodes', () => {
  it('take batches in turn, and each answers with what the tree says', async () => {
    const { shared, nodes } = await openNodes(2)
    const oracle = new Oracle()
    for (let round = 0; round < 20; round++) {
      const names = Array.from({ length: 10 }, (_, at) => `${round}-${at}`)
      await Promise.all(
        names.map(async (name, at) => {
          oracle.note(name, await nodes[at % 2]!.log.append(candidateOf(name)))
        }),
      )
    }
    for (const { log, fatal } of nodes) {
      await log.look()
      expect(fatal).toEqual([])
      expect(log.currentHead()).toEqual(await shared.guard.read())
      for (const [name, index] of oracle.acknowledged) {
        expect(await log.readEntry(leafIndex(index))).toEqual(entryOf(name))
        await log.inclusionProof(leafIndex(index), log.currentHead())
      }
    }
    await closeAll(nodes)
    await oracle.finish(shared)
  })

  it('give one entry for the same statement, posted to both at once', async () => {
    const { shared, nodes } = await openNodes(2)
    const oracle = new Oracle()
    const names = Array.from({ length: 50 }, (_, at) => `same-${at}`)
    await Promise.all(
      [...names, ...names].map(async (name, at) => {
        oracle.note(name, await nodes[at < 50 ? 0 : 1]!.log.append(candidateOf(name)))
      }),
    )
    expect((await shared.store.readState()).treeHead.treeSize).toBe(52)
    await closeAll(nodes)
    await oracle.finish(shared)
  })

  it('find each other’s entries without being asked twice', async () => {
    const { nodes } = await openNodes(2)
    const [one, two] = nodes as [TestNode, TestNode]
    const { leafIndex: index } = await one.log.append(candidateOf('a'))
    expect(await two.log.findEntry(candidateOf('a').entryId)).toEqual({
      ...{ leafIndex: index, released: true },
    })
    await closeAll(nodes)
  })

  it('follow governance of the other before anything is decided again', async () => {
    const { nodes } = await openNodes(2)
    const [one, two] = nodes as [TestNode, TestNode]
    const followed: unknown[] = []
    two.log.followGovernance(({ leafIndex: index, registrationTime, entry, collateral }) =>
      followed.push({ index, registrationTime, entry, collateral }),
    )
    const bytes = entryOf('chain')
    const piece = {
      kind: 'certificate-chain' as never,
      digest: candidateOf('chain').entryId,
      bytes,
    }
    one.clock.time = GENESIS_TIME + 7
    await one.log.append(candidateOf('a'))
    await one.log.append(
      candidateOf('policy', { governance: true, kind: 'policy', collateral: [piece] }),
    )
    await one.log.append(candidateOf('b'))
    const stale = two.log.append(candidateOf('c', { policyIndex: leafIndex(1) }))
    await expect(stale).rejects.toMatchObject({ code: 'ERR_DECISION_STALE' })
    expect(followed).toEqual([
      {
        ...{ index: 3, registrationTime: GENESIS_TIME + 7, entry: entryOf('policy') },
        collateral: [piece],
      },
    ])
    expect(two.log.policyIndex).toBe(3)
    expect(await two.log.findLastGovernance('policy')).toBe(3)
    const fresh = await two.log.append(candidateOf('c', { policyIndex: leafIndex(3) }))
    expect(fresh).toMatchObject({ leafIndex: 5, head: { registrationTime: GENESIS_TIME + 7 } })
    await closeAll(nodes)
  })

  it('never write two journals that follow the same one', async () => {
    const { shared, nodes } = await openNodes(2)
    const outcomes = await Promise.allSettled(
      nodes.map(({ log }, at) =>
        log.append(candidateOf(`journal ${at}`, { kind: 'journal', follows: 'none' })),
      ),
    )
    const rejected = outcomes.filter(({ status }) => status === 'rejected')
    expect(rejected).toMatchObject([{ reason: { code: 'ERR_JOURNAL_MOVED' } }])
    expect(await shared.store.listGovernance('journal', 0)).toEqual([2])
    await closeAll(nodes)
  })
})

describe('a node that ends in the middle of its batch', () => {
  for (const step of ['commit', 'sign', 'guard'] as const) {
    it(`after ${step}: an idle node finishes it with its time, and signs nothing else`, async () => {
      const { shared, nodes, random } = await openNodes(1)
      const idle = nodes[0]!
      const dying = await openNode(shared, random)
      dying.clock.time = GENESIS_TIME + 5
      if (step === 'commit') dying.faults.killAfter('commit')
      if (step === 'sign') dying.faults.killBefore('advance')
      if (step === 'guard') dying.faults.killAfter('advance')
      void dying.log.append(candidateOf('a'))
      await expect.poll(() => idle.log.currentHead().treeHead.treeSize, { timeout: 5000 }).toBe(3)
      expect(idle.log.currentHead().registrationTime).toBe(GENESIS_TIME + 5)
      expect(await shared.guard.read()).toEqual(idle.log.currentHead())
      expect(await idle.log.append(candidateOf('a'))).toMatchObject({
        leafIndex: 2,
        duplicate: true,
      })
      await idle.log.close()
      expect(await checkLog(shared)).toMatchObject({ entries: 3, batches: 2, signedHeads: 2 })
    })
  }
})

describe('a node that is frozen', () => {
  for (const step of ['commit', 'advance'] as const) {
    it(`before ${step} goes on from what others did meanwhile`, async () => {
      const { shared, nodes } = await openNodes(2)
      const [frozen, other] = nodes as [TestNode, TestNode]
      const oracle = new Oracle()
      const thaw = frozen.faults.freezeBefore(step)
      const late = frozen.log.append(candidateOf('late'))
      await wait(50)
      for (const name of ['a', 'b', 'c'])
        oracle.note(name, await other.log.append(candidateOf(name)))
      thaw()
      oracle.note('late', await late)
      expect(oracle.acknowledged.get('late')).toBe(step === 'commit' ? 5 : 2)
      expect([...frozen.fatal, ...other.fatal]).toEqual([])
      await closeAll(nodes)
      await oracle.finish(shared)
    })
  }
})

describe('a node that is cut off', () => {
  for (const what of ['store', 'guard'] as const) {
    it(`from the ${what} signs nothing, says so, and goes on when it is back`, async () => {
      const { shared, nodes } = await openNodes(2)
      const [cut, other] = nodes as [TestNode, TestNode]
      const restore = cut.faults.cut(what)
      const waiting = cut.log.append(candidateOf('w'))
      await wait(100)
      const code = what === 'store' ? 'ERR_STORE_UNREACHABLE' : 'ERR_GUARD_UNREACHABLE'
      expect(cut.log.failure).toBe(code)
      expect((await other.log.append(candidateOf('o'))).leafIndex).toBe(what === 'store' ? 2 : 3)
      expect(other.log.failure).toBeUndefined()
      restore()
      expect((await waiting).leafIndex).toBe(what === 'store' ? 3 : 2)
      expect(cut.log.failure).toBeUndefined()
      expect(cut.fatal).toEqual([])
      await closeAll(nodes)
      await checkLog(shared)
    })

    it(`from the ${what} can be closed`, async () => {
      const { nodes } = await openNodes(1)
      const [cut] = nodes as [TestNode]
      cut.faults.cut(what)
      const waiting = cut.log.append(candidateOf('w'))
      await wait(20)
      await Promise.all([
        expect(waiting).rejects.toMatchObject({ code: 'ERR_LOG_STOPPED' }),
        cut.log.close(),
      ])
    })
  }
})

describe('every node, also an idle one, stops', () => {
  async function stopped({ fatal, log }: TestNode): Promise<unknown> {
    await expect.poll(() => fatal.length, { timeout: 3000 }).toBe(1)
    await expect(log.append(candidateOf('more'))).rejects.toMatchObject({ code: 'ERR_LOG_STOPPED' })
    return fatal[0]
  }

  it('when the store lost what the guard knows: a standby was promoted without it', async () => {
    const { shared, nodes } = await openNodes(2)
    const before = await shared.store.readState()
    await appendMany(nodes[0]!.log, 'a', 3)
    await nodes[1]!.log.look()
    shared.store.readState = async () => ({ ...before })
    for (const node of nodes) {
      expect(await stopped(node)).toMatchObject({
        code: 'ERR_GUARD_AHEAD',
        message: expect.stringContaining('No node signs with it') as unknown,
      })
    }
    await expect(openNode(shared, randomFrom(1))).rejects.toMatchObject({ code: 'ERR_GUARD_AHEAD' })
  })

  it('when the guard holds another history', async () => {
    const { shared, nodes } = await openNodes(2)
    const treeHead = { treeSize: treeSize(2), rootHash: new Uint8Array(32) as RootHash }
    const registrationTime = GENESIS_TIME
    const fork = await signTreeHead({ ...shared, treeHead, registrationTime }, shared.signer)
    await shared.guard.advance((await shared.guard.read())!, fork)
    for (const node of nodes) expect(await stopped(node)).toMatchObject({ code: 'ERR_GUARD_FORK' })
  })

  it('when the guard is older than what they know, or gone', async () => {
    for (const held of ['first', undefined] as const) {
      const { shared, nodes } = await openNodes(2)
      const first = await shared.guard.read()
      await appendMany(nodes[0]!.log, 'a', 3)
      for (const { log } of nodes) await log.look()
      shared.guard.read = async () => (held === undefined ? undefined : first)
      const code = held === undefined ? 'ERR_GUARD_MISSING' : 'ERR_GUARD_BEHIND'
      for (const node of nodes) expect(await stopped(node)).toMatchObject({ code })
    }
  })

  it('when another node’s head is not that of its entries', async () => {
    const { shared, nodes } = await openNodes(2)
    const [one, two] = nodes as [TestNode, TestNode]
    await appendMany(one.log, 'a', 3)
    const readEntries = shared.store.readEntries.bind(shared.store)
    shared.store.readEntries = async (start, count) =>
      (await readEntries(start, count)).map(({ leafIndex: at }) => ({ leafIndex: at, entry: entryOf('x') })) // prettier-ignore
    expect(await stopped(two)).toMatchObject({ code: 'ERR_INVARIANT' })
    expect(two.log.currentHead().treeHead.treeSize).toBe(2)
  })

  it('when the receipt key is replaced, and one with the new key goes on', async () => {
    const { shared, nodes } = await openNodes(2)
    const [busy] = nodes as [TestNode]
    await appendMany(busy.log, 'a', 3)
    const signer = newSigner()
    await rotateKey(shared, { purpose: 'receipt', publicKey: signer.publicKey })
    const refused = busy.log.append(candidateOf('late'))
    await expect(refused).rejects.toMatchObject({ code: 'ERR_LOG_STOPPED' })
    for (const node of nodes) {
      expect(await stopped(node)).toMatchObject({
        code: 'ERR_NODE_FENCED',
        message: expect.stringContaining('start it again') as unknown,
      })
    }
    const next = await openNode({ ...shared, signer }, randomFrom(1))
    expect((await next.log.append(candidateOf('late'))).leafIndex).toBe(5)
    await next.log.close()
  })

  it('when operators cut it off, and starts again', async () => {
    const { shared, nodes } = await openNodes(1)
    await shared.store.fence?.()
    expect(await stopped(nodes[0]!)).toMatchObject({ code: 'ERR_NODE_FENCED' })
    const next = await openNode(shared, randomFrom(1))
    await next.log.append(candidateOf('a'))
    await next.log.close()
  })
})

describe('clocks that differ', () => {
  it('never make a registration time fall, and one that is far behind registers nothing', async () => {
    const { shared, nodes } = await openNodes(3)
    const oracle = new Oracle()
    for (const [at, seconds] of [0, 8, -9].entries()) nodes[at]!.clock.time += seconds
    for (let round = 0; round < 10; round++) {
      for (const at of [0, 1, 0]) {
        const name = `${round}-${at}-${oracle.acknowledged.size}`
        oracle.note(name, await nodes[at]!.log.append(candidateOf(name)))
      }
      const behind = nodes[2]!.log.append(candidateOf(`behind ${round}`))
      await expect(behind).rejects.toMatchObject({ code: 'ERR_CLOCK_BEHIND' })
      expect(nodes.flatMap(({ fatal }) => fatal)).toEqual([])
    }
    await closeAll(nodes)
    await oracle.finish(shared)
  })
})

/** Everything at once. Reproduce a run with its seed; the order of timers is not part of it. */
class Storm {
  readonly oracle = new Oracle()
  readonly #shared: SharedPorts
  readonly #random: (n: number) => number
  readonly #nodes: TestNode[]

  constructor(shared: SharedPorts, random: (n: number) => number, nodes: TestNode[]) {
    this.#shared = shared
    this.#random = random
    this.#nodes = nodes
  }

  /** One client: posts new and known entries to any node, and again where the outcome is unknown. */
  async client(id: number, posts: number): Promise<void> {
    for (let post = 0; post < posts; post++) {
      const isShared = this.#random(4) === 0
      const name = isShared ? `shared-${this.#random(40)}` : `${id}-${post}`
      await this.#post(name)
    }
  }

  async #post(name: string): Promise<void> {
    for (;;) {
      const node = this.#nodes[this.#random(this.#nodes.length)]!
      const given = node.log.append(candidateOf(name)).catch((e: unknown) => e as UnavailableError)
      const answer = await Promise.race([given, wait(1000)])
      if (answer instanceof Error) expect(answer.code).toMatch(/ERR_LOG_STOPPED|ERR_LOG_CLOSING/)
      else if (answer !== undefined) {
        this.oracle.note(name, answer)
        return
      }
    }
  }

  /** Ends nodes, one after the other, and starts another in the place of each. */
  async replaceSome(count: number, rates: FaultRates): Promise<void> {
    for (let kills = 0; kills < count; kills++) {
      await wait(200 + this.#random(500))
      const at = this.#random(this.#nodes.length)
      this.#nodes[at]!.faults.kill()
      this.#nodes[at] = await openNode(this.#shared, this.#random, { rates, batchEntriesMax: 16 })
    }
  }

  async finish(): Promise<void> {
    for (const { faults, fatal } of this.#nodes) {
      faults.rates = NO_FAULTS
      expect(fatal).toEqual([])
    }
    for (const { log } of this.#nodes) await log.close()
    await this.oracle.finish(this.#shared)
  }
}

describe('three nodes in a storm', () => {
  const rates = { lost: 10, lostAfter: 10, frozen: 3, frozenMsMax: 600, delayMsMax: 3 }
  const rounds = slow ? 60 : 3
  it(`lose nothing, fork nothing and store nothing twice, in ${rounds} rounds`, async () => {
    for (let round = 0; round < rounds; round++) {
      const { shared, nodes, random } = await openNodes(3, rates)
      const storm = new Storm(shared, random, nodes)
      const clients = Array.from({ length: 12 }, (_, id) => storm.client(id, 15))
      await Promise.all([...clients, storm.replaceSome(4, rates)])
      await storm.finish()
      expect(storm.oracle.acknowledged.size).toBeGreaterThan(100)
    }
  }, 600_000)
})
