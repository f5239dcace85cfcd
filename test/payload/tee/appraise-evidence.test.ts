/**
 * Appraisal of evidence by synthetic vendors: what holds and what it is bound to, what is remarked, and
 * every way in which a piece of evidence for one build is not one for another, each with its own reason.
 */
import { describe, expect, it } from 'vitest'
import { concatBytes, encodeUtf8 } from '../../../src/bytes/bytes.ts'
import { sha256 } from '../../../src/bytes/digest.ts'
import { encodeHex } from '../../../src/bytes/hex.ts'
import { treeSize } from '../../../src/bytes/integers.ts'
import { encodeCoseKey } from '../../../src/cose/public-key.ts'
import { keyThumbprint } from '../../../src/cose/thumbprint.ts'
import { nodeVerifier } from '../../../src/keys/node-verifier.ts'
import { parseHash } from '../../../src/merkle/hasher.ts'
import type { RootHash } from '../../../src/merkle/hasher.ts'
import { encodeCheckpoint, signCheckpoint } from '../../../src/note/checkpoint.ts'
import { verifierKeyOf, type NoteSigner } from '../../../src/note/note-signer.ts'
import { appraiseEvidence } from '../../../src/payload/tee/appraise-evidence.ts'
import type { Appraisal, AppraisalRequest } from '../../../src/payload/tee/appraise-evidence.ts'
import { buildBinding, checkpointBinding } from '../../../src/payload/tee/bindings.ts'
import { encodeCollateral } from '../../../src/payload/tee/collateral-bundle.ts'
import type { TeeEvidence } from '../../../src/payload/tee/evidence-container.ts'
import { encodePem } from '../../../src/x509/pem.ts'
import { encodeCbor } from '../../../src/cbor/encode.ts'
import {
  makeAmdPki,
  makeCertificateTable,
  makeSnpKey,
  makeSnpReport,
} from '../../support/amd-evidence.ts'
import { CPAK, makeCcaToken } from '../../support/cca-evidence.ts'
import { evidenceRejection } from '../../support/evidence-reason.ts'
import { makeDcap, tcbLevel, type DcapOptions } from '../../support/intel-pki.ts'
import { makeNitroDocument, makeNitroPki } from '../../support/nitro-evidence.ts'
import { noteSigner } from '../../support/note-keys.ts'
import { TEST_NOW } from '../../support/test-pki.ts'
import { testSigner } from '../../support/test-signer.ts'
import * as tpm from '../../support/tpm-evidence.ts'

const ORIGIN = 'log.example/attestry'
const signer = noteSigner(ORIGIN)
const agent = testSigner('ES256').publicKey
const stranger = testSigner('ES256').publicKey
const root = (size: number): RootHash =>
  parseHash(sha256(Uint8Array.of(size))) as unknown as RootHash

async function noteOf(size: number, by: NoteSigner = signer): Promise<Uint8Array> {
  const treeHead = { treeSize: treeSize(size), rootHash: root(size) }
  const { name: origin } = by
  return encodeCheckpoint(await signCheckpoint({ origin, treeHead, signers: [by] }))
}
const note5 = await noteOf(5)

const log: NonNullable<AppraisalRequest['log']> = {
  origin: ORIGIN,
  checkpointKeys: [verifierKeyOf(signer, 'ed25519')],
  head: { treeSize: 5, rootHash: root(5), registrationTime: TEST_NOW - 100 },
}
const data = (low: Uint8Array, high = new Uint8Array(32)): Uint8Array =>
  low.length === 64 ? low : concatBytes(low, high)

function request(evidence: TeeEvidence, changes: Partial<AppraisalRequest> = {}): AppraisalRequest {
  const signer = keyThumbprint(agent)
  return { evidence, at: TEST_NOW, pins: {}, limits: {}, signer, log, ...changes }
}
function tdx(
  reportData: Uint8Array,
  container: Partial<TeeEvidence> = {},
  options: DcapOptions = {},
): AppraisalRequest {
  const { quote, collateral, roots } = makeDcap({ tee: 'tdx', reportData, ...options })
  return request(
    {
      format: 'tdx-quote',
      evidence: quote,
      collateral: encodeCollateral(collateral),
      ...container,
    },
    { pins: { intel: roots } },
  )
}
const appraise = (asked: AppraisalRequest): Promise<Appraisal> =>
  appraiseEvidence(asked, nodeVerifier)
const reason = (asked: AppraisalRequest): Promise<string> =>
  evidenceRejection(() => appraise(asked))
const codes = ({ findings }: Appraisal): string[] => findings.map(({ code }) => code)

