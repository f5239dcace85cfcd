/**
 * Several nodes on one log, in one process: what each step of a node's life does when another node is
 * faster, slower, frozen, cut off or gone. `test/crash/nodes.test.ts` does it with processes.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { leafIndex, treeSize } from '../../src/bytes/integers.ts'
import { signTreeHead } from '../../src/cose/signed-tree-head.ts'
import { UnavailableError } from '../../src/errors.ts'
import { checkLog } from '../../src/log/check-log.ts'
import { rotateKey } from '../../src/log/rotate-key.ts'
import type { RootHash } from '../../src/merkle/hasher.ts'
import { randomFrom } from '../support/mutate.ts'
import { appendMany, candidateOf, entryOf, GENESIS_TIME, newSigner } from '../support/test-log.ts'
import { Oracle } from '../support/nodes-oracle.ts'
import { closeAll, NO_FAULTS, openNode, openNodes } from '../support/test-nodes.ts'
import type { TestNode } from '../support/test-nodes.ts'

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

  it('come first in turn, though whoever committed last knows the new head before the other', async () => {
    const { nodes } = await openNodes(2, { ...NO_FAULTS, delayMsMax: 2 })
    const answered = [0, 0]
    const client = async (at: number, id: number): Promise<void> => {
      for (let post = 0; answered[0]! + answered[1]! < 200; post++) {
        await nodes[at]!.log.append(candidateOf(`${at}-${id}-${post}`))
        answered[at]! += 1
      }
    }
    await Promise.all(Array.from({ length: 8 }, (_, id) => client(id % 2, id)))
    for (const count of answered) expect(count).toBeGreaterThan(60)
    await closeAll(nodes)
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

describe('a connection that is lost in the middle of a batch', () => {
  const steps = ['findLeafIndexes', 'commit', 'readEntries', 'readTiles', 'advance'] as const
  for (const step of steps) {
    for (const moment of ['before', 'after'] as const) {
      it(`${moment} ${step} took effect fails nobody: the node looks, and goes on`, async () => {
        const { shared, nodes } = await openNodes(1)
        const [node] = nodes as [TestNode]
        node.faults.loseOnce(step, moment)
        const names = ['a', 'b', 'c']
        const told = await Promise.all(names.map((name) => node.log.append(candidateOf(name))))
        expect(told.map(({ leafIndex: index }) => index)).toEqual([2, 3, 4])
        // A batch that was stored is found, and one that was not is stored again.
        const isStored = step !== 'findLeafIndexes' && !(step === 'commit' && moment === 'before')
        expect(told.map(({ duplicate }) => duplicate)).toEqual(names.map(() => isStored))
        expect(node.fatal).toEqual([])
        await node.log.close()
        expect(await checkLog(shared)).toMatchObject({ entries: 5, batches: 2, signedHeads: 2 })
      })
    }
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

describe('a node whose batches fail though both places answer', () => {
  it('takes its time between two tries', async () => {
    const { shared, nodes } = await openNodes(1)
    const [node] = nodes as [TestNode]
    const findLeafIndexes = shared.store.findLeafIndexes.bind(shared.store)
    let tries = 0
    shared.store.findLeafIndexes = async () => {
      tries += 1
      await Promise.resolve()
      throw new UnavailableError('ERR_STORE_UNREACHABLE', 'out of memory')
    }
    const waiting = node.log.append(candidateOf('w'))
    await wait(300)
    expect(tries).toBeGreaterThan(1)
    expect(tries).toBeLessThan(20)
    shared.store.findLeafIndexes = findLeafIndexes
    expect((await waiting).leafIndex).toBe(2)
    expect(node.fatal).toEqual([])
    await closeAll(nodes)
  })
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

  it('when its batch was signed with the new receipt key while it was frozen', async () => {
    const { shared, nodes } = await openNodes(1)
    const [frozen] = nodes as [TestNode]
    const thaw = frozen.faults.freezeBefore('advance')
    const late = frozen.log.append(candidateOf('late'))
    await expect.poll(async () => (await shared.store.readState()).treeHead.treeSize).toBe(3)
    const signer = newSigner()
    await rotateKey(shared, { purpose: 'receipt', publicKey: signer.publicKey })
    const next = await openNode({ ...shared, signer }, randomFrom(1))
    expect(next.log.currentHead().treeHead.treeSize).toBe(3)
    thaw()
    await expect(late).rejects.toMatchObject({ code: 'ERR_LOG_STOPPED' })
    expect(await stopped(frozen)).toMatchObject({ code: 'ERR_NODE_FENCED' })
    expect(await next.log.append(candidateOf('late'))).toMatchObject({ leafIndex: 2 })
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
