/**
 * Seeded faults of decisions: what was admitted, under which rules, and what the journal says of it.
 * The others are in faults.test.ts.
 */
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { encodeHex } from '../../src/bytes/hex.ts'
import { encodeSign1 } from '../../src/cose/sign1.ts'
import { parseSign1 } from '../../src/cose/parse-sign1.ts'
import { encodeSubmitterCollateral } from '../../src/policy/collateral.ts'
import { testSigner } from '../support/test-signer.ts'
import { audit, findFault } from './audit-fixture.ts'
import type { Found } from './audit-fixture.ts'
import { forgeKeys, LogForge, sha256 } from './log-forge.ts'

describe('admissions that were wrong (13, 14, 15)', () => {
  async function faultOf(forge: LogForge): Promise<Found> {
    await forge.journal()
    await forge.batch(await forge.statements('after', 3))
    await forge.journal()
    return findFault(forge)
  }

  it('a wrong signature accepted', async () => {
    const forge = await LogForge.create()
    await forge.batch(await forge.statements('a', 3))
    const message = parseSign1(await forge.statement('wrong'))
    const { protectedBytes, payload } = message
    const signature = message.signature.map((byte, at) => (at === 5 ? 255 - byte : byte))
    const wrong = encodeSign1({ protectedBytes, payload, signature })
    await forge.batch([await forge.statement('right'), wrong])
    expect(await faultOf(forge)).toMatchObject({
      ...{ code: 13, leafIndex: 6, rule: 'signature', entryId: encodeHex(sha256(wrong)) },
    })
  })

  it('the policy bypassed', async () => {
    const forge = await LogForge.create({ policy: { contentTypes: ['application/*'] } })
    const contentType = 'application/json'
    await forge.batch([await forge.statement('right', { contentType })])
    await forge.batch([await forge.statement('wrong')])
    expect(await faultOf(forge)).toMatchObject({ code: 14, leafIndex: 3, rule: 'content-type' })
  })

  it('an issuer that no anchor speaks for', async () => {
    const forge = await LogForge.create()
    await forge.batch([await forge.statement('x', { issuer: 'https://nobody.example' })])
    expect(await faultOf(forge)).toMatchObject({ code: 14, leafIndex: 2, rule: 'issuer-unknown' })
  })

  it('a policy that somebody else signed', async () => {
    const forge = await LogForge.create()
    const keys = { ...forgeKeys(), issuer: forge.keys.issuer }
    const stranger = await LogForge.create({ keys })
    await forge.batch([await stranger.policyStatement()])
    expect(await faultOf(forge)).toMatchObject({ code: 14, leafIndex: 2, rule: 'governance' })
  })

  it('an entry that is no statement at all, and one that is not canonical', async () => {
    const forge = await LogForge.create()
    await forge.batch([encodeUtf8('not COSE')])
    expect(await faultOf(forge)).toMatchObject({ code: 14, leafIndex: 2, rule: 'form' })
  })

  it('a log that does not begin with its rules', async () => {
    const forge = await LogForge.create()
    const other = forge.fork()
    other.entries[1] = await forge.statement('no anchors')
    expect(await faultOf(other)).toMatchObject({ code: 14, leafIndex: 1 })
  })

  it('a policy that took effect too late', async () => {
    const forge = await LogForge.create()
    await forge.batch([await forge.statement('text')])
    await forge.batch([await forge.policyStatement({ contentTypes: ['application/json'] })])
    await forge.batch([await forge.statement('text, still')])
    expect(await faultOf(forge)).toMatchObject({ code: 15, leafIndex: 4, rule: 'content-type' })
  })

  it('a policy that took effect too early', async () => {
    const forge = await LogForge.create({ policy: { contentTypes: ['application/json'] } })
    const contentType = 'application/json'
    await forge.batch([await forge.statement('json', { contentType })])
    await forge.batch([await forge.statement('text, already')])
    await forge.batch([await forge.policyStatement()])
    expect(await faultOf(forge)).toMatchObject({ code: 15, leafIndex: 3, rule: 'content-type' })
  })

  it('anchors that took effect too early', async () => {
    const forge = await LogForge.create({ anchors: [] })
    await forge.batch([await forge.statement('already')])
    await forge.batch([await forge.anchorsStatement()])
    expect(await faultOf(forge)).toMatchObject({ code: 15, leafIndex: 2, rule: 'issuer-unknown' })
  })

  it('a policy that did not close its batch', async () => {
    const forge = await LogForge.create()
    await forge.batch([await forge.policyStatement(), await forge.statement('same batch')])
    expect(await faultOf(forge)).toMatchObject({ code: 15, leafIndex: 2 })
  })

  it('across a resumed audit: the policy before is remembered', async () => {
    const forge = await LogForge.create()
    await forge.batch([await forge.policyStatement({ contentTypes: ['application/json'] })])
    await forge.journal()
    const { state } = await audit(forge)
    await forge.batch([await forge.statement('text, still')])
    await forge.journal()
    expect(await findFault(forge, undefined, { state })).toMatchObject({ code: 15, leafIndex: 4 })
  })
})

