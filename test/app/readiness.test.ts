/** Each check of /health/ready, with the others well. test/app/operation.test.ts asks a whole registry. */
import { describe, expect, it, vi } from 'vitest'
import { checkReadiness } from '../../src/app/readiness.ts'
import type { Readiness, ReadinessPorts } from '../../src/app/readiness.ts'
import type { ServedWriteGate } from '../../src/app/write-gate.ts'
import { treeSize } from '../../src/bytes/integers.ts'
import type { SignedTreeHead } from '../../src/cose/signed-tree-head.ts'
import type { Health } from '../../src/registry/health.ts'

const HEALTH: Health = {
  status: 'ok',
  ...{ issuer: 'https://log.example', origin: 'log.example', rootHash: '00', keyId: 'k' },
  treeSize: treeSize(7),
  registrationTime: 1000,
  registrations: { status: 'accepted' },
  index: { status: 'ok', treeSize: treeSize(7) },
}

function headOf(size: number): SignedTreeHead {
  return { treeHead: { treeSize: treeSize(size) } } as SignedTreeHead
}

function check(
  health: Partial<Health> = {},
  ports: Partial<Omit<ReadinessPorts, 'gate'>> & { readonly gate?: Partial<ServedWriteGate> } = {},
): Promise<Readiness> {
  const gate = { frozen: undefined, isDiskLow: false, disks: [], ...ports.gate }
  return checkReadiness({
    registry: { checkHealth: async () => ({ ...HEALTH, ...health }) },
    readGuard: async () => headOf(7),
    batchSeconds: () => 0,
    isDraining: () => false,
    clock: { now: () => 1060 },
    ...ports,
    gate: gate as unknown as ServedWriteGate,
  })
}

describe('readiness', () => {
  it('is ready, with the age of the head', async () => {
    const { status, checks } = await check()
    expect([status, checks['head']]).toEqual([
      'ready',
      { status: 'ok', treeSize: 7, ageSeconds: 60 },
    ])
  })

  it('fails with its own head', async () => {
    const refused = { status: 'refused', reason: 'ERR_RECEIPT_SIGNATURE' } as const
    const health = { status: 'failing', failure: 'ERR_RECEIPT_SIGNATURE' } as const
    const { status, checks } = await check({ ...health, registrations: refused })
    expect([status, checks['head']]).toMatchObject([
      ...['failing', { status: 'failing', failure: 'ERR_RECEIPT_SIGNATURE' }],
    ])
  })

  it.each([
    ['is gone', async () => undefined, 'there is no guard'],
    ['cannot be read', () => Promise.reject(new Error('no route')), 'no route'],
    ['is behind: it is an older copy', async () => headOf(6), undefined],
  ])('fails when the guard %s', async (_name, readGuard, message) => {
    const { status, checks } = await check({}, { readGuard })
    expect([status, checks['guard']?.status]).toEqual(['failing', 'failing'])
    expect(checks['guard']?.['message']).toBe(message)
  })

  it('fails when the guard does not answer', async () => {
    vi.useFakeTimers()
    try {
      const asked = check({}, { readGuard: () => new Promise<never>(() => undefined) })
      await vi.advanceTimersByTimeAsync(2000)
      const { status, checks } = await asked
      expect([status, checks['guard']?.['message']]).toEqual([
        'failing',
        'no answer within 2000 ms',
      ])
    } finally {
      vi.useRealTimers()
    }
  })

  it('does not fail when the guard has a batch that is about to be released', async () => {
    expect((await check({}, { readGuard: async () => headOf(8) })).status).toBe('ready')
  })

  it('fails while a batch hangs: a disk that does not answer says nothing', async () => {
    const slow = await check({}, { batchSeconds: () => 9.96 })
    expect([slow.status, slow.checks['batch']]).toEqual(['ready', { status: 'ok', ageSeconds: 10 }])
    const hangs = await check({}, { batchSeconds: () => 10.2 })
    expect(hangs.status).toBe('failing')
    expect(hangs.checks['batch']).toEqual({
      ...{ status: 'failing', ageSeconds: 10.2, failure: 'ERR_TIMEOUT' },
    })
  })

  it('fails while it drains', async () => {
    expect((await check({}, { isDraining: () => true })).status).toBe('failing')
  })

  it('stays ready with an index that lags or fails, and says so', async () => {
    const lags = await check({ index: { status: 'ok', treeSize: treeSize(3) } })
    expect([lags.status, lags.checks['index']]).toMatchObject(['ready', { lagEntries: 4 }])
    const fails = await check({ index: { status: 'failing' } })
    expect([fails.status, fails.checks['index']?.status]).toEqual(['ready', 'degraded'])
  })

  it('is read-only when the disk is low, and says where', async () => {
    const disks = [{ name: 'data' as const, path: 'x', freeBytes: 5 }]
    const refused = { status: 'refused', reason: 'ERR_DISK_FLOOR' } as const
    const { status, checks } = await check(
      { registrations: refused },
      { gate: { isDiskLow: true, disks } },
    )
    expect([status, checks['disk']]).toEqual([
      ...['read-only', { status: 'degraded', freeBytes: { data: 5 } }],
    ])
  })
})
