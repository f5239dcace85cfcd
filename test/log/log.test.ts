/** The log as its callers see it: what an append promises, who is told what, and what is served. */
import { describe, expect, it, vi } from 'vitest'
import { leafIndex, treeSize } from '../../src/bytes/integers.ts'
import type { SignedTreeHead } from '../../src/cose/signed-tree-head.ts'
import { UnavailableError } from '../../src/errors.ts'
import { checkLog } from '../../src/log/check-log.ts'
import type { Log } from '../../src/log/log.ts'
import type { Registered } from '../../src/log/registered.ts'

import { verifyConsistency } from '../../src/merkle/verify-consistency.ts'
import { verifyInclusion } from '../../src/merkle/verify-inclusion.ts'
import { overlay } from '../support/overlay.ts'
import {
  appendMany,
  candidateOf,
  createTestLog,
  entryOf,
  GENESIS_ENTRIES,
  GENESIS_TIME,
  hasher,
  openTestLog,
  testPorts,
} from '../support/test-log.ts'
import type { OpenedLog, TestPorts } from '../support/test-log.ts'
import type { LogLimits } from '../../src/log/limits.ts'

async function newLog(limits: Partial<LogLimits> = {}): Promise<OpenedLog & { ports: TestPorts }> {
  const ports = testPorts()
  await createTestLog(ports)
  return { ...(await openTestLog(ports, limits)), ports }
}

function verifyRegistered(text: string, { leafIndex, head, inclusionPath }: Registered): void {
  const { treeSize, rootHash } = head.treeHead
  const leafHash = hasher.leaf(entryOf(text))
  verifyInclusion({ leafHash, leafIndex, treeSize, inclusionPath, rootHash })
}

const unavailable = (code: string): unknown => expect.objectContaining({ code })

describe('an append', () => {
  it('is answered with the index, a signed head and the path to it', async () => {
    const { log } = await newLog()
    const registered = await log.append(candidateOf('a'))
    expect(registered).toMatchObject({ leafIndex: 2, duplicate: false })
    verifyRegistered('a', registered)
    expect(log.currentHead()).toBe(registered.head)
    expect(registered.head.treeHead.treeSize).toBe(3)
  })

  it('shares a batch, and so a signature, with what arrived at the same time', async () => {
    const { log } = await newLog()
    const names = Array.from({ length: 600 }, (_, at) => `e${at}`)
    const all = await Promise.all(names.map((name) => log.append(candidateOf(name))))
    expect(new Set(all.map(({ head }) => head)).size).toBe(1)
    expect(all.map(({ leafIndex }) => leafIndex)).toEqual(names.map((_, at) => at + 2))
    for (const [at, registered] of all.entries()) verifyRegistered(names[at]!, registered)
  })

  it('that the store does not finish is seen from outside, by how long its batch takes', async () => {
    const ports = testPorts()
    await createTestLog(ports)
    let finish = (): void => undefined
    const hanging = new Promise<void>((resolve) => (finish = resolve))
    const store = overlay(ports.store)
    store.commit = async (batch) => {
      await hanging
      return ports.store.commit(batch)
    }
    const { log } = await openTestLog({ ...ports, store })
    expect(log.batchSeconds).toBe(0)
    const now = Math.round(performance.now())
    const clock = vi.spyOn(performance, 'now').mockReturnValue(now)
    try {
      const appended = log.append(candidateOf('a'))
      await vi.waitFor(() => expect(log.queued.entries).toBe(0))
      clock.mockReturnValue(now + 12_000)
      expect(log.batchSeconds).toBe(12)
      finish()
      await appended
      await vi.waitFor(() => expect(log.batchSeconds).toBe(0))
    } finally {
      clock.mockRestore()
    }
  })

  it('does not share a batch beyond the limits of a batch', async () => {
    const { log } = await newLog({ batchEntriesMax: 4, batchBytesMax: 24 })
    const names = Array.from({ length: 10 }, (_, at) => `e${at}`)
    const all = await Promise.all(names.map((name) => log.append(candidateOf(name))))
    // 8 bytes an entry: three fit in 24.
    expect(all.map(({ head }) => head.treeHead.treeSize)).toEqual([
      5, 5, 5, 8, 8, 8, 11, 11, 11, 12,
    ])
  })

  it('of one entry 50 times at once gives one entry and 50 equal answers', async () => {
    const { log, ports } = await newLog()
    const all = await Promise.all(Array.from({ length: 50 }, () => log.append(candidateOf('a'))))
    for (const { leafIndex, head, inclusionPath } of all) {
      expect({ leafIndex, head, inclusionPath }).toEqual({
        leafIndex: 2,
        head: all[0]!.head,
        inclusionPath: all[0]!.inclusionPath,
      })
    }
    expect(all.filter(({ duplicate }) => !duplicate)).toHaveLength(1)
    expect((await ports.store.readState()).treeHead.treeSize).toBe(3)
  })

  it('of a stored entry gets the first answer again, however much later', async () => {
    const { log, ports } = await newLog()
    const first = await log.append(candidateOf('a'))
    await appendMany(log, 'b', 300)
    await appendMany(log, 'c', 5)
    expect(await log.append(candidateOf('a'))).toEqual({ ...first, duplicate: true })
    await log.close()
    const { log: again } = await openTestLog(ports)
    expect(await again.append(candidateOf('a'))).toEqual({ ...first, duplicate: true })
  })

  it('of an entry that is being committed joins it', async () => {
    const { log, ports } = await newLog()
    let during: Promise<Registered> | undefined
    const commit = ports.store.commit.bind(ports.store)
    ports.store.commit = async (batch) => {
      during ??= log.append(candidateOf('a'))
      await commit(batch)
      expect(await log.findEntry(candidateOf('a').entryId)).toEqual({
        leafIndex: 2,
        released: false,
      })
    }
    const first = await log.append(candidateOf('a'))
    expect(await during).toEqual({ ...first, duplicate: true })
    expect(await log.findEntry(candidateOf('a').entryId)).toEqual({ leafIndex: 2, released: true })
  })
})

