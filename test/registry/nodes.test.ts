/**
 * Two registries on one log: rules that one of them changed decide at the other from the next entry
 * on, journals of both never overlap, and an auditor finds nothing odd.
 */
import { describe, expect, it } from 'vitest'
import { followRules } from '../../src/app/rules.ts'
import { leafIndex } from '../../src/bytes/integers.ts'
import { UnavailableError } from '../../src/errors.ts'
import type { Guard } from '../../src/log/guard.ts'
import { Log } from '../../src/log/log.ts'
import { parseRegistrationJournal } from '../../src/policy/registration-journal.ts'
import { JournalWriter } from '../../src/registry/journal.ts'
import { Registry } from '../../src/registry/registry.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { MemoryGuard } from '../../src/store/memory/memory-guard.ts'
import type { LogStore } from '../../src/log/store.ts'
import { MemoryLogStore } from '../../src/store/memory/memory-log-store.ts'
import { auditRegistry } from '../support/audit-registry.ts'
import { overlay } from '../support/overlay.ts'
import { TestRegistry } from '../support/test-registry.ts'

interface Nodes {
  readonly one: TestRegistry
  readonly two: Pick<TestRegistry, 'log' | 'registry' | 'ports' | 'store'> & {
    readonly guard: CutGuard
  }
}

interface CutGuard extends Guard {
  /** Cuts the node off until what is returned is called. */
  cut(): () => void
}

function cutGuard(original: Guard): CutGuard {
  let isCut = false
  const reach = async <Value>(call: () => Promise<Value>): Promise<Value> => {
    if (isCut) throw new UnavailableError('ERR_GUARD_UNREACHABLE', 'cut off')
    return call()
  }
  return {
    shared: true,
    cut: () => {
      isCut = true
      return () => void (isCut = false)
    },
    read: () => reach(() => original.read()),
    advance: (from, to) => reach(() => original.advance(from, to)),
    create: (head) => original.create(head),
    close: () => original.close(),
  }
}

async function openNodes(): Promise<Nodes> {
  const store = new MemoryLogStore({ shared: true })
  const guard = new MemoryGuard({ shared: true })
  const one = await TestRegistry.create({ wrapStore: () => store, guard })
  const cut = cutGuard(guard)
  const own = overlay<LogStore>(store)
  const log = await Log.open({
    ...{ store: own, guard: cut, signer: one.serviceSigner, clock: one.ports.clock },
    ...{ hasher: one.ports.hasher, verifier: one.ports.verifier },
    ...{ issuer: one.ports.issuer, origin: one.ports.origin },
    onFatal: (error) => one.fatal.push(error),
  })
  const ports = { ...one.ports, log, rules: await followRules(log) }
  return { one, two: { log, ports, registry: new Registry(ports), store: own, guard: cut } }
}

