/** Evidence appraised again: newer collateral, other times, reference values, and what may be told of it. */
import { describe, expect, it } from 'vitest'
import { nodeVerifier } from '../../../src/keys/node-verifier.ts'
import { encodeCollateral } from '../../../src/payload/tee/collateral-bundle.ts'
import type { CollateralBundle } from '../../../src/payload/tee/collateral-bundle.ts'
import type { TeeEvidence } from '../../../src/payload/tee/evidence-container.ts'
import { reappraise } from '../../../src/payload/tee/reappraise.ts'
import type { Reappraisal, ReappraisalRequest } from '../../../src/payload/tee/reappraise.ts'
import { sha256 } from '../../../src/bytes/digest.ts'
import { encodeHex } from '../../../src/bytes/hex.ts'
import { makeAmdPki, makeSnpKey, makeSnpReport } from '../../support/amd-evidence.ts'
import { makeDcap, tcbLevel, testIntel } from '../../support/intel-pki.ts'
import type { Dcap, DcapOptions } from '../../support/intel-pki.ts'
import { makeRevocationList } from '../../support/test-crl.ts'
import { TEST_NOW } from '../../support/test-pki.ts'
import type { TestCertificate } from '../../support/test-pki.ts'

const DAY = 86_400
const options: DcapOptions = { tee: 'tdx', domain: { mrTd: 'c0'.repeat(48) } }
const dcap = makeDcap(options)
const { at, roots } = dcap
const amd = makeAmdPki()
const vcek = makeSnpKey(amd)
const later = at + 10 * DAY
const newer = makeDcap({
  ...options,
  tcbInfo: {
    tcbEvaluationDataNumber: 21,
    tcbLevels: [tcbLevel('UpToDate', { pcesvn: 14 }), tcbLevel('OutOfDate', { advisoryIDs: ['INTEL-SA-01234'] })], // prettier-ignore
  },
}).collateral
const container = (of: Dcap = dcap): TeeEvidence => ({
  format: 'tdx-quote',
  evidence: of.quote,
  collateral: encodeCollateral(of.collateral),
})

function again(changes: Partial<ReappraisalRequest> = {}): Promise<Reappraisal> {
  const pins = { pins: { intel: roots }, limits: {} }
  return reappraise(
    {
      evidence: container(),
      registration: { at, ...pins },
      context: { at: later, ...pins },
      ...changes,
    },
    nodeVerifier,
  )
}