describe('back-pressure', () => {
  it('refuses what does not fit into the queue, and keeps what does', async () => {
    const { log } = await newLog({ queueEntriesMax: 3 })
    const waiting = [1, 2, 3].map((at) => log.append(candidateOf(`e${at}`)))
    await expect(log.append(candidateOf('e4'))).rejects.toEqual(unavailable('ERR_QUEUE_FULL'))
    expect(await Promise.all(waiting)).toHaveLength(3)
    expect((await log.append(candidateOf('e4'))).leafIndex).toBe(5)
  })

  it('counts bytes as well', async () => {
    const { log } = await newLog({ queueBytesMax: 20 })
    const waiting = [log.append(candidateOf('e1')), log.append(candidateOf('e2'))]
    await expect(log.append(candidateOf('e3'))).rejects.toEqual(unavailable('ERR_QUEUE_FULL'))
    await Promise.all(waiting)
    await log.append(candidateOf('e3'))
  })
})

describe('a decision', () => {
  it('that does not stand at the registration time is handed back, and fails nobody else', async () => {
    const { log, ports } = await newLog()
    ports.clock.time = GENESIS_TIME + 100
    const early = log.append(candidateOf('a', { standsUntil: GENESIS_TIME + 99 }))
    const late = log.append(candidateOf('b', { standsFrom: GENESIS_TIME + 101 }))
    const good = log.append(
      candidateOf('c', { standsFrom: GENESIS_TIME + 100, standsUntil: GENESIS_TIME + 100 }),
    )
    await expect(early).rejects.toEqual(unavailable('ERR_DECISION_STALE'))
    await expect(late).rejects.toEqual(unavailable('ERR_DECISION_STALE'))
    expect(await good).toMatchObject({
      leafIndex: 2,
      head: { registrationTime: GENESIS_TIME + 100 },
    })
  })

  it('of a bad copy does not fail a good copy of the same entry', async () => {
    const { log } = await newLog()
    const bad = log.append(candidateOf('a', { standsUntil: 1 }))
    const good = log.append(candidateOf('a'))
    await expect(bad).rejects.toEqual(unavailable('ERR_DECISION_STALE'))
    expect(await good).toMatchObject({ leafIndex: 2, duplicate: false })
  })

  it('under rules that were replaced meanwhile is handed back', async () => {
    const { log, ports } = await newLog({ batchEntriesMax: 2 })
    const before = log.append(candidateOf('a', { policyIndex: leafIndex(1) }))
    const policy = log.append(candidateOf('policy 2', { governance: true }))
    const other = log.append(candidateOf('policy 3', { governance: true }))
    // Ordinary entries go first, as many as fit: no flood of delegations starves them.
    const room = log.append(candidateOf('b'))
    const behind = log.append(candidateOf('c'))
    const further = log.append(candidateOf('d', { policyIndex: leafIndex(1) }))
    expect((await before).leafIndex).toBe(2)
    expect((await room).leafIndex).toBe(3)
    expect(await policy).toMatchObject({ leafIndex: 4, head: { treeHead: { treeSize: 5 } } })
    for (const waiting of [other, behind, further]) {
      await expect(waiting).rejects.toEqual(unavailable('ERR_DECISION_STALE'))
    }
    expect((await ports.store.readState()).policyIndex).toBe(4)
    await log.append(candidateOf('c', { policyIndex: leafIndex(4) }))
  })

  it('that governs is followed before what waits is told, and before its own answer', async () => {
    const { log } = await newLog()
    const order: string[] = []
    log.followGovernance(({ leafIndex: index }) => order.push(`followed ${index}`))
    const policy = log
      .append(candidateOf('policy 2', { governance: true, kind: 'policy' }))
      .then(() => order.push('answered'))
    const waiting = log
      .append(candidateOf('policy 3', { governance: true }))
      .catch(() => order.push('handed back'))
    await Promise.all([policy, waiting])
    expect(order).toEqual(['followed 2', 'handed back', 'answered'])
    expect(await log.listGovernance('policy')).toEqual([0, 2])
    expect(await log.findLastGovernance('policy')).toBe(2)
    expect(log.policyIndex).toBe(2)
  })
})

