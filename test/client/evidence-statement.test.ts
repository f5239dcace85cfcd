/** The agent's side in code: what would be refused is never signed; what is signed can be registered. */
import { describe, expect, it } from 'vitest'
import { signEvidence } from '../../src/client/evidence-statement.ts'
import type { EvidenceStatementRequest } from '../../src/client/evidence-statement.ts'
import { webCryptoVerifier } from '../../src/cose/web-crypto.ts'
import { encodeCollateral } from '../../src/payload/tee/collateral-bundle.ts'
import {
  parseTeeEvidence,
  TEE_EVIDENCE_MEDIA_TYPE,
} from '../../src/payload/tee/evidence-container.ts'
import type { TeeEvidence } from '../../src/payload/tee/evidence-container.ts'
import { bindingDigest, makeReportData } from '../../src/payload/tee/report-data.ts'
import { evidenceRejection } from '../support/evidence-reason.ts'
import { log, note5 } from '../support/evidence-request.ts'
import { makeDcap } from '../support/intel-pki.ts'
import { makeNitroDocument, makeNitroPki } from '../support/nitro-evidence.ts'
import { ISSUER, TestRegistry } from '../support/test-registry.ts'
import { testSigner } from '../support/test-signer.ts'

const signer = testSigner()
const reportData = makeReportData({ type: 'key', key: signer.publicKey })
const { quote, collateral, roots, at } = makeDcap({ tee: 'tdx', reportData })
const evidence: TeeEvidence = {
  ...{ format: 'tdx-quote', evidence: quote, collateral: encodeCollateral(collateral) },
  binding: { type: 'key' },
}
const request = (changes: Partial<EvidenceStatementRequest> = {}): EvidenceStatementRequest => ({
  ...{ evidence, signer, issuer: ISSUER, subject: 'run 17', issuedAt: at },
  appraisal: { at, pins: { intel: roots }, limits: {} },
  verifier: webCryptoVerifier,
  ...changes,
})

describe('signEvidence', () => {
  it('makes a statement that a registry admits', async () => {
    const signed = await signEvidence(request())
    expect(signed.statement.headers.contentType).toBe(TEE_EVIDENCE_MEDIA_TYPE)
    expect(parseTeeEvidence(signed.payload)).toEqual(evidence)
    expect(signed.appraisal.bindings).toHaveLength(1)
    const anchors = [{ kind: 'cose-key' as const, key: signer.publicKey, issuers: [ISSUER] }]
    const service = await TestRegistry.create({ anchors })
    const teeEvidence = { check: 'verified@1', roots: { intel: roots } } as const
    service.clock.time = Math.max(service.clock.time, at)
    await service.registry.register(await service.policyStatement({ teeEvidence }))
    const registered = await service.registry.register(signed.bytes)
    expect(registered).toMatchObject({ entryId: signed.statement.entryId })
    await service.close()
  })

  it.each<[string, Partial<EvidenceStatementRequest>, string]>([
    ['by another key than the bound one', { signer: testSigner() }, 'binding-key'],
    ['under other roots', { appraisal: { at, pins: {}, limits: {} } }, 'root'],
    ['without collateral', { evidence: { format: 'tdx-quote', evidence: quote } }, 'crl-missing'],
  ])('signs nothing %s', async (_name, changes, reason) => {
    expect(await evidenceRejection(() => signEvidence(request(changes)))).toBe(reason)
  })

  it('of an enclave of Nitro: its key in the user data, a checkpoint in the nonce', async () => {
    const pki = makeNitroPki(at)
    const members = {
      user_data: bindingDigest({ type: 'key', key: signer.publicKey }),
      nonce: bindingDigest({ type: 'checkpoint', note: note5 }),
    }
    const document = await makeNitroDocument(pki, { members, timestamp: at * 1000 })
    const container: TeeEvidence = {
      ...{ format: 'nitro-document', evidence: document },
      ...{ binding: { type: 'key' }, checkpoint: note5 },
    }
    const appraisal = { at, pins: { aws: pki.roots }, limits: {}, log }
    const signed = await signEvidence(request({ evidence: container, appraisal }))
    expect(signed.appraisal.bindings).toMatchObject([
      { type: 'key' },
      { type: 'checkpoint', after: { treeSize: 5n } },
    ])
  })

  it('signs a digest where that is asked, and hands the content back', async () => {
    const signed = await signEvidence(request({ hash: 'SHA-256' }))
    expect(signed.hash).toBe('SHA-256')
    expect(signed.bytes.length).toBeLessThan(500)
    expect(parseTeeEvidence(signed.payload)).toEqual(evidence)
  })
})
