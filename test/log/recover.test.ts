/** Start-up: which copies of a log may be signed with, and what the operator is told about others. */
import { describe, expect, it } from 'vitest'
import { leafIndex, treeSize } from '../../src/bytes/integers.ts'
import { signTreeHead } from '../../src/cose/signed-tree-head.ts'
import { adoptGuard } from '../../src/log/adopt-guard.ts'
import { checkLog } from '../../src/log/check-log.ts'
import { createLog } from '../../src/log/genesis.ts'
import type { LogStore, StoredState } from '../../src/log/store.ts'
import type { RootHash } from '../../src/merkle/hasher.ts'
import { MemoryGuard } from '../../src/store/memory/memory-guard.ts'
import { overlay } from '../support/overlay.ts'
import {
  appendMany,
  candidateOf,
  createTestLog,
  GENESIS_ENTRIES,
  GENESIS_TIME,
  newSigner,
  openTestLog,
  testPorts,
} from '../support/test-log.ts'
import type { TestPorts } from '../support/test-log.ts'

async function grownLog(count = 20): Promise<TestPorts> {
  const ports = testPorts()
  await createTestLog(ports)
  const { log } = await openTestLog(ports)
  await appendMany(log, 'a', count)
  await appendMany(log, 'b', count)
  await log.close()
  return ports
}

/** A guard that holds the head of another moment. */
async function guardOf(head: Parameters<MemoryGuard['create']>[0]): Promise<MemoryGuard> {
  const guard = new MemoryGuard()
  await guard.create(head)
  return guard
}

function refusal(code: string, ...words: string[]): unknown {
  const messages = words.map((word) => expect.stringContaining(word) as unknown)
  return expect.objectContaining({
    code,
    message: messages.length === 0 ? (expect.anything() as unknown) : messages[0],
  })
}

describe('start-up', () => {
  it('goes on where the log ended', async () => {
    const ports = await grownLog(300)
    const { log } = await openTestLog(ports)
    expect(log.currentHead().treeHead.treeSize).toBe(602)
    expect((await log.append(candidateOf('c'))).leafIndex).toBe(602)
    await log.close()
    await checkLog(ports)
  })

  it('refuses without a guard, and names the command that makes a new one', async () => {
    const ports = await grownLog()
    await expect(openTestLog({ ...ports, guard: new MemoryGuard() })).rejects.toEqual(
      refusal('ERR_GUARD_MISSING', 'attestry guard adopt'),
    )
  })

  it('refuses an older copy of the log', async () => {
    const ports = await grownLog()
    const treeHead = { treeSize: treeSize(120), rootHash: new Uint8Array(32) as RootHash }
    const ahead = await signTreeHead({ ...ports, treeHead, registrationTime: 1 }, ports.signer)
    await expect(openTestLog({ ...ports, guard: await guardOf(ahead) })).rejects.toEqual(
      refusal(
        'ERR_GUARD_AHEAD',
        'the guard holds a signed head of size 120, the data directory ends at 42: this is an ' +
          'older copy of the log. Do not sign with it. Put the newest copy',
      ),
    )
  })

  it('refuses another history of the same size', async () => {
    const ports = await grownLog()
    const rootHash = new Uint8Array(32) as RootHash
    const treeHead = { treeSize: treeSize(42), rootHash }
    const fork = await signTreeHead({ ...ports, treeHead, registrationTime: 1 }, ports.signer)
    await expect(openTestLog({ ...ports, guard: await guardOf(fork) })).rejects.toEqual(
      refusal('ERR_GUARD_FORK', 'another history'),
    )
  })

  it('refuses another history that has grown further', async () => {
    const ports = await grownLog()
    const treeHead = { treeSize: treeSize(22), rootHash: new Uint8Array(32) as RootHash }
    const time = GENESIS_TIME
    const fork = await signTreeHead({ ...ports, treeHead, registrationTime: time }, ports.signer)
    await expect(openTestLog({ ...ports, guard: await guardOf(fork) })).rejects.toEqual(
      refusal('ERR_GUARD_FORK'),
    )
  })

  it('refuses an older copy of the guard', async () => {
    const ports = await grownLog()
    for (const size of [2, 22]) {
      const older = (await ports.store.findSignedHead(treeSize(size)))!
      await expect(openTestLog({ ...ports, guard: await guardOf(older) })).rejects.toEqual(
        refusal('ERR_GUARD_BEHIND', 'older copy of the guard'),
      )
    }
  })

  it('refuses a guard that this log did not sign', async () => {
    const ports = await grownLog()
    const { treeHead, registrationTime } = (await ports.guard.read())!
    const stranger = newSigner()
    const head = await signTreeHead({ ...ports, treeHead, registrationTime }, stranger)
    // So it looks to a copy from before a rotation, which must not be told to find another guard.
    for (const text of ['damaged or another log', 'newest copy of the log']) {
      await expect(openTestLog({ ...ports, guard: await guardOf(head) })).rejects.toEqual(
        refusal('ERR_GUARD_FORK', text),
      )
    }
    const other = { ...ports, origin: 'other.example' }
    const foreign = await signTreeHead({ ...other, treeHead, registrationTime }, ports.signer)
    await expect(openTestLog({ ...ports, guard: await guardOf(foreign) })).rejects.toEqual(
      refusal('ERR_GUARD_FORK', 'damaged or another log'),
    )
  })

  it('refuses another key, another name and a clock that is far behind', async () => {
    const ports = await grownLog()
    await expect(openTestLog({ ...ports, signer: newSigner() })).rejects.toEqual(
      refusal('ERR_KEY_MISMATCH'),
    )
    await expect(openTestLog({ ...ports, origin: 'else.example' })).rejects.toEqual(
      refusal('ERR_CONFIGURATION'),
    )
    ports.clock.time = GENESIS_TIME - 11
    await expect(openTestLog(ports)).rejects.toEqual(refusal('ERR_CLOCK_BEHIND', 'set the clock'))
  })
})

