/**
 * Damage to the files themselves: a WAL that a power cut shortened at any frame, and single bits that
 * turned anywhere in database or guard. Either nothing that is served or signed changed, or start-up
 * or `log check` says so (reliability T4, T7).
 */
import { cpSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeHex } from '../../src/bytes/hex.ts'
import { leafIndex } from '../../src/bytes/integers.ts'
import { nativeSha256 } from '../../src/keys/native-hash.ts'
import { checkLog } from '../../src/log/check-log.ts'
import { recoverTree } from '../../src/log/recover.ts'
import type { LogStore } from '../../src/log/store.ts'
import { SqliteGuard } from '../../src/store/sqlite/sqlite-guard.ts'
import { SqliteLogStore } from '../../src/store/sqlite/sqlite-log-store.ts'
import { TestDirectory } from '../support/sqlite.ts'
import {
  appendMany,
  createTestLog,
  newSigner,
  openTestLog,
  testPorts,
} from '../support/test-log.ts'

const FLIPS = process.env['ATTESTRY_SLOW'] === '1' ? 5000 : 120
const seed = Number(process.env['ATTESTRY_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const WAL_HEADER_BYTES = 32
const FRAME_BYTES = 24 + 4096

const signer = newSigner()
const original = new TestDirectory()
const copy = new TestDirectory()

afterAll(() => {
  original.remove()
  copy.remove()
})

/** Starts on the copy; resolves to the size that it would go on from. */
async function start(): Promise<number> {
  const store = copy.openStore()
  let guard: SqliteGuard | undefined
  try {
    guard = SqliteGuard.open(copy.guardPath)
    const state = await recoverTree(testPorts({ signer, store, guard }))
    return state.signed.treeHead.treeSize
  } finally {
    await store.close()
    await guard?.close()
  }
}

/** Everything that the store holds and that the tree or a signature vouches for. */
async function contentOf(store: LogStore): Promise<string> {
  const { policyIndex: _, ...state } = await store.readState()
  const entries = await store.readEntries(leafIndex(0), 10_000)
  const ids = await store.findLeafIndexes(entries.map(({ entry }) => nativeSha256(entry)))
  const heads = [await store.listBatchHeads(0, 10_000), await store.listSignedHeads(0, 10_000)]
  const text = JSON.stringify([state, entries, ids, heads])
  return encodeHex(nativeSha256(new TextEncoder().encode(text)))
}

beforeAll(async () => {
  const store = original.createStore()
  const guard = original.openGuard()
  const ports = testPorts({ signer, store, guard })
  await createTestLog(ports)
  const { log } = await openTestLog(ports)
  for (const [at, count] of [1, 3, 260, 2].entries()) await appendMany(log, `a${at}`, count)
  // A copy of the files of a living process, as after a power cut.
  for (const suffix of ['', '-wal']) {
    cpSync(`${original.storePath}${suffix}`, `${original.storePath}${suffix}.live`)
  }
  await log.close()
})

describe('a WAL that ends early', () => {
  it('is an older copy of the log, whatever its last frame is', { timeout: 60_000 }, async () => {
    const { size } = statSync(`${original.storePath}-wal.live`)
    const frames = Math.floor((size - WAL_HEADER_BYTES) / FRAME_BYTES)
    expect(frames).toBeGreaterThan(0)
    const told = new Map<string, number>()
    for (let kept = 0; kept <= frames; kept++) {
      for (const suffix of ['', '-wal']) {
        cpSync(`${original.storePath}${suffix}.live`, `${copy.storePath}${suffix}`)
      }
      cpSync(original.guardPath, copy.guardPath)
      truncateSync(`${copy.storePath}-wal`, WAL_HEADER_BYTES + kept * FRAME_BYTES)
      const answer = await start().then(
        String,
        (error: unknown) => (error as { code: string }).code,
      )
      told.set(answer, (told.get(answer) ?? 0) + 1)
    }
    // Nothing but: no log yet, an older copy, and the whole.
    const expected = ['ERR_GUARD_AHEAD', 'ERR_LOG_MISSING', '268']
    expect([...told.keys()].filter((answer) => !expected.includes(answer))).toEqual([])
    expect(told.get('268')).toBeGreaterThan(0)
    expect(told.get('ERR_GUARD_AHEAD')).toBeGreaterThan(0)
  })
})

describe('a bit that turned', () => {
  it(
    `anywhere in the database is found, or changes nothing (${FLIPS} places)`,
    { timeout: 900_000 },
    async () => {
      console.log(`damaged files: seed ${seed} (ATTESTRY_SEED repeats it)`)
      const bytes = readFileSync(original.storePath)
      const reader = SqliteLogStore.open(original.storePath, { mode: 'existing', readonly: true })
      const whole = await contentOf(reader)
      await reader.close()
      let random = seed % 2 ** 32
      const missed: string[] = []
      let found = 0
      for (let flip = 0; flip < FLIPS; flip++) {
        random = (random * 1_664_525 + 1_013_904_223) % 2 ** 32
        const at = Math.floor((random / 2 ** 32) * bytes.length)
        const outcome = await flipped(bytes, [at], flip % 8, whole)
        if (outcome === 'missed')
          missed.push(`bit ${flip % 8} of byte ${at}: ${bytes.toString('latin1', at - 8, at + 8)}`)
        if (outcome === 'found') found += 1
      }
      expect(missed).toEqual([])
      // About one place in eight is read at all; the next test says which ones have to be found.
      expect(found).toBeGreaterThan(0)
    },
  )

  it('in any entry is found', { timeout: 60_000 }, async () => {
    const bytes = readFileSync(original.storePath)
    const reader = SqliteLogStore.open(original.storePath, { mode: 'existing', readonly: true })
    const entries = await reader.readEntries(leafIndex(0), 10_000)
    const whole = await contentOf(reader)
    await reader.close()
    const outcomes: string[] = []
    for (let index = seed % 5; index < entries.length; index += 5) {
      const { entry } = entries[index]!
      // Its end lies on one page; a page that was split keeps a dead copy of it.
      const end = entry.subarray(-16)
      const places: number[] = []
      for (let at = bytes.indexOf(end); at >= 0; at = bytes.indexOf(end, at + 1))
        places.push(at + (index % 16))
      outcomes.push(places.length === 0 ? 'none' : await flipped(bytes, places, index % 8, whole))
    }
    expect(outcomes.filter((outcome) => outcome !== 'found')).toEqual([])
    expect(outcomes.length).toBeGreaterThan(50)
  })

  async function flipped(bytes: Uint8Array, places: number[], bit: number, whole: string) {
    const turned = Uint8Array.from(bytes)
    for (const at of places) turned[at] = bytes[at]! ^ (2 ** bit)
    writeFileSync(copy.storePath, turned)
    for (const suffix of ['-wal', '-shm']) writeFileSync(`${copy.storePath}${suffix}`, '')
    return checked(whole)
  }

  async function checked(whole: string): Promise<'found' | 'unchanged' | 'missed'> {
    let store: SqliteLogStore | undefined
    try {
      store = SqliteLogStore.open(copy.storePath, { mode: 'existing', readonly: true })
      await checkLog(testPorts({ store }))
      return (await contentOf(store)) === whole ? 'unchanged' : 'missed'
    } catch {
      return 'found'
    } finally {
      await store?.close()
    }
  }

  it('anywhere in the guard is found, or changes nothing', { timeout: 60_000 }, async () => {
    cpSync(original.storePath, copy.storePath)
    const bytes = readFileSync(original.guardPath)
    const outcomes = new Map<string, number>()
    for (let at = bytes.length % 97; at < bytes.length; at += 97) {
      const turned = Uint8Array.from(bytes)
      turned[at] = (bytes[at]! + 1) % 256
      for (const suffix of ['-wal', '-shm']) writeFileSync(`${copy.guardPath}${suffix}`, '')
      writeFileSync(copy.guardPath, turned)
      const answer = await start().then(
        String,
        (error: unknown) => (error as { code: string }).code,
      )
      outcomes.set(answer, (outcomes.get(answer) ?? 0) + 1)
    }
    const refused = ['ERR_GUARD_MISSING', 'ERR_GUARD_FORK', 'ERR_GUARD_AHEAD', 'ERR_GUARD_BEHIND']
    expect([...outcomes.keys()].filter((key) => !['268', ...refused].includes(key))).toEqual([])
    expect(outcomes.get('ERR_GUARD_FORK')).toBeGreaterThan(0)
  })
})