const buildId = 'https://ci.example/runs/17'
const build = { binding: { type: 'build', buildId }, checkpoint: note5 } as const
const ofBuild = buildBinding({ buildId, key: agent, note: note5 })

describe('evidence of every format', () => {
  it('a TD quote of a build, its key and a moment: the chain with its bracket', async () => {
    const appraisal = await appraise(tdx(ofBuild, build))
    expect(appraisal.facts).toMatchObject({ teeType: 'tdx', tcb: { status: 'UpToDate' } })
    expect(appraisal.bindings).toMatchObject([
      { type: 'build', buildId, keyThumbprint: encodeHex(keyThumbprint(agent)) },
    ])
    expect(appraisal.bindings[0]?.after).toMatchObject({ origin: ORIGIN, treeSize: 5n })
    expect(codes(appraisal)).toEqual([])
  })

  it('an SGX quote with a key that the container names', async () => {
    const { quote, collateral, roots } = makeDcap({ reportData: data(keyThumbprint(stranger)) })
    const binding = { type: 'key', key: encodeCoseKey(stranger) } as const
    const parts = { evidence: quote, collateral: encodeCollateral(collateral), binding }
    const asked = request({ format: 'sgx-quote', ...parts }, { pins: { intel: roots } })
    const { bindings } = await appraise(asked)
    expect(bindings).toMatchObject([{ keyThumbprint: encodeHex(keyThumbprint(stranger)) }])
    expect(await reason({ ...asked, evidence: { ...asked.evidence, format: 'tdx-quote' } })).toBe(
      'malformed',
    )
  })

  it('a SNP report bound to a payload, with its certificates as collateral or in the unit', async () => {
    const amd = makeAmdPki()
    const vcek = makeSnpKey(amd)
    const payload = sha256(encodeUtf8('the provenance'))
    const report = makeSnpReport(vcek, { reportData: data(payload) })
    const pins = { amd: amd.roots }
    const binding = { type: 'payload', payload } as const
    const certificates = [vcek.der, amd.ask.der, amd.ark.der]
    const bare = { format: 'snp-report', evidence: report, binding } as const
    const collateral = encodeCollateral({ certificates })
    const appraisal = await appraise(request({ ...bare, collateral }, { pins }))
    expect(appraisal.bindings).toMatchObject([{ payloadSha256: encodeHex(payload) }])
    expect(codes(appraisal)).toEqual(['revocation-not-checked'])
    expect(await reason(request(bare, { pins }))).toBe('chain-missing')
    expect(await reason(request({ ...bare, collateral }))).toBe('root')
    const auxblob = makeCertificateTable([
      ['vcek', vcek.der],
      ['ask', amd.ask.der],
      ['ark', amd.ark.der],
    ])
    const unit = encodeCbor(
      new Map(Object.entries({ provider: 'sev_guest', outblob: report, auxblob })),
    )
    const ofUnit = { format: 'tsm-report', evidence: unit, binding } as const
    expect((await appraise(request(ofUnit, { pins }))).bindings).toHaveLength(1)
  })

  it('a Nitro document, whose nonce is the checkpoint, hours after its certificate ended', async () => {
    const pki = makeNitroPki()
    const members = { user_data: keyThumbprint(agent), nonce: checkpointBinding(note5) }
    const evidence = await makeNitroDocument(pki, { members })
    const parts = { evidence, binding: { type: 'key' }, checkpoint: note5 } as const
    const asked = request({ format: 'nitro-document', ...parts }, { pins: { aws: pki.roots } })
    expect((await appraise(asked)).bindings.map(({ type }) => type)).toEqual(['key', 'checkpoint'])
    const later = await appraise({ ...asked, at: TEST_NOW + 86_400 })
    expect(codes(later)).toContain('evidence-certificate-expired')
    expect(await reason({ ...asked, at: TEST_NOW - 3600 })).toBe('evidence-from-future')
  })

  it('a TPM quote by a key that nobody but the policy vouches for', async () => {
    const keys = tpm.attestationKeys('P-256')
    const quote = tpm.makeQuote({ extraData: keyThumbprint(agent) })
    const evidence = encodeUtf8(
      JSON.stringify({
        tpm_quote: {
          message: [...quote],
          signature: [...tpm.signQuote(quote, keys, 'ecdsa')],
          pcrs: [...tpm.PCR_VALUES.values()].map((value) => [...value]),
        },
      }),
    )
    const asked = request({ format: 'tpm-evidence', evidence, binding: { type: 'key' } })
    const { facts, bindings } = await appraise({ ...asked, pins: { tpmKeys: [keys.key] } })
    expect(facts.teeType).toBe('tpm')
    expect(bindings).toHaveLength(1)
    expect(await reason(asked)).toBe('attestation-key-missing')
  })

  it('a virtual TPM on Azure: the hardware under it is told beside', async () => {
    const amd = makeAmdPki()
    const vcek = makeSnpKey(amd)
    const keys = tpm.attestationKeys('RSA-2048')
    const runtime = tpm.runtimeJson(keys.key)
    const report = makeSnpReport(vcek, { reportData: data(sha256(runtime)), debug: true })
    const quote = tpm.makeQuote({ extraData: keyThumbprint(agent) })
    const evidence = encodeUtf8(
      JSON.stringify({
        hcl_report: [...tpm.makeHclReport(report, runtime)],
        vcek: encodePem('CERTIFICATE', vcek.der),
        tpm_quote: {
          message: [...quote],
          signature: [...tpm.signQuote(quote, keys, 'rsassa')],
          pcrs: [...tpm.PCR_VALUES.values()].map((value) => [...value]),
        },
      }),
    )
    const collateral = encodeCollateral({ certificates: [amd.ask.der, amd.ark.der] })
    const parts = { evidence, collateral, binding: { type: 'key' } } as const
    const asked = request({ format: 'azure-vtpm', ...parts }, { pins: { amd: amd.roots } })
    const appraisal = await appraise(asked)
    expect([appraisal.facts.teeType, appraisal.platform?.teeType]).toEqual(['tpm', 'sev-snp'])
    expect(codes(appraisal)).toContain('debug-environment')
    expect(await reason({ ...asked, limits: { debug: 'refuse' } })).toBe('debug')
    expect(
      await reason({ ...asked, evidence: { ...asked.evidence, format: 'tpm-evidence' } }),
    ).toBe('malformed')
  })

  it('an Arm CCA token by a platform key that the policy names', async () => {
    const evidence = await makeCcaToken()
    const asked = request({ format: 'cca-token', evidence })
    const appraisal = await appraise({ ...asked, pins: { ccaKeys: [CPAK.publicKey] } })
    expect(appraisal.facts.teeType).toBe('cca')
    expect(codes(appraisal)).toEqual(['evidence-not-bound'])
    expect(await reason(asked)).toBe('attestation-key-missing')
  })
})