describe('a reappraisal', () => {
  it('with the same collateral says the same', async () => {
    const result = await again()
    expect(result).toMatchObject({ verdict: 'holds', status: 'affirming', changes: [] })
    expect(result.evidenceSha256).toBe(encodeHex(sha256(dcap.quote)))
  })

  it('with newer collateral says what changed, and leaves the earlier answer as it was', async () => {
    const result = await again({ collateral: newer })
    expect(result).toMatchObject({ verdict: 'holds', status: 'warning' })
    expect(result.changes).toEqual(
      expect.arrayContaining([
        { what: 'tcb-status', before: 'UpToDate', after: 'OutOfDate' },
        { what: 'advisory', before: 'none', after: 'INTEL-SA-01234' },
        { what: 'finding', before: 'none', after: 'tcb-not-up-to-date' },
      ]),
    )
    const { before } = result
    expect(before !== undefined && 'appraisal' in before && before.appraisal.facts.tcb?.status).toBe('UpToDate') // prettier-ignore
  })

  it('takes part of the newer and the rest of the older collateral', async () => {
    const part = { 'intel-tcb-info': newer['intel-tcb-info']! }
    expect((await again({ collateral: part })).changes.map(({ what }) => what)).toContain('tcb-status') // prettier-ignore
  })

  it('of collateral that was registered before, and of newer one in its place', async () => {
    const id = sha256(Uint8Array.of(1))
    const evidence: TeeEvidence = { format: 'tdx-quote', evidence: dcap.quote, registered: [id] }
    const registered = new Map([[encodeHex(id), encodeCollateral(dcap.collateral)]])
    const context = { at: later, pins: { intel: roots }, limits: {}, registered }
    expect((await again({ evidence, context })).verdict).toBe('holds')
    const known = await again({ evidence, context, collateral: newer })
    expect(known.status).toBe('warning')
    const unknown = await again({ evidence, context: { ...context, registered: new Map() } })
    expect([unknown.verdict, 'error' in unknown.outcome && unknown.outcome.error.reason]).toEqual(['cannot-tell', 'collateral-unregistered']) // prettier-ignore
  })

  it.each<[string, Partial<ReappraisalRequest>, string, string]>([
    ['after its collateral ran out', { context: { at: at + 3000 * DAY, pins: { intel: roots }, limits: {} } }, 'cannot-tell', 'expired'], // prettier-ignore
    ['without collateral', { evidence: { format: 'tdx-quote', evidence: dcap.quote } }, 'cannot-tell', 'missing'], // prettier-ignore
    ['with broken new collateral', { collateral: { 'intel-tcb-info': Uint8Array.of(1) } }, 'cannot-tell', 'tcb-info-malformed'], // prettier-ignore
    ['under other roots', { context: { at: later, pins: { intel: ['00'.repeat(32)] }, limits: {} } }, 'does-not-hold', 'root'], // prettier-ignore
    ['with a changed byte', { evidence: { ...container(), evidence: flipped(dcap.quote, 100) } }, 'does-not-hold', 'quote-signature'], // prettier-ignore
    ['once its platform is revoked', { collateral: revoked() }, 'does-not-hold', 'certificate-revoked'], // prettier-ignore
    ['under limits that refuse it', { collateral: newer, context: { at: later, pins: { intel: roots }, limits: { outOfDate: 'refuse' } } }, 'contraindicated', 'tcb-status'], // prettier-ignore
  ])('%s', async (_name, changes, verdict, reason) => {
    const result = await again(changes)
    expect(result.verdict).toBe(verdict)
    expect('error' in result.outcome && result.outcome.error.reason).toMatch(reason)
    expect(result.status).toBe('contraindicated')
  })

  it.each<[string, TestCertificate[], string, string]>([
    ['without the ASK', [vcek, amd.ark], 'cannot-tell', 'chain-missing'],
    ['without the ARK', [vcek, amd.ask], 'cannot-tell', 'chain-missing'],
    ['without the VCEK', [amd.ask, amd.ark], 'cannot-tell', 'chain-missing'],
    ['with the ASK of another AMD', [vcek, makeAmdPki().ask, amd.ark], 'does-not-hold', 'certificate-path'], // prettier-ignore
  ])('of an SNP report %s', async (_name, certificates, verdict, reason) => {
    const evidence: TeeEvidence = { format: 'snp-report', evidence: makeSnpReport(vcek) }
    const context = { at: TEST_NOW, pins: { amd: amd.roots }, limits: {} }
    const collateral = { certificates: certificates.map(({ der }) => der) }
    const result = await reappraise({ evidence, context, collateral }, nodeVerifier)
    expect(result).toMatchObject({ verdict, outcome: { error: { reason } } })
  })

  it('of a debug environment must not be relied on', async () => {
    const debug = makeDcap({ ...options, debug: true })
    const result = await again({ evidence: container(debug) })
    expect(result).toMatchObject({ verdict: 'contraindicated', status: 'contraindicated' })
    expect(result.changes).toEqual([])
  })

  it('forgets how old the checkpoint was: that was a question of the registration', async () => {
    const context = { at: later, pins: { intel: roots }, limits: { checkpointAgeMax: 1 } }
    expect((await again({ context })).verdict).toBe('holds')
  })

  it.each([
    ['the right values', 'c0'.repeat(48), 'holds'],
    ['other values', 'c1'.repeat(48), 'contraindicated'],
  ])('against %s', async (_name, value, verdict) => {
    const references = [{ name: 'mrtd', value }]
    expect((await again({ references })).verdict).toBe(verdict)
  })

  it('against values of something else cannot tell', async () => {
    const references = [{ name: 'mrenclave', value: '11'.repeat(32) }]
    expect((await again({ references })).verdict).toBe('cannot-tell')
  })
})

function flipped(bytes: Uint8Array, position: number): Uint8Array {
  const changed = bytes.slice()
  changed[position] = changed[position]! ^ 1
  return changed
}

function revoked(): CollateralBundle {
  const { pckCa } = testIntel
  return { 'intel-pck-crl': makeRevocationList({ ca: pckCa, revoked: [dcap.pck] }) }
}
