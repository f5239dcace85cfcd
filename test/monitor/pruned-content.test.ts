/** Content that entries were admitted with and that is gone: what an auditor makes of it (design D1). */
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { reportAudit } from '../../src/cli/audit-report.ts'
import { encodeSign1 } from '../../src/cose/sign1.ts'
import { parseSign1 } from '../../src/cose/parse-sign1.ts'
import { encodeAuditState, parseAuditState } from '../../src/monitor/audit-state-file.ts'
import { PAYLOAD_PRUNING_MEDIA_TYPE } from '../../src/payload/media-types.ts'
import { encodePayloadPruning } from '../../src/policy/payload-pruning.ts'
import { testSigner } from '../support/test-signer.ts'
import { audit, findFault } from './audit-fixture.ts'
import { LOG_ISSUER, LogForge } from './log-forge.ts'

const content = encodeUtf8(JSON.stringify({ a: 1 }))

/** A log whose entry 2 is a hash envelope that was admitted with its content. */
async function admitted(subject = 'x'): Promise<{ forge: LogForge; digest: string }> {
  const forge = await LogForge.create()
  await forge.batch([await forge.statement(subject, { payload: content, hash: 'SHA-256' })])
  const digest = forge.addCollateral(2, 'preimage', content)
  return { forge, digest }
}

async function prune(forge: LogForge, digest: string, signer = forge.keys.operator): Promise<void> {
  const payload = encodePayloadPruning({ digest, reason: 'a court asked' })
  const contentType = PAYLOAD_PRUNING_MEDIA_TYPE
  const by = { subject: 's', issuer: LOG_ISSUER, contentType, signer }
  await forge.batch([await forge.statement('pruning', { payload, ...by })])
}

