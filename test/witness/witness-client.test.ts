/** The log asks its witnesses in rounds: what is asked when, what a quorum is, what a restart keeps. */
import { describe, expect, it } from 'vitest'
import { checkpointFile } from '../../src/app/witnessing.ts'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { treeSize } from '../../src/bytes/integers.ts'
import { encodeCheckpoint, withSignatures } from '../../src/note/checkpoint.ts'
import type { SignedCheckpoint } from '../../src/note/checkpoint.ts'
import { signCosignature } from '../../src/note/cosignature.ts'
import { parseTlogPolicy } from '../../src/note/tlog-policy.ts'
import { verifiedLines } from '../support/c2sp-reader.ts'
import { refusal, rejection } from '../support/error-code.ts'
import { noteSigner } from '../support/note-keys.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { appendMany } from '../support/test-log.ts'
import { createGate } from '../support/test-registry.ts'
import {
  clientOf,
  events,
  FakeWitness,
  log,
  logSigner,
  memoryStore,
  newest,
  NOW,
  ORIGIN,
  status,
  time,
  witnessed,
} from './fixture.ts'

const directory = temporaryDirectory()

describe('a round', () => {
  it('gets a cosignature that a reader of others verifies', async () => {
    const witness = new FakeWitness(logSigner)
    const client = clientOf([witness])
    await client.round()
    const note = newest(client)!
    expect(note.startsWith(`${ORIGIN}\n2\n`)).toBe(true)
    expect(verifiedLines(note, witness.vkey)).toEqual([{ time: BigInt(NOW) }])
    expect(client.cosignaturesFor(treeSize(2))).toHaveLength(1)
    expect(client.cosignaturesFor(treeSize(3))).toEqual([])
  })

  it('starts from the size that the witness had, with a proof', async () => {
    const witness = new FakeWitness(logSigner)
    const client = clientOf([witness])
    await client.round()
    await appendMany(log, 'a', 5)
    await client.round()
    await appendMany(log, 'b', 30)
    await client.round()
    expect(
      witness.requests.map(({ treeSize1, checkpoint }) => [treeSize1, checkpoint.treeSize]),
    ).toEqual([
      [0n, 2n],
      [2n, 7n],
      [7n, 37n],
    ])
    expect(client.newestWitnessed()?.treeSize).toBe(37n)
  })

  it('learns the size from the 409 after a restart', async () => {
    const witness = new FakeWitness(logSigner)
    await clientOf([witness]).round()
    await appendMany(log, 'a', 5)
    const client = clientOf([witness])
    await client.round()
    expect(witness.requests.map(({ treeSize1 }) => treeSize1)).toEqual([0n, 0n, 2n])
    expect(client.newestWitnessed()?.treeSize).toBe(7n)
    expect(events).toEqual([])
  })

  it('asks nothing while nothing changes', async () => {
    const witness = new FakeWitness(logSigner)
    const client = clientOf([witness])
    for (let rounds = 0; rounds < 5; rounds++) await client.round()
    expect(witness.requests).toHaveLength(1)
  })

  it("sends the log's own signature alone", async () => {
    const witness = new FakeWitness(logSigner)
    const client = clientOf([witness, new FakeWitness(logSigner)])
    await client.round()
    await client.round()
    for (const { checkpoint } of witness.requests) {
      expect(checkpoint.note.signatures).toHaveLength(1)
    }
  })

  it('delays no registration, however slow a witness is', async () => {
    const witness = new FakeWitness(logSigner)
    const gate = createGate()
    witness.script = () => gate.opened.then(() => undefined)
    const client = clientOf([witness])
    const round = client.round()
    await appendMany(log, 'a', 20)
    expect(log.currentHead().treeHead.treeSize).toBe(22)
    gate.open()
    await round
    // The checkpoint of the round, not the newer one.
    expect(client.newestWitnessed()?.treeSize).toBe(2n)
  })
})

