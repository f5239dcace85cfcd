/**
 * What stores and guards promise beyond their contracts when several nodes use them: who comes
 * second learns it, stores nothing, and can go on.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { leafIndex } from '../../src/bytes/integers.ts'
import { encodeCoseKey } from '../../src/cose/public-key.ts'
import type { Guard } from '../../src/log/guard.ts'
import type { Genesis, LogStore, WakeUp } from '../../src/log/store.ts'
import { GENESIS_TIME, newSigner } from '../support/test-log.ts'
import { headOf } from './guard.ts'
import { Scribe } from './log-store.ts'

/** What `nodes` open onto the same rows; the first one is empty. */
export interface SharedUnderTest<Port> {
  readonly nodes: readonly [Port, Port]
  readonly dispose: () => Promise<void>
}

type Make<Port> = () => Promise<SharedUnderTest<Port>>

function withNodes<Port>(
  make: Make<Port>,
  test: (one: Port, two: Port) => Promise<void>,
): () => Promise<void> {
  return async () => {
    const { nodes, dispose } = await make()
    try {
      await test(...nodes)
    } finally {
      await dispose()
    }
  }
}

/** A scribe of a log that exists, and what made it. */
function begun(store: LogStore): { readonly scribe: Scribe; readonly genesis: Genesis } {
  const scribe = new Scribe(store)
  return { scribe, genesis: scribe.genesis() }
}

export function describeSharedLogStore(name: string, make: Make<LogStore>): void {
  describe(`${name}: a log store of several nodes`, () => {
    it(
      'takes one of two batches that go on from the same head, whole, and nothing of the other',
      withNodes(make, async (one, two) => {
        const [{ scribe: first, genesis }, { scribe: second }] = [begun(one), begun(two)]
        await one.create(genesis)
        const commits = [
          { store: one, scribe: first, batch: first.commit('one', 300) },
          { store: two, scribe: second, batch: second.commit('two', 200) },
        ]
        const results = await Promise.allSettled(
          commits.map(({ store, batch }) => store.commit(batch)),
        )
        const won = results.findIndex(({ status }) => status === 'fulfilled')
        expect(results[1 - won]).toMatchObject({ reason: { code: 'ERR_HEAD_MOVED' } })
        for (const store of [one, two]) {
          expect(await store.readState()).toMatchObject({ ...commits[won]!.scribe.head })
          const stored = await store.readEntries(leafIndex(0), 1000)
          expect(stored.map(({ entry }) => entry)).toEqual(commits[won]!.scribe.entries)
          expect(await store.listBatchHeads(0, 9)).toHaveLength(2)
          const ids = commits[1 - won]!.batch.entries.map(({ entryId }) => entryId)
          expect(new Set(await store.findLeafIndexes(ids))).toEqual(new Set([undefined]))
        }
      }),
    )

    it(
      'refuses batches of an epoch that is over, and a commit does not change the epoch',
      withNodes(make, async (one, two) => {
        const { scribe, genesis } = begun(one)
        await one.create(genesis)
        const { epoch = -1 } = await one.readState()
        const batch = scribe.commit('a', 2)
        await two.fence?.()
        await expect(one.commit(batch)).rejects.toMatchObject({
          code: 'ERR_HEAD_MOVED',
        })
        const { epoch: raised = -1 } = await one.readState()
        expect(raised).toBeGreaterThan(epoch)
        await one.commit({ ...batch, expected: { ...batch.expected, epoch: raised } })
        expect((await two.readState()).epoch).toBe(raised)
      }),
    )

    it(
      'raises the epoch when keys change, so that no node signs with an old one',
      withNodes(make, async (one, two) => {
        await one.create(begun(one).genesis)
        const { epoch = -1, receiptKeyId } = await two.readState()
        const { publicKey } = newSigner()
        const added = {
          ...{ keyId: publicKey.kid!, coseKey: encodeCoseKey(publicKey) },
          addedAt: GENESIS_TIME + 1,
        }
        const at = GENESIS_TIME + 1
        await one.changeServiceKeys({ purpose: 'receipt', added, retired: [receiptKeyId], at })
        const state = await two.readState()
        expect(state.receiptKeyId).toEqual(publicKey.kid)
        expect(state.epoch).toBeGreaterThan(epoch)
      }),
    )

    it(
      'tells all nodes that somebody committed, until they stop listening',
      withNodes(make, async (one, two) => {
        const { scribe, genesis } = begun(one)
        await one.create(genesis)
        const heard = { one: 0, two: 0, stopped: 0 }
        const stops = [one.watch?.(() => heard.one++), two.watch?.(() => heard.two++)]
        two.watch?.(() => heard.stopped++)()
        // A wake-up may be missed while the listener connects: hence more than one batch.
        for (let at = 0; heard.one === 0 || heard.two === 0; at++) {
          expect(at).toBeLessThan(200)
          await one.commit(scribe.commit(`watched-${at}`, 1))
          await wait(at)
        }
        for (const stop of stops) stop?.()
        expect(heard.stopped).toBe(0)
      }),
    )

    it(
      'tells a process with several connections which commits are its own, others that they are not',
      withNodes(make, async (one, two) => {
        const { scribe, genesis } = begun(one)
        await one.create(genesis)
        const heard: Record<'one' | 'two', WakeUp[]> = { one: [], two: [] }
        const stops = [
          one.watch?.((told) => heard.one.push(told)),
          two.watch?.((told) => heard.two.push(told)),
        ]
        const isTold = ({ kind, isOwn }: { kind: string; isOwn?: true }): boolean =>
          kind === 'committed' && isOwn === true
        // Nodes that share one store in memory are one process: there is no "own" to tell.
        const areApart = one !== two
        const isHeard = (): boolean =>
          heard.two.length > 0 && (areApart ? heard.one.some(isTold) : heard.one.length > 0)
        for (let at = 0; !isHeard(); at++) {
          expect(at).toBeLessThan(200)
          await one.commit(scribe.commit(`own-${at}`, 1))
          await wait(at)
        }
        for (const stop of stops) stop?.()
        expect(heard.two.some(isTold)).toBe(false)
      }),
    )

    it(
      'looks up what another node stored, whatever was looked up before',
      withNodes(make, async (one, two) => {
        const { scribe, genesis } = begun(one)
        await one.create(genesis)
        await one.commit(scribe.commit('own', 2))
        const mine = scribe.commit('others', 3)
        const ids = mine.entries.map(({ entryId }) => entryId)
        const single = async (): Promise<unknown[]> => {
          const found = []
          for (const id of ids) found.push(...(await one.findLeafIndexes([id])))
          return found
        }
        expect(await single()).toEqual([undefined, undefined, undefined])
        expect(await one.findLeafIndexes(ids)).toEqual([undefined, undefined, undefined])
        await two.commit(mine)
        // Whoever comes second looks at the head before it looks for duplicates again.
        await expect(one.commit(mine)).rejects.toMatchObject({ code: 'ERR_HEAD_MOVED' })
        await one.readState()
        expect(await one.findLeafIndexes(ids)).toEqual([4, 5, 6])
        expect(await single()).toEqual([4, 5, 6])
      }),
    )

    it(
      'finds what it stored itself after it had looked for it',
      withNodes(make, async (one) => {
        const { scribe, genesis } = begun(one)
        await one.create(genesis)
        await one.commit(scribe.commit('first', 2))
        const batch = scribe.commit('second', 2)
        const ids = batch.entries.map(({ entryId }) => entryId)
        expect(await one.findLeafIndexes(ids)).toEqual([undefined, undefined])
        await one.commit(batch)
        expect(await one.findLeafIndexes(ids)).toEqual([4, 5])
      }),
    )

    it(
      'tells a node that another one asks for its turn, and how often it came second',
      withNodes(make, async (one, two) => {
        await one.create(begun(one).genesis)
        const heard: WakeUp[] = []
        const stop = two.watch?.((told) => heard.push(told))
        const asked = (): boolean => heard.some((told) => told.kind === 'turn-asked')
        for (let at = 0; !asked(); at++) {
          expect(at).toBeLessThan(200)
          one.askTurn?.(7)
          await wait(at)
        }
        stop?.()
        expect(heard).toContainEqual({ kind: 'turn-asked', losses: 7 })
      }),
    )
  })
}

