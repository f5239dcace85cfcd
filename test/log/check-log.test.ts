/** `log check` finds whatever is stored wrongly, and names the first of it. */
import { describe, expect, it } from 'vitest'
import { leafIndex } from '../../src/bytes/integers.ts'
import { signTreeHead } from '../../src/cose/signed-tree-head.ts'
import type { SignedTreeHead } from '../../src/cose/signed-tree-head.ts'
import { checkLog } from '../../src/log/check-log.ts'
import type { BatchHead, LogStore } from '../../src/log/store.ts'
import type { RootHash } from '../../src/merkle/hasher.ts'
import { overlay } from '../support/overlay.ts'
import {
  appendMany,
  createTestLog,
  newSigner,
  openTestLog,
  testPorts,
} from '../support/test-log.ts'
import type { TestPorts } from '../support/test-log.ts'

async function grownLog(): Promise<TestPorts> {
  const ports = testPorts()
  await createTestLog(ports)
  const { log } = await openTestLog(ports)
  for (const [at, count] of [1, 200, 100, 1, 300].entries()) {
    ports.clock.time += 10
    await appendMany(log, `b${at}`, count)
  }
  await log.close()
  return ports
}

function changed(bytes: Uint8Array, at = 7): Uint8Array {
  const copy = bytes.slice()
  copy[at] = (copy[at]! + 1) % 256
  return copy
}

const otherRoot = new Uint8Array(32) as RootHash

function withRoot<Head extends BatchHead>(head: Head): Head {
  return { ...head, treeHead: { ...head.treeHead, rootHash: otherRoot } }
}

/** Changes the head of one size wherever heads are listed. */
function changeHead(
  store: LogStore,
  method: 'listBatchHeads' | 'listSignedHeads',
  change: (head: never) => unknown,
): void {
  const list: (after: number, limit: number) => Promise<BatchHead[]> = store[method].bind(store)
  store[method] = (async (after: number, limit: number) =>
    (await list(after, limit))
      .map((head) => (head.treeHead.treeSize === 303 ? change(head as never) : head))
      .filter((head) => head !== undefined)) as never
}

const damages: [string, string, (store: LogStore, ports: TestPorts) => void][] = [
  [
    'an entry that lost a bit',
    'entry 260 does not hash to its leaf',
    (store) => {
      const read = store.readEntries.bind(store)
      store.readEntries = async (start, count) =>
        (await read(start, count)).map(({ leafIndex: index, entry }) => ({
          leafIndex: index,
          entry: index === 260 ? changed(entry) : entry,
        }))
    },
  ],
  [
    'a missing entry',
    'entry 300 is missing',
    (store) => {
      const read = store.readEntries.bind(store)
      store.readEntries = async (start, count) =>
        (await read(start, count)).filter(({ leafIndex: index }) => index !== 300)
    },
  ],
  [
    'an id that leads to another entry',
    'entry 5 is found under its id at 6',
    (store) => {
      const find = store.findLeafIndexes.bind(store)
      store.findLeafIndexes = async (ids) =>
        (await find(ids)).map((index) => (index === 5 ? leafIndex(6) : index))
    },
  ],
  [
    'an id that is not stored',
    'entry 5 is found under its id at no index',
    (store) => {
      const find = store.findLeafIndexes.bind(store)
      store.findLeafIndexes = async (ids) =>
        (await find(ids)).map((index) => (index === 5 ? undefined : index))
    },
  ],
  ...[[0, 'entry 0 does not hash to its leaf'], [1, 'tile 0 of level 1 does not hold']].map(
    ([level, message]): (typeof damages)[number] => [
      `a tile of level ${level} that lost a bit`,
      message as string,
      (store) => {
        const read = store.readTiles.bind(store)
        store.readTiles = async (tiles) =>
          (await read(tiles)).map((hashes, at) =>
            tiles[at]?.level === level ? changed(hashes) : hashes,
          )
      },
    ],
  ), // prettier-ignore
  [
    'a batch with another root',
    'the batch that ends at size 303 has another root',
    (store) => changeHead(store, 'listBatchHeads', withRoot),
  ],
  [
    'a registration time that falls',
    'the registration time falls at size 303',
    (store) =>
      changeHead(store, 'listBatchHeads', (head: BatchHead) => ({ ...head, registrationTime: 5 })),
  ],
  [
    'a missing batch',
    'a head of size 303 is signed and no batch ends there',
    (store) => changeHead(store, 'listBatchHeads', () => undefined),
  ],
  [
    'a missing signed head',
    'the signed head of size 303 is missing',
    (store) => changeHead(store, 'listSignedHeads', () => undefined),
  ],
  [
    'a signed head for another root',
    'the signed head of size 303 is for another root',
    (store) => changeHead(store, 'listSignedHeads', withRoot),
  ],
  [
    'a signed head that lost a bit',
    'the signed head of size 303: ',
    (store) =>
      changeHead(store, 'listSignedHeads', (head: SignedTreeHead) => ({
        ...head,
        bytes: changed(head.bytes, head.bytes.length - 1),
      })),
  ],
]

describe('log check', () => {
  it('re-derives a whole log and reports what it saw', async () => {
    const ports = await grownLog()
    const seen: number[] = []
    const onProgress = ({ entries }: { entries: number }): void => void seen.push(entries)
    expect(await checkLog({ ...ports, onProgress })).toMatchObject({
      ...{ entries: 604, batches: 6, signedHeads: 6, guard: 604 },
      // Two full ones and one open one of level 0, one open one of level 1.
      tiles: 4,
    })
    expect(seen).toEqual([256, 512, 604])
  })

  it.each(damages)('finds %s', async (_, message, damage) => {
    const ports = await grownLog()
    const store = overlay(ports.store)
    damage(store, ports)
    await expect(checkLog({ ...ports, store })).rejects.toMatchObject({
      code: 'ERR_LOG_CORRUPT',
      message: expect.stringContaining(message) as string,
    })
  })

  it('finds a head that somebody else signed', async () => {
    const ports = await grownLog()
    const { treeHead, registrationTime } = (await ports.guard.read())!
    const forged = await signTreeHead({ ...ports, treeHead, registrationTime }, newSigner())
    const store = overlay(ports.store)
    store.listSignedHeads = async (after, limit) =>
      (await ports.store.listSignedHeads(after, limit)).map((head) =>
        head.treeHead.treeSize === 604 ? forged : head,
      )
    await expect(checkLog({ ...ports, store })).rejects.toMatchObject({
      code: 'ERR_LOG_CORRUPT',
      message: expect.stringContaining('no key of this log') as string,
    })
  })

  it('goes on when the log grows meanwhile', async () => {
    const ports = await grownLog()
    const { log } = await openTestLog(ports)
    const store = overlay(ports.store)
    const list = store.listBatchHeads.bind(store)
    let isFirst = true
    store.listBatchHeads = async (after, limit) => {
      if (isFirst) await appendMany(log, 'during', 9)
      isFirst = false
      return list(after, limit)
    }
    expect(await checkLog({ ...ports, store })).toMatchObject({ entries: 604 })
  })
})
