/**
 * Evidence beside the serving thread: the queue has an end, an answer is the same in both places, and a
 * thread that hangs or dies costs one answer, not the service.
 */
import { setTimeout } from 'node:timers/promises'
import supertest from 'supertest'
import { describe, expect, it } from 'vitest'
import { QueuedAppraiser } from '../../src/app/queued-appraiser.ts'
import type { Appraisal, AppraisalRequest } from '../../src/payload/tee/appraise-evidence.ts'
import { useBuiltWorker } from '../support/built-worker.ts'
import { appraise, build, ofBuild, tdx } from '../support/evidence-request.ts'
import { EvidenceRegistry } from '../support/evidence-registry.ts'

const good = (): AppraisalRequest => tdx(ofBuild, build)
const bad = (): AppraisalRequest => ({ ...good(), signer: new Uint8Array(32) })

describe('an appraiser', () => {
  const built = useBuiltWorker('app/evidence-worker.ts')

  it.each(['this thread', 'another thread'])(
    'answers from %s as it would itself',
    async (where) => {
      const options = where === 'this thread' ? { worker: undefined } : { worker: built.url }
      const appraiser = new QueuedAppraiser(options)
      const asked = good()
      const [first, refused, again] = await Promise.allSettled([
        appraiser.appraise(asked),
        appraiser.appraise(bad()),
        appraiser.appraise(asked),
      ])
      const expected: Appraisal = await appraise(asked)
      expect(first).toEqual({ status: 'fulfilled', value: expected })
      expect(again).toEqual({ status: 'fulfilled', value: expected })
      expect(refused).toMatchObject({
        reason: { code: 'ERR_TEE_EVIDENCE', reason: 'binding-build' },
      })
      await appraiser.close()
      await expect(appraiser.appraise(asked)).rejects.toMatchObject({ code: 'ERR_LOG_CLOSING' })
    },
  )

  it('refuses when too much waits, and answers what does', async () => {
    const appraiser = new QueuedAppraiser({ worker: undefined, queueMax: 2 })
    const waiting = [appraiser.appraise(good()), appraiser.appraise(good())]
    await expect(appraiser.appraise(good())).rejects.toMatchObject({
      ...{ code: 'ERR_QUEUE_FULL', retryAfterSeconds: 2 },
    })
    await Promise.all(waiting)
    await appraiser.appraise(good())
    await appraiser.close()
  })

  it('ends a thread that hangs, and goes on with another', async () => {
    const hanging = built.module('hanging', `parentPort.on('message', () => { for (;;); })`)
    const appraiser = new QueuedAppraiser({ worker: hanging, timeoutMs: 100 })
    const failures = await Promise.allSettled([
      appraiser.appraise(good()),
      appraiser.appraise(good()),
    ])
    for (const failure of failures) {
      expect(failure).toMatchObject({ reason: { code: 'ERR_TIMEOUT' } })
    }
    await appraiser.close()
  })

  it('goes on when a thread dies', async () => {
    const dying = built.module('dying', `parentPort.on('message', () => { throw new Error('x') })`)
    const appraiser = new QueuedAppraiser({ worker: dying })
    await expect(appraiser.appraise(good())).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
    await expect(appraiser.appraise(good())).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
    await appraiser.close()
  })

  it('starts another thread where one ended while nothing waited', async () => {
    const answer = `parentPort.postMessage({ kind: 'refused', reason: 'root', message: 'x' })`
    const once = built.module(
      'once',
      `parentPort.on('message', () => { ${answer}; parentPort.close() })`,
    )
    const appraiser = new QueuedAppraiser({ worker: once, timeoutMs: 5_000 })
    for (let at = 0; at < 2; at++) {
      await expect(appraiser.appraise(good())).rejects.toMatchObject({ reason: 'root' })
      await setTimeout(500)
    }
    await appraiser.close()
  })
})

describe('a registry whose appraiser is full', () => {
  it('says when to come back, and goes on registering everything else', async () => {
    const registry = await EvidenceRegistry.create({})
    const appraiser = new QueuedAppraiser({ worker: undefined, queueMax: 0 })
    Object.assign(registry.service.ports, { appraiser })
    const post = (bytes: Uint8Array): supertest.Test =>
      supertest(registry.url)
        .post('/entries')
        .set('Content-Type', 'application/cose')
        .send(Buffer.from(bytes))
    const answer = await post(await registry.evidence(good().evidence))
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '2'])
    expect((await post(await registry.statement(new Uint8Array([1])))).status).toBe(201)
    expect(registry.service.refusals).toEqual([])
    await registry.close()
  })
})
