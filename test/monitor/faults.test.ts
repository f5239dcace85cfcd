/**
 * Seeded faults: each is made by a log that rewrites itself, and each is found with its own exit
 * status and the first wrong entry named.
 * Those of admissions and journals are in faults-of-decisions.test.ts.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { encodeHex } from '../../src/bytes/hex.ts'
import { encodeHeadBundle, parseHeadBundle } from '../../src/cose/head-bundle.ts'
import { encodeEntryBundle, parseEntryBundle } from '../../src/note/entry-bundle.ts'
import { parseTlogPolicy } from '../../src/note/tlog-policy.ts'
import { encodeVerifierKey } from '../../src/note/verifier-key.ts'
import { verifierKeyOf } from '../../src/note/note-signer.ts'
import { noteSigner } from '../support/note-keys.ts'
import { testSigner } from '../support/test-signer.ts'
import { audit, findFault } from './audit-fixture.ts'
import { LogForge, ORIGIN, sha256 } from './log-forge.ts'
import type { Resources } from './log-forge.ts'

/** 0, 1 rules; batches of 30 with a journal after each tenth: a log of 600 entries and more. */
async function honestLog(): Promise<LogForge> {
  const forge = await LogForge.create()
  for (let batch = 0; batch < 20; batch++) {
    await forge.batch(await forge.statements(`s${batch}`, 30))
    if (batch % 10 === 9) await forge.journal()
  }
  return forge
}

let honest: LogForge
let resources: Resources
beforeAll(async () => {
  honest = await honestLog()
  resources = await honest.export({ receipts: true })
})

/** The exported bundles with one of them changed. */
function withBundle(path: string, change: (entries: Uint8Array[]) => Uint8Array[]): Resources {
  const width = path.includes('.p/') ? Number(path.split('/').at(-1)) : 256
  const entries = parseEntryBundle(resources.get(path)!, width)
  return new Map(resources).set(path, encodeEntryBundle(change(entries)))
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.map((byte, index) => (index === at ? 255 - byte : byte))
}

/** A log whose history differs from `index` on, signed all over again. */
async function rewritten(
  forge: LogForge,
  change: (entries: Uint8Array[]) => void,
): Promise<LogForge> {
  const copy = forge.fork()
  change(copy.entries)
  return copy
}

describe('bytes that are not what the log signed (12)', () => {
  const bundle = 'tile/entries/001'

  it('a rewritten leaf', async () => {
    const statement = await honest.statement('other')
    const faulty = withBundle(bundle, (entries) => entries.with(44, statement))
    expect(await findFault(honest, faulty)).toMatchObject({
      code: 12,
      leafIndex: 300,
      tile: bundle,
    })
  })

  it('a dropped entry, the bundle being one short', async () => {
    const faulty = withBundle(bundle, (entries) => entries.toSpliced(44, 1))
    expect(await findFault(honest, faulty)).toMatchObject({
      code: 12,
      leafIndex: 300,
      tile: bundle,
    })
  })

  it('the last entry of a bundle dropped', async () => {
    const faulty = withBundle(bundle, (entries) => entries.slice(0, -1))
    expect(await findFault(honest, faulty)).toMatchObject({
      code: 12,
      leafIndex: 511,
      tile: bundle,
    })
  })

  it('reordered entries', async () => {
    const faulty = withBundle(bundle, (entries) => {
      return entries.with(44, entries[45]!).with(45, entries[44]!)
    })
    expect(await findFault(honest, faulty)).toMatchObject({ code: 12, leafIndex: 300 })
  })

  it('a leaf and its tile rewritten: the batch is named', async () => {
    const statement = await honest.statement('other')
    const copy = await rewritten(honest, (entries) => void (entries[300] = statement))
    const forged = await copy.export()
    const faulty = new Map(resources)
    for (const path of [bundle, 'tile/0/001']) faulty.set(path, forged.get(path)!)
    // Batches end at sizes 302, 333 …; entry 300 is in the one that begins at 272.
    const batchStart = honest.heads.findLast(({ size }) => size <= 300)!.size
    expect(await findFault(honest, faulty)).toMatchObject({
      ...{ code: 12, leafIndex: batchStart, tile: 'tile/0/001' },
    })
  })

  it.each([
    ['tile/0/000', 0],
    ['tile/0/001', 256],
  ])('a flipped byte in the full tile %s', async (path, leafIndex) => {
    const faulty = new Map(resources).set(path, flipped(resources.get(path)!, 1000))
    expect(await findFault(honest, faulty)).toMatchObject({ code: 12, tile: path, leafIndex })
  })

  it('a flipped byte in the right edge', async () => {
    const path = [...resources.keys()].find((name) => name.startsWith('tile/0/002.p/'))!
    const faulty = new Map(resources).set(path, flipped(resources.get(path)!, 40))
    const found = await findFault(honest, faulty)
    expect(found.code).toBe(12)
    expect(found.message).toContain(path)
  })

  it('a tile that is missing', async () => {
    const faulty = new Map(resources)
    faulty.delete('tile/0/001')
    expect(await findFault(honest, faulty)).toMatchObject({ code: 12, tile: 'tile/0/001' })
  })
})

