/** Policies that name a registrar, or none, in mid-stream: which entries wait for a journal, and until when. */
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { encodeUtf8, equalBytes } from '../../src/bytes/bytes.ts'
import { nodeVerifier } from '../../src/keys/node-verifier.ts'
import { encodeSubmitterCollateral } from '../../src/policy/collateral.ts'
import type { AuditProgress } from '../../src/monitor/audit-log.ts'
import type { AuditState } from '../../src/monitor/audit-state.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { TEST_NOW } from '../support/test-pki.ts'
import type { SignatureVerifier } from '../../src/x509/signature-verifier.ts'
import { audit, findFault } from './audit-fixture.ts'
import { LogForge } from './log-forge.ts'
import { ANCHORS, pooled, TEE_EVIDENCE } from './random-statements.ts'
import type { Kind } from './random-statements.ts'

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

  it('is not late where the policies that drop and name are bundles behind what waits', async () => {
    const forge = await LogForge.create()
    await envelope(forge)
    forge.addCollateral(2, 'preimage', content)
    await forge.batch(await forge.statements('s', 1500))
    await forge.batch([await forge.policyStatement(NOBODY)])
    for (let minute = 0; minute < 10; minute++) {
      await forge.batch(await forge.statements(`m${minute}`, 2), 60)
    }
    expect(await audit(forge)).toMatchObject({ waitingFrom: 2, waitsFor: 'registrar' })
    await forge.batch([await forge.policyStatement()])
    for (let minute = 0; minute < 4; minute++) {
      await forge.batch(await forge.statements(`n${minute}`, 2), 60)
    }
    const { state, ...before } = await audit(forge)
    expect(before).toMatchObject({ waitingFrom: 2, waitsFor: 'journal' })
    await forge.journal()
    expect((await audit(forge, undefined, { state })).waitingFrom).toBeUndefined()
  })

  /** Entry 2 is admitted with what only a journal tells, and entry 3 because of entry 2. */
  it.each<[Kind, Kind]>([
    ['delegationByChain', 'delegatedByChain'],
    ['teeCollateralEnvelope', 'evidenceByEnvelope'],
  ])('waits with a %s, and with what rests on it', async (first, second) => {
    const policy = { delegation: { depthMax: 1 }, teeEvidence: TEE_EVIDENCE }
    const forge = await LogForge.create({ anchors: [...ANCHORS], time: TEST_NOW, policy })
    const { bytes } = await pooled(first, 1)
    await forge.batch([parseSignedStatement(bytes).entry])
    await forge.batch([(await pooled(second, 1)).bytes])
    expect(await audit(forge)).toMatchObject({ waitingFrom: 2, waitsFor: 'journal' })
    await forge.batch([await forge.policyStatement({ ...NOBODY, ...policy })])
    await forge.batch([(await pooled(second, 1)).bytes])
    expect(await audit(forge)).toMatchObject({ waitingFrom: 2, waitsFor: 'registrar' })
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

  it('waits for a registrar while no journal says who submitted', async () => {
    const forge = await LogForge.create({ policy: { ...NOBODY, submitter: { required: true } } })
    await forge.batch(await forge.statements('s', 300))
    expect(await audit(forge)).toMatchObject({ waitingFrom: 2, waitsFor: 'registrar' })
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

describe('a log that stops its journals', () => {
  it.each([false, true])(
    'is late by the policy that drops the registrar; again: %s',
    async (again) => {
      const forge = await LogForge.create()
      await forge.batch(await forge.statements('s', 300))
      await forge.journal()
      for (let minute = 0; minute < 10; minute++) {
        await forge.batch(await forge.statements(`m${minute}`, 2), 60)
      }
      await forge.batch([await forge.policyStatement(NOBODY)])
      await forge.batch(await forge.statements('t', 300))
      if (again) {
        await forge.batch([await forge.policyStatement()])
        await forge.journal()
      }
      expect(await findFault(forge)).toMatchObject({ code: 16, leafIndex: 303 })
    },
  )

  it('is late for later audits, too: no state moves over it', async () => {
    const forge = await LogForge.create()
    for (let minute = 0; minute < 10; minute++) {
      await forge.batch(await forge.statements(`m${minute}`, 2), 60)
    }
    await forge.journal()
    await forge.batch(await forge.statements('s', 1500))
    await forge.journal()
    const states: AuditState[] = []
    const onProgress = ({ state }: AuditProgress): void => void states.push(state)
    expect(await findFault(forge, undefined, { onProgress })).toMatchObject({ code: 16 })
    for (const state of states)
      expect(await findFault(forge, undefined, { state })).toMatchObject({ code: 16 })
  })

  it('is late from the policy that names a registrar again', async () => {
    const forge = await LogForge.create()
    await envelope(forge)
    await forge.batch([await forge.policyStatement(NOBODY)])
    await forge.batch(await forge.statements('t', 1500))
    await forge.batch([await forge.policyStatement()])
    for (let minute = 0; minute < 10; minute++) {
      await forge.batch(await forge.statements(`m${minute}`, 2), 60)
    }
    expect(await findFault(forge)).toMatchObject({ code: 16, leafIndex: 1505 })
  })

  /** Entry 2 waits, and what is admitted behind it is wrong. */
  it.each([
    { apart: 0, isDropped: false },
    { apart: 0, isDropped: true },
    { apart: 1500, isDropped: false },
    { apart: 1500, isDropped: true },
  ])('hides nothing behind what waits: $apart, $isDropped', async ({ apart, isDropped }) => {
    const forge = await LogForge.create()
    await envelope(forge)
    if (isDropped) await forge.batch([await forge.policyStatement(NOBODY)])
    if (apart > 0) await forge.batch(await forge.statements('s', apart))
    expect((await audit(forge)).waitingFrom).toBe(2)
    const leafIndex = forge.entries.length
    await forge.batch([await forge.statement('x', { issuer: 'https://nobody.example' })])
    expect(await findFault(forge)).toMatchObject({ code: 14, leafIndex, rule: 'issuer-unknown' })
  })
})

describe('a log without a registrar', () => {
  it('has its blocks decided side by side', async () => {
    const forge = await LogForge.create({ policy: NOBODY })
    await forge.batch(await forge.statements('s', 600))
    const { spki } = forge.keys.issuer.publicKey
    let asked = 0
    let held: boolean | undefined
    const verifier: SignatureVerifier = {
      verify: async (request) => {
        // The first entry of the first block is decided when some of the second are being decided, or never.
        if (equalBytes(request.spki, spki) && ++asked === 1) {
          for (let turns = 0; turns < 10_000 && asked <= 256; turns++) await turn()
          held = asked <= 256
        }
        return nodeVerifier.verify(request)
      },
    }
    await audit(forge, undefined, { verifier })
    expect(held).toBe(false)
  })
})
