/**
 * Bundles beside the serving thread: the queue has an end, an answer is the same in both places, and
 * a thread that hangs or dies costs one answer, not the service.
 */
import { describe, expect, it } from 'vitest'
import { BundleChecker } from '../../src/sigstore/verify-bundle.ts'
import { SigstoreBundleVerifier } from '../../src/sigstore/sigstore-bundle-verifier.ts'
import { useBuiltWorker } from '../support/built-worker.ts'
import { mutate, randomFrom, seed, slow } from '../support/mutate.ts'
import { VerificationError } from '../../src/errors.ts'
import { hasVectors } from '../support/vectors.ts'
import { readSamples, trustedRoot } from './samples.ts'

const request = (at = 0) => ({ bundle: readSamples()[at]!.bytes, trustedRoot: trustedRoot() })

describe.skipIf(!hasVectors)('a verifier of bundles', () => {
  const built = useBuiltWorker('sigstore/bundle-worker.ts')

  it.each(['this thread', 'another thread'])('answers from %s', async (where) => {
    const options = where === 'this thread' ? { worker: undefined } : { worker: built.url }
    const verifier = new SigstoreBundleVerifier(options)
    const [good, refused, again] = await Promise.allSettled([
      verifier.verify(request()),
      verifier.verify({ ...request(), bundle: new Uint8Array(3) }),
      verifier.verify(request(2)),
    ])
    expect(good).toMatchObject({ value: { subject: readSamples()[0]!.identity } })
    expect(refused).toMatchObject({ reason: { code: 'ERR_INNER_SIGNATURE' } })
    expect(again).toMatchObject({ value: { subject: readSamples()[2]!.identity } })
    const unusable = { ...request(), trustedRoot: new Uint8Array(3) }
    await expect(verifier.verify(unusable)).rejects.toMatchObject({
      code: 'ERR_TRUST_CONFIGURATION',
    })
    await verifier.close()
    await expect(verifier.verify(request())).rejects.toMatchObject({ code: 'ERR_LOG_CLOSING' })
  })

  it('refuses when too many wait, and answers those that do', async () => {
    const verifier = new SigstoreBundleVerifier({ worker: undefined, queueMax: 2 })
    const waiting = [verifier.verify(request()), verifier.verify(request())]
    await expect(verifier.verify(request())).rejects.toMatchObject({ code: 'ERR_QUEUE_FULL' })
    await Promise.all(waiting)
    await verifier.verify(request())
    await verifier.close()
  })

  it('ends a thread that hangs, and goes on with another', async () => {
    const hanging = built.module('hanging', `parentPort.on('message', () => { for (;;); })`)
    const verifier = new SigstoreBundleVerifier({ worker: hanging, timeoutMs: 100 })
    const failures = await Promise.allSettled([
      verifier.verify(request()),
      verifier.verify(request()),
    ])
    for (const failure of failures) {
      expect(failure).toMatchObject({ reason: { code: 'ERR_TIMEOUT' } })
    }
    await verifier.close()
  })

  it('goes on when a thread dies', async () => {
    const dying = built.module('dying', `parentPort.on('message', () => { throw new Error('x') })`)
    const verifier = new SigstoreBundleVerifier({ worker: dying })
    await expect(verifier.verify(request())).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
    await expect(verifier.verify(request())).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
    await verifier.close()
  })

  const count = slow ? 20_000 : 200
  it(`refuses ${count} damaged bundles with its own error`, { timeout: 3_600_000 }, () => {
    const random = randomFrom(seed)
    const checker = new BundleChecker()
    const inputs = readSamples().map(({ bytes }) => bytes)
    for (let at = 0; at < count; at++) {
      try {
        const bundle = mutate(inputs[at % inputs.length]!, random)
        checker.verify({ bundle, trustedRoot: trustedRoot() })
      } catch (error) {
        expect(error, `seed ${seed}, input ${at}`).toBeInstanceOf(VerificationError)
      }
    }
  })
})
