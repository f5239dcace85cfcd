/**
 * The fault table (transparency-log §7.1.2): every step of the write path fails, once before and once
 * after it took effect, on a batch that crosses the 256 boundary. After each failure it is checked
 * who was told what; then the log is opened again as a new process would, everything stored is
 * checked, the clients retry, and batches of the same and of another size succeed.
 */
import { describe, expect, it } from 'vitest'
import { UnavailableError } from '../../src/errors.ts'
import { checkLog } from '../../src/log/check-log.ts'
import type { LogPorts } from '../../src/log/ports.ts'
import { overlay } from '../support/overlay.ts'
import { TestDirectory } from '../support/sqlite.ts'
import {
  appendMany,
  candidateOf,
  createTestLog,
  newSigner,
  openTestLog,
  testPorts,
} from '../support/test-log.ts'
import type { TestPorts } from '../support/test-log.ts'

type Moment = 'before' | 'after'

interface Fault {
  readonly step: string
  readonly moment: Moment
  /** Makes the step fail once, on ports that are used for one life of the log. */
  readonly arm: (ports: Faulty, moment: Moment, error: Error) => void
  readonly error?: Error
  readonly isFatal: boolean
  /** Size of the tree that the next start finds. */
  readonly sizeAfter: 254 | 257
}

interface Faulty {
  store: LogPorts['store']
  guard: LogPorts['guard']
  signer: LogPorts['signer']
}

/** Fails the method's next call: before it does anything, or after it has done it. */
function failOnce(port: object, method: string, moment: Moment, error: Error): void {
  const methods = port as Record<string, (...values: unknown[]) => Promise<unknown>>
  const original = methods[method]!
  let isArmed = true
  methods[method] = async (...values) => {
    if (!isArmed) return original(...values)
    isArmed = false
    if (moment === 'after') await original(...values)
    throw error
  }
}

const on =
  (port: keyof Faulty, method: string): Fault['arm'] =>
  (ports, moment, error) =>
    failOnce(ports[port], method, moment, error)

const busy = new UnavailableError('ERR_STORE_BUSY', 'busy')
const unknown = new Error('I/O error')

const faults: Fault[] = [
  // Known not to be stored: the one failure that the log survives.
  { step: 'commit', moment: 'before', arm: on('store', 'commit'), error: busy, isFatal: false, sizeAfter: 254 },
  { step: 'look-up', moment: 'before', arm: on('store', 'findLeafIndexes'), isFatal: true, sizeAfter: 254 },
  { step: 'commit', moment: 'before', arm: on('store', 'commit'), isFatal: true, sizeAfter: 254 },
  { step: 'commit', moment: 'after', arm: on('store', 'commit'), isFatal: true, sizeAfter: 257 },
  { step: 're-read of entries', moment: 'before', arm: on('store', 'readEntries'), isFatal: true, sizeAfter: 257 },
  { step: 're-read of tiles', moment: 'before', arm: on('store', 'readTiles'), isFatal: true, sizeAfter: 257 },
  { step: 'signature', moment: 'before', arm: on('signer', 'sign'), isFatal: true, sizeAfter: 257 },
  { step: 'signature', moment: 'after', arm: on('signer', 'sign'), isFatal: true, sizeAfter: 257 },
  { step: 'guard', moment: 'before', arm: on('guard', 'advance'), isFatal: true, sizeAfter: 257 },
  { step: 'guard', moment: 'after', arm: on('guard', 'advance'), isFatal: true, sizeAfter: 257 },
  { step: 're-read of other entries', moment: 'after', arm: spoilEntries, isFatal: true, sizeAfter: 257 },
  { step: 're-read of other tiles', moment: 'after', arm: spoilTiles, isFatal: true, sizeAfter: 257 },
  { step: 'signature that is wrong', moment: 'after', arm: spoilSignature, isFatal: true, sizeAfter: 257 },
] // prettier-ignore

function spoilEntries({ store }: Faulty): void {
  const original = store.readEntries.bind(store)
  store.readEntries = async (start, count) => {
    const entries = await original(start, count)
    return entries.map(({ leafIndex, entry }) => ({ leafIndex, entry: changed(entry) }))
  }
}

