/** What a node of several tells of a store or a guard that it cannot reach: once, and once when it is back. */
import { setTimeout as wait } from 'node:timers/promises'
import { expect, it, vi } from 'vitest'
import { UnavailableError } from '../../src/errors.ts'
import type { Reach } from '../../src/log/observer.ts'
import { overlay } from '../support/overlay.ts'
import { candidateOf } from '../support/test-log.ts'
import { closeAll, memoryCluster, openNode } from '../support/test-nodes.ts'
import type { SharedPorts, TestNode } from '../support/test-nodes.ts'

async function openTelling(
  shared?: SharedPorts,
): Promise<{ readonly node: TestNode; readonly told: string[] }> {
  const told: string[] = []
  const onReach = ({ place, error }: Reach): void =>
    void told.push(`${place} ${error?.code ?? 'answers'}`)
  const node = await openNode({ ...(shared ?? (await memoryCluster())), onReach }, () => 0)
  return { node, told }
}

const outages = [
  ['store', 'ERR_STORE_UNREACHABLE'],
  ['guard', 'ERR_GUARD_UNREACHABLE'],
] as const

it.each(outages)('an idle node that loses the %s', async (place, code) => {
  const { node, told } = await openTelling()
  const heal = node.faults.cut(place)
  await vi.waitFor(() => expect(told).toEqual([`${place} ${code}`]), { timeout: 5000 })
  await wait(700)
  expect(told).toHaveLength(1)
  heal()
  await vi.waitFor(() => expect(told.slice(1)).toEqual([`${place} answers`]), { timeout: 5000 })
  await closeAll([node])
})

it.each(outages)('a node with clients that loses the %s, twice', async (place, code) => {
  const { node, told } = await openTelling()
  for (const name of ['a', 'b']) {
    const heal = node.faults.cut(place)
    const appended = node.log.append(candidateOf(name))
    await wait(300)
    heal()
    await appended
  }
  const pair = [`${place} ${code}`, `${place} answers`]
  expect(told).toEqual([...pair, ...pair])
  await closeAll([node])
})

it('a connection that is lost in the middle of a batch, and is there again at the next look', async () => {
  const { node, told } = await openTelling()
  node.faults.loseOnce('advance', 'after')
  await node.log.append(candidateOf('a'))
  expect(told).toEqual([])
  await closeAll([node])
})

it('a guard that is read and takes nothing', async () => {
  const shared = await memoryCluster()
  const guard = overlay(shared.guard)
  let isFull = true
  guard.advance = (from, to) =>
    isFull
      ? Promise.reject(new UnavailableError('ERR_GUARD_UNREACHABLE', 'the disk is full'))
      : shared.guard.advance(from, to)
  const { node, told } = await openTelling({
    ...shared,
    connect: async () => ({ ...shared, guard }),
  })
  const appended = node.log.append(candidateOf('a'))
  await wait(500)
  expect(told).toEqual(['guard ERR_GUARD_UNREACHABLE'])
  isFull = false
  expect(await appended).toMatchObject({ leafIndex: 2 })
  expect(told.slice(1)).toEqual(['guard answers'])
  await closeAll([node])
})

it('both at once: neither answers before both do', async () => {
  const { node, told } = await openTelling()
  const [healStore, healGuard] = [node.faults.cut('store'), node.faults.cut('guard')]
  await vi.waitFor(() => expect(told).toEqual(['guard ERR_GUARD_UNREACHABLE']), { timeout: 5000 })
  healGuard()
  await vi.waitFor(() => expect(told).toHaveLength(2), { timeout: 5000 })
  healStore()
  await vi.waitFor(() => expect(told).toHaveLength(4), { timeout: 5000 })
  expect(told.slice(1)).toEqual(['store ERR_STORE_UNREACHABLE', 'guard answers', 'store answers'])
  await closeAll([node])
})
