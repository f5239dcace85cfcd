/**
 * Several logs on one store and one guard in one process, each behind a layer of seeded faults: calls
 * that take long, that fail before or after they took effect, wake-ups that are lost, a node that is
 * frozen between two steps, a node that ends.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { UnavailableError } from '../../src/errors.ts'
import type { Guard } from '../../src/log/guard.ts'
import type { LogLimits } from '../../src/log/limits.ts'
import type { Log } from '../../src/log/log.ts'
import type { LogPorts } from '../../src/log/ports.ts'
import type { LogStore } from '../../src/log/store.ts'
import { MemoryGuard } from '../../src/store/memory/memory-guard.ts'
import { MemoryLogStore } from '../../src/store/memory/memory-log-store.ts'
import { PostgresGuard } from '../../src/store/postgres/postgres-guard.ts'
import { PostgresLogStore } from '../../src/store/postgres/postgres-log-store.ts'
import { randomFrom, seed } from './mutate.ts'
import { overlay } from './overlay.ts'
import type { PostgresServer } from './postgres-server.ts'
import { createTestLog, openTestLog, TestClock, testPorts } from './test-log.ts'
import type { TestPorts } from './test-log.ts'

/** How often things go wrong, of 1000 calls each. */
export interface FaultRates {
  readonly lost: number
  readonly lostWakeUps: number
  readonly lostAfter: number
  readonly frozen: number
  /** Longest freeze. */
  readonly frozenMsMax: number
  readonly delayMsMax: number
}

export const NO_FAULTS: FaultRates = {
  ...{ lost: 0, lostWakeUps: 0, lostAfter: 0, frozen: 0, frozenMsMax: 0, delayMsMax: 0 },
}

/** What all nodes share. */
export interface SharedPorts extends TestPorts {
  /** Opens what a node uses for itself; the same object where connections are shared. */
  readonly connect: () => Promise<Pick<LogPorts, 'store' | 'guard'>>
  /** Of the store, when that is PostgreSQL. */
  readonly storeUrl?: string
  /** Ends everything that was opened. */
  readonly dispose: () => Promise<void>
}

export async function memoryCluster(): Promise<SharedPorts> {
  const store = new MemoryLogStore({ shared: true })
  const guard = new MemoryGuard({ shared: true })
  const ports = testPorts({ store, guard })
  await createTestLog(ports)
  return { ...ports, connect: async () => ({ store, guard }), dispose: async () => undefined }
}

/** A log in a schema of PostgreSQL, and its guard in another one; each node has its connections. */
export async function postgresCluster(server: PostgresServer): Promise<SharedPorts> {
  const [storeUrl, guardUrl] = [await server.createSchema(), await server.createSchema()]
  // Nodes that ended do not close what they had open.
  const opened = new Set<LogStore | Guard>()
  const tracked = <Port extends LogStore | Guard>(port: Port): Port => {
    const close = port.close.bind(port)
    port.close = async () => {
      if (opened.delete(port)) await close()
    }
    opened.add(port)
    return port
  }
  const connect = async (
    mode: 'create' | 'existing',
  ): Promise<Pick<LogPorts, 'store' | 'guard'>> => {
    const store = tracked(await PostgresLogStore.open(storeUrl, { mode }))
    return { store, guard: tracked(await PostgresGuard.open(guardUrl)) }
  }
  const ports = testPorts(await connect('create'))
  await createTestLog(ports)
  const dispose = async (): Promise<void> => {
    for (const port of opened) await port.close()
  }
  return { ...ports, storeUrl, connect: () => connect('existing'), dispose }
}

export interface TestNode {
  readonly log: Log
  readonly fatal: Error[]
  readonly clock: TestClock
  readonly faults: Faults
  /** Ends it as SIGKILL does: nothing that it began is answered any more. */
  kill(): void
}

/** Opens a node whose calls go through its own faults. */
export async function openNode(
  shared: SharedPorts,
  random: (n: number) => number,
  {
    rates = NO_FAULTS,
    ...limits
  }: Partial<LogLimits> & { readonly rates?: FaultRates | undefined } = {},
): Promise<TestNode> {
  const faults = new Faults(random, NO_FAULTS)
  const { store, guard } = await shared.connect()
  const clock = new TestClock()
  clock.time = shared.clock.time
  const ports = { ...shared, clock, store: faults.store(store), guard: faults.guard(guard) }
  const { log, fatal } = await openTestLog(ports, limits)
  faults.rates = rates
  return { log, fatal, clock, faults, kill: () => faults.kill() }
}