describe('content that is gone', () => {
  it('is a fault where nobody says so', async () => {
    const { forge } = await admitted()
    await forge.journal()
    expect((await audit(forge)).unreplayed).toEqual([])
    forge.collateral.clear()
    expect(await findFault(forge)).toMatchObject({ code: 17, leafIndex: 2 })
  })

  it('is not replayable where the operator says so, in this audit and every later one', async () => {
    const { forge, digest } = await admitted()
    await forge.journal()
    await forge.batch(await forge.statements('a', 300))
    await forge.journal()
    forge.collateral.clear()
    const early = await audit(forge, undefined, { isCancelled: () => true })
    expect(early).toMatchObject({ isComplete: false, unreplayed: [{ leafIndex: 2, digest }] })

    await prune(forge, digest)
    await forge.journal()
    const unreplayed = [{ leafIndex: 2, digest, prunedBy: 305 }]
    const whole = await audit(forge)
    expect(whole.unreplayed).toEqual(unreplayed)
    // Also when it goes on from where it was interrupted, or has nothing left to do.
    for (const { state } of [early, whole]) {
      const kept = parseAuditState(encodeAuditState(state))
      expect((await audit(forge, undefined, { state: kept })).unreplayed).toEqual(unreplayed)
    }
  })

  it('is told by a state that was kept in between, too', async () => {
    const { forge, digest } = await admitted()
    await forge.batch(await forge.statements('a', 300))
    // The journal is ahead of the block that the audit stopped at.
    await forge.journal()
    const early = await audit(forge, undefined, { isCancelled: () => true })
    await prune(forge, digest)
    forge.collateral.clear()
    const state = parseAuditState(encodeAuditState(early.state))
    const later = await audit(forge, undefined, { state })
    expect(later.unreplayed).toEqual([{ leafIndex: 2, digest, prunedBy: 304 }])
    expect(parseAuditState(encodeAuditState(later.state)).unreplayed).toEqual(later.unreplayed)
  })

  it('is told, too, when a later entry of its block waits for a journal', async () => {
    const { forge, digest } = await admitted()
    await forge.journal()
    await prune(forge, digest)
    await forge.batch([await forge.statement('y', { payload: content, hash: 'SHA-512' })])
    forge.collateral.clear()
    const { waitingFrom, unreplayed } = await audit(forge)
    expect(waitingFrom).toBe(5)
    expect(unreplayed).toEqual([{ leafIndex: 2, digest, prunedBy: 4 }])
  })

  it('is called deleted also where the word of the operator is behind what waits', async () => {
    const { forge, digest } = await admitted()
    await forge.journal()
    await forge.batch([await forge.statement('y', { payload: content, hash: 'SHA-512' })])
    await prune(forge, digest)
    forge.collateral.clear()
    const report = await audit(forge)
    expect(report).toMatchObject({
      waitingFrom: 4,
      unreplayed: [{ leafIndex: 2, digest, prunedBy: 5 }],
    })
    const { exitCode, lines } = reportAudit('log', report, 0)
    expect(exitCode).toBe(17)
    expect(lines[0]).toMatchObject({
      text: expect.stringContaining('deleted by the operator') as string,
    })
  })

  it.each([
    ['other content', async (forge: LogForge) => prune(forge, `sha256:${'0'.repeat(64)}`), 17],
    [
      'by a stranger',
      async (forge: LogForge, digest: string) => prune(forge, digest, testSigner()),
      14,
    ],
  ] as const)('is a fault when the pruning is of %s', async (_, pruneIt, code) => {
    const { forge, digest } = await admitted()
    await forge.journal()
    await pruneIt(forge, digest)
    await forge.journal()
    forge.collateral.clear()
    expect(await findFault(forge)).toMatchObject({ code })
  })

  it('is a fault when it was pruned before the entry', async () => {
    const forge = await LogForge.create()
    const digest = forge.addCollateral(3, 'preimage', content)
    await prune(forge, digest)
    await forge.batch([await forge.statement('x', { payload: content, hash: 'SHA-256' })])
    await forge.journal()
    forge.collateral.clear()
    expect(await findFault(forge)).toMatchObject({ code: 17, leafIndex: 3 })
  })

  it('hides nothing that is wrong without it', async () => {
    const forge = await LogForge.create()
    const message = parseSign1(await forge.statement('x', { payload: content, hash: 'SHA-256' }))
    const signature = message.signature.map((byte, at) => (at === 5 ? 255 - byte : byte))
    const { protectedBytes, payload } = message
    await forge.batch([encodeSign1({ protectedBytes, payload, signature })])
    const digest = forge.addCollateral(2, 'preimage', content)
    await forge.journal()
    await prune(forge, digest)
    await forge.journal()
    forge.collateral.clear()
    expect(await findFault(forge)).toMatchObject({ code: 13, leafIndex: 2, rule: 'signature' })
  })
})

describe('content that is there', () => {
  it('has to be what the statement names', async () => {
    const forge = await LogForge.create()
    await forge.batch([await forge.statement('x', { payload: content, hash: 'SHA-512' })])
    forge.addCollateral(2, 'preimage', encodeUtf8('something else'))
    await forge.journal()
    expect(await findFault(forge)).toMatchObject({ code: 17, leafIndex: 2 })
  })

  it('decides: what the rules of the time refuse in it is found', async () => {
    const forge = await LogForge.create({
      policy: { predicateTypes: ['https://good.example/*'], contentTypes: ['*'] },
    })
    const subject = [{ name: 'demo', digest: { sha256: 'ab'.repeat(32) } }]
    const type = 'https://in-toto.io/Statement/v1'
    const statement = {
      _type: type,
      subject,
      predicateType: 'https://bad.example/a',
      predicate: {},
    }
    const payload = encodeUtf8(JSON.stringify(statement))
    // Nobody declares it: without the content, the rules had nothing against it.
    await forge.batch([await forge.statement('x', { payload, hash: 'SHA-256' })])
    expect((await audit(forge)).waitingFrom).toBe(2)
    forge.addCollateral(2, 'preimage', payload)
    await forge.journal()
    const fault = await findFault(forge)
    expect(fault).toMatchObject({ code: 14, leafIndex: 2, rule: 'predicate-type' })
  })
})