describe('journals that are wrong (16) and collateral that is missing (17)', () => {
  async function journalFault(
    change: Parameters<LogForge['journal']>[0],
    before?: (forge: LogForge) => void,
  ): Promise<Found> {
    const forge = await LogForge.create()
    await forge.batch(await forge.statements('a', 3))
    await forge.batch(await forge.statements('b', 3))
    before?.(forge)
    await forge.journal(change)
    return findFault(forge)
  }
  const claims = encodeSubmitterCollateral({
    ...{ kind: 'oidc', issuer: 'https://ci.example', audience: 'log', claims: { run_id: '7' } },
  })

  it('a time that is not that of the head', async () => {
    const found = await journalFault((journal) => ({
      ...journal,
      times: journal.times.map((run, at) => ({
        ...run,
        registrationTime: run.registrationTime + (at === 2 ? 1 : 0),
      })),
    }))
    expect(found).toMatchObject({ code: 16, leafIndex: 5 })
  })

  it('a run of times that begins one entry late', async () => {
    const found = await journalFault((journal) => ({
      ...journal,
      times: journal.times.with(2, { ...journal.times[2]!, leafIndex: 6 }),
    }))
    expect(found).toMatchObject({ code: 16, leafIndex: 5 })
  })

  it('another submitter than the collateral of the entry', async () => {
    const digest = `sha256:${'ab'.repeat(32)}`
    const found = await journalFault(
      (journal) => ({ ...journal, submitters: [{ leafIndex: 4, digest }] }),
      (forge) => forge.addCollateral(4, 'submitter-claims', claims),
    )
    expect(found).toMatchObject({ code: 16, leafIndex: 4 })
  })

  it('a range that leaves an entry out', async () => {
    const found = await journalFault((journal) => ({
      ...journal,
      from: 1,
      times: journal.times.with(0, { ...journal.times[0]!, leafIndex: 1 }),
    }))
    expect(found).toMatchObject({ code: 16, leafIndex: 8 })
  })

  it('ranges that overlap', async () => {
    const forge = await LogForge.create()
    await forge.batch(await forge.statements('a', 3))
    const twice = await forge.journalStatement(forge.dueJournal())
    await forge.journal()
    await forge.batch([twice])
    expect(await findFault(forge)).toMatchObject({ code: 16, leafIndex: 6 })
  })

  it('a journal that comes too late', async () => {
    const forge = await LogForge.create()
    for (let minute = 0; minute < 8; minute++) {
      await forge.batch([await forge.statement(`minute ${minute}`)], 60)
    }
    expect(await findFault(forge)).toMatchObject({ code: 16, leafIndex: 1 })
    await forge.journal()
    expect(await findFault(forge)).toMatchObject({ code: 16 })
  })

  it('a journal by somebody else is an admission that was wrong', async () => {
    const forge = await LogForge.create()
    await forge.batch([await forge.journalStatement(forge.dueJournal(), testSigner())])
    expect(await findFault(forge)).toMatchObject({ code: 14, leafIndex: 2, rule: 'governance' })
  })

  it('collateral missing, and collateral with other bytes', async () => {
    const forge = await LogForge.create()
    await forge.batch(await forge.statements('a', 3))
    const digest = forge.addCollateral(3, 'submitter-claims', claims)
    await forge.journal()
    await audit(forge)
    const missing = await forge.export()
    missing.delete(`collateral/${digest}`)
    expect(await findFault(forge, missing)).toMatchObject({ code: 17, leafIndex: 3 })
    const changed = await forge.export()
    changed.set(`collateral/${digest}`, encodeUtf8('{}'))
    expect(await findFault(forge, changed)).toMatchObject({ code: 17, leafIndex: 3 })
  })

  it('collateral missing for an entry that an earlier audit replayed without it', async () => {
    const forge = await LogForge.create()
    await forge.batch(await forge.statements('a', 3))
    const { state } = await audit(forge)
    const digest = forge.addCollateral(3, 'submitter-claims', claims)
    await forge.journal()
    const missing = await forge.export()
    missing.delete(`collateral/${digest}`)
    expect(await findFault(forge, missing, { state })).toMatchObject({ code: 17, leafIndex: 3 })
  })
})