describe('registration time', () => {
  it('never falls, though the clock does a little', async () => {
    const { log, ports } = await newLog()
    ports.clock.time = GENESIS_TIME + 50
    await log.append(candidateOf('a'))
    ports.clock.time = GENESIS_TIME + 40
    const { head } = await log.append(candidateOf('b'))
    expect(head.registrationTime).toBe(GENESIS_TIME + 50)
  })

  it('is not made up while the clock is far behind', async () => {
    const { log, ports, fatal } = await newLog()
    ports.clock.time = GENESIS_TIME - 11
    await expect(log.append(candidateOf('a'))).rejects.toEqual(unavailable('ERR_CLOCK_BEHIND'))
    ports.clock.time = GENESIS_TIME
    expect((await log.append(candidateOf('a'))).leafIndex).toBe(2)
    expect(fatal).toEqual([])
  })
})

describe('what is served', () => {
  async function grown(): Promise<{ log: Log; ports: TestPorts; heads: SignedTreeHead[] }> {
    const { log, ports } = await newLog()
    const heads = [log.currentHead()]
    for (const [at, count] of [1, 253, 1, 300].entries()) {
      await appendMany(log, `b${at}`, count)
      heads.push(log.currentHead())
    }
    return { log, ports, heads }
  }

  it('is every signed head, under its size', async () => {
    const { log, heads } = await grown()
    for (const head of heads) expect(await log.headAt(head.treeHead.treeSize)).toEqual(head)
    expect(await log.headAt(treeSize(7))).toBeUndefined()
    expect(await log.headAt(treeSize(100_000))).toBeUndefined()
  })

  it('is the first head that covers an entry', async () => {
    const { log, heads } = await grown()
    expect(await log.firstHeadCovering(leafIndex(1))).toEqual(heads[0])
    expect(await log.firstHeadCovering(leafIndex(2))).toEqual(heads[1])
    expect(await log.firstHeadCovering(leafIndex(255))).toEqual(heads[2])
    expect(await log.firstHeadCovering(leafIndex(256))).toEqual(heads[3])
    expect(await log.firstHeadCovering(leafIndex(556))).toEqual(heads[4])
    expect(await log.firstHeadCovering(leafIndex(557))).toBeUndefined()
  })

  it('is a proof for every entry in every head that covers it', async () => {
    const { log, heads } = await grown()
    for (const head of heads) {
      const { treeSize: size, rootHash } = head.treeHead
      for (let at = 0; at < size; at += 5) {
        const proof = await log.inclusionProof(leafIndex(at), head)
        const leafHash = hasher.leaf(await log.readEntry(leafIndex(at)))
        verifyInclusion({ ...proof, leafHash, rootHash })
      }
    }
    expect(await log.readEntry(leafIndex(0))).toEqual(GENESIS_ENTRIES[0])
  })

  it('is a consistency proof between any two heads', async () => {
    const { log, heads } = await grown()
    for (const [at, head1] of heads.entries()) {
      for (const head2 of heads.slice(at)) {
        const [size1, size2] = [head1.treeHead.treeSize, head2.treeHead.treeSize]
        const proof = await log.consistencyProof(size1, size2)
        const roots = { rootHash1: head1.treeHead.rootHash, rootHash2: head2.treeHead.rootHash }
        verifyConsistency({ ...proof, ...roots })
      }
    }
    await expect(log.consistencyProof(treeSize(256), treeSize(3))).rejects.toMatchObject({
      code: 'ERR_MERKLE_RANGE',
    })
    await expect(log.consistencyProof(treeSize(4), treeSize(256))).rejects.toMatchObject({
      code: 'ERR_HEAD_UNKNOWN',
    })
  })

  it('is nothing above the released head', async () => {
    const { log, ports } = await newLog()
    const { guard, store } = ports
    const advance = guard.advance.bind(guard)
    let checked = false
    guard.advance = async (from, to) => {
      expect((await store.readState()).treeHead.treeSize).toBe(3)
      expect(log.currentHead()).toEqual(from)
      expect(await log.headAt(treeSize(3))).toBeUndefined()
      expect(await log.firstHeadCovering(leafIndex(2))).toBeUndefined()
      await expect(log.readEntry(leafIndex(2))).rejects.toMatchObject({ code: 'ERR_ENTRY_UNKNOWN' })
      await expect(log.inclusionProof(leafIndex(2), to)).rejects.toMatchObject({
        code: 'ERR_HEAD_UNKNOWN',
      })
      checked = true
      return advance(from, to)
    }
    await log.append(candidateOf('a'))
    expect(checked).toBe(true)
    expect(await log.readEntry(leafIndex(2))).toEqual(entryOf('a'))
  })

  it('is never an entry or a path that lost a bit', async () => {
    const { log, ports } = await grown()
    await log.close()
    const spoiled = overlay(ports.store)
    const { log: again } = await openTestLog({ ...ports, store: spoiled })
    spoiled.readEntries = async (start, count) => {
      const entries = await ports.store.readEntries(start, count)
      return entries.map(({ leafIndex: at, entry }) => ({ leafIndex: at, entry: flip(entry) }))
    }
    spoiled.readTiles = async (tiles) => (await ports.store.readTiles(tiles)).map(flip)
    const invariant = { code: 'ERR_INVARIANT' }
    await expect(again.readEntry(leafIndex(300))).rejects.toMatchObject(invariant)
    await expect(again.inclusionProof(leafIndex(9), again.currentHead())).rejects.toMatchObject(
      invariant,
    )
  })
})

