/** A freeze of a log with several nodes: on all of them, also where a node has not heard of it yet. */
import { cpSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { readConfig } from '../../src/app/config.ts'
import type { ServiceEvent } from '../../src/app/config.ts'
import { freezeLog, moveFrozen, readFrozen, unfreezeLog } from '../../src/app/frozen.ts'
import { initLog } from '../../src/app/init-log.ts'
import { migrateLog } from '../../src/app/migrate-log.ts'
import { startRegistry } from '../../src/app/start.ts'
import type { RunningRegistry } from '../../src/app/start.ts'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { leafIndex } from '../../src/bytes/integers.ts'
import { logFrozen } from '../../src/log/answers.ts'
import type { Candidate } from '../../src/log/queue.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { PostgresFreezes } from '../../src/store/postgres/postgres-freezes.ts'
import { PostgresGuard } from '../../src/store/postgres/postgres-guard.ts'
import { PostgresLogStore } from '../../src/store/postgres/postgres-log-store.ts'
import { rejection } from '../support/error-code.ts'
import { overlay } from '../support/overlay.ts'
import { describePostgres, usePostgres } from '../support/postgres.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { candidateOf, createTestLog, openTestLog, testPorts } from '../support/test-log.ts'
import {
  closeAll,
  memoryCluster,
  openNode,
  openNodes,
  postgresCluster,
} from '../support/test-nodes.ts'
import { testSigner } from '../support/test-signer.ts'

const STATE = { frozenAt: 1_800_000_000, reason: 'moved' }

describe('what waits when a log is frozen', () => {
  it('is refused, a journal is stored, and what is stored already is found', async () => {
    const ports = testPorts()
    await createTestLog(ports)
    let isFrozen = false
    const refusal = (): ReturnType<typeof logFrozen> | undefined =>
      isFrozen ? logFrozen() : undefined
    const { log } = await openTestLog({ ...ports, refusal })
    await log.append(candidateOf('before'))
    // All of this waits in the queue until the turn of the event loop ends.
    const waiting = ['before', 'one', 'two'].map((name) => log.append(candidateOf(name)))
    const journal = log.append(candidateOf('journal', { kind: 'journal', follows: 'none' }))
    isFrozen = true
    expect(await Promise.all(waiting.map(outcome))).toEqual([2, 'ERR_LOG_FROZEN', 'ERR_LOG_FROZEN'])
    expect(await outcome(journal)).toBe(3)
    await log.close()
  })

  it('is refused by a store that knows it first, but for the journal among it', async () => {
    const ports = testPorts()
    await createTestLog(ports)
    const store = overlay(ports.store)
    const commits: number[] = []
    store.commit = async (batch) => {
      commits.push(batch.entries.length)
      if (batch.entries.some(({ kind }) => kind !== 'journal')) throw logFrozen()
      return ports.store.commit(batch)
    }
    const { log } = await openTestLog({ ...ports, store })
    const waiting = ['one', 'two'].map((name) => log.append(candidateOf(name)))
    const journal = log.append(candidateOf('journal', { kind: 'journal', follows: 'none' }))
    expect(await Promise.all([...waiting, journal].map(outcome))).toEqual([
      ...['ERR_LOG_FROZEN', 'ERR_LOG_FROZEN', 2],
    ])
    expect(commits).toEqual([3, 1])
    await log.close()
  })

  it('has its journal refused, too, where the store takes none', async () => {
    const ports = testPorts()
    await createTestLog(ports)
    const store = overlay(ports.store)
    store.commit = () => Promise.reject(logFrozen())
    const { log } = await openTestLog({ ...ports, store })
    const journal = candidateOf('journal', { kind: 'journal', follows: 'none' })
    expect(await outcome(log.append(journal))).toBe('ERR_LOG_FROZEN')
    await log.close()
  })

  it('is not stored after an outage either', async () => {
    const shared = await memoryCluster()
    let isFrozen = false
    const refusal = (): ReturnType<typeof logFrozen> | undefined =>
      isFrozen ? logFrozen() : undefined
    const node = await openNode({ ...shared, refusal }, () => 0)
    const heal = node.faults.cut('store')
    const waiting = outcome(node.log.append(candidateOf('waits')))
    await vi.waitFor(() => expect(node.log.failure).toBe('ERR_STORE_UNREACHABLE'))
    isFrozen = true
    heal()
    expect(await waiting).toBe('ERR_LOG_FROZEN')
    expect((await shared.store.readState()).treeHead.treeSize).toBe(2)
    await closeAll([node])
  })
})

/** The index, or the code of what was said instead. */
async function outcome(appended: Promise<{ readonly leafIndex: number }>): Promise<unknown> {
  try {
    return (await appended).leafIndex
  } catch (error) {
    return (error as { readonly code?: string }).code
  }
}

describePostgres('a freeze in PostgreSQL', () => {
  const server = usePostgres()
  const guards = usePostgres()

  it('passes no commit of a node that has not heard of it, but its journal', async () => {
    const { shared, nodes } = await openNodes(2, undefined, () => postgresCluster(server()))
    const freezes = await PostgresFreezes.open(shared.storeUrl!)
    expect(await freezes.read()).toBeUndefined()
    const append = (at: number, name: string, more?: Partial<Candidate>): Promise<unknown> =>
      outcome(nodes[at]!.log.append(candidateOf(name, more)))
    expect(await append(0, 'before')).toBe(2)
    expect(await freezes.freeze(STATE)).toBeUndefined()
    expect(await freezes.freeze({ ...STATE, reason: 'again' })).toEqual(STATE)
    expect(await Promise.all([append(0, 'a'), append(1, 'b')])).toEqual([
      ...['ERR_LOG_FROZEN', 'ERR_LOG_FROZEN'],
    ])
    expect(await append(1, 'before')).toBe(2)
    expect(await append(1, 'journal', { kind: 'journal', follows: 'none' })).toBe(3)
    expect(await append(0, 'c')).toBe('ERR_LOG_FROZEN')
    const next = { kind: 'journal', follows: leafIndex(3) } as const
    expect(await Promise.all([append(0, 'd'), append(0, 'journal 2', next)])).toEqual([
      ...['ERR_LOG_FROZEN', 4],
    ])
    expect(await freezes.unfreeze()).toBe(true)
    expect(await freezes.unfreeze()).toBe(false)
    expect(await append(0, 'c')).toBe(5)
    for (const { fatal } of nodes) expect(fatal).toEqual([])
    await freezes.close()
    await closeAll(nodes)
    await shared.dispose()
  })

  it('is the end of storing, in the middle of what all nodes take', async () => {
    const { shared, nodes } = await openNodes(2, undefined, () => postgresCluster(server()))
    const freezes = await PostgresFreezes.open(shared.storeUrl!)
    const answers: unknown[] = []
    const clients = Array.from({ length: 8 }, async (_, id) => {
      for (let post = 0; answers.at(-1) !== 'ERR_LOG_FROZEN'; post++) {
        const candidate = candidateOf(`${id}-${post}`)
        answers.push(await outcome(nodes[id % 2]!.log.append(candidate)))
      }
    })
    await vi.waitFor(() => expect(answers.length).toBeGreaterThan(40), { timeout: 10_000 })
    await freezes.freeze(STATE)
    const { treeSize } = (await shared.store.readState()).treeHead
    await Promise.all(clients)
    expect((await shared.store.readState()).treeHead.treeSize).toBe(treeSize)
    const stored = answers.filter((answer) => typeof answer === 'number')
    expect([...new Set(stored)].sort((a, b) => a - b)).toEqual(
      Array.from({ length: treeSize - 2 }, (_, at) => at + 2),
    )
    expect(answers).toHaveLength(stored.length + 8)
    await freezes.close()
    await closeAll(nodes)
    await shared.dispose()
  })

  describe('of registries', () => {
    const directory = temporaryDirectory()
    const signer = testSigner()
    const [a, b] = [join(directory, 'a'), join(directory, 'b')]
    const events: ServiceEvent[] = []
    const running: RunningRegistry[] = []
    let [store, guard] = ['', '']

    beforeAll(async () => {
      ;[store, guard] = [await server().createDatabase(), await guards().createDatabase()]
      const anchors = [{ kind: 'cose-key' as const, key: signer.publicKey, issuers: ['*'] }]
      await initLog({ data: a, origin: 'log.example.org', anchors, store, guard })
      cpSync(join(a, 'keys'), join(b, 'keys'), { recursive: true })
    })
    afterEach(async () => {
      for (const one of running.splice(0)) await one.close()
    })

    async function start(data: string): Promise<RunningRegistry> {
      const report = (event: ServiceEvent): void => void events.push(event)
      const flags = { data, store, guard, port: 0, adminPort: 0, index: 'off', scrubRateBytes: 0 }
      const registry = await startRegistry(readConfig(flags, { report }))
      running.push(registry)
      return registry
    }

    /** Signed once: another signature would be another entry. */
    const bodies = new Map<string, Promise<Uint8Array>>()
    function bodyOf(text: string): Promise<Uint8Array> {
      const names = { issuer: 'https://issuer.example', subject: 'demo' }
      const payload = encodeUtf8(text)
      const known = bodies.get(text)
      const body = known ?? signStatement({ payload, ...names, contentType: 'a/b', signer })
      bodies.set(text, body)
      return body
    }

    async function post({ url }: RunningRegistry, text: string): Promise<unknown> {
      const body = await bodyOf(text)
      const headers = { 'Content-Type': 'application/cose', Accept: 'application/problem+json' }
      const init = { method: 'POST', headers, body: new Uint8Array(body) }
      const response = await fetch(`${url}/entries`, init)
      if (response.status === 201) return 201
      return ((await response.json()) as { readonly code: string }).code
    }

    async function readiness({ adminUrl }: RunningRegistry): Promise<unknown> {
      const response = await fetch(`${adminUrl}/health/ready`)
      const { status, checks } = (await response.json()) as {
        readonly status: string
        readonly checks: Readonly<Record<string, { readonly status: string }>>
      }
      return [status, checks['frozen']]
    }

    it('is seen by each, by one that starts later, and ends for all of them', async () => {
      const nodes = [await start(a), await start(b)]
      expect(await Promise.all(nodes.map((node) => post(node, 'before')))).toEqual([201, 201])
      // `b` has no file of its own, and `a` gets none.
      expect(await freezeLog({ data: b, store }, 'moved')).toBeUndefined()
      expect(existsSync(join(b, 'frozen.json'))).toBe(false)
      for (const node of nodes) expect(await post(node, 'after')).toBe('ERR_LOG_FROZEN')
      for (const node of nodes) {
        await expect
          .poll(() => readiness(node), { timeout: 10_000 })
          .toEqual(['read-only', expect.objectContaining({ reason: 'moved' })])
        const metrics = await (await fetch(`${node.adminUrl}/metrics`)).text()
        expect(metrics).toContain('attestry_frozen 1')
        expect(await post(node, 'before')).toBe(201)
      }
      await running.pop()!.close()
      const again = await start(b)
      expect(await readiness(again)).toMatchObject(['read-only', { reason: 'moved' }])
      expect(await freezeLog({ data: a }, 'again')).toMatchObject({ reason: 'moved' })
      expect(await unfreezeLog({ data: a })).toBe(true)
      for (const node of running) {
        await expect.poll(() => post(node, 'after'), { timeout: 10_000 }).toBe(201)
      }
      expect(await unfreezeLog({ data: a })).toBe(false)
    })

    it('stays as it was last known while the store does not say, and tells once', async () => {
      const node = await start(a)
      await freezeLog({ data: a }, 'moved')
      await expect.poll(() => readiness(node), { timeout: 10_000 }).toMatchObject(['read-only', {}])
      await unfreezeLog({ data: a })
      await expect.poll(() => readiness(node), { timeout: 10_000 }).toMatchObject(['ready', {}])
      const read = vi.spyOn(PostgresFreezes.prototype, 'read')
      read.mockRejectedValue(new Error('no answer'))
      await expect.poll(() => read.mock.calls.length, { timeout: 10_000 }).toBeGreaterThan(2)
      expect(await readiness(node)).toMatchObject(['ready', {}])
      expect(events.filter(({ event }) => event === 'frozen-unknown')).toHaveLength(1)
      read.mockRestore()
      await freezeLog({ data: a }, 'later')
      await expect.poll(() => readiness(node), { timeout: 10_000 }).toMatchObject(['read-only', {}])
      await unfreezeLog({ data: a })
    })

    it('comes along with a log that was frozen in files', async () => {
      const data = join(directory, 'files')
      const anchors = [{ kind: 'cose-key' as const, key: signer.publicKey, issuers: ['*'] }]
      await initLog({ data, origin: 'log.example.org', anchors })
      await freezeLog({ data }, 'for the move')
      await moveFrozen({ frozen: join(data, 'frozen.json') }, store)
      expect(await freezeLog({ data: b, store }, 'x')).toMatchObject({ reason: 'for the move' })
      await unfreezeLog({ data: b, store })
    })

    it('is there before anything can be signed in the new place, and is in that place alone', async () => {
      const data = join(directory, 'moving')
      const anchors = [{ kind: 'cose-key' as const, key: signer.publicKey, issuers: ['*'] }]
      await initLog({ data, origin: 'log.example.org', anchors })
      await freezeLog({ data }, 'for the move')
      const [to, toGuard] = [await server().createDatabase(), await guards().createDatabase()]
      const create = vi.spyOn(PostgresGuard.prototype, 'create')
      create.mockRejectedValueOnce(new Error('killed'))
      await expect(migrateLog({ data, to, toGuard })).rejects.toThrow('killed')
      create.mockRestore()
      const freezes = await PostgresFreezes.open(to)
      expect(await freezes.read()).toMatchObject({ reason: 'for the move' })
      await migrateLog({ data, to, toGuard })
      // Any of the nodes ends it, for all of them.
      expect(await unfreezeLog({ data: b, store: to })).toBe(true)
      expect(readFrozen({ frozen: join(data, 'frozen.json') })).toBeUndefined()
      await freezes.close()
    })

    it('is refused where there is no log', async () => {
      const empty = await server().createDatabase()
      const place = { data: a, store: empty }
      expect(await rejection(() => freezeLog(place, 'x'))).toBe('ERR_LOG_MISSING')
      // The tables of an `init` or a `migrate` that was interrupted.
      await (await PostgresLogStore.open(empty, { mode: 'create' })).close()
      expect(await rejection(() => freezeLog(place, 'x'))).toBe('ERR_LOG_MISSING')
      expect(await rejection(() => unfreezeLog(place))).toBe('ERR_LOG_MISSING')
    })
  })
})
