/** Every way in which evidence for one build is not evidence for another, each with its own reason. */
import { describe, expect, it } from 'vitest'
import { sha256 } from '../../../src/bytes/digest.ts'
import { keyThumbprint } from '../../../src/cose/thumbprint.ts'
import type { AppraisalRequest } from '../../../src/payload/tee/appraise-evidence.ts'
import { checkpointBinding } from '../../../src/payload/tee/bindings.ts'
import { tcbLevel } from '../../support/intel-pki.ts'
import { noteSigner } from '../../support/note-keys.ts'
import { TEST_NOW } from '../../support/test-pki.ts'
import {
  ORIGIN,
  agent,
  stranger,
  root,
  noteOf,
  note5,
  log,
  data,
  tdx,
  appraise,
  reason,
  codes,
  build,
  ofBuild,
} from '../../support/evidence-request.ts'

describe('evidence for something else', () => {
  const key = { binding: { type: 'key' } } as const
  const timed = { ...key, checkpoint: note5 }
  const nonce = data(keyThumbprint(agent), checkpointBinding(note5))

  it.each<[string, string, () => AppraisalRequest | Promise<AppraisalRequest>]>([
    [
      'an old quote for a new build',
      'binding-build',
      () =>
        tdx(ofBuild, {
          ...build,
          binding: { ...build.binding, buildId: 'https://ci.example/runs/18' },
        }),
    ],
    [
      'a swapped key',
      'binding-key',
      () => ({ ...tdx(data(keyThumbprint(agent)), key), signer: keyThumbprint(stranger) }),
    ],
    [
      'the same build by another key',
      'binding-build',
      () => ({ ...tdx(ofBuild, build), signer: keyThumbprint(stranger) }),
    ],
    [
      'another payload',
      'binding-payload',
      () => tdx(nonce, { binding: { type: 'payload', payload: sha256(note5) } }),
    ],
    [
      'the checkpoint of another log',
      'binding-origin',
      async () => {
        const note = await noteOf(5, noteSigner('other.example'))
        return tdx(data(keyThumbprint(agent), checkpointBinding(note)), {
          ...key,
          checkpoint: note,
        })
      },
    ],
    [
      'a checkpoint that somebody else signed',
      'binding-origin',
      async () => {
        const note = await noteOf(5, noteSigner(ORIGIN))
        return tdx(data(keyThumbprint(agent), checkpointBinding(note)), {
          ...key,
          checkpoint: note,
        })
      },
    ],
    [
      'a head that the log does not have',
      'binding-origin',
      () => ({ ...tdx(nonce, timed), log: { ...log, head: 'none' } }),
    ],
    [
      'a head with another root',
      'binding-origin',
      () => ({
        ...tdx(nonce, timed),
        log: { ...log, head: { treeSize: 5, rootHash: root(6), registrationTime: TEST_NOW } },
      }),
    ],
    [
      'a checkpoint where no log is known',
      'binding-origin',
      () => {
        const { log: _, ...asked } = tdx(nonce, timed)
        return asked
      },
    ],
    [
      'another checkpoint than the nonce',
      'binding-checkpoint',
      async () => tdx(nonce, { ...key, checkpoint: await noteOf(6) }),
    ],
    [
      'a stale checkpoint',
      'binding-stale',
      () => ({ ...tdx(nonce, timed), limits: { checkpointAgeMax: 99 } }),
    ],
    [
      'no room for the nonce',
      'binding-place',
      () => tdx(nonce, { binding: { type: 'key', offset: 40 } }),
    ],
    [
      'a signer that nobody named',
      'binding-type',
      () => {
        const { signer: _, ...asked } = tdx(nonce, key)
        return asked
      },
    ],
    [
      'a key that is none',
      'malformed',
      () => tdx(nonce, { binding: { type: 'key', key: Uint8Array.of(0xa0) } }),
    ],
    ['a root of somebody else', 'root', () => ({ ...tdx(nonce, key), pins: {} })],
    [
      'a broken signature',
      'quote-signature',
      () => {
        const asked = tdx(nonce, key)
        const evidence = asked.evidence.evidence.slice()
        evidence[600] = evidence[600]! ^ 1
        return { ...asked, evidence: { ...asked.evidence, evidence } }
      },
    ],
    [
      'a revoked platform',
      'certificate-revoked',
      () => tdx(nonce, key, { pckCrl: { revokePck: true } }),
    ],
    [
      'garbage for a list',
      'crl-malformed',
      () => tdx(nonce, key, { parts: { 'intel-pck-crl': Uint8Array.of(1) } }),
    ],
    ['no list', 'crl-missing', () => tdx(nonce, key, { parts: { 'intel-root-crl': undefined } })],
    [
      'garbage for collateral',
      'collateral-malformed',
      () => tdx(nonce, { ...key, collateral: Uint8Array.of(1) }),
    ],
    [
      'an entry without collateral',
      'collateral-unregistered',
      () => tdx(nonce, { ...key, registered: [sha256(note5)] }),
    ],
    [
      'an event log of nothing',
      'event-log-malformed',
      () => tdx(nonce, { ...key, eventLog: Uint8Array.of(1) }),
    ],
    [
      'a TCB that the policy refuses',
      'tcb-status',
      () => ({
        ...tdx(nonce, key, { tcbInfo: { tcbLevels: [tcbLevel('OutOfDate')] } }),
        limits: { outOfDate: 'refuse' },
      }),
    ],
    [
      'a debug bit that it refuses',
      'debug',
      () => ({ ...tdx(nonce, key, { debug: true }), limits: { debug: 'refuse' } }),
    ],
  ])('%s: %s', async (_, expected, make) => {
    expect(await reason(await make())).toBe(expected)
  })

  it('is taken with findings where the policy does not say otherwise', async () => {
    const tcbInfo = { tcbLevels: [tcbLevel('OutOfDate')] }
    const appraisal = await appraise(tdx(data(sha256(note5)), {}, { debug: true, tcbInfo }))
    expect(codes(appraisal)).toEqual(
      expect.arrayContaining(['tcb-not-up-to-date', 'debug-environment', 'evidence-not-bound']),
    )
  })
})