function spoilTiles({ store }: Faulty): void {
  const original = store.readTiles.bind(store)
  store.readTiles = async (tiles) => (await original(tiles)).map(changed)
}

function spoilSignature(ports: Faulty): void {
  const original = ports.signer.sign.bind(ports.signer)
  ports.signer.sign = async (data) => changed(await original(data))
}

function changed(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice()
  copy[3] = (copy[3]! + 1) % 256
  return copy
}

interface Bench {
  readonly ports: TestPorts
  /** Ports of a new process on the same disk. */
  readonly restart: () => Promise<TestPorts>
  readonly dispose: () => Promise<void>
}

async function memoryBench(): Promise<Bench> {
  const ports = testPorts()
  return { ports, restart: async () => ports, dispose: async () => undefined }
}

async function sqliteBench(): Promise<Bench> {
  const directory = new TestDirectory()
  const signer = newSigner()
  let ports = testPorts({ signer, store: directory.createStore(), guard: directory.openGuard() })
  const close = async (): Promise<void> => {
    await ports.store.close()
    await ports.guard.close()
  }
  return {
    ports,
    restart: async () => {
      await close()
      ports = testPorts({ signer, store: directory.openStore(), guard: directory.openGuard() })
      return ports
    },
    dispose: async () => {
      await close()
      directory.remove()
    },
  }
}

const batch = ['x-0', 'x-1', 'x-2']

/** Posts the batch of three; returns what the clients were told: an index or a code. */
async function post(ports: TestPorts): Promise<{ told: unknown[]; fatal: Error[] }> {
  const { log, fatal } = await openTestLog(ports)
  const answers = await Promise.allSettled(batch.map((name) => log.append(candidateOf(name))))
  const told = answers.map((answer) =>
    answer.status === 'fulfilled'
      ? answer.value.leafIndex
      : (answer.reason as UnavailableError).code,
  )
  return { told, fatal }
}

async function runFault(fault: Fault, bench: Bench): Promise<void> {
  const { error = unknown } = fault
  await createTestLog(bench.ports)
  const { log } = await openTestLog(bench.ports)
  await appendMany(log, 'a', 252)
  await log.close()

  const code = fault.isFatal ? 'ERR_LOG_STOPPED' : error === busy ? 'ERR_STORE_BUSY' : ''
  let size = 254
  // The same size twice: the second failure meets what the first one left behind.
  for (let life = 1; life <= 2; life++) {
    const ports = await bench.restart()
    const faulty = {
      ...ports,
      store: overlay(ports.store),
      guard: overlay(ports.guard),
      signer: overlay(ports.signer),
    }
    const { log: opened, fatal } = await openTestLog(faulty)
    expect(opened.currentHead().treeHead.treeSize).toBe(size)
    fault.arm(faulty, fault.moment, error)
    const names = batch.map((name) => `${name}-${life}`)
    const answers = await Promise.allSettled(names.map((name) => opened.append(candidateOf(name))))
    expect(answers.map((answer) => (answer as { reason?: { code: string } }).reason?.code)).toEqual(
      batch.map(() => code),
    )
    expect(fatal).toHaveLength(fault.isFatal ? 1 : 0)
    // Nobody got a head that the guard does not hold.
    expect(opened.currentHead().treeHead.treeSize).toBe(size)
    if (fault.isFatal) {
      await expect(opened.append(candidateOf('more'))).rejects.toMatchObject({ code })
    }
    size += fault.sizeAfter - 254
    // A new process: whatever the old one left in memory is gone.
    const next = await bench.restart()
    const { log: restarted } = await openTestLog(next)
    expect(restarted.currentHead().treeHead.treeSize).toBe(size)
    await checkLog(next)
    if (fault.sizeAfter === 257) {
      // The clients' retries find what was stored, at the first indexes.
      const retries = names.map((name) => restarted.append(candidateOf(name)))
      const found = await Promise.all(retries)
      expect(found.map(({ leafIndex }) => leafIndex)).toEqual([size - 3, size - 2, size - 1])
      expect(found.every(({ duplicate }) => duplicate)).toBe(true)
    }
    await restarted.close()
  }

  const last = await bench.restart()
  const { told, fatal } = await post(last)
  expect(told).toEqual([size, size + 1, size + 2])
  expect(fatal).toEqual([])
  const { log: final } = await openTestLog(await bench.restart())
  await appendMany(final, 'z', 7)
  await final.close()
  const checked = await bench.restart()
  expect(await checkLog(checked)).toMatchObject({ entries: size + 10, guard: size + 10 })
}