describe('histories that do not fit (11, 21)', () => {
  it('a forked root: the log goes on from another history', async () => {
    const { state } = await audit(honest, resources)
    const other = await honest.statement('instead')
    const fork = await rewritten(honest, (entries) => void (entries[10] = other))
    await fork.batch(await fork.statements('later', 10))
    expect(await findFault(fork, await fork.export(), { state })).toMatchObject({
      ...{ code: 11, treeSize: honest.entries.length },
    })
  })

  it('equal size, other root', async () => {
    const { state } = await audit(honest, resources)
    const other = await honest.statement('instead')
    const fork = await rewritten(honest, (entries) => void (entries[10] = other))
    expect(await findFault(fork, await fork.export(), { state })).toMatchObject({
      ...{ code: 11, treeSize: honest.entries.length },
    })
  })

  it('a first-time auditor: a signed head that another history left behind names the batch', async () => {
    const other = await honest.statement('instead')
    const fork = await rewritten(honest, (entries) => void (entries[300] = other))
    const faulty = await fork.export()
    faulty.set('heads/bundle/001', resources.get('heads/bundle/001')!)
    const before = honest.heads.findLast(({ size }) => size <= 300)!.size
    expect(await findFault(fork, faulty)).toMatchObject({ code: 11, leafIndex: before })
  })

  it('a log that went back', async () => {
    const { state } = await audit(honest, resources)
    const shorter = await LogForge.create({ keys: honest.keys })
    expect(await findFault(shorter, undefined, { state })).toMatchObject({ code: 21, treeSize: 2 })
  })

  it('what an interrupted audit had replayed counts too', async () => {
    let { state } = await audit(honest, resources, { isCancelled: () => true })
    state = { ...state }
    expect(state.head).toBeUndefined()
    const shorter = await LogForge.create({ keys: honest.keys })
    expect(await findFault(shorter, undefined, { state })).toMatchObject({ code: 21 })
  })
})

describe('signatures of others (10, 18, 20)', () => {
  it('a checkpoint by another key, and of another log', async () => {
    const stranger = noteSigner(ORIGIN)
    const keys = { ...honest.keys, checkpoint: stranger }
    const other = await LogForge.create({ keys })
    const faulty = new Map(resources).set('checkpoint', (await other.export()).get('checkpoint')!)
    expect(await findFault(honest, faulty)).toMatchObject({ code: 10 })
  })

  it('a checkpoint that is no checkpoint', async () => {
    const faulty = new Map(resources).set('checkpoint', encodeUtf8('hello\n'))
    expect(await findFault(honest, faulty)).toMatchObject({ code: 10 })
  })

  it('receipts of another log', async () => {
    const keys = { ...honest.keys, receipt: testSigner() }
    const other = honest.fork()
    Object.assign(other, { keys })
    const theirs = await other.export({ receipts: true })
    const faulty = new Map(resources)
    const entry = honest.entries[300]!
    const path = `entries/${encodeHex(sha256(entry))}/receipt`
    faulty.set(path, theirs.get(path)!)
    const found = await findFault(honest, faulty, { isSampled: (index) => index >= 290 })
    expect(found).toMatchObject({ code: 18, leafIndex: 300 })
  })

  it('the receipt of another entry', async () => {
    const [id, other] = [300, 301].map((index) => encodeHex(sha256(honest.entries[index]!)))
    const faulty = new Map(resources)
    faulty.set(`entries/${id}/receipt`, resources.get(`entries/${other}/receipt`)!)
    const found = await findFault(honest, faulty, { isSampled: () => true })
    expect(found).toMatchObject({ code: 18, leafIndex: 300 })
  })

  it('a head that is missing under its own size, or is another one there', async () => {
    const { size } = honest.heads[5]!
    const missing = new Map(resources)
    missing.delete(`heads/${size}`)
    const first = honest.heads[4]!.size
    const sampled = { isSampled: (index: number) => index >= first + 3 }
    const place = { code: 18, leafIndex: first + 3 }
    expect(await findFault(honest, missing, sampled)).toMatchObject(place)
    const other = new Map(resources).set(`heads/${size}`, resources.get(`heads/${first}`)!)
    expect(await findFault(honest, other, sampled)).toMatchObject(place)
    // An export of tiles only has none of them, and says so by --receipts 0.
    await expect(audit(honest, missing, { isSampled: () => false })).resolves.toBeDefined()
  })

  it('a head by another key, a head that is missing, a head out of order', async () => {
    const path = 'heads/bundle/001'
    const heads = parseHeadBundle(resources.get(path)!)
    const withHeads = (changed: Uint8Array[]): Resources =>
      new Map(resources).set(path, encodeHeadBundle(changed))
    const other = honest.fork()
    Object.assign(other, { keys: { ...honest.keys, receipt: testSigner() } })
    const theirs = parseHeadBundle((await other.export()).get(path)!)
    const byOther = heads.with(2, theirs[2]!)
    expect(await findFault(honest, withHeads(byOther))).toMatchObject({ code: 18 })
    const swapped = heads.with(2, heads[3]!).with(3, heads[2]!)
    expect(await findFault(honest, withHeads(swapped))).toMatchObject({ code: 18 })
    // Without its head, a batch seems to be part of the next one, and the journal disagrees.
    expect(await findFault(honest, withHeads(heads.toSpliced(3, 1)))).toMatchObject({ code: 16 })
  })

  it('too few witnesses', async () => {
    const witness = encodeVerifierKey(
      verifierKeyOf(noteSigner('witness.example'), 'cosignature/v1'),
    )
    const text = `log ${honest.vkey}\nwitness w ${witness}\nquorum w\n`
    const tlogPolicy = parseTlogPolicy(encodeUtf8(text))
    expect(await findFault(honest, resources, { tlogPolicy })).toMatchObject({ code: 20 })
  })
})
