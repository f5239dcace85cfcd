/**
 * The contract of `log/store.ts`: what the log relies on, whatever the database. Every adapter's
 * test file runs it.
 */
import { describe, expect, it } from 'vitest'
import { leafIndex, treeSize } from '../../src/bytes/integers.ts'
import { encodeCoseKey } from '../../src/cose/public-key.ts'
import { signTreeHead } from '../../src/cose/signed-tree-head.ts'
import type { SignedTreeHead } from '../../src/cose/signed-tree-head.ts'
import { nativeSha256 } from '../../src/keys/native-hash.ts'
import type {
  BatchCommit,
  Genesis,
  LogStore,
  NewCollateral,
  StoredHead,
} from '../../src/log/store.ts'
import { TreeEdge } from '../../src/merkle/edge.ts'
import { entryOf, GENESIS_TIME, hasher, newSigner } from '../support/test-log.ts'

export interface StoreUnderTest {
  /** An empty store. */
  readonly store: LogStore
  /** The same store, closed and opened again where that means something. */
  readonly reopen: () => Promise<LogStore>
  readonly dispose: () => Promise<void>
}

const signer = newSigner()
const origin = 'log.example.org/2026'
const issuer = 'https://log.example.org'

/** A log outside of the store: makes the commits that the store is given. */
export class Scribe {
  edge = TreeEdge.empty(hasher)
  head: StoredHead | undefined
  readonly entries: Uint8Array[] = []
  readonly #epoch: { readonly epoch?: number }

  /** @param store a shared one begins with epoch 0. */
  constructor({ shared }: Pick<LogStore, 'shared'>) {
    this.#epoch = shared === true ? { epoch: 0 } : {}
  }

  genesis(count = 2): Genesis {
    const batch = this.#batch('genesis', count)
    const keyId = signer.publicKey.kid!
    const coseKey = encodeCoseKey(signer.publicKey)
    return {
      identity: { origin, issuer, receiptKeyId: keyId },
      batch,
      serviceKeys: [{ keyId, purpose: 'receipt', coseKey, addedAt: GENESIS_TIME }],
    }
  }

  commit(name: string, count: number, parts: Partial<BatchCommit> = {}): BatchCommit {
    const expected = this.head!
    return { expected, signedHeads: [], ...this.#batch(name, count), ...parts }
  }

  signed(head: StoredHead = this.head!): Promise<SignedTreeHead> {
    return signTreeHead({ origin, issuer, ...head }, signer)
  }

  #batch(name: string, count: number): Genesis['batch'] {
    const entries = Array.from({ length: count }, (_, at) => entryOf(`${name}-${at}`))
    const { edge, tiles } = this.edge.append(entries.map((entry) => hasher.leaf(entry)))
    this.edge = edge
    this.entries.push(...entries)
    this.head = {
      treeHead: { treeSize: edge.treeSize, rootHash: edge.rootHash() },
      registrationTime: (this.head?.registrationTime ?? GENESIS_TIME) + 1,
      policyIndex: leafIndex(1),
      ...this.#epoch,
    }
    return {
      next: this.head,
      entries: entries.map((entry) => ({ entryId: nativeSha256(entry), entry })),
      tiles,
    }
  }
}