describe('an idle log', () => {
  it('copies its last head from the guard into the store, and writes nothing more', async () => {
    const { log, ports } = await newLog({ idleSaveMs: 1 })
    const { head } = await log.append(candidateOf('a'))
    let saved = 0
    const save = ports.store.saveSignedHead.bind(ports.store)
    ports.store.saveSignedHead = async (signed) => {
      saved += 1
      await save(signed)
    }
    await expect.poll(() => ports.store.findSignedHead(treeSize(3))).toEqual(head)
    await new Promise((resolve) => setTimeout(resolve, 10))
    expect(saved).toBe(1)
    await log.close()
    expect(saved).toBe(1)
  })
})

describe('closing', () => {
  it('answers everything that was accepted, then refuses', async () => {
    const { log, ports } = await newLog({ batchEntriesMax: 2 })
    const waiting = [1, 2, 3, 4, 5].map((at) => log.append(candidateOf(`e${at}`)))
    const closed = log.close()
    await expect(log.append(candidateOf('late'))).rejects.toEqual(unavailable('ERR_LOG_CLOSING'))
    await closed
    expect(await Promise.all(waiting)).toHaveLength(5)
    expect((await ports.store.findSignedHead(treeSize(7)))?.treeHead.treeSize).toBe(7)
    await checkLog(ports)
  })
})

describe('a log that has stopped', () => {
  it('says so once, tells everybody who waits, and goes on serving', async () => {
    const { log, ports, fatal } = await newLog({ batchEntriesMax: 1 })
    ports.signer.sign = () => Promise.reject(new Error('the HSM is gone'))
    const waiting = [1, 2, 3].map((at) => log.append(candidateOf(`e${at}`)))
    for (const one of waiting) {
      await expect(one).rejects.toEqual(unavailable('ERR_LOG_STOPPED'))
      await expect(one).rejects.toBeInstanceOf(UnavailableError)
    }
    await expect(log.append(candidateOf('f'))).rejects.toEqual(unavailable('ERR_LOG_STOPPED'))
    expect(fatal.map(({ message }) => message)).toEqual(['the HSM is gone'])
    expect(log.currentHead().treeHead.treeSize).toBe(2)
    expect(await log.readEntry(leafIndex(1))).toEqual(GENESIS_ENTRIES[1])
  })
})

function flip(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice()
  copy[0] = (copy[0]! + 1) % 256
  return copy
}
