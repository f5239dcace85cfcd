/** A log that requires witnesses releases nothing above the largest tree that a quorum cosigned. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { leafIndex, treeSize } from '../../src/bytes/integers.ts'
import type { TreeSize } from '../../src/bytes/integers.ts'
import type { Log } from '../../src/log/log.ts'
import type { LogWitnesses } from '../../src/log/witness.ts'
import { signCheckpoint } from '../../src/note/checkpoint.ts'
import type { SignedCheckpoint } from '../../src/note/checkpoint.ts'
import { QuorumLog } from '../../src/registry/quorum-log.ts'
import { rejection } from '../support/error-code.ts'
import { noteSigner } from '../support/note-keys.ts'
import {
  appendMany,
  candidateOf,
  createTestLog,
  openTestLog,
  testPorts,
} from '../support/test-log.ts'

const signer = noteSigner('log.example.org/2026')

/** Witnesses that cosign when the test says so. */
class HandWitnesses implements LogWitnesses {
  readonly policy = { logs: [], witnesses: [], groups: [], quorum: 'none' }
  #newest: SignedCheckpoint | undefined
  #wake: (() => void)[] = []

  async cosign(log: Log): Promise<void> {
    const { treeHead } = log.currentHead()
    this.#newest = await signCheckpoint({ origin: signer.name, treeHead, signers: [signer] })
    for (const wake of this.#wake.splice(0)) wake()
  }

  cosignaturesFor(): [] {
    return []
  }

  newestWitnessed(): SignedCheckpoint | undefined {
    return this.#newest
  }

  async whenWitnessed(size: TreeSize): Promise<void> {
    while ((this.#newest?.treeSize ?? 0n) < size) {
      await new Promise<void>((resolve) => this.#wake.push(resolve))
    }
  }
}

let log: Log
let witnesses: HandWitnesses
let quorumLog: QuorumLog

beforeEach(async () => {
  const ports = testPorts()
  await createTestLog(ports)
  ;({ log } = await openTestLog(ports))
  witnesses = new HandWitnesses()
  await witnesses.cosign(log)
  quorumLog = await QuorumLog.open({ log, witnesses, waitMsMax: 10_000 })
})
afterEach(() => log.close())

it('does not start without a witnessed tree', async () => {
  const options = { log, witnesses: new HandWitnesses(), waitMsMax: 1 }
  expect(await rejection(() => QuorumLog.open(options))).toBe('ERR_WITNESS_QUORUM')
})

it('answers a registration once its head is witnessed', async () => {
  let answered = false
  const pending = quorumLog.append(candidateOf('a')).then((registered) => {
    answered = true
    return registered
  })
  await expect.poll(() => log.currentHead().treeHead.treeSize).toBe(3)
  expect(answered).toBe(false)
  await witnesses.cosign(log)
  expect((await pending).leafIndex).toBe(2)
  expect(quorumLog.currentHead().treeHead.treeSize).toBe(3)
})

describe('above the witnessed tree', () => {
  beforeEach(() => appendMany(log, 'a', 3))

  it('entries are committed and not released', async () => {
    const { entryId } = candidateOf('a-0')
    expect(await quorumLog.findEntry(entryId)).toEqual({ leafIndex: 2, released: false })
    await witnesses.cosign(log)
    expect(await quorumLog.findEntry(entryId)).toEqual({ leafIndex: 2, released: true })
  })

  it('nothing is served', async () => {
    const [two, five] = [treeSize(2), treeSize(5)]
    const head = log.currentHead()
    const codes = async (): Promise<string[]> => [
      await rejection(() => quorumLog.readEntry(leafIndex(2))),
      await rejection(() => quorumLog.inclusionProof(leafIndex(0), head)),
      await rejection(() => quorumLog.consistencyProof(two, five)),
      await rejection(() => quorumLog.readTile({ level: 0, index: 0, width: 5 })),
      await rejection(() => quorumLog.readBundle({ index: 0, width: 5 })),
      await rejection(() => quorumLog.signedHeads(0, 5)),
    ]
    expect(quorumLog.currentHead().treeHead.treeSize).toBe(2)
    expect(await quorumLog.headAt(five)).toBeUndefined()
    expect(await codes()).toEqual([
      'ERR_ENTRY_UNKNOWN',
      'ERR_HEAD_UNKNOWN',
      'ERR_HEAD_UNKNOWN',
      'ERR_TILE_UNKNOWN',
      'ERR_TILE_UNKNOWN',
      'ERR_HEAD_UNKNOWN',
    ])
    await witnesses.cosign(log)
    expect(await quorumLog.headAt(five)).toEqual(head)
    expect(await codes()).toEqual(Array(6).fill('accepted'))
  })
})