describe('evidence for something else', () => {
  const key = { binding: { type: 'key' } } as const
  const timed = { ...key, checkpoint: note5 }
  const nonce = data(keyThumbprint(agent), checkpointBinding(note5))

  it.each<[string, string, () => AppraisalRequest | Promise<AppraisalRequest>]>([
    ['an old quote for a new build', 'binding-build', () => tdx(ofBuild, { ...build, binding: { ...build.binding, buildId: 'https://ci.example/runs/18' } })],
    ['a swapped key', 'binding-key', () => ({ ...tdx(data(keyThumbprint(agent)), key), signer: keyThumbprint(stranger) })],
    ['the same build by another key', 'binding-build', () => ({ ...tdx(ofBuild, build), signer: keyThumbprint(stranger) })],
    ['another payload', 'binding-payload', () => tdx(nonce, { binding: { type: 'payload', payload: sha256(note5) } })],
    ['the checkpoint of another log', 'binding-origin', async () => {
      const note = await noteOf(5, noteSigner('other.example'))
      return tdx(data(keyThumbprint(agent), checkpointBinding(note)), { ...key, checkpoint: note })
    }],
    ['a checkpoint that somebody else signed', 'binding-origin', async () => {
      const note = await noteOf(5, noteSigner(ORIGIN))
      return tdx(data(keyThumbprint(agent), checkpointBinding(note)), { ...key, checkpoint: note })
    }],
    ['a head that the log does not have', 'binding-origin', () => ({ ...tdx(nonce, timed), log: { ...log, head: 'none' } })],
    ['a head with another root', 'binding-origin', () => ({ ...tdx(nonce, timed), log: { ...log, head: { treeSize: 5, rootHash: root(6), registrationTime: TEST_NOW } } })],
    ['a checkpoint where no log is known', 'binding-origin', () => {
      const { log: _, ...asked } = tdx(nonce, timed)
      return asked
    }],
    ['another checkpoint than the nonce', 'binding-checkpoint', async () => tdx(nonce, { ...key, checkpoint: await noteOf(6) })],
    ['a stale checkpoint', 'binding-stale', () => ({ ...tdx(nonce, timed), limits: { checkpointAgeMax: 99 } })],
    ['no room for the nonce', 'binding-place', () => tdx(nonce, { binding: { type: 'key', offset: 40 } })],
    ['a signer that nobody named', 'binding-type', () => {
      const { signer: _, ...asked } = tdx(nonce, key)
      return asked
    }],
    ['a key that is none', 'malformed', () => tdx(nonce, { binding: { type: 'key', key: Uint8Array.of(0xa0) } })],
    ['a root of somebody else', 'root', () => ({ ...tdx(nonce, key), pins: {} })],
    ['a broken signature', 'quote-signature', () => {
      const asked = tdx(nonce, key)
      const evidence = asked.evidence.evidence.slice()
      evidence[600] = evidence[600]! ^ 1
      return { ...asked, evidence: { ...asked.evidence, evidence } }
    }],
    ['a revoked platform', 'certificate-revoked', () => tdx(nonce, key, { pckCrl: { revokePck: true } })],
    ['garbage for a list', 'crl-malformed', () => tdx(nonce, key, { parts: { 'intel-pck-crl': Uint8Array.of(1) } })],
    ['no list', 'crl-missing', () => tdx(nonce, key, { parts: { 'intel-root-crl': undefined } })],
    ['garbage for collateral', 'collateral-malformed', () => tdx(nonce, { ...key, collateral: Uint8Array.of(1) })],
    ['an entry without collateral', 'collateral-unregistered', () => tdx(nonce, { ...key, registered: [sha256(note5)] })],
    ['an event log of nothing', 'event-log-malformed', () => tdx(nonce, { ...key, eventLog: Uint8Array.of(1) })],
    ['a TCB that the policy refuses', 'tcb-status', () => ({ ...tdx(nonce, key, { tcbInfo: { tcbLevels: [tcbLevel('OutOfDate')] } }), limits: { outOfDate: 'refuse' } })],
    ['a debug bit that it refuses', 'debug', () => ({ ...tdx(nonce, key, { debug: true }), limits: { debug: 'refuse' } })],
  ])('%s: %s', async (_, expected, make) => {
    expect(await reason(await make())).toBe(expected)
  }) // prettier-ignore

  it('is taken with findings where the policy does not say otherwise', async () => {
    const tcbInfo = { tcbLevels: [tcbLevel('OutOfDate')] }
    const appraisal = await appraise(tdx(data(sha256(note5)), {}, { debug: true, tcbInfo }))
    expect(codes(appraisal)).toEqual(
      expect.arrayContaining(['tcb-not-up-to-date', 'debug-environment', 'evidence-not-bound']),
    )
  })
})