export function describeLogStore(name: string, make: () => Promise<StoreUnderTest>): void {
  const withStore =
    (test: (store: LogStore, scribe: Scribe, reopen: () => Promise<LogStore>) => Promise<void>) =>
    async (): Promise<void> => {
      const { store, reopen, dispose } = await make()
      try {
        await test(store, new Scribe(store), reopen)
      } finally {
        await dispose()
      }
    }

  describe(`${name}: a log store`, () => {
    it(
      'holds no log until one is created',
      withStore(async (store) => {
        await expect(store.readState()).rejects.toMatchObject({ code: 'ERR_LOG_MISSING' })
      }),
    )

    it(
      'creates a log once',
      withStore(async (store, scribe) => {
        await store.create(scribe.genesis())
        expect(await store.readState()).toEqual({
          ...{ origin, issuer, receiptKeyId: signer.publicKey.kid },
          ...scribe.head,
        })
        expect(await store.listServiceKeys()).toHaveLength(1)
        await expect(store.create(new Scribe(store).genesis())).rejects.toMatchObject({
          code: 'ERR_LOG_EXISTS',
        })
      }),
    )

    it(
      'keeps entries, ids, tiles and heads of a batch, also when it is opened again',
      withStore(async (store, scribe, reopen) => {
        await store.create(scribe.genesis())
        const first = await scribe.signed()
        const batch = scribe.commit('a', 300, { signedHeads: [first] })
        await store.commit(batch)
        const again = await reopen()
        expect(await again.readState()).toMatchObject({ ...scribe.head })
        const stored = await again.readEntries(leafIndex(0), 1000)
        expect(stored.map(({ entry }) => entry)).toEqual(scribe.entries)
        expect(stored.map(({ leafIndex: index }) => index)).toEqual([...scribe.entries.keys()])
        const found = await again.findLeafIndexes(scribe.entries.map(nativeSha256))
        expect(found).toEqual([...scribe.entries.keys()])
        const tiles = await again.readTiles(batch.tiles)
        expect(tiles).toEqual(batch.tiles.map(({ hashes }) => hashes))
        expect(await again.findSignedHead(treeSize(2))).toEqual(first)
        expect((await again.listBatchHeads(0, 9)).map((head) => head.treeHead.treeSize)).toEqual([
          2, 302,
        ])
        expect(await again.findBatchHead(treeSize(302))).toEqual({
          treeHead: scribe.head!.treeHead,
          registrationTime: scribe.head!.registrationTime,
        })
      }),
    )

    it(
      'reads plain bytes, at most as many entries as asked for, none beyond the end',
      withStore(async (store, scribe) => {
        await store.create(scribe.genesis(5))
        const [entry, ...more] = await store.readEntries(leafIndex(3), 1)
        expect(entry?.leafIndex).toBe(3)
        expect(more).toEqual([])
        expect(entry?.entry.constructor).toBe(Uint8Array)
        expect(await store.readEntries(leafIndex(4), 10)).toHaveLength(1)
        expect(await store.readEntries(leafIndex(5), 10)).toEqual([])
      }),
    )

    it(
      'does not know unknown ids, and compares all 32 bytes',
      withStore(async (store, scribe) => {
        await store.create(scribe.genesis())
        const id = nativeSha256(scribe.entries[0]!)
        const near = id.slice()
        near[31] = (near[31]! + 1) % 256
        expect(await store.findLeafIndexes([near, id])).toEqual([undefined, 0])
        expect(await store.findLeafIndexes([])).toEqual([])
      }),
    )

    it(
      'refuses a tile that is not stored',
      withStore(async (store, scribe) => {
        await store.create(scribe.genesis())
        await expect(store.readTiles([{ level: 1, index: 0 }])).rejects.toMatchObject({
          code: 'ERR_INVARIANT',
        })
      }),
    )

    it(
      'stores nothing of a batch when the stored head is not the expected one',
      withStore(async (store, scribe) => {
        await store.create(scribe.genesis())
        const before = scribe.head!
        const changes: Partial<StoredHead>[] = [
          { treeHead: { ...before.treeHead, treeSize: treeSize(3) } },
          { treeHead: { ...before.treeHead, rootHash: hasher.emptyRoot } },
          { registrationTime: before.registrationTime - 1 },
          { policyIndex: leafIndex(0) },
        ]
        const batch = scribe.commit('a', 3)
        for (const change of changes) {
          const wrong = { ...batch, expected: { ...before, ...change } }
          const code = store.shared === true ? 'ERR_HEAD_MOVED' : 'ERR_INVARIANT'
          await expect(store.commit(wrong)).rejects.toMatchObject({ code })
        }
        expect(await store.readState()).toMatchObject({ ...before })
        expect(await store.readEntries(leafIndex(2), 9)).toEqual([])
        expect(await store.findLeafIndexes([batch.entries[0]!.entryId])).toEqual([undefined])
        await store.commit(batch)
        expect(await store.readEntries(leafIndex(2), 9)).toHaveLength(3)
      }),
    )

    it(
      'stores nothing of a batch that would change stored hashes or store an id twice',
      withStore(async (store, scribe) => {
        await store.create(scribe.genesis())
        const before = scribe.head!
        const batch = scribe.commit('a', 3)
        const [tile] = batch.tiles
        const hashes = tile!.hashes.slice()
        hashes[5] = (hashes[5]! + 1) % 256
        const changed = { ...batch, tiles: [{ ...tile!, hashes }] }
        await expect(store.commit(changed)).rejects.toThrow()
        const shorter = { ...batch, tiles: [{ ...tile!, hashes: hashes.slice(0, 32) }] }
        await expect(store.commit(shorter)).rejects.toThrow()
        const twice = { ...batch, entries: [batch.entries[0]!, batch.entries[0]!] }
        await expect(store.commit(twice)).rejects.toThrow()
        expect(await store.readState()).toMatchObject({ ...before })
        expect(await store.readEntries(leafIndex(2), 9)).toEqual([])
        expect((await store.listBatchHeads(0, 9)).length).toBe(1)
      }),
    )

    it(
      'saves signed heads once, and never two roots for one size',
      withStore(async (store, scribe) => {
        await store.create(scribe.genesis())
        const first = await scribe.signed()
        await store.saveSignedHead(first)
        await store.saveSignedHead(first)
        // Another signature over the same root: the first one stays.
        await store.saveSignedHead(await scribe.signed())
        expect(await store.findSignedHead(treeSize(2))).toEqual(first)
        const other = { ...first, treeHead: { ...first.treeHead, rootHash: hasher.emptyRoot } }
        await expect(store.saveSignedHead(other)).rejects.toMatchObject({ code: 'ERR_INVARIANT' })
        expect(await store.listSignedHeads(0, 9)).toEqual([first])
      }),
    )

    it(
      'finds the first signed head that covers a leaf',
      withStore(async (store, scribe) => {
        await store.create(scribe.genesis())
        const heads = [await scribe.signed()]
        for (const name of ['a', 'b', 'c']) {
          await store.commit(scribe.commit(name, 2, { signedHeads: heads.slice(-1) }))
          heads.push(await scribe.signed())
        }
        expect(await store.findSignedHeadCovering(leafIndex(0))).toEqual(heads[0])
        expect(await store.findSignedHeadCovering(leafIndex(1))).toEqual(heads[0])
        expect(await store.findSignedHeadCovering(leafIndex(2))).toEqual(heads[1])
        expect(await store.findSignedHeadCovering(leafIndex(6))).toBeUndefined()
        expect(await store.listSignedHeads(2, 1)).toEqual([heads[1]])
        expect(await store.listSignedHeads(6, 5)).toEqual([])
      }),
    )

    it(
      'finds entries that govern the log by what they do, also when it is opened again',
      withStore(async (store, scribe, reopen) => {
        await store.create(scribe.genesis())
        expect(await store.findLastGovernance('journal')).toBeUndefined()
        const batch = scribe.commit('a', 4)
        const kinds = [undefined, 'delegation', 'journal', 'delegation'] as const
        const entries = batch.entries.map((entry, at) =>
          kinds[at] === undefined ? entry : { ...entry, kind: kinds[at] },
        )
        await store.commit({ ...batch, entries })
        const again = await reopen()
        expect(await again.listGovernance('delegation', 0)).toEqual([3, 5])
        expect(await again.listGovernance('delegation', 4)).toEqual([5])
        expect(await again.findLastGovernance('delegation')).toBe(5)
        expect(await again.findLastGovernance('journal')).toBe(4)
        expect(await again.listGovernance('delegation-revocation', 0)).toEqual([])
      }),
    )

    it(
      'keeps collateral with its entries, equal pieces once, also when it is opened again',
      withStore(async (store, scribe, reopen) => {
        await store.create(scribe.genesis())
        const piece = (kind: NewCollateral['kind'], text: string): NewCollateral => {
          const bytes = entryOf(text)
          return { kind, bytes, digest: nativeSha256(bytes) }
        }
        const [chain, claims, keys] = [
          piece('x5chain', 'chain'),
          piece('submitter-claims', 'claims'),
          piece('jwks', 'keys'),
        ]
        const batch = scribe.commit('a', 3)
        const collateral = [[claims, keys], undefined, [chain, keys]]
        const entries = batch.entries.map((entry, at) =>
          collateral[at] === undefined ? entry : { ...entry, collateral: collateral[at] },
        )
        await store.commit({ ...batch, entries })
        const again = await reopen()
        expect(await again.findCollateral(chain.digest)).toEqual({
          bytes: chain.bytes,
          leafIndex: 4,
        })
        expect(await again.findCollateral(keys.digest)).toMatchObject({ leafIndex: 2 })
        expect(await again.findCollateral(new Uint8Array(32))).toBeUndefined()
        expect(await again.listEntryCollateral(0, 9)).toEqual([
          { leafIndex: 2, kind: 'jwks', digest: keys.digest },
          { leafIndex: 2, kind: 'submitter-claims', digest: claims.digest },
          { leafIndex: 4, kind: 'jwks', digest: keys.digest },
          { leafIndex: 4, kind: 'x5chain', digest: chain.digest },
        ])
        expect(await again.listEntryCollateral(3, 4)).toEqual([])
      }),
    )

    it(
      'stores nothing of a batch whose collateral would change stored bytes',
      withStore(async (store, scribe) => {
        await store.create(scribe.genesis())
        const before = scribe.head!
        const batch = scribe.commit('a', 2)
        const digest = new Uint8Array(32)
        const [first, second] = batch.entries
        const entries = [
          { ...first!, collateral: [{ kind: 'jwks' as const, digest, bytes: entryOf('one') }] },
          { ...second!, collateral: [{ kind: 'jwks' as const, digest, bytes: entryOf('other') }] },
        ]
        await expect(store.commit({ ...batch, entries })).rejects.toThrow()
        expect(await store.readState()).toMatchObject({ ...before })
        expect(await store.findCollateral(digest)).toBeUndefined()
        await store.commit(batch)
      }),
    )

    it(
      'keeps retired service keys',
      withStore(async (store, scribe) => {
        await store.create(scribe.genesis())
        const [key] = await store.listServiceKeys()
        const retired = { ...key!, keyId: new Uint8Array(32), retiredAt: GENESIS_TIME + 9 }
        await store.addServiceKey(retired)
        expect(await store.listServiceKeys()).toEqual(expect.arrayContaining([key, retired]))
      }),
    )

    it(
      'adds and retires keys at once, and a new receipt key becomes the one that signs',
      withStore(async (store, scribe) => {
        await store.create(scribe.genesis())
        const { purpose, ...first } = (await store.listServiceKeys())[0]!
        const added = { ...first, keyId: new Uint8Array(32), addedAt: GENESIS_TIME + 9 }
        const at = GENESIS_TIME + 9
        await store.changeServiceKeys({ purpose, added, retired: [first.keyId], at })
        expect((await store.readState()).receiptKeyId).toEqual(added.keyId)
        const keys = await store.listServiceKeys()
        expect(keys).toHaveLength(2)
        expect(keys).toEqual(
          expect.arrayContaining([
            { ...first, purpose, retiredAt: at },
            { ...added, purpose },
          ]),
        )
        const other = { ...added, keyId: new Uint8Array(32).fill(1) }
        const twice = { purpose, added: other, retired: [first.keyId], at }
        await expect(store.changeServiceKeys(twice)).rejects.toMatchObject({
          code: 'ERR_INVARIANT',
        })
        expect(await store.listServiceKeys()).toHaveLength(2)
        const checkpoint = { ...added, keyId: new Uint8Array(32).fill(2) }
        await store.changeServiceKeys({ purpose: 'checkpoint', added: checkpoint, retired: [], at })
        expect((await store.readState()).receiptKeyId).toEqual(added.keyId)
      }),
    )
  })
}
