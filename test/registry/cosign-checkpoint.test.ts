/** A witness never goes back: interleavings, two processes on one file, and two clients of a fork. */
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { equalBytes } from '../../src/bytes/bytes.ts'
import type { WitnessRecords } from '../../src/log/witness-records.ts'
import type { SignedCheckpoint } from '../../src/note/checkpoint.ts'
import { withSignatures } from '../../src/note/checkpoint.ts'
import { verifierKeyOf } from '../../src/note/note-signer.ts'
import type { NoteSigner } from '../../src/note/note-signer.ts'
import { encodeVerifierKey } from '../../src/note/verifier-key.ts'
import { parseTlogPolicy } from '../../src/note/tlog-policy.ts'
import { verifyWitnessedCheckpoint } from '../../src/note/witnessed-checkpoint.ts'
import { cosignCheckpoint } from '../../src/registry/cosign-checkpoint.ts'
import type { CosignAnswer, WitnessPorts } from '../../src/registry/cosign-checkpoint.ts'
import { SqliteWitnessRecords } from '../../src/store/sqlite/sqlite-witness-records.ts'
import { refusal, rejection } from '../support/error-code.ts'
import { nodeSignatureVerifier as verifier } from '../support/node-signature-verifier.ts'
import { noteSigner } from '../support/note-keys.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { createGate } from '../support/test-registry.ts'
import {
  ForeignLog,
  MemoryWitnessRecords,
  WITNESS_TIME,
  witnessPorts,
} from '../support/test-witness.ts'

const log = new ForeignLog(noteSigner('log.example/1'))
const origin = log.signer.name
const directory = temporaryDirectory()
let files = 0
const newPath = (): string => join(directory, `witness-${files++}.sqlite`)
const openSqlite = (path = newPath()): SqliteWitnessRecords =>
  SqliteWitnessRecords.open(path, { vkey: 'witness', create: true })

/** A signer whose signatures wait, while `slow` is set, until the test lets them go. */
class HeldSigner {
  slow = false
  readonly waits = createGate()
  readonly #go = createGate()
  readonly signer: NoteSigner

  constructor(inner: NoteSigner) {
    this.signer = { ...inner, sign: (data) => this.#sign(inner, data) }
  }

  async #sign(inner: NoteSigner, data: Uint8Array): Promise<Uint8Array> {
    if (this.slow) {
      this.slow = false
      this.waits.open()
      await this.#go.opened
    }
    return inner.sign(data)
  }

  go(): void {
    this.#go.open()
  }
}

describe.each<[string, () => WitnessRecords]>([
  ['memory', () => new MemoryWitnessRecords()],
  ['SQLite', () => openSqlite()],
])('with records in %s', (_, open) => {
  /** A witness at 8, with a request that has passed all checks and is about to be signed. */
  async function heldRequest(
    old: number,
    size: number,
  ): Promise<{
    ports: WitnessPorts & { records: WitnessRecords }
    pending: Promise<CosignAnswer>
    held: HeldSigner
  }> {
    const held = new HeldSigner(noteSigner('witness.example'))
    const ports = witnessPorts([log], { records: open(), signer: held.signer })
    await cosignCheckpoint(await log.request(0, 8), ports)
    held.slow = true
    const pending = cosignCheckpoint(await log.request(old, size), ports)
    await held.waits.opened
    return { ports, pending, held }
  }

  it('a slow request for 10 does not roll the witness back from 13', async () => {
    const { ports, pending, held } = await heldRequest(8, 10)
    expect(await cosignCheckpoint(await log.request(8, 13), ports)).toMatchObject({
      kind: 'cosigned',
    })
    held.go()
    expect(await pending).toEqual({ kind: 'conflict', treeSize: 13n })
    expect((await ports.records.find(origin))?.treeSize).toBe(13n)
  })

  it('neither does a slow request for the size that is recorded already', async () => {
    const { ports, pending, held } = await heldRequest(8, 8)
    await cosignCheckpoint(await log.request(8, 13), ports)
    held.go()
    expect(await pending).toEqual({ kind: 'conflict', treeSize: 13n })
  })

  it('a slow first request does not overwrite a faster one', async () => {
    const held = new HeldSigner(noteSigner('witness.example'))
    const ports = witnessPorts([log], { records: open(), signer: held.signer })
    held.slow = true
    const pending = cosignCheckpoint(await log.request(0, 3), ports)
    await held.waits.opened
    await cosignCheckpoint(await log.request(0, 9), ports)
    held.go()
    expect(await pending).toEqual({ kind: 'conflict', treeSize: 9n })
  })

  it('a fork that raced with the true tree of the same size is refused', async () => {
    const fork = new ForeignLog(log.signer, 'fork')
    const held = new HeldSigner(noteSigner('witness.example'))
    const ports = witnessPorts([log], { records: open(), signer: held.signer })
    held.slow = true
    const pending = cosignCheckpoint(await fork.request(0, 9), ports)
    await held.waits.opened
    await cosignCheckpoint(await log.request(0, 9), ports)
    held.go()
    expect(await pending).toEqual({ kind: 'conflict', treeSize: 9n })
    const again = fork.request(9, 9)
    expect(await rejection(async () => cosignCheckpoint(await again, ports))).toBe(
      'ERR_CONSISTENCY',
    )
  })

  it('of many requests at once each size is cosigned for one root, and sizes never fall', async () => {
    const fork = new ForeignLog(log.signer, 'fork')
    const ports = witnessPorts([log], { records: open() })
    const cosigned: SignedCheckpoint[] = []
    const ask = async (by: ForeignLog, old: number, size: number): Promise<void> => {
      const request = await by.request(old, size)
      await cosignCheckpoint(request, ports).then(
        async (answer) => {
          if (answer.kind === 'cosigned') cosigned.push(await by.checkpoint(size))
        },
        () => undefined,
      )
    }
    for (let old = 0; old < 16; old++) {
      const sizes = [old + 1, old + 2, old + 3]
      await Promise.all(sizes.flatMap((size) => [ask(log, old, size), ask(fork, old, size)]))
    }
    const roots = new Map<bigint, Uint8Array>()
    for (const { treeSize, rootHash } of cosigned) {
      const other = roots.get(treeSize)
      expect(other === undefined || equalBytes(other, rootHash)).toBe(true)
      roots.set(treeSize, rootHash)
    }
    expect(roots.size).toBeGreaterThan(4)
    const sizes = cosigned.map(({ treeSize }) => Number(treeSize))
    expect(sizes).toEqual([...sizes].sort((a, b) => a - b))
  })

  it('a repeated request writes no record, until the recorded time is old', async () => {
    const clock = { now: () => WITNESS_TIME }
    const ports = witnessPorts([log], { records: open(), clock })
    const cosignedAt = async (): Promise<number | undefined> => {
      expect((await cosignCheckpoint(await log.request(5, 5), ports)).kind).toBe('cosigned')
      return (await ports.records.find(origin))?.cosignedAt
    }
    await cosignCheckpoint(await log.request(0, 5), ports)
    clock.now = () => WITNESS_TIME + 59
    expect(await cosignedAt()).toBe(WITNESS_TIME)
    clock.now = () => WITNESS_TIME + 60
    expect(await cosignedAt()).toBe(WITNESS_TIME + 60)
  })
})

