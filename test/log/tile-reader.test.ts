import { beforeAll, describe, expect, it } from 'vitest'
import { openSnapshot } from '../../src/log/open-snapshot.ts'
import type { LogStore } from '../../src/log/store.ts'
import { NaiveTree } from '../support/naive-tree.ts'
import { overlay } from '../support/overlay.ts'
import { appendMany, createTestLog, openTestLog, testPorts } from '../support/test-log.ts'
import type { TestPorts } from '../support/test-log.ts'

const SIZE = 1502
let ports: TestPorts

beforeAll(async () => {
  ports = testPorts()
  await createTestLog(ports)
  const { log } = await openTestLog(ports)
  for (let at = 0; at < 5; at++) await appendMany(log, `e${at}`, 300)
  await log.close()
})

/** A snapshot over a store whose answers a fault changes after it was opened. */
async function faulty(damage: (store: LogStore) => void): ReturnType<typeof openSnapshot> {
  const store = overlay(ports.store)
  const snapshot = await openSnapshot({ ...ports, store })
  damage(store)
  return snapshot
}

const flipTile = (level: number, index: number, byte: number) => (store: LogStore) => {
  const read = ports.store.readTiles.bind(ports.store)
  store.readTiles = async (tiles) => {
    const contents = await read(tiles)
    return contents.map((hashes, at) => {
      if (tiles[at]!.level !== level || tiles[at]!.index !== index) return hashes
      const changed = hashes.slice()
      changed[byte] = (changed[byte]! + 1) % 256
      return changed
    })
  }
}

describe('reading tiles', () => {
  it('gives the hashes of the tree, full and partial', async () => {
    const { tree } = await openSnapshot(ports)
    const { head } = await openSnapshot(ports)
    expect(head.treeHead.treeSize).toBe(SIZE)
    const entries = (await ports.store.readEntries(0 as never, SIZE)).map(({ entry }) => entry)
    const naive = NaiveTree.fromEntries(entries)
    expect(await tree.readTile({ level: 0, index: 5, width: 3 })).toEqual(
      new Uint8Array(Buffer.concat(naive.leaves.slice(1280, 1283))),
    )
    expect(await tree.readTile({ level: 1, index: 0, width: 5 })).toEqual(
      new Uint8Array(
        Buffer.concat([0, 1, 2, 3, 4].map((at) => naive.mth(at * 256, at * 256 + 256))),
      ),
    )
    expect(await tree.readBundle({ index: 5, width: SIZE - 1280 })).toEqual(entries.slice(1280))
  })

  it.each([
    { level: 0, index: 5, width: SIZE - 1280 + 1 },
    { level: 0, index: 6, width: 1 },
    { level: 1, index: 0, width: 6 },
    { level: 2, index: 0, width: 1 },
    { level: 0, index: 0, width: 0 },
    { level: 0, index: 0, width: 257 },
    { level: 0, index: 2 ** 53 - 1, width: 1 },
  ])('has nothing beyond the head: %o', async (tile) => {
    const { tree } = await openSnapshot(ports)
    await expect(tree.readTile(tile)).rejects.toMatchObject({ code: 'ERR_TILE_UNKNOWN' })
    const { index, width, level } = tile
    if (level > 0) return
    await expect(tree.readBundle({ index, width })).rejects.toMatchObject({
      code: 'ERR_TILE_UNKNOWN',
    })
  })

  it.each([0, 31, 32 * 200, 8191])('never serves a tile with byte %i flipped', async (byte) => {
    const { tree } = await faulty(flipTile(0, 2, byte))
    const tile = tree.readTile({ level: 0, index: 2, width: 1 })
    await expect(tile).rejects.toMatchObject({ code: 'ERR_INVARIANT' })
    await expect(tree.readBundle({ index: 2, width: 9 })).rejects.toMatchObject({
      code: 'ERR_INVARIANT',
    })
    expect(await tree.readTile({ level: 0, index: 3, width: 256 })).toHaveLength(8192)
  })

  it('never serves an entry that is not what was logged', async () => {
    const { tree } = await faulty((store) => {
      const read = ports.store.readEntries.bind(ports.store)
      store.readEntries = async (start, count) =>
        (await read(start, count)).map((stored) =>
          stored.leafIndex === 300 ? { ...stored, entry: stored.entry.map((b) => b ^ 1) } : stored,
        )
    })
    await expect(tree.readBundle({ index: 1, width: 45 })).rejects.toThrow(/300/)
    expect(await tree.readBundle({ index: 1, width: 44 })).toHaveLength(44)
  })
})

describe('a snapshot', () => {
  it('at an earlier head shows that tree and nothing above it', async () => {
    const sizes = (await ports.store.listSignedHeads(0, 100)).map(
      ({ treeHead }) => treeHead.treeSize,
    )
    const size = sizes.at(-2)!
    const { tree, head } = await openSnapshot({ ...ports, atTreeSize: size })
    expect(head.treeHead.treeSize).toBe(size)
    const index = Math.floor(size / 256)
    expect(await tree.readTile({ level: 0, index, width: size % 256 })).toHaveLength(
      32 * (size % 256),
    )
    const beyond = tree.readTile({ level: 0, index, width: (size % 256) + 1 })
    await expect(beyond).rejects.toMatchObject({ code: 'ERR_TILE_UNKNOWN' })
    expect((await tree.signedHeads(0, size)).at(-1)).toEqual(head)
    await expect(tree.signedHeads(0, size + 1)).rejects.toMatchObject({ code: 'ERR_HEAD_UNKNOWN' })
  })

  it('has every signed head once, also the one that only the guard holds', async () => {
    const store = overlay(ports.store)
    const heads = await ports.store.listSignedHeads(0, 100)
    store.listSignedHeads = async (after, limit) =>
      heads.slice(0, -1).filter(({ treeHead }) => treeHead.treeSize > after).slice(0, limit) // prettier-ignore
    const { tree } = await openSnapshot({ ...ports, store })
    expect(await tree.signedHeads(0, SIZE)).toEqual(heads)
    expect(await tree.signedHeads(SIZE, SIZE)).toEqual([])
  })

  it('is of the newest head in the store when the guard belongs to a newer copy, or is lost', async () => {
    const heads = await ports.store.listSignedHeads(0, 100)
    for (const guarded of [
      undefined,
      { ...heads.at(-1)!, treeHead: { ...heads.at(-1)!.treeHead, treeSize: 9999 as never } },
    ]) {
      // prettier-ignore
      const { head } = await openSnapshot({ ...ports, guard: { read: async () => guarded } })
      expect(head).toEqual(heads.at(-1))
    }
  })

  it('is not opened over tiles that have another root', async () => {
    const store = overlay(ports.store)
    flipTile(0, 5, 0)(store)
    await expect(openSnapshot({ ...ports, store })).rejects.toMatchObject({
      code: 'ERR_LOG_CORRUPT',
    })
    const none = openSnapshot({ ...ports, atTreeSize: 77 })
    await expect(none).rejects.toMatchObject({ code: 'ERR_LOG_CORRUPT' })
  })
})
