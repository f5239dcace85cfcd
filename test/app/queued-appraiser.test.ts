/**
 * Evidence beside the serving thread: the queue has an end, an answer is the same in both places, and a
 * thread that hangs or dies costs one answer, not the service.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import supertest from 'supertest'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { QueuedAppraiser } from '../../src/app/queued-appraiser.ts'
import type { Appraisal, AppraisalRequest } from '../../src/payload/tee/appraise-evidence.ts'
import { appraise, build, ofBuild, tdx } from '../support/evidence-request.ts'
import { EvidenceRegistry } from '../support/evidence-registry.ts'

const project = fileURLToPath(new URL('../..', import.meta.url))
const good = (): AppraisalRequest => tdx(ofBuild, build)
const bad = (): AppraisalRequest => ({ ...good(), signer: new Uint8Array(32) })

describe('an appraiser', () => {
  let folder: string
  let worker: URL
  beforeAll(() => {
    folder = mkdtempSync(join(project, 'node_modules', '.evidence-worker-'))
    const built = join(folder, 'evidence-worker.mjs')
    // One file, in place of what a build writes.
    execFileSync(join(project, 'node_modules/.bin/esbuild'), [
      join(project, 'src/app/evidence-worker.ts'),
      ...['--bundle', '--platform=node', '--format=esm', '--packages=external'],
      `--outfile=${built}`,
      '--log-level=error',
    ])
    worker = pathToFileURL(built)
  })
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true })
  })

  const module = (name: string, text: string): URL => {
    const path = join(folder, `${name}.mjs`)
    writeFileSync(path, `import { parentPort } from 'node:worker_threads'\n${text}`)
    return pathToFileURL(path)
  }

  it.each(['this thread', 'another thread'])(
    'answers from %s as it would itself',
    async (where) => {
      const options = where === 'this thread' ? { worker: undefined } : { worker }
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
    const hanging = module('hanging', `parentPort.on('message', () => { for (;;); })`)
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
    const dying = module('dying', `parentPort.on('message', () => { throw new Error('x') })`)
    const appraiser = new QueuedAppraiser({ worker: dying })
    await expect(appraiser.appraise(good())).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
    await expect(appraiser.appraise(good())).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
    await appraiser.close()
  })

  it('starts another thread where one ended while nothing waited', async () => {
    const answer = `parentPort.postMessage({ kind: 'refused', reason: 'root', message: 'x' })`
    const once = module('once', `parentPort.on('message', () => { ${answer}; parentPort.close() })`)
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
