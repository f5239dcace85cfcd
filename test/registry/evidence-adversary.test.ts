/** Evidence handed in to borrow what is not its own, or to make the registry stumble. */
import { afterEach, describe, expect, it } from 'vitest'
import { concatBytes } from '../../src/bytes/bytes.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { decodeHex, encodeHex } from '../../src/bytes/hex.ts'
import { keyThumbprint } from '../../src/cose/thumbprint.ts'
import { COLLATERAL_MEDIA_TYPE, encodeCollateral } from '../../src/payload/tee/collateral-bundle.ts'
import { EvidenceRegistry } from '../support/evidence-registry.ts'
import { makeDcap, testIntel } from '../support/intel-pki.ts'
import { overlay } from '../support/overlay.ts'

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