describe('start-up on damaged storage', () => {
  const damages: [string, (store: LogStore, original: LogStore) => void][] = [
    [
      'an entry near the end that lost a bit',
      (store, original) => {
        store.readEntries = async (start, count) => {
          const entries = await original.readEntries(start, count)
          const [first, ...rest] = entries
          return [{ ...first!, entry: Uint8Array.of(1, ...first!.entry) }, ...rest]
        }
      },
    ],
    [
      'a tile that lost a bit',
      (store, original) => {
        store.readTiles = async (tiles) =>
          (await original.readTiles(tiles)).map((hashes) => {
            hashes[40] = (hashes[40]! + 1) % 256
            return hashes
          })
      },
    ],
    [
      'a tile that lost its end',
      (store, original) => {
        store.readTiles = async (tiles) =>
          (await original.readTiles(tiles)).map((hashes) => hashes.slice(32))
      },
    ],
    [
      'a head of another root',
      (store, original) => {
        store.readState = async (): Promise<StoredState> => {
          const state = await original.readState()
          const rootHash = new Uint8Array(32) as RootHash
          return { ...state, treeHead: { ...state.treeHead, rootHash } }
        }
      },
    ],
    [
      'an entry beyond the head',
      (store, original) => {
        store.readEntries = async (start, count) => [
          ...(await original.readEntries(start, count)),
          { leafIndex: leafIndex(42), entry: Uint8Array.of(7) },
        ]
      },
    ],
  ]

  it.each(damages)('refuses %s', async (_, damage) => {
    const ports = await grownLog()
    const store = overlay(ports.store)
    damage(store, ports.store)
    await expect(openTestLog({ ...ports, store })).rejects.toEqual(
      refusal('ERR_LOG_CORRUPT', 'Do not sign with it'),
    )
  })
})

