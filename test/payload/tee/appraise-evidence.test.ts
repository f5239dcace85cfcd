/**
 * Appraisal of evidence by synthetic vendors: what holds and what it is bound to, what is remarked, and
 * every way in which a piece of evidence for one build is not one for another, each with its own reason.
 */
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../../src/bytes/bytes.ts'
import { sha256 } from '../../../src/bytes/digest.ts'
import { encodeHex } from '../../../src/bytes/hex.ts'
import { encodeCoseKey } from '../../../src/cose/public-key.ts'
import { keyThumbprint } from '../../../src/cose/thumbprint.ts'
import { checkpointBinding } from '../../../src/payload/tee/bindings.ts'
import { encodeCollateral } from '../../../src/payload/tee/collateral-bundle.ts'
import { encodePem } from '../../../src/x509/pem.ts'
import { encodeCbor } from '../../../src/cbor/encode.ts'
import {
  makeAmdPki,
  makeCertificateTable,
  makeSnpKey,
  makeSnpReport,
} from '../../support/amd-evidence.ts'
import { CPAK, makeCcaToken } from '../../support/cca-evidence.ts'
import { makeDcap, tcbLevel } from '../../support/intel-pki.ts'
import { makeNitroDocument, makeNitroPki } from '../../support/nitro-evidence.ts'
import { TEST_NOW } from '../../support/test-pki.ts'
import * as tpm from '../../support/tpm-evidence.ts'
import {
  ORIGIN,
  agent,
  stranger,
  note5,
  data,
  request,
  tdx,
  appraise,
  reason,
  codes,
  buildId,
  build,
  ofBuild,
} from '../../support/evidence-request.ts'

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