describe('a quorum', () => {
  it('meets on one checkpoint, and ends the round', async () => {
    const witnesses = [0, 1, 2].map(() => new FakeWitness(logSigner))
    const gate = createGate()
    witnesses[2]!.script = () => gate.opened.then(() => undefined)
    const client = clientOf(witnesses, { quorum: 2 })
    await client.round()
    expect(client.newestWitnessed()?.note.signatures).toHaveLength(3)
    // The slow one is left out of the next round, and its late answer still counts for its size.
    await appendMany(log, 'a', 3)
    await client.round()
    expect(client.newestWitnessed()?.treeSize).toBe(5n)
    expect(witnesses[2]!.requests).toHaveLength(1)
    gate.open()
    await new Promise(setImmediate)
    await expect.poll(() => client.cosignaturesFor(treeSize(2)).length).toBe(3)
    expect(client.newestWitnessed()?.treeSize).toBe(5n)
  })

  it('is not held up by a witness that it does without', async () => {
    const witnesses = [new FakeWitness(logSigner), new FakeWitness(logSigner)]
    const gate = createGate()
    witnesses[1]!.script = status(503)
    const client = clientOf(witnesses, { limits: { intervalMs: 10, timeoutMs: 600_000 } })
    await client.start()
    // Asked again, alone, it hangs.
    witnesses[1]!.script = () => gate.opened.then(() => undefined)
    time.ms = 60_000
    await expect.poll(() => witnesses[1]!.requests.length).toBe(2)
    await appendMany(log, 'a', 3)
    await expect.poll(() => client.newestWitnessed()?.treeSize).toBe(5n)
    gate.open()
  })

  it('is not there with one witness too few, and comes later', async () => {
    const witnesses = [new FakeWitness(logSigner), new FakeWitness(logSigner)]
    witnesses[1]!.script = status(503)
    const client = clientOf(witnesses, { quorum: 2 })
    await client.round()
    expect(client.newestWitnessed()).toBeUndefined()
    expect(client.cosignaturesFor(treeSize(2))).toHaveLength(1)
    const waiting = client.whenWitnessed(treeSize(2), new AbortController().signal)
    witnesses[1]!.script = () => Promise.resolve(undefined)
    time.ms = 60_000
    await client.round()
    await waiting
    expect(client.newestWitnessed()?.note.signatures).toHaveLength(3)
    expect(events.map(({ event }) => event)).toEqual(['witness-failed', 'witness-answers'])
  })

  it('is waited for as long as the signal allows', async () => {
    const client = clientOf([new FakeWitness(logSigner)])
    const end = new AbortController()
    const waiting = client.whenWitnessed(treeSize(9), end.signal)
    end.abort()
    expect(await rejection(() => waiting)).toBe('ERR_TIMEOUT')
    expect(await rejection(() => client.whenWitnessed(treeSize(9), end.signal))).toBe('ERR_TIMEOUT')
  })
})

describe('across restarts', () => {
  it('the last witnessed checkpoint is kept, and verified again', async () => {
    const store = checkpointFile(`${directory}/witnessed.checkpoint`)
    const witness = new FakeWitness(logSigner)
    await clientOf([witness], { store }).round()
    await appendMany(log, 'a', 5)
    witness.script = status(503)
    const client = clientOf([witness], { store })
    await client.start()
    expect(client.newestWitnessed()?.treeSize).toBe(2n)
    expect(client.cosignaturesFor(treeSize(2))).toHaveLength(1)
    expect(verifiedLines(newest(client)!, witness.vkey)).toHaveLength(1)
  })

  it.each<[string, (checkpoint: SignedCheckpoint) => Promise<Uint8Array>]>([
    ['without its cosignatures', async () => encodeCheckpoint(await witnessed(log).checkpoint())],
    ['that is no checkpoint', () => Promise.resolve(encodeUtf8('nonsense'))],
    [
      'cosigned by somebody else',
      async (checkpoint) => {
        const stranger = noteSigner('witness.example')
        const by = await signCosignature({ checkpoint, timestamp: NOW, signer: stranger })
        const own = await witnessed(log).checkpoint()
        return encodeCheckpoint(withSignatures(own, [by]))
      },
    ],
  ])('a file %s counts for nothing', async (_, change) => {
    const store = memoryStore()
    const witness = new FakeWitness(logSigner)
    const first = clientOf([witness], { store })
    await first.round()
    store.saved = await change(first.newestWitnessed()!)
    witness.script = status(503)
    const client = clientOf([witness], { store })
    await client.start()
    expect(client.newestWitnessed()).toBeUndefined()
  })

  it('goes on when the file cannot be written', async () => {
    const store = { ...memoryStore(), save: () => Promise.reject(new Error('disk full')) }
    const client = clientOf([new FakeWitness(logSigner)], { store })
    await client.round()
    expect(client.newestWitnessed()?.treeSize).toBe(2n)
    expect(events.map(({ event }) => event)).toEqual(['witnessed-not-saved'])
  })
})

describe('the policy', () => {
  const configured = (policy: string): string =>
    refusal(() => clientOf([], { policy: parseTlogPolicy(Buffer.from(policy)) }))

  it('names at least one witness that can be asked', () => {
    const { vkey } = new FakeWitness(logSigner)
    expect(configured('quorum none\n')).toBe('ERR_CONFIGURATION')
    expect(configured(`witness w ${vkey}\nquorum w\n`)).toBe('ERR_CONFIGURATION')
    expect(configured(`witness w ${vkey} ftp://w.example\nquorum w\n`)).toBe('ERR_CONFIGURATION')
    expect(configured(`witness w ${vkey} https://w.example\nquorum none\n`)).toBe('accepted')
  })
})

it('ends at once, whatever it is waiting for', async () => {
  const witness = new FakeWitness(logSigner)
  const client = clientOf([witness], { limits: { intervalMs: 600_000, timeoutMs: 600_000 } })
  await client.start()
  await client.close()
  // Closed again by afterEach: harmless.
  expect(events).toEqual([])
})
