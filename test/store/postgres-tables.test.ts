/** The tables beside the log in PostgreSQL: payloads, what prunes and pins them, API tokens, refusals. */
import { beforeEach, describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { PostgresApiTokens } from '../../src/store/postgres/postgres-api-tokens.ts'
import type { PostgresLogStore } from '../../src/store/postgres/postgres-log-store.ts'
import { PostgresPayloadPruning } from '../../src/store/postgres/postgres-payload-pruning.ts'
import { PostgresPayloadStore } from '../../src/store/postgres/postgres-payload-store.ts'
import { PostgresPreimages } from '../../src/store/postgres/postgres-preimages.ts'
import { PostgresRefusals } from '../../src/store/postgres/postgres-refusals.ts'
import type { Scribe } from '../contract/log-store.ts'
import { expectNames, payload } from '../contract/payloads.ts'
import { describePostgres, newPostgresLog, usePostgres } from '../support/postgres.ts'
import { useReleases } from '../support/releases.ts'

const releases = useReleases()

describePostgres('PostgreSQL beside the log', () => {
  const server = usePostgres()
  let url: string
  let store: PostgresLogStore
  let scribe: Scribe
  beforeEach(async () => {
    url = await server().createSchema()
    ;({ store, scribe } = await newPostgresLog(url, releases))
  })

  function opened<Port extends { close(): unknown }>(port: Port): Port {
    releases.push(() => port.close())
    return port
  }

  /** Commits an entry that was admitted with content, in a role. */
  async function commit(bytes: Uint8Array, kind: 'preimage' | 'x5chain'): Promise<void> {
    const batch = scribe.commit(`entry-${scribe.entries.length}`, 1)
    const collateral = [{ kind, digest: sha256(bytes), bytes }]
    await store.commit({ ...batch, entries: [{ ...batch.entries[0]!, collateral }] })
  }

  const count = async (table: string): Promise<number> =>
    (await server().query(`SELECT * FROM ${table}`, url)).length

  describe('payloads', () => {
    let payloads: PostgresPayloadStore
    beforeEach(async () => {
      payloads = opened(await PostgresPayloadStore.open(url))
    })

    it('are found by their SHA-256 and by the name that they were stored under', async () => {
      await expectNames(payloads)
    })

    it('that come twice at once are stored once', async () => {
      const answers = await Promise.all(Array.from({ length: 4 }, () => payloads.put(payload('a'))))
      expect(answers.sort()).toEqual(['present', 'present', 'present', 'stored'])
    })

    it('that became collateral are found, and kept once', async () => {
      const one = payload('a', 'SHA-384')
      await payloads.put(one)
      await commit(one.bytes, 'preimage')
      expect(await count('payload')).toBe(0)
      expect(await payloads.find(one.name)).toEqual({ kind: 'stored', bytes: one.bytes })
      expect(await payloads.has(one.name)).toBe(true)
      expect(await payloads.put(payload('a'))).toBe('present')
      await commit(one.bytes, 'preimage')
      expect(await count('collateral')).toBe(1)
      expect(await payloads.listPinnedNames()).toEqual([one.name])
    })

    it('that an entry of another kind was admitted with stay where they were, too', async () => {
      const one = payload('a')
      await payloads.put(one)
      await commit(one.bytes, 'x5chain')
      expect(await count('payload')).toBe(1)
    })

    it('are pinned by an index that reads them', async () => {
      const preimages = opened(await PostgresPreimages.open(url))
      const one = payload('a', 'SHA-512')
      await payloads.put(one)
      expect(await payloads.listPinnedNames()).toEqual([])
      expect(await preimages.read(one.name)).toEqual(one.bytes)
      expect(await preimages.read(one.name)).toEqual(one.bytes)
      expect(await preimages.read(payload('b').name)).toBeUndefined()
      const names = await payloads.listPinnedNames()
      expect(names).toHaveLength(2)
      expect(names).toEqual(expect.arrayContaining([one.name, payload('a').name]))
    })

    it('may be deleted or not', async () => {
      const [free, used, chain] = [payload('free'), payload('used'), payload('chain')]
      for (const one of [free, used, chain]) await payloads.put(one)
      await commit(used.bytes, 'preimage')
      await commit(chain.bytes, 'preimage')
      await commit(chain.bytes, 'x5chain')
      const pruning = opened(await PostgresPayloadPruning.open(url))
      const free4 = { isPinned: false, isNeeded: false, bytes: 4 }
      expect(await pruning.find(free.name)).toMatchObject(free4)
      expect(await pruning.find(used.name)).toMatchObject({ isPinned: true, isNeeded: false })
      expect(await pruning.find(chain.name)).toMatchObject({ isPinned: true, isNeeded: true })
      expect(await pruning.find(payload('none').name)).toBeUndefined()
      expect(await pruning.deleteUnpinned(used.sha256)).toBe(false)
      expect(await pruning.deleteUnpinned(free.sha256)).toBe(true)
      expect(await payloads.find(free.name)).toBeUndefined()
    })

    it('are marked before they are deleted: nothing is decided with them, and they are not taken', async () => {
      const used = payload('used', 'SHA-512')
      await payloads.put(used)
      await commit(used.bytes, 'preimage')
      const pruning = opened(await PostgresPayloadPruning.open(url))
      await expect(pruning.deleteMarked(used.sha256)).rejects.toThrow('not marked')
      const entryId = new Uint8Array(32).fill(7)
      await pruning.mark(used.sha256, entryId, 9)
      await pruning.mark(used.sha256, new Uint8Array(32), 10)
      expect(await payloads.find(used.name)).toEqual({ kind: 'pruned', entryId })
      expect(await payloads.has(used.name)).toBe(false)
      expect(await payloads.put(used)).toBe('pruned')
      const preimages = opened(await PostgresPreimages.open(url))
      expect(await preimages.read(used.name)).toBeUndefined()
      await pruning.deleteMarked(used.sha256)
      expect(await count('collateral')).toBe(0)
      expect(await count('entry_collateral')).toBe(1)
      const sha256Name = { algorithm: 'SHA-256', digest: used.sha256 } as const
      expect(await payloads.listPruned()).toEqual([
        { digest: used.sha256, names: [sha256Name, used.name] },
      ])
    })
  })

  it('API tokens are added, listed, found and revoked once', async () => {
    const tokens = opened(await PostgresApiTokens.open(url))
    const one = {
      ...{ tokenId: 'one', hash: sha256(encodeUtf8('1')), name: 'build farm', createdAt: 5 },
      scopes: ['register', 'query'],
    }
    const two = { ...one, tokenId: 'two', scopes: [], createdAt: 4, expiresAt: 9 }
    await tokens.add(one)
    await tokens.add(two)
    await expect(tokens.add(one)).rejects.toThrow()
    expect(await tokens.list()).toEqual([two, one])
    expect(await tokens.find('one')).toEqual(one)
    expect(await tokens.find('three')).toBeUndefined()
    expect(await tokens.revoke('one', 7)).toBe(true)
    expect(await tokens.revoke('one', 8)).toBe(true)
    expect(await tokens.revoke('three', 8)).toBe(false)
    expect(await tokens.find('one')).toEqual({ ...one, revokedAt: 7 })
  })

  it('refusals of several nodes are kept, newest first, whatever an issuer is', async () => {
    const nodes = [
      opened(await PostgresRefusals.open(url)),
      opened(await PostgresRefusals.open(url)),
    ]
    const refusal = { entryId: 'ab', rule: 'issuer', reason: 'no anchor', refusedAt: 3 }
    nodes[0]!.record(refusal)
    nodes[0]!.record({ ...refusal, issuer: 'nul \0 in it', reason: '"{}\\' })
    await nodes[0]!.flush()
    nodes[1]!.record({ ...refusal, refusedAt: 4 })
    await nodes[1]!.flush()
    const found = [
      { ...refusal, refusedAt: 4 },
      { ...refusal, issuer: 'nul \uFFFD in it', reason: '"{}\\' },
      refusal,
    ]
    expect(await nodes[0]!.list(10)).toEqual(found)
    expect(await nodes[0]!.list(1)).toEqual(found.slice(0, 1))
  })

  it('refusals wait while the server is away, and recording never fails', async () => {
    const refusals = opened(await PostgresRefusals.open(url))
    await server().kill()
    refusals.record({ entryId: 'ab', rule: 'issuer', reason: 'no anchor', refusedAt: 3 })
    await refusals.flush()
    await server().start()
    // As in a registry, which flushes again and again: a connection may not have noticed its end yet.
    await expect
      .poll(() => refusals.flush().then(() => refusals.list(10)), { timeout: 10_000 })
      .toHaveLength(1)
  })
})