describe('genesis', () => {
  it('makes a first head of size 2 and its guard', async () => {
    const ports = testPorts()
    const head = await createLog({ ...ports, entries: GENESIS_ENTRIES })
    expect(head).toMatchObject({ treeHead: { treeSize: 2 }, registrationTime: GENESIS_TIME })
    expect(await ports.guard.read()).toEqual(head)
    expect(await ports.store.findSignedHead(treeSize(2))).toEqual(head)
    expect(await checkLog(ports)).toMatchObject({
      entries: 2,
      batches: 1,
      signedHeads: 1,
      guard: 2,
    })
  })

  it('does not replace a log or a guard', async () => {
    const ports = testPorts()
    await createTestLog(ports)
    const again = { ...ports, guard: new MemoryGuard(), entries: GENESIS_ENTRIES }
    await expect(createLog(again)).rejects.toEqual(refusal('ERR_LOG_EXISTS'))
    const elsewhere = { ...testPorts(), guard: ports.guard, entries: GENESIS_ENTRIES }
    await expect(createLog(elsewhere)).rejects.toEqual(refusal('ERR_LOG_EXISTS', 'guard already'))
  })

  it('that was interrupted before its guard does not start, and says what to do', async () => {
    const ports = testPorts()
    ports.guard.create = () => Promise.reject(new Error('power cut'))
    await expect(createTestLog(ports)).rejects.toThrow('power cut')
    await expect(openTestLog(ports)).rejects.toEqual(
      refusal('ERR_GUARD_MISSING', 'delete the data directory'),
    )
  })
})

/** A log whose newest signed head was in its guard only, which is lost; and who saw that head. */
async function lostWithGuard() {
  const grown = await grownLog()
  const { log } = await openTestLog(grown, { idleSaveMs: 1e6 })
  await log.append(candidateOf('c'))
  const last = log.currentHead()
  const seen = { ...last.treeHead, heldBy: 'a receipt' }
  const signed = last.bytes.map((byte, at) => (at === last.bytes.length - 1 ? byte ^ 1 : byte))
  return { ports: { ...grown, guard: new MemoryGuard() }, last, seen, wrong: { ...seen, signed } }
}

describe('adopting a guard', () => {
  it('checks the log and makes a guard that the log starts with', async () => {
    const ports = { ...(await grownLog()), guard: new MemoryGuard() }
    const { head, report } = await adoptGuard(ports)
    expect(report).toMatchObject({ entries: 42, batches: 3 })
    expect(head.treeHead.treeSize).toBe(42)
    const { log } = await openTestLog(ports)
    expect((await log.append(candidateOf('c'))).leafIndex).toBe(42)
  })

  it('signs the last head again when it was in the lost guard only', async () => {
    const { ports, last } = await lostWithGuard()
    const { head } = await adoptGuard(ports)
    expect(head.treeHead).toEqual(last.treeHead)
    expect(head.registrationTime).toBe(last.registrationTime)
    await openTestLog(ports)
  })

  it('takes the signature of the last head where it was seen, and only if it holds', async () => {
    const { ports, last, seen, wrong } = await lostWithGuard()
    const foreign = candidateOf('no head').entry
    const seenHeads = [seen, { ...seen, signed: foreign }, wrong, { ...seen, signed: last.bytes }]
    const { head } = await adoptGuard({ ...ports, seenHeads })
    expect(head).toEqual(last)
    expect((await ports.guard.read())?.bytes).toEqual(last.bytes)
    const saved = await ports.store.findSignedHead(last.treeHead.treeSize)
    expect(saved?.bytes).toEqual(last.bytes)
  })

  it('signs anew what was seen with a signature that does not hold', async () => {
    const { ports, wrong } = await lostWithGuard()
    const { head } = await adoptGuard({ ...ports, seenHeads: [wrong] })
    expect(head.bytes).not.toEqual(wrong.signed)
    await openTestLog(ports)
  })

  it('refuses when a head that was seen outside is not in the log', async () => {
    const ports = { ...(await grownLog()), guard: new MemoryGuard() }
    const { treeHead } = (await ports.store.findSignedHead(treeSize(22)))!
    const seen = { ...treeHead, heldBy: 'a receipt' }
    const later = { ...seen, treeSize: treeSize(43) }
    const other = { ...seen, rootHash: new Uint8Array(32) as RootHash }
    await expect(adoptGuard({ ...ports, seenHeads: [seen, later] })).rejects.toEqual(
      refusal('ERR_GUARD_AHEAD', 'a receipt holds a signed head of size 43'),
    )
    await expect(adoptGuard({ ...ports, seenHeads: [other] })).rejects.toEqual(
      refusal('ERR_GUARD_FORK', 'a receipt'),
    )
    expect(await ports.guard.read()).toBeUndefined()
    await adoptGuard({ ...ports, seenHeads: [seen] })
    await expect(adoptGuard(ports)).rejects.toEqual(refusal('ERR_LOG_EXISTS'))
  })
})
