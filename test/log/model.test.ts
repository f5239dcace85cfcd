/**
 * The log against a list: random appends, duplicates, crashes at random steps, restarts and reads.
 * The list knows which entries were acknowledged, at which index. Reproduce a run with its seed.
 */
import { describe, expect, it } from 'vitest'
import { leafIndex } from '../../src/bytes/integers.ts'
import { checkLog } from '../../src/log/check-log.ts'
import type { Registered } from '../../src/log/registered.ts'
import { verifyInclusion } from '../../src/merkle/verify-inclusion.ts'
import { overlay } from '../support/overlay.ts'
import {
  candidateOf,
  createTestLog,
  entryOf,
  hasher,
  openTestLog,
  testPorts,
} from '../support/test-log.ts'
import type { OpenedLog, TestPorts } from '../support/test-log.ts'

const isSlow = process.env['ATTESTRY_SLOW'] === '1'
const STEPS = isSlow ? 3000 : 400
const seed = Number(process.env['ATTESTRY_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

/** Numerical Recipes' linear congruential generator: small, and the same everywhere. */
function randomFrom(start: number): (below: number) => number {
  let state = start % 2 ** 32
  return (below) => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32
    return Math.floor((state / 2 ** 32) * below)
  }
}

class Model {
  readonly #random: (below: number) => number
  readonly #ports: TestPorts
  readonly #acknowledged = new Map<string, number>()
  #opened: OpenedLog
  #names = 0
  crashes = 0

  constructor(random: (below: number) => number, ports: TestPorts, opened: OpenedLog) {
    this.#random = random
    this.#ports = ports
    this.#opened = opened
  }

  async step(): Promise<void> {
    const random = this.#random
    this.#ports.clock.time += random(3)
    switch (random(12)) {
      case 0:
        await this.#restart()
        break
      case 1:
      case 2:
        await this.#read()
        break
      default:
        await this.#append(1 + random(random(8) === 0 ? 300 : 5))
    }
    if (this.#opened.fatal.length > 0) await this.#restart()
  }

  async finish(): Promise<void> {
    await this.#restart()
    const report = await checkLog(this.#ports)
    const acknowledged = [...this.#acknowledged.values()]
    expect(new Set(acknowledged).size).toBe(acknowledged.length)
    for (const [name, index] of this.#acknowledged) {
      expect(await this.#opened.log.readEntry(leafIndex(index))).toEqual(entryOf(name))
    }
    expect(report.entries).toBeGreaterThanOrEqual(acknowledged.length + 2)
  }

  async #append(count: number): Promise<void> {
    const known = [...this.#acknowledged.keys()]
    const names = Array.from({ length: count }, () =>
      known.length > 0 && this.#random(4) === 0
        ? known[this.#random(known.length)]!
        : `n${this.#names++ - this.#random(2)}`,
    )
    const answers = await Promise.allSettled(
      names.map((name) => this.#opened.log.append(candidateOf(name))),
    )
    for (const [at, answer] of answers.entries()) {
      if (answer.status === 'fulfilled') this.#acknowledge(names[at]!, answer.value)
      else expect(answer.reason).toMatchObject({ code: 'ERR_LOG_STOPPED' })
    }
  }

  #acknowledge(name: string, { leafIndex: index, head, inclusionPath }: Registered): void {
    const before = this.#acknowledged.get(name)
    if (before !== undefined) expect(index).toBe(before)
    this.#acknowledged.set(name, index)
    const { treeSize, rootHash } = head.treeHead
    const leafHash = hasher.leaf(entryOf(name))
    verifyInclusion({ leafHash, leafIndex: index, treeSize, inclusionPath, rootHash })
  }

  async #read(): Promise<void> {
    const known = [...this.#acknowledged]
    const [name, index] = known[this.#random(known.length)] ?? []
    if (name === undefined || index === undefined) return
    const { log } = this.#opened
    expect(await log.readEntry(leafIndex(index))).toEqual(entryOf(name))
    await log.inclusionProof(leafIndex(index), log.currentHead())
    const first = await log.firstHeadCovering(leafIndex(index))
    const sizes = [first!.treeHead.treeSize, log.currentHead().treeHead.treeSize] as const
    await log.consistencyProof(...sizes)
  }

  /** Ends the process, half of the time with a step that will fail in the next one. */
  async #restart(): Promise<void> {
    const { log, fatal } = this.#opened
    if (fatal.length === 0 && this.#random(2) === 0) await log.close()
    const { store, guard, signer } = this.#ports
    const ports = { ...this.#ports, ...{ store: overlay(store), guard: overlay(guard), signer: overlay(signer) } } // prettier-ignore
    this.#opened = await openTestLog(ports, { batchEntriesMax: 64 })
    if (this.#random(2) === 0) return
    this.crashes += 1
    const steps = [
      [ports.store, 'commit'],
      [ports.store, 'findLeafIndexes'],
      [ports.signer, 'sign'],
      [ports.guard, 'advance'],
    ] as const
    const [port, method] = steps[this.#random(steps.length)]!
    this.#failLater(port, method)
  }

  #failLater(port: object, method: string): void {
    const methods = port as Record<string, (...values: unknown[]) => Promise<unknown>>
    const original = methods[method]!
    const isAfter = this.#random(2) === 0
    let calls = this.#random(4)
    methods[method] = async (...values) => {
      if (calls-- !== 0) return original(...values)
      if (isAfter) await original(...values)
      throw new Error('crash')
    }
  }
}

describe('the log', () => {
  it(`equals a list, through ${STEPS} random steps and crashes`, { timeout: 120_000 }, async () => {
    console.log(`log model: seed ${seed} (ATTESTRY_SEED repeats it)`)
    const ports = testPorts()
    await createTestLog(ports)
    const opened = await openTestLog(ports, { batchEntriesMax: 64 })
    const model = new Model(randomFrom(seed), ports, opened)
    for (let step = 0; step < STEPS; step++) await model.step()
    await model.finish()
    expect(model.crashes).toBeGreaterThan(0)
  })
})