for (const [name, makeBench] of [
  ['memory', memoryBench],
  ['sqlite', sqliteBench],
] as const) {
  // prettier-ignore
  describe(`${name}: a batch of three at size 254`, () => {
    for (const fault of faults) {
      const how = fault.error === busy ? 'is refused' : `fails ${fault.moment} it took effect`
      const then = fault.isFatal ? 'the log stops' : 'the log goes on'
      it(`whose ${fault.step} ${how}: ${then}, nothing acknowledged is lost`, async () => {
        const bench = await makeBench()
        try {
          await runFault(fault, bench)
        } finally {
          await bench.dispose()
        }
      })
    }
  })
}

describe('saving the last head', () => {
  for (const moment of ['before', 'after'] as const) {
    it(`that fails ${moment} it took effect costs nothing: the guard has it`, async () => {
      const ports = testPorts()
      await createTestLog(ports)
      const faulty = { ...ports, store: overlay(ports.store) }
      const { log, fatal } = await openTestLog(faulty)
      const { head } = await log.append(candidateOf('a'))
      failOnce(faulty.store, 'saveSignedHead', moment, unknown)
      await log.close()
      expect(fatal).toEqual([unknown])
      const { log: again } = await openTestLog(ports)
      expect(again.currentHead()).toEqual(head)
      expect(await checkLog(ports)).toMatchObject({ signedHeads: 2 })
    })
  }

  it('that the store is too busy for happens with the next batch', async () => {
    const ports = testPorts()
    await createTestLog(ports)
    const faulty = { ...ports, store: overlay(ports.store) }
    const { log, fatal } = await openTestLog(faulty, { idleSaveMs: 1 })
    await log.append(candidateOf('a'))
    failOnce(faulty.store, 'saveSignedHead', 'before', busy)
    await new Promise((resolve) => setTimeout(resolve, 20))
    await log.append(candidateOf('b'))
    await log.close()
    expect(fatal).toEqual([])
    expect(await checkLog(ports)).toMatchObject({ signedHeads: 3 })
  })
})

describe('recovery', () => {
  for (const [port, method] of [
    ['signer', 'sign'],
    ['guard', 'advance'],
    ['store', 'saveSignedHead'],
  ] as const) {
    // prettier-ignore
    for (const moment of ['before', 'after'] as const) {
      it(`that fails itself, ${moment} ${method}, is done by the next start`, async () => {
        const ports = testPorts()
        await createTestLog(ports)
        const first = { ...ports, guard: overlay(ports.guard) }
        failOnce(first.guard, 'advance', 'before', unknown)
        const { log } = await openTestLog(first)
        await expect(log.append(candidateOf('a'))).rejects.toThrow()
        const second = { ...ports, guard: overlay(ports.guard), store: overlay(ports.store), signer: overlay(ports.signer) } // prettier-ignore
        failOnce(second[port], method, moment, unknown)
        await expect(openTestLog(second)).rejects.toThrow('I/O error')
        const { log: third } = await openTestLog(ports)
        expect(third.currentHead().treeHead.treeSize).toBe(3)
        await third.close()
        expect(await checkLog(ports)).toMatchObject({ entries: 3, signedHeads: 2 })
      })
    }
  }

  it('signs a finished batch with the time that it was committed with', async () => {
    const ports = testPorts()
    await createTestLog(ports)
    const first = { ...ports, signer: overlay(ports.signer) }
    failOnce(first.signer, 'sign', 'before', unknown)
    ports.clock.time += 100
    const { log } = await openTestLog(first)
    await expect(log.append(candidateOf('a'))).rejects.toThrow()
    const committed = ports.clock.time
    ports.clock.time += 5000
    const { log: again } = await openTestLog(ports)
    expect(again.currentHead().registrationTime).toBe(committed)
  })
})
