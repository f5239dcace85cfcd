/** Evidence handed in to borrow what is not its own, or to make the registry stumble. */
import { afterEach, describe, expect, it } from 'vitest'
import { concatBytes, encodeUtf8 } from '../../src/bytes/bytes.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { decodeHex, encodeHex } from '../../src/bytes/hex.ts'
import { keyThumbprint } from '../../src/cose/thumbprint.ts'
import { COLLATERAL_MEDIA_TYPE, encodeCollateral } from '../../src/payload/tee/collateral-bundle.ts'
import { REFERENCE_ATTRIBUTE } from '../../src/payload/tee/reference-values.ts'
import { isBoundEvidence, measurementsOf } from '../../src/registry/evidence-facts.ts'
import type { TrustAnchor } from '../../src/statement/trust-anchor.ts'
import { makeAttestedStatement, makeAttestedWorld } from '../support/attested-evidence.ts'
import { EvidenceRegistry } from '../support/evidence-registry.ts'
import { makeDcap, testIntel } from '../support/intel-pki.ts'
import { overlay } from '../support/overlay.ts'
import { TEST_NOW } from '../support/test-pki.ts'
import { testSigner } from '../support/test-signer.ts'

let registry: EvidenceRegistry
afterEach(() => registry.close())

const roots = { intel: [encodeHex(sha256(testIntel.root.der))] }

describe('collateral that was pruned', () => {
  it('is there for no new evidence, which is refused and no fault of the service', async () => {
    let isPruned = false
    registry = await EvidenceRegistry.create(
      { roots },
      {
        wrapStore: (store) => {
          const pruned = overlay(store)
          pruned.findCollateral = async (digest) =>
            isPruned ? undefined : store.findCollateral(digest)
          return pruned
        },
      },
    )
    const key = keyThumbprint(registry.service.signer.publicKey)
    const reportData = concatBytes(key, new Uint8Array(32))
    const { quote: evidence, collateral } = makeDcap({ tee: 'tdx', reportData })
    const bundle = encodeCollateral(collateral)
    const envelope = await registry.statement(bundle, {
      ...{ contentType: COLLATERAL_MEDIA_TYPE, hash: 'SHA-256' },
    })
    await registry.store(envelope, bundle)
    const registered = [decodeHex(await registry.register(envelope))]
    const container = {
      format: 'tdx-quote',
      evidence,
      registered,
      binding: { type: 'key' },
    } as const
    expect(await registry.register(await registry.evidence(container))).toMatch(/^[0-9a-f]{64}$/)
    isPruned = true
    const again = await registry.evidence(container)
    expect(await registry.register(again)).toMatch(/^tee-evidence: .*collateral-unregistered: /)
  })
})

describe('an attested service that speaks about other environments', () => {
  const world = makeAttestedWorld()
  const signer = testSigner('ES384')
  const service = { endorsers: [{ did: world.did }], amdRoots: world.amd.roots }
  const anchor: TrustAnchor = { kind: 'attested-service', service, issuers: ['did:attestedsvc:*'] }

  it('does not endorse its own environment, nor lend it what it says of others', async () => {
    const index = { anchors: [anchor], startTime: TEST_NOW }
    registry = await EvidenceRegistry.create(undefined, index)
    const measurements = { mrtd: 'ab'.repeat(48) }
    const payload = encodeUtf8(
      JSON.stringify({
        _type: 'https://in-toto.io/Statement/v1',
        subject: [{ name: 'image', digest: { sha256: '00'.repeat(32) } }],
        predicateType: 'https://in-toto.io/attestation/scai/v0.3',
        predicate: {
          attributes: [{ attribute: REFERENCE_ATTRIBUTE, conditions: { measurements } }],
        },
      }),
    )
    const header = new Map([[3, 'application/vnd.in-toto+json']])
    const statement = await makeAttestedStatement(world, { signer, payload, header })
    expect(await registry.register(statement)).toMatch(/^[0-9a-f]{64}$/)
    const { description } = (await registry.records())[2]!
    expect(description.kind).toBe('reference-values')
    expect(measurementsOf(description)).toEqual([{ name: 'mrtd', value: 'ab'.repeat(48) }])
    expect(isBoundEvidence(description)).toBe(false)
    expect(description.findings.map(({ code }) => code)).toEqual(['key-environment-not-indexed'])
    await registry.journal()
    expect((await registry.audit()).counts.entries).toBe(4)
  })
})
