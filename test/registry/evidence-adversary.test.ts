/** Evidence handed in to borrow what is not its own, or to make the registry stumble. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { concatBytes, encodeUtf8 } from '../../src/bytes/bytes.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { decodeHex, encodeHex } from '../../src/bytes/hex.ts'
import { keyThumbprint } from '../../src/cose/thumbprint.ts'
import { nodeVerifier } from '../../src/keys/node-verifier.ts'
import { appraiseEvidence } from '../../src/payload/tee/appraise-evidence.ts'
import { COLLATERAL_MEDIA_TYPE, encodeCollateral } from '../../src/payload/tee/collateral-bundle.ts'
import type { EvidenceAppraiser } from '../../src/payload/tee/evidence-appraiser.ts'
import { encodeTeeEvidence } from '../../src/payload/tee/evidence-container.ts'
import { REFERENCE_ATTRIBUTE } from '../../src/payload/tee/reference-values.ts'
import { HEAVY_MAX } from '../../src/registry/admit.ts'
import { isBoundEvidence, measurementsOf } from '../../src/registry/evidence-facts.ts'
import type { TrustAnchor } from '../../src/statement/trust-anchor.ts'
import { makeSnpReport } from '../support/amd-evidence.ts'
import {
  keyReportData,
  makeAttestedStatement,
  makeAttestedWorld,
} from '../support/attested-evidence.ts'
import { EvidenceRegistry } from '../support/evidence-registry.ts'
import { makeDcap, testIntel } from '../support/intel-pki.ts'
import { overlay } from '../support/overlay.ts'
import { TEST_NOW } from '../support/test-pki.ts'
import { createGate } from '../support/test-registry.ts'
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

describe('a small statement that names a lot of collateral', () => {
  it('is refused once it is too much, and the rest is not read', async () => {
    registry = await EvidenceRegistry.create({ roots })
    const registered: Uint8Array[] = []
    for (let at = 0; at < 8; at++) {
      const bundle = encodeCollateral({ certificates: [new Uint8Array(1_000_000).fill(at)] })
      const envelope = await registry.statement(bundle, {
        ...{ contentType: COLLATERAL_MEDIA_TYPE, hash: 'SHA-256' },
      })
      await registry.store(envelope, bundle)
      registered.push(decodeHex(await registry.register(envelope)))
    }
    const { quote: evidence } = makeDcap({ tee: 'tdx', reportData: new Uint8Array(64) })
    const container = { format: 'tdx-quote', evidence, registered } as const
    const read = vi.spyOn(registry.service.store, 'findCollateral')
    expect(await registry.register(await registry.evidence(container))).toMatch(
      /^tee-evidence: .*collateral-malformed: more than 2097152 bytes of collateral in all/,
    )
    expect(read).toHaveBeenCalledTimes(3)
  })

  it.each(['that names it', 'as a hash envelope'])(
    '%s waits for its turn with that unread, and gets one',
    async (how) => {
      registry = await EvidenceRegistry.create({ roots })
      const key = keyThumbprint(registry.service.signer.publicKey)
      const reportData = concatBytes(key, new Uint8Array(32))
      const { quote: evidence, collateral } = makeDcap({ tee: 'tdx', reportData })
      const bundle = await registry.statement(encodeCollateral(collateral), {
        contentType: COLLATERAL_MEDIA_TYPE,
      })
      const registered = [decodeHex(await registry.register(bundle))]
      const bare = { format: 'tdx-quote', evidence, binding: { type: 'key' } } as const
      const whole = { ...bare, collateral: encodeCollateral(collateral) }
      const make = async (): Promise<Uint8Array> => {
        if (how === 'that names it') return registry.evidence({ ...bare, registered })
        const envelope = await registry.evidence(whole, { hash: 'SHA-256' })
        await registry.store(envelope, encodeTeeEvidence(whole))
        return envelope
      }
      const gate = createGate()
      let [waiting, most] = [0, 0]
      const appraiser: EvidenceAppraiser = {
        appraise: async (request) => {
          waiting += 1
          most = Math.max(most, waiting)
          await gate.opened
          waiting -= 1
          return appraiseEvidence(request, nodeVerifier)
        },
      }
      Object.assign(registry.service.ports, { appraiser })
      const statements: Uint8Array[] = []
      for (let at = 0; at < 2 * HEAVY_MAX + 1; at++) statements.push(await make())
      const all = Promise.all(statements.map((one) => registry.register(one)))
      await vi.waitFor(() => {
        expect(waiting).toBe(HEAVY_MAX)
      })
      // What refers to nothing does not wait.
      expect(await registry.register(await registry.statement(reportData))).toMatch(
        /^[0-9a-f]{64}$/,
      )
      gate.open()
      expect((await all).every((id) => /^[0-9a-f]{64}$/.test(id))).toBe(true)
      expect(most).toBe(HEAVY_MAX)
    },
  )
})

describe('an attested service that speaks about other environments', () => {
  const world = makeAttestedWorld()
  const signer = testSigner('ES384')
  const endorsers = [{ did: world.did }]
  const service = { endorsers, amdRoots: world.amd.roots, hostData: 'any' } as const
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

  it('is not told from a stranger in a container of theirs, unless its host data is listed', async () => {
    const own = new Uint8Array(32).fill(7)
    const anchors = (hostData: string[] | 'any'): TrustAnchor[] => [
      { ...anchor, service: { ...service, hostData } },
    ]
    const stranger = testSigner('ES384')
    const report = makeSnpReport(world.vcek, {
      ...{ reportData: keyReportData(stranger), hostData: new Uint8Array(32).fill(8) },
    })
    const statement = await makeAttestedStatement(world, { signer: stranger, report })
    registry = await EvidenceRegistry.create(undefined, {
      anchors: anchors('any'),
      startTime: TEST_NOW,
    })
    expect(await registry.register(statement)).toMatch(/^[0-9a-f]{64}$/)
    await registry.close()
    const listed = { anchors: anchors([encodeHex(own)]), startTime: TEST_NOW }
    registry = await EvidenceRegistry.create(undefined, listed)
    expect(await registry.register(statement)).toMatch(/^tee-evidence: .*environment: /)
  })
})
