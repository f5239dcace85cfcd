/** A node that others are faster than each time makes no progress, and that is seen from outside. */
import { expect, it } from 'vitest'
import { leafIndex } from '../../src/bytes/integers.ts'
import type { Candidate } from '../../src/log/queue.ts'
import { randomFrom, seed } from '../support/mutate.ts'
import { overlay } from '../support/overlay.ts'
import { candidateOf } from '../support/test-log.ts'
import { closeAll, memoryCluster, openNode } from '../support/test-nodes.ts'
import type { SharedPorts, TestNode } from '../support/test-nodes.ts'

/** What was seen of the slow node at its calls to the store, in seconds. */
interface Seen {
  readonly call: 'commit' | 'look'
  readonly age: number
  /** Since its first commit. */
  readonly atLeast: number
}

interface Race {
  readonly fast: TestNode
  readonly slow: TestNode
  readonly seen: Seen[]
  /** Lets the slow node come first from now on. */
  readonly win: () => void
}

/** The slow node commits after the fast one has, until it is told to win. */
async function race(parts?: Partial<Candidate>): Promise<Race> {
  const [shared, random] = [await memoryCluster(), randomFrom(seed)]
  const fast = await openNode(shared, random)
  const seen: Seen[] = []
  let isLosing = true
  let began: number | undefined
  const see = (call: Seen['call']): void => {
    if (began === undefined) return
    const atLeast = (performance.now() - began) / 1000
    seen.push({ call, age: slow.log.batchSeconds, atLeast })
  }
  const connect: SharedPorts['connect'] = async () => {
    const { store, guard } = await shared.connect()
    const late = overlay(store)
    late.commit = async (batch) => {
      began ??= performance.now()
      see('commit')
      if (isLosing) await fast.log.append(candidateOf(`fast ${seen.length}`, parts))
      return store.commit(batch)
    }
    late.readState = async () => {
      see('look')
      return store.readState()
    }
    return { store: late, guard }
  }
  const slow = await openNode({ ...shared, connect }, random)
  return { fast, slow, seen, win: () => (isLosing = false) }
}

it('its batch takes as long as all its tries and the looks between them', async () => {
  const { fast, slow, seen, win } = await race()
  const appended = slow.log.append(candidateOf('slow'))
  await expect.poll(() => seen.filter(({ call }) => call === 'commit').length).toBeGreaterThan(3)
  win()
  await appended
  const waited = seen.slice(0, seen.findLastIndex(({ call }) => call === 'commit') + 1)
  expect(waited.map(({ call }) => call)).toContain('look')
  for (const { age, atLeast } of waited) expect(age).toBeGreaterThanOrEqual(atLeast)
  await expect.poll(() => slow.log.batchSeconds).toBe(0)
  await closeAll([fast, slow])
})

it('its batch is over when new rules refuse what waits', async () => {
  const { fast, slow } = await race({ governance: true, kind: 'policy' })
  const refused = slow.log.append(candidateOf('slow', { policyIndex: leafIndex(1) }))
  await expect(refused).rejects.toMatchObject({ code: 'ERR_DECISION_STALE' })
  await expect.poll(() => slow.log.batchSeconds).toBe(0)
  await closeAll([fast, slow])
})
