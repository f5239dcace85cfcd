/** Policies that name a registrar, or none, in mid-stream: which entries wait for a journal, and until when. */
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { encodeSubmitterCollateral } from '../../src/policy/collateral.ts'
import { audit, findFault } from './audit-fixture.ts'
import { LogForge } from './log-forge.ts'

const NOBODY = { registrarKeys: [] }
const content = encodeUtf8('{"a":1}')
const claims = { kind: 'api-token', issuer: 'https://log', claims: { name: 'ci' } } as const

async function envelope(forge: LogForge, subject = 'x'): Promise<void> {
  await forge.batch([await forge.statement(subject, { payload: content, hash: 'SHA-256' })])
}

describe('an honest log whose policy names a registrar for a while', () => {
  it('is decided with the journal that comes bundles later', async () => {
    const forge = await LogForge.create({ policy: NOBODY })
    await forge.batch([await forge.policyStatement()])
    await envelope(forge)
    forge.addCollateral(3, 'preimage', content)
    await forge.batch([await forge.policyStatement(NOBODY)])
    await forge.batch(await forge.statements('s', 600))
    await forge.batch([await forge.policyStatement()])
    await forge.journal()
    const report = await audit(forge)
    expect(report.waitingFrom).toBeUndefined()
    expect(report.counts.entries).toBe(forge.entries.length)
  })

  it('is not late where nobody could sign a journal meanwhile', async () => {
    const forge = await LogForge.create()
    await forge.batch(await forge.statements('s', 300))
    await forge.journal()
    await forge.batch(await forge.statements('t', 3))
    await forge.batch([await forge.policyStatement(NOBODY)])
    for (let minute = 0; minute < 10; minute++) {
      await forge.batch(await forge.statements(`m${minute}`, 2), 60)
    }
    await forge.batch([await forge.policyStatement()])
    await forge.journal()
    expect((await audit(forge)).waitingFrom).toBeUndefined()
  })

  it('is late where somebody could, although nobody is named any more', async () => {
    const forge = await LogForge.create()
    for (let minute = 0; minute < 10; minute++) {
      await forge.batch(await forge.statements(`m${minute}`, 2), 60)
    }
    await forge.journal()
    await forge.batch([await forge.policyStatement(NOBODY)])
    expect(await findFault(forge)).toMatchObject({ code: 16, leafIndex: 1 })
  })

  it('waits where the last journal never came, and is not late for that', async () => {
    const forge = await LogForge.create()
    await forge.batch(await forge.statements('s', 300))
    await envelope(forge)
    await forge.batch([await forge.policyStatement(NOBODY)])
    await forge.batch(await forge.statements('t', 300))
    for (let minute = 0; minute < 10; minute++) {
      await forge.batch(await forge.statements(`m${minute}`, 2), 60)
    }
    expect((await audit(forge)).waitingFrom).toBe(302)
  })

  /** 300 entries of known submitters under a policy without a registrar, and then the first journal. */
  async function untold(required: boolean, later = 0): Promise<LogForge> {
    const forge = await LogForge.create({ policy: { ...NOBODY, submitter: { required } } })
    await forge.batch(await forge.statements('s', 300))
    for (let at = 2; at < 302; at++) {
      const numbered = { ...claims, claims: { name: `ci ${at}` } }
      forge.addCollateral(at, 'submitter-claims', encodeSubmitterCollateral(numbered))
    }
    await forge.batch([await forge.policyStatement(NOBODY)])
    if (later > 0) await forge.batch(await forge.statements('t', later))
    await forge.batch([await forge.policyStatement()])
    await forge.journal()
    return forge
  }

  it('is decided with a journal that was due under a later policy', async () => {
    expect((await audit(await untold(true, 600))).waitingFrom).toBeUndefined()
  })

  it('is a fault while no journal says who submitted', async () => {
    const forge = await LogForge.create({ policy: { ...NOBODY, submitter: { required: true } } })
    await forge.batch(await forge.statements('s', 300))
    expect(await findFault(forge)).toMatchObject({ code: 14, leafIndex: 2, rule: 'submitter' })
  })

  it.each([true, false])('has to serve what journals name; required: %s', async (required) => {
    const honest = await untold(required)
    for (const leafIndex of [2, 257, 301]) {
      const forge = honest.fork()
      forge.collateral.delete([...forge.collateral.keys()][leafIndex - 2]!)
      expect(await findFault(forge)).toMatchObject({ code: 17, leafIndex })
    }
  })
})