/** Nodes on one log, in memory unless it is said otherwise, with the seed of the run. */
export async function openNodes(
  count: number,
  rates?: FaultRates,
  createCluster: () => Promise<SharedPorts> = memoryCluster,
): Promise<{ shared: SharedPorts; nodes: TestNode[]; random: (n: number) => number }> {
  const random = randomFrom(seed)
  const shared = await createCluster()
  const nodes = []
  for (let at = 0; at < count; at++) nodes.push(await openNode(shared, random, { rates }))
  return { shared, nodes, random }
}

/** Closes them one after the other. */
export async function closeAll(nodes: readonly TestNode[]): Promise<void> {
  for (const { log } of nodes) await log.close()
}

type Code = 'ERR_STORE_UNREACHABLE' | 'ERR_GUARD_UNREACHABLE'
type Step = 'commit' | 'advance'

/** Faults of one node. */
export class Faults {
  rates: FaultRates
  readonly #random: (n: number) => number
  readonly #cut = new Set<Code>()
  readonly #before = new Map<string, () => Promise<unknown>>()
  readonly #after = new Map<string, () => Promise<unknown>>()
  #isDead = false

  constructor(random: (n: number) => number, rates: FaultRates) {
    this.#random = random
    this.rates = rates
  }

  kill(): void {
    this.#isDead = true
  }

  /** Ends the node when it is about to take this step. */
  killBefore(step: Step): void {
    this.#before.set(step, () => this.#die())
  }

  /** Ends the node when this step took effect, before it learns of it. */
  killAfter(step: Step): void {
    this.#after.set(step, () => this.#die())
  }

  /** Stops the node before its next step of this kind until what is returned is called. */
  freezeBefore(step: Step): () => void {
    let thaw: () => void = () => undefined
    const frozen = new Promise<void>((resolve) => (thaw = resolve))
    this.#before.set(step, () => frozen)
    return thaw
  }

  /** Loses the connection at the next call of this method: before or after it took effect. */
  loseOnce(method: string, moment: 'before' | 'after'): void {
    const code = method === 'advance' ? 'ERR_GUARD_UNREACHABLE' : 'ERR_STORE_UNREACHABLE'
    const steps = moment === 'before' ? this.#before : this.#after
    steps.set(method, () => {
      steps.delete(method)
      return Promise.reject(new UnavailableError(code, `${method}: connection lost`))
    })
  }

  /** Cuts the node off until what is returned is called. */
  cut(what: 'store' | 'guard'): () => void {
    const code = what === 'store' ? 'ERR_STORE_UNREACHABLE' : 'ERR_GUARD_UNREACHABLE'
    this.#cut.add(code)
    return () => this.#cut.delete(code)
  }

  store(original: LogStore): LogStore {
    const store = overlay(original)
    const methods = ['commit', 'readState', 'findLeafIndexes', 'readEntries', 'readTiles', 'findBatchHead', 'listBatchHeads', 'saveSignedHead', 'listGovernance', 'findLastGovernance', 'findSignedHeadCovering'] as const // prettier-ignore
    for (const method of methods)
      this.#wrap(store, original, { method, code: 'ERR_STORE_UNREACHABLE' })
    store.watch = (listener) => original.watch!((told) => { if (!this.#hits(this.rates.lostWakeUps)) listener(told) }) // prettier-ignore
    return store
  }

  guard(original: Guard): Guard {
    const guard = overlay(original)
    for (const method of ['read', 'advance'] as const) {
      this.#wrap(guard, original, { method, code: 'ERR_GUARD_UNREACHABLE' })
    }
    return guard
  }

  #wrap<Port extends object>(
    port: Port,
    original: Port,
    { method, code }: { readonly method: keyof Port & string; readonly code: Code },
  ): void {
    type Methods = Record<string, (...values: unknown[]) => Promise<unknown>>
    const [methods, originals] = [port as Methods, original as Methods]
    const lost = (): UnavailableError => new UnavailableError(code, `${method}: connection lost`)
    methods[method] = async (...values) => {
      await this.#pass()
      await this.#before.get(method)?.()
      if (this.#hits(this.rates.lost) || this.#cut.has(code)) throw lost()
      const result = await originals[method]!(...values)
      await this.#after.get(method)?.()
      if (this.#hits(this.rates.lostAfter)) throw lost()
      await this.#pass()
      return result
    }
  }

  async #pass(): Promise<void> {
    if (this.#isDead) await this.#die()
    const { delayMsMax, frozen, frozenMsMax } = this.rates
    if (this.#hits(frozen)) await wait(this.#random(frozenMsMax))
    else if (delayMsMax > 0) await wait(this.#random(delayMsMax))
    if (this.#isDead) await this.#die()
  }

  #die(): Promise<never> {
    this.#isDead = true
    return new Promise(() => undefined)
  }

  #hits(rate: number): boolean {
    return rate > 0 && this.#random(1000) < rate
  }
}
