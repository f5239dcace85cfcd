/**
 * Commits and signatures that land after their node gave up on them, while clocks differ and rules
 * change: nothing is lost, stored twice or signed twice, times never fall, and every entry lies under
 * the very rules that it was decided by.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { expect, it } from 'vitest'
import type { LeafIndex } from '../../src/bytes/integers.ts'
import { leafIndex } from '../../src/bytes/integers.ts'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { UnavailableError } from '../../src/errors.ts'
import type { Candidate } from '../../src/log/queue.ts'
import { Oracle } from '../support/nodes-oracle.ts'
import { overlay } from '../support/overlay.ts'
import { randomFrom, seed, slow } from '../support/mutate.ts'
import { candidateOf } from '../support/test-log.ts'
import { closeAll, memoryCluster, NO_FAULTS, openNode } from '../support/test-nodes.ts'
import type { SharedPorts, TestNode } from '../support/test-nodes.ts'

const ROUNDS = slow ? 40 : 2
const LATE_MS_MAX = 400
/** Of 100. */
const LATE = 6

/** A cluster whose nodes are told that a connection was lost while their request is still on its way. */
async function lateCluster(random: (n: number) => number): Promise<SharedPorts> {
  const shared = await memoryCluster()
  const late = async <Value>(
    code: 'ERR_STORE_UNREACHABLE' | 'ERR_GUARD_UNREACHABLE',
    call: () => Promise<Value>,
  ): Promise<Value> => {
    if (random(100) >= LATE) return call()
    void wait(random(LATE_MS_MAX)).then(() => call().catch(() => undefined))
    throw new UnavailableError(code, 'no answer in time')
  }
  const connect: SharedPorts['connect'] = async () => {
    const original = await shared.connect()
    const [store, guard] = [overlay(original.store), overlay(original.guard)]
    const commit = original.store.commit.bind(original.store)
    const advance = original.guard.advance.bind(original.guard)
    store.commit = (batch) => late('ERR_STORE_UNREACHABLE', () => commit(batch))
    guard.advance = (from, to) => late('ERR_GUARD_UNREACHABLE', () => advance(from, to))
    return { store, guard }
  }
  return { ...shared, connect }
}

/** The name tells the rules that it was decided by. */
const nameOf = (what: string, policyIndex: LeafIndex): string => `${what} under ${policyIndex}`

it(`loses nothing and forks nothing in ${ROUNDS} rounds`, async () => {
  const random = randomFrom(seed)
  for (let round = 0; round < ROUNDS; round++) {
    const shared = await lateCluster(random)
    const rates = { ...NO_FAULTS, delayMsMax: 3, lostWakeUps: 300 }
    const nodes: TestNode[] = []
    for (let at = 0; at < 3; at++) nodes.push(await openNode(shared, random, { rates }))
    const oracle = new Oracle()
    const post = async (what: string, parts: Partial<Candidate> = {}): Promise<void> => {
      for (;;) {
        const { log, clock } = nodes[random(3)]!
        clock.time += random(3)
        const { policyIndex } = log
        const name = nameOf(what, policyIndex)
        try {
          oracle.note(name, await log.append(candidateOf(name, { ...parts, policyIndex })))
          return
        } catch (error) {
          // A clock that is too far behind is set.
          const { code } = error as UnavailableError
          expect(['ERR_DECISION_STALE', 'ERR_CLOCK_BEHIND']).toContain(code)
          if (code === 'ERR_CLOCK_BEHIND') clock.time = Math.max(...nodes.map((n) => n.clock.time))
        }
      }
    }
    const client = async (id: number): Promise<void> => {
      for (let at = 0; at < 20; at++) {
        const isPolicy = random(12) === 0
        await post(`${id}-${at}`, isPolicy ? { governance: true, kind: 'policy' } : {})
      }
    }
    await Promise.all(Array.from({ length: 12 }, (_, id) => client(id)))
    expect(nodes.flatMap(({ fatal }) => fatal)).toEqual([])
    await closeAll(nodes)
    await wait(LATE_MS_MAX)
    await oracle.finish(shared)

    const { treeHead } = await shared.store.readState()
    const policies = await shared.store.listGovernance('policy', 0)
    const entries = await shared.store.readEntries(leafIndex(2), treeHead.treeSize)
    expect(entries.length).toBeGreaterThanOrEqual(12 * 20)
    for (const { leafIndex: at, entry } of entries) {
      const inForce = Math.max(1, ...policies.filter((index) => index < at))
      const ending = encodeUtf8(` under ${inForce}`)
      expect(entry.slice(-ending.length), `entry ${at}`).toEqual(ending)
    }
    expect(new Set(entries.map(({ entry }) => entry.join())).size).toBe(entries.length)
  }
}, 600_000)