describe('the file', () => {
  it('fences two processes that share it', async () => {
    const path = newPath()
    const [one, two] = [openSqlite(path), openSqlite(path)]
    const held = new HeldSigner(noteSigner('witness.example'))
    const first = witnessPorts([log], { records: one, signer: held.signer })
    const second = witnessPorts([log], { records: two })
    held.slow = true
    const pending = cosignCheckpoint(await log.request(0, 10), first)
    await held.waits.opened
    await cosignCheckpoint(await log.request(0, 13), second)
    held.go()
    expect(await pending).toEqual({ kind: 'conflict', treeSize: 13n })
    await one.close()
    await two.close()
  })

  it('keeps sizes up to 2^63-1 exactly', async () => {
    const records = openSqlite()
    const rootHash = log.tree.root(1)
    const record = { rootHash, cosignedAt: 1, checkpoint: new Uint8Array(1) }
    const large = { ...record, treeSize: 2n ** 63n - 2n }
    expect(await records.advance(origin, undefined, large)).toBe('advanced')
    expect((await records.find(origin))?.treeSize).toBe(large.treeSize)
    const larger = { ...record, treeSize: 2n ** 63n - 1n }
    expect(await records.advance(origin, { ...large, treeSize: 2n ** 63n - 3n }, larger)).toBe(
      'moved',
    )
    expect(await records.advance(origin, large, larger)).toBe('advanced')
    await records.close()
  })

  it('belongs to one key, and is not made by looking for it', async () => {
    const path = newPath()
    const open = (vkey: string, create: boolean): string =>
      refusal(() => void SqliteWitnessRecords.open(path, { vkey, create }).close())
    expect(open('a', false)).toBe('ERR_LOG_MISSING')
    expect(open('a', true)).toBe('accepted')
    expect(open('a', false)).toBe('accepted')
    expect(open('b', true)).toBe('ERR_KEY_MISMATCH')
  })
})

describe('two clients that are shown different forks', () => {
  it('only one of them gets a quorum', async () => {
    const witness = witnessPorts([log])
    const fork = new ForeignLog(log.signer, 'fork')
    const policy = parseTlogPolicy(
      Buffer.from(
        `log ${log.vkey}\n` +
          `witness w ${encodeVerifierKey(verifierKeyOf(witness.signer, 'cosignature/v1'))}\n` +
          'quorum w\n',
      ),
    )
    const accept = (checkpoint: SignedCheckpoint): Promise<unknown> =>
      verifyWitnessedCheckpoint({ checkpoint, policy, verifier })

    const answer = await cosignCheckpoint(await log.request(0, 7), witness)
    if (answer.kind !== 'cosigned') throw new Error('not cosigned')
    const shownToFirst = withSignatures(await log.checkpoint(7), answer.signatures)
    expect(await accept(shownToFirst)).toHaveLength(1)

    for (const size of [7, 8, 20]) {
      const request = await fork.request(7, size)
      expect(await rejection(() => cosignCheckpoint(request, witness))).toBe('ERR_CONSISTENCY')
      // The second client sees the log's own signature, or a cosignature of the other tree.
      const shownToSecond = await fork.checkpoint(size)
      expect(await rejection(() => accept(shownToSecond))).toBe('ERR_QUORUM')
      const borrowed = withSignatures(shownToSecond, answer.signatures)
      expect(await rejection(() => accept(borrowed))).toBe('ERR_NOTE_SIGNATURE')
    }
  })
})
