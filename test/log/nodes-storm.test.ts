/**
 * Three nodes on one log in one process, and everything that may happen to them at once: calls that are
 * late, or lost before or after they took effect, wake-ups that do not come, frozen nodes, nodes that
 * end. Nothing that a client was told may be lost, change its place or be there twice.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { UnavailableError } from '../../src/errors.ts'
import { slow } from '../support/mutate.ts'
import { Oracle } from '../support/nodes-oracle.ts'
import { candidateOf } from '../support/test-log.ts'
import { describePostgres, usePostgres } from '../support/postgres.ts'
import {
  memoryCluster,
  NO_FAULTS,
  openNode,
  openNodes,
  postgresCluster,
} from '../support/test-nodes.ts'
import type { FaultRates, SharedPorts, TestNode } from '../support/test-nodes.ts'

/** Everything at once. Reproduce a run with its seed; the order of timers is not part of it. */
class Storm {
  readonly oracle = new Oracle()
  readonly #shared: SharedPorts
  readonly #random: (n: number) => number
  readonly #nodes: TestNode[]

  constructor(shared: SharedPorts, random: (n: number) => number, nodes: TestNode[]) {
    this.#shared = shared
    this.#random = random
    this.#nodes = nodes
  }

  /** One client: posts new and known entries to any node, and again where the outcome is unknown. */
  async client(id: number, posts: number): Promise<void> {
    for (let post = 0; post < posts; post++) {
      const isShared = this.#random(4) === 0
      const name = isShared ? `shared-${this.#random(40)}` : `${id}-${post}`
      await this.#post(name)
    }
  }

  async #post(name: string): Promise<void> {
    for (;;) {
      const node = this.#nodes[this.#random(this.#nodes.length)]!
      const given = node.log.append(candidateOf(name)).catch((e: unknown) => e as UnavailableError)
      const answer = await Promise.race([given, wait(1000)])
      if (answer instanceof Error) expect(answer.code).toMatch(/ERR_LOG_STOPPED|ERR_LOG_CLOSING/)
      else if (answer !== undefined) {
        this.oracle.note(name, answer)
        return
      }
    }
  }

  /** Ends nodes, one after the other, and starts another in the place of each. */
  async replaceSome(count: number, rates: FaultRates): Promise<void> {
    for (let kills = 0; kills < count; kills++) {
      await wait(200 + this.#random(500))
      const at = this.#random(this.#nodes.length)
      this.#nodes[at]!.faults.kill()
      this.#nodes[at] = await openNode(this.#shared, this.#random, { rates, batchEntriesMax: 16 })
    }
  }

  async finish(): Promise<void> {
    for (const { faults, fatal } of this.#nodes) {
      faults.rates = NO_FAULTS
      expect(fatal).toEqual([])
    }
    for (const { log } of this.#nodes) await log.close()
    await this.oracle.finish(this.#shared)
  }
}

const rates: FaultRates = {
  ...{ lost: 10, lostAfter: 10, lostWakeUps: 500, frozen: 3, frozenMsMax: 600, delayMsMax: 3 },
}
const rounds = slow ? 40 : 1

async function storms(createCluster: () => Promise<SharedPorts>): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const { shared, nodes, random } = await openNodes(3, rates, createCluster)
    const storm = new Storm(shared, random, nodes)
    const clients = Array.from({ length: 12 }, (_, id) => storm.client(id, 15))
    await Promise.all([...clients, storm.replaceSome(4, rates)])
    await storm.finish()
    await shared.dispose()
    expect(storm.oracle.acknowledged.size).toBeGreaterThan(100)
  }
}

const what = `lose nothing, fork nothing and store nothing twice, in ${rounds} rounds`
describe('three nodes in a storm', () => {
  it(what, () => storms(memoryCluster), 1_800_000)
})

describePostgres('three nodes on PostgreSQL in a storm', () => {
  const server = usePostgres()
  it(what, () => storms(() => postgresCluster(server())), 1_800_000)
})