describe('two registries on one log', () => {
  it('decide by the rules that either of them registered', async () => {
    const { one, two } = await openNodes()
    const first = await one.statement(1)
    await two.registry.register(first)
    await one.registry.register(await one.policyStatement({ contentTypes: ['text/plain'] }))
    // The other one has not looked since: it finds out when it commits, and decides again.
    await expect(two.registry.register(await one.statement(2))).rejects.toMatchObject({
      ...{ code: 'ERR_POLICY_REJECTED', rule: 'content-type' },
    })
    const plain = await one.statement(3, { contentType: 'text/plain' })
    expect(await two.registry.register(plain)).toMatchObject({ status: 'registered' })
    expect(await one.registry.register(plain)).toMatchObject({ status: 'registered' })
    // What is stored is answered before policy, wherever it was stored.
    expect(await one.registry.register(first)).toMatchObject({ status: 'registered' })
    expect(two.log.policyIndex).toBe(3)
    expect(two.log.currentHead().treeHead.treeSize).toBe(5)
    expect(one.fatal).toEqual([])
    await two.log.close()
    await one.close()
  })

  it('answer what is stored before policy, also when its batch changed the policy and was lost sight of', async () => {
    const { one, two } = await openNodes()
    const commit = two.store.commit.bind(two.store)
    two.store.commit = async (batch) => {
      two.store.commit = commit
      await commit(batch)
      throw new UnavailableError('ERR_STORE_UNREACHABLE', 'connection lost')
    }
    const [statement, policy] = [
      await one.statement(1),
      await one.policyStatement({ contentTypes: ['text/plain'] }),
    ]
    const registered = await Promise.all([
      two.registry.register(statement),
      two.registry.register(policy),
    ])
    expect(registered).toMatchObject([{ status: 'registered' }, { status: 'registered' }])
    expect(one.refusals).toEqual([])
    expect((await one.store.readState()).treeHead.treeSize).toBe(4)
    await two.log.close()
    await one.close()
  })

  it('admit what was seen in the store once, and is lost with the primary that had it', async () => {
    const { one, two } = await openNodes()
    const policy = await one.policyStatement({ contentTypes: ['text/plain'] })
    const findLeafIndexes = two.store.findLeafIndexes.bind(two.store)
    // The node that committed it ended before it could sign it, and a standby without it took over.
    two.store.findLeafIndexes = async (entryIds) => {
      two.store.findLeafIndexes = findLeafIndexes
      return entryIds.map(() => leafIndex(2))
    }
    expect(await two.registry.register(policy)).toMatchObject({ status: 'registered' })
    expect(await one.store.listGovernance('policy', 0)).toEqual([0, 2])
    expect(two.ports.rules()).toMatchObject({ policyIndex: 2 })
    await two.log.close()
    await one.close()
  })

  it('read rules at a start that another one changes meanwhile', async () => {
    const { one, two } = await openNodes()
    const readEntry = two.log.readEntry.bind(two.log)
    let changes = 0
    two.log.readEntry = async (at) => {
      if (changes++ === 0) {
        await one.registry.register(await one.policyStatement({ contentTypes: ['text/plain'] }))
        await two.log.look()
      }
      return readEntry(at)
    }
    const rules = await followRules(two.log)
    expect(rules()).toMatchObject({ policyIndex: 2, policy: { contentTypes: ['text/plain'] } })
    await two.log.close()
    await one.close()
  })

  it('are healthy one by one: the one that is cut off from the guard only reads', async () => {
    const { one, two } = await openNodes()
    await one.registry.register(await one.statement(1))
    const restore = two.guard.cut()
    const waiting = two.registry.register(await one.statement(2))
    await expect
      .poll(async () => (await two.registry.checkHealth()).registrations)
      .toEqual({
        ...{ status: 'refused', reason: 'ERR_GUARD_UNREACHABLE' },
      })
    expect(await two.registry.checkHealth()).toMatchObject({ status: 'ok' })
    expect((await one.registry.checkHealth()).registrations).toEqual({ status: 'accepted' })
    restore()
    expect(await waiting).toMatchObject({ status: 'registered' })
    expect((await two.registry.checkHealth()).registrations).toEqual({ status: 'accepted' })
    await two.log.close()
    await one.close()
  })

  it('write journals whose ranges follow each other, and no more than one would', async () => {
    const { one, two } = await openNodes()
    const signer = one.registrar
    const writers = [
      await JournalWriter.open({ ports: { ...one.ports, log: one.log }, signer }),
      await JournalWriter.open({ ports: { ...two.ports, log: two.log }, signer }),
    ] as const
    for (let round = 0; round < 5; round++) {
      one.clock.time += 30
      await one.registry.register(await one.statement(2 * round))
      await two.registry.register(await one.statement(2 * round + 1))
      await Promise.all(writers.map((writer) => writer.write()))
    }
    one.clock.time += 30
    await one.registry.register(await one.statement(100))
    await two.log.look()
    expect((await writers[1].write(20)).appended).toHaveLength(1)
    one.clock.time += 19
    await one.registry.register(await one.statement(101))
    expect((await writers[0].write(20)).appended).toEqual([])
    one.clock.time += 1
    expect((await writers[0].write(20)).appended).toHaveLength(1)
    await one.log.look()
    let covered = 0
    for (const at of await one.log.listGovernance('journal')) {
      const { message } = parseSignedStatement(await one.log.readEntry(at))
      const { from, to } = parseRegistrationJournal(message.payload!)
      expect(from).toBe(covered)
      covered = to
    }
    expect(covered).toBe(one.log.currentHead().treeHead.treeSize - 1)
    const report = await auditRegistry(one, (await one.listen()).url)
    expect(report).toMatchObject({ unreplayed: [] })
    expect(one.fatal).toEqual([])
    await two.log.close()
    await one.close()
  })
})
