import { describe, expect, it } from 'vitest'
import { parseCoseKey } from '../../src/cose/public-key.ts'
import { nodeVerifier } from '../../src/keys/node-verifier.ts'
import { AuditFault } from '../../src/monitor/audit-fault.ts'
import { LogSource } from '../../src/monitor/log-source.ts'
import { watchLog } from '../../src/monitor/watch-log.ts'
import type { WatchEvent, WatchOptions, WatchState } from '../../src/monitor/watch-log.ts'
import { encodeWatchState, parseWatchState } from '../../src/monitor/watch-state.ts'
import { parseVerifierKey } from '../../src/note/verifier-key.ts'
import { hasher, ISSUER, LogForge, ORIGIN, readerOf, sha256 } from './log-forge.ts'

/** A receiver and a state file that survive the monitor. */
class Receiver {
  readonly events: WatchEvent[] = []
  state: WatchState | undefined
  /** Crashes: fails before, or right after the event arrived. */
  failures: ('before' | 'after')[] = []

  async look(forge: LogForge, options: Partial<WatchOptions> = {}): Promise<number> {
    const { state } = this
    const { delivered } = await watchLog({
      source: new LogSource(readerOf(await forge.export())),
      ...{ hasher, sha256, verifier: nodeVerifier },
      known: {
        origin: ORIGIN,
        checkpointKeys: [parseVerifierKey(forge.vkey)],
        receiptKeys: [parseCoseKey(forge.receiptKey)],
      },
      issuers: [ISSUER],
      subjects: ['*'],
      ...(state === undefined ? {} : { state: parseWatchState(encodeWatchState(state)) }),
      deliver: async (event) => {
        const failure = this.failures.shift()
        if (failure === 'before') throw new Error('crash')
        this.events.push(event)
        if (failure === 'after') throw new Error('crash')
      },
      save: async (next) => {
        this.state = next
      },
      ...options,
    })
    return delivered
  }

  get subjects(): string[] {
    return this.events.map(({ subject }) => subject)
  }
}

describe('a monitor', () => {
  it('hands each matching entry over once, in order, across restarts', async () => {
    const forge = await LogForge.create()
    const receiver = new Receiver()
    for (let round = 0; round < 4; round++) {
      await forge.batch(await forge.statements(`r${round}`, 130))
      await forge.batch([await forge.statement('other', { issuer: 'https://other.example' })])
      expect(await receiver.look(forge)).toBe(130)
      expect(await receiver.look(forge)).toBe(0)
    }
    const indexes = receiver.events.map(({ leafIndex }) => leafIndex)
    expect(indexes).toEqual([...indexes].sort((a, b) => a - b))
    expect(new Set(indexes).size).toBe(4 * 130)
    expect(receiver.events[0]).toMatchObject({ leafIndex: 2, subject: 'r0-0', origin: ORIGIN })
  })

  it('hands over again what a crash left undecided, with the same entry id', async () => {
    const forge = await LogForge.create()
    await forge.batch(await forge.statements('s', 4))
    const receiver = new Receiver()
    receiver.failures = ['before']
    await expect(receiver.look(forge)).rejects.toThrow('crash')
    receiver.failures = ['after']
    await expect(receiver.look(forge)).rejects.toThrow('crash')
    await receiver.look(forge)
    expect(receiver.subjects).toEqual(['s-0', 's-0', 's-1', 's-2', 's-3'])
    expect(receiver.events[0]!.entryId).toBe(receiver.events[1]!.entryId)
  })

  it('matches issuer and subject patterns, all lists together', async () => {
    const forge = await LogForge.create()
    await forge.batch(await forge.statements('pkg:npm/a', 2))
    await forge.batch(await forge.statements('pkg:pypi/a', 2))
    const receiver = new Receiver()
    await receiver.look(forge, { issuers: ['https://issuer.*'], subjects: ['pkg:npm/*', 'x'] })
    expect(receiver.subjects).toEqual(['pkg:npm/a-0', 'pkg:npm/a-1'])
  })

  it('can begin behind what is there', async () => {
    const forge = await LogForge.create()
    await forge.batch(await forge.statements('old', 3))
    const receiver = new Receiver()
    expect(await receiver.look(forge, { fromNow: true })).toBe(0)
    await forge.batch(await forge.statements('new', 1))
    await receiver.look(forge)
    expect(receiver.subjects).toEqual(['new-0'])
  })

  it('says nothing of a log that forked or went back', async () => {
    const forge = await LogForge.create()
    await forge.batch(await forge.statements('a', 3))
    const receiver = new Receiver()
    await receiver.look(forge)
    const fork = forge.fork()
    fork.entries[3] = await fork.statement('instead')
    await fork.batch(await fork.statements('b', 3))
    await expect(receiver.look(fork)).rejects.toThrow(AuditFault)
    const shorter = await LogForge.create({ keys: forge.keys })
    await expect(receiver.look(shorter)).rejects.toThrow(AuditFault)
    expect(receiver.events).toHaveLength(3)
  })
})
