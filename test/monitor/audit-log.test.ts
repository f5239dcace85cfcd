import { describe, expect, it } from 'vitest'
import type { AuditReport } from '../../src/monitor/audit-log.ts'
import type { AuditState } from '../../src/monitor/audit-state.ts'
import { encodeAuditState, parseAuditState } from '../../src/monitor/audit-state-file.ts'
import { encodeSubmitterCollateral } from '../../src/policy/collateral.ts'
import { audit } from './audit-fixture.ts'
import { reportAudit } from '../../src/cli/audit-report.ts'
import { LogForge } from './log-forge.ts'

async function smallLog(): Promise<LogForge> {
  const forge = await LogForge.create()
  await forge.batch(await forge.statements('a', 5))
  await forge.journal()
  await forge.batch(await forge.statements('b', 3))
  await forge.batch(await forge.statements('c', 4), 30)
  await forge.journal()
  return forge
}

const linesOf = (report: AuditReport): string =>
  reportAudit('log', report, 0)
    .lines.map((line) => (typeof line === 'string' ? line : line.text))
    .join('\n')

describe('an audit of an honest log', () => {
  it('finds nothing and says how far it got', async () => {
    const forge = await smallLog()
    const report = await audit(forge, await forge.export({ receipts: true }), {
      isSampled: () => true,
    })
    expect(report.head.treeSize).toBe(16)
    expect(report.counts).toEqual({ entries: 16, heads: 6, journals: 2, receipts: 16 })
    expect(report.waitingFrom).toBeUndefined()
    expect(report.isComplete).toBe(true)
  })

  it('goes over bundles, tiles and levels', async () => {
    const forge = await LogForge.create()
    for (let batch = 0; batch < 9; batch++) {
      await forge.batch(await forge.statements(`s${batch}`, 77))
      await forge.journal()
    }
    const report = await audit(forge)
    expect(report.counts.entries).toBe(2 + 9 * 78)
  })

  it('goes on from its state, and the state survives its file', async () => {
    const forge = await smallLog()
    const first = await audit(forge)
    let state: AuditState = parseAuditState(encodeAuditState(first.state))
    for (let round = 0; round < 4; round++) {
      await forge.batch(await forge.statements(`round-${round}`, 100))
      await forge.journal()
      const report = await audit(forge, undefined, { state })
      expect(report.from).toBe(16 + round * 101)
      expect(report.counts.entries).toBe(101)
      state = parseAuditState(encodeAuditState(report.state))
    }
  })

  it('goes on from every block of an interrupted audit to the same end', async () => {
    const forge = await LogForge.create()
    for (let batch = 0; batch < 4; batch++) {
      await forge.batch(await forge.statements(`s${batch}`, 200))
      await forge.journal()
    }
    const states: AuditState[] = []
    const whole = await audit(forge, undefined, {
      onProgress: ({ state }) => void states.push(state),
    })
    expect(states).toHaveLength(4)
    for (const state of states) {
      const report = await audit(forge, undefined, { state })
      expect(report.state).toEqual(whole.state)
    }
  })

  it('reads on to the first journal, which may be bundles away from what it is about', async () => {
    const forge = await LogForge.create({ policy: { submitter: { required: true } } })
    const claims = { kind: 'api-token', issuer: 'https://log', claims: { name: 'ci' } } as const
    await forge.batch(await forge.statements('s', 300))
    for (let leafIndex = 2; leafIndex < 302; leafIndex++)
      forge.addCollateral(leafIndex, 'submitter-claims', encodeSubmitterCollateral(claims))
    await forge.journal()
    const report = await audit(forge)
    expect(report.waitingFrom).toBeUndefined()
    expect(report.counts.entries).toBe(303)
  })

  it('can be cancelled between blocks', async () => {
    const forge = await LogForge.create()
    await forge.batch(await forge.statements('s', 600))
    await forge.journal()
    const report = await audit(forge, undefined, { isCancelled: () => true })
    expect(report.isComplete).toBe(false)
    expect(report.state.replayed.treeSize).toBe(256)
    expect(report.state.head).toBeUndefined()
    // Whether it has an index at all was not asked.
    expect(linesOf(report)).toMatch(/^index +not compared yet$/mu)
    expect(linesOf(await audit(forge))).toMatch(/^index +none is served$/mu)
  })

  it('waits for a journal where an entry may have been admitted with collateral', async () => {
    const forge = await LogForge.create({ policy: { submitter: { required: true } } })
    await forge.batch([await forge.statement('by-somebody')])
    const waiting = await audit(forge)
    expect(waiting.waitingFrom).toBe(2)
    // What was decided before it counts, though the state moves by whole blocks.
    expect(waiting).toMatchObject({ from: 0, counts: { entries: 2, heads: 1 } })
    expect(reportAudit('log', waiting, 0).json).toMatchObject({ replayed: 2, waitingFrom: 2 })
    expect(waiting.state.replayed.treeSize).toBe(0)

    const claims = encodeSubmitterCollateral({ kind: 'api-token', issuer: 'x', claims: {} })
    forge.addCollateral(2, 'submitter-claims', claims)
    await forge.journal()
    const report = await audit(forge, undefined, { state: waiting.state })
    expect(report.waitingFrom).toBeUndefined()
    expect(report.counts.entries).toBe(4)
  })

  it('waits for no journal where the policy names no registrar, and passes nothing unseen', async () => {
    const forge = await LogForge.create({
      policy: { registrarKeys: [], submitter: { required: true } },
    })
    await forge.batch([await forge.statement('by-nobody')])
    // The registry may have known who it was: nothing public says so, and nothing contradicts it.
    const report = await audit(forge)
    expect(report).toMatchObject({ waitingFrom: 2, waitsFor: 'registrar' })
    expect(reportAudit('log', report, 0)).toMatchObject({
      exitCode: 17,
      json: { outcome: 'not-replayable', waitingFrom: 2, waitsFor: 'registrar' },
    })
  })

  it('follows policies and anchors from their own index on', async () => {
    const forge = await LogForge.create()
    await forge.batch([await forge.statement('text')])
    await forge.batch([await forge.policyStatement({ contentTypes: ['application/json'] })])
    await forge.batch([await forge.statement('json', { contentType: 'application/json' })])
    await forge.batch([await forge.policyStatement()])
    await forge.batch([await forge.statement('text again')])
    await forge.journal()
    expect((await audit(forge)).counts.entries).toBe(8)
  })
})