export function describeSharedGuard(name: string, make: Make<Guard>): void {
  describe(`${name}: a guard of several nodes`, () => {
    it(
      'gives what another node brought before, and refuses everything else',
      withNodes(make, async (one, two) => {
        const first = await headOf(2)
        await one.create(first)
        const [mine, theirs] = [await headOf(3), await headOf(3)]
        expect(await two.advance(first, theirs)).toEqual(theirs)
        expect(await one.advance(first, mine)).toEqual(theirs)
        const later = await headOf(5)
        await two.advance(theirs, later)
        expect(await one.advance(first, mine)).toEqual(later)
        // A node that is ahead of what the guard holds.
        await expect(one.advance(mine, await headOf(6))).rejects.toMatchObject({
          code: 'ERR_GUARD_FORK',
        })
        expect(await one.read()).toEqual(later)
      }),
    )

    it(
      'takes one of many signatures that come at once, and all learn which',
      withNodes(make, async (one, two) => {
        const first = await headOf(2)
        await one.create(first)
        const signatures = await Promise.all(Array.from({ length: 8 }, () => headOf(3)))
        const held = await Promise.all(
          signatures.map((head, at) => (at % 2 === 0 ? one : two).advance(first, head)),
        )
        const winner = await two.read()
        expect(signatures).toContainEqual(winner)
        for (const head of held) expect(head).toEqual(winner)
      }),
    )
  })
}