describe('collateral', () => {
  it('of entries registered before takes the place of what did not come along', async () => {
    const asked = tdx(data(keyThumbprint(agent)), { binding: { type: 'key' } })
    const { collateral, ...bare } = asked.evidence
    const id = sha256(collateral!)
    const registered = new Map([[encodeHex(id), collateral!]])
    const named = { ...asked, evidence: { ...bare, registered: [id] }, registered }
    expect((await appraise(named)).bindings).toHaveLength(1)
    expect(await reason({ ...asked, evidence: bare })).toMatch(/-missing$/)
  })

  it('that came along counts before that of entries', async () => {
    const asked = tdx(data(keyThumbprint(agent)))
    const other = makeDcap({ tee: 'tdx', tcbInfo: { tcbLevels: [tcbLevel('OutOfDate')] } })
    const bytes = encodeCollateral(other.collateral)
    const id = sha256(bytes)
    const both = {
      ...{ ...asked, registered: new Map([[encodeHex(id), bytes]]) },
      evidence: { ...asked.evidence, registered: [id] },
    }
    expect((await appraise(both)).facts.tcb?.status).toBe('UpToDate')
  })
})

describe('the times at which an appraisal stands', () => {
  it('end with the checkpoint, and are those of the collateral otherwise', async () => {
    const asked = tdx(ofBuild, build)
    const open = await appraise(asked)
    const limits = { checkpointAgeMax: 3600 }
    const { validUntil } = await appraise({ ...asked, limits })
    expect(validUntil).toBe(TEST_NOW - 100 + 3600)
    expect(validUntil).toBeLessThan(open.validUntil)
    expect(await reason({ ...asked, limits, at: validUntil })).toBe('accepted')
    expect(await reason({ ...asked, limits, at: validUntil + 1 })).toBe('binding-stale')
    expect(await reason({ ...asked, at: open.validUntil + 1 })).toMatch(/expired$/)
    expect(await reason({ ...asked, at: open.validFrom - 1 })).toMatch(/not-yet-valid$/)
  })
})
