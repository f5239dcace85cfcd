/** An audit appraises evidence again: what a log should not have admitted is named, with its entry. */
import { describe, expect, it } from 'vitest'
import { concatBytes } from '../../src/bytes/bytes.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { encodeHex } from '../../src/bytes/hex.ts'
import { keyThumbprint } from '../../src/cose/thumbprint.ts'
import { PAYLOAD_PRUNING_MEDIA_TYPE } from '../../src/payload/media-types.ts'
import { encodePayloadPruning } from '../../src/policy/payload-pruning.ts'
import type { SignStatementRequest } from '../../src/statement/sign-statement.ts'
import { checkpointBinding } from '../../src/payload/tee/bindings.ts'
import { COLLATERAL_MEDIA_TYPE, encodeCollateral } from '../../src/payload/tee/collateral-bundle.ts'
import {
  encodeTeeEvidence,
  TEE_EVIDENCE_MEDIA_TYPE,
} from '../../src/payload/tee/evidence-container.ts'
import type { TeeEvidence } from '../../src/payload/tee/evidence-container.ts'
import { makeDcap, testIntel, type DcapOptions } from '../support/intel-pki.ts'
import { TEST_NOW } from '../support/test-pki.ts'
import { audit, findFault } from './audit-fixture.ts'
import { LOG_ISSUER, LogForge } from './log-forge.ts'

const roots = { intel: [encodeHex(sha256(testIntel.root.der))] }
const contentType = TEE_EVIDENCE_MEDIA_TYPE

async function create(): Promise<LogForge> {
  return LogForge.create({
    time: TEST_NOW,
    policy: { teeEvidence: { check: 'verified@1', roots, checkpointAgeMax: 100 } },
  })
}
function evidence(
  forge: LogForge,
  { nonce = new Uint8Array(32), ...options }: DcapOptions & { nonce?: Uint8Array } = {},
): TeeEvidence {
  const key = keyThumbprint(forge.keys.issuer.publicKey)
  const { quote, collateral } = makeDcap({
    tee: 'tdx',
    reportData: concatBytes(key, nonce),
    ...options,
  })
  const parts = { evidence: quote, collateral: encodeCollateral(collateral) }
  return { format: 'tdx-quote', ...parts, binding: { type: 'key' } }
}
async function admit(forge: LogForge, container: TeeEvidence): Promise<void> {
  const payload = encodeTeeEvidence(container)
  await forge.batch([await forge.statement('evidence', { payload, contentType })])
}
/** The checkpoint of the log as it is. */
async function note(forge: LogForge): Promise<Uint8Array> {
  return (await forge.export()).get('checkpoint')!
}

describe('an audit of a log that asks for evidence', () => {
  it('repeats what was admitted, with collateral of another entry and a nonce', async () => {
    const forge = await create()
    const { collateral, ...bare } = evidence(forge)
    const bundle = await forge.statement('collateral', {
      ...{ payload: collateral!, contentType: COLLATERAL_MEDIA_TYPE },
    })
    await forge.batch([bundle])
    const checkpoint = await note(forge)
    const { evidence: quote } = evidence(forge, { nonce: checkpointBinding(checkpoint) })
    await admit(forge, { ...bare, evidence: quote, checkpoint, registered: [sha256(bundle)] })
    await forge.journal()
    expect((await audit(forge)).counts.entries).toBe(5)
  })

  it.each<[string, (forge: LogForge) => Promise<TeeEvidence>, RegExp]>([
    [
      'evidence of a revoked platform',
      async (forge) => evidence(forge, { pckCrl: { revokePck: true } }),
      /certificate-revoked/,
    ],
    [
      'evidence about another key',
      async (forge) => evidence(forge, { reportData: new Uint8Array(64) }),
      /binding-key/,
    ],
    [
      'collateral that was never registered',
      async (forge) => ({ ...evidence(forge), registered: [new Uint8Array(32)] }),
      /collateral-unregistered/,
    ],
    [
      'a nonce of a head that came later',
      async (forge) => {
        const later = forge.fork()
        await later.batch(await later.statements('more', 3))
        const checkpoint = await note(later)
        return { ...evidence(forge, { nonce: checkpointBinding(checkpoint) }), checkpoint }
      },
      /binding-origin/,
    ],
    [
      'a nonce that is too old',
      async (forge) => {
        const checkpoint = await note(forge)
        await forge.batch(await forge.statements('more', 1), 200)
        return { ...evidence(forge, { nonce: checkpointBinding(checkpoint) }), checkpoint }
      },
      /binding-stale/,
    ],
  ])('names the entry that was admitted with %s', async (_, make, message) => {
    const forge = await create()
    await admit(forge, await make(forge))
    await forge.journal()
    const found = await findFault(forge)
    expect(found).toMatchObject({ code: 14, rule: 'tee-evidence' })
    expect(found.message).toMatch(message)
  })

  it('cannot repeat what rests on collateral that was pruned, and says so', async () => {
    const forge = await create()
    const { collateral, ...bare } = evidence(forge)
    const parts = { payload: collateral!, contentType: COLLATERAL_MEDIA_TYPE, hash: 'SHA-256' }
    const bundle = await forge.statement('collateral', parts as Partial<SignStatementRequest>)
    await forge.batch([bundle])
    const digest = forge.addCollateral(2, 'preimage', collateral!)
    await admit(forge, { ...bare, registered: [sha256(bundle)] })
    await forge.journal()
    const payload = encodePayloadPruning({ digest, reason: 'no room' })
    const by = { issuer: LOG_ISSUER, subject: 's', signer: forge.keys.operator }
    const pruning = { payload, contentType: PAYLOAD_PRUNING_MEDIA_TYPE, ...by }
    await forge.batch([await forge.statement('pruning', pruning)])
    await forge.journal()
    expect((await audit(forge)).unreplayed).toEqual([])
    forge.collateral.clear()
    const { unreplayed } = await audit(forge)
    expect(unreplayed.map(({ leafIndex }) => leafIndex)).toEqual([2, 3])
    expect(unreplayed.every(({ prunedBy }) => prunedBy === 5)).toBe(true)
  })

  it('names a log that applied a policy too late', async () => {
    const forge = await LogForge.create({ time: TEST_NOW })
    const teeEvidence = { check: 'verified@1', roots } as const
    await forge.batch([await forge.policyStatement({ teeEvidence })])
    await admit(forge, { ...evidence(forge), collateral: encodeCollateral({}) })
    await forge.journal()
    expect(await findFault(forge)).toMatchObject({ rule: 'tee-evidence', leafIndex: 3 })
  })
})
