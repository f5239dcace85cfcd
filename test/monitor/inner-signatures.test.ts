/** An audit verifies wrapped bundles again, under the roots of their time, years later. */
import { describe, expect, it } from 'vitest'
import { SigstoreBundleVerifier } from '../../src/sigstore/sigstore-bundle-verifier.ts'
import { hasVectors } from '../support/vectors.ts'
import { alter, flip, innerAnchors, readSamples } from '../sigstore/samples.ts'
import { audit, findFault } from './audit-fixture.ts'
import { LogForge } from './log-forge.ts'

/** A log that names its roots and holds them in entry 2, and then admits these bundles. */
async function forged(payloads: readonly Uint8Array[]): Promise<LogForge> {
  const inner = innerAnchors()
  const sigstoreRoots = inner.sigstoreRoots.map(({ digest }) => digest)
  const forge = await LogForge.create({ policy: { sigstoreRoots } })
  await forge.batch([await forge.anchorsStatement(undefined, inner)])
  const contentType = readSamples()[0]!.mediaType
  for (const [at, payload] of payloads.entries()) {
    await forge.batch([await forge.statement(`bundle ${at}`, { payload, contentType })])
  }
  await forge.journal()
  return forge
}

const options = () => ({
  bundles: new SigstoreBundleVerifier({ queueMax: Number.POSITIVE_INFINITY }),
})

describe.skipIf(!hasVectors)('an audit of a log that names Sigstore roots', () => {
  it('replays the admission of bundles', async () => {
    const forge = await forged(readSamples().map(({ bytes }) => bytes))
    const report = await audit(forge, undefined, options())
    expect(report.counts.entries).toBe(3 + 5 + 1)
  })

  it('names the one that was admitted although it does not verify', async () => {
    const [one, two] = readSamples()
    const broken = alter(two!.bytes, ({ dsseEnvelope }) => {
      dsseEnvelope.signatures[0]!.sig = flip(dsseEnvelope.signatures[0]!.sig, -1)
    })
    const found = await findFault(await forged([one!.bytes, broken]), undefined, options())
    expect(found).toMatchObject({ code: 14, leafIndex: 4, rule: 'inner-signature' })
  })
})
