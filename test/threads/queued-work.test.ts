/** Work beside the serving thread: whatever becomes of the thread, whoever waits is told, and the next are served. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { QueuedWork } from '../../src/threads/queued-work.ts'
import type { QueuedWorkOptions } from '../../src/threads/queued-work.ts'
import { useBuiltWorker } from '../support/built-worker.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { readNoBlob, READS_NO_BLOB } from '../support/unreadable.ts'

const folder = temporaryDirectory()
const module = (name: string, text: string): URL => {
  const path = join(folder, `${name}.mjs`)
  writeFileSync(path, `import { parentPort } from 'node:worker_threads'\n${text}`)
  return pathToFileURL(path)
}
const doubling = module(
  'doubling',
  `parentPort.on('message', (n) => parentPort.postMessage(2 * n))`,
)

const newWork = (
  options: Partial<QueuedWorkOptions<number, number>> = {},
): QueuedWork<number, number> =>
  new QueuedWork({
    ...{ queueMax: 8, timeoutMs: 5000, worker: doubling, here: async (n) => 2 * n },
    says: { closed: 'closed', full: 'full', slow: 'slow', ended: 'ended' },
    ...options,
  })

describe.each([
  ['this thread', undefined],
  ['another thread', doubling],
])('work on %s', (_, worker) => {
  it('is answered one by one, each with its own answer', async () => {
    const work = newWork({ worker })
    expect(await Promise.all([1, 2, 3].map((n) => work.run(n)))).toEqual([2, 4, 6])
    await work.close()
  })

  it('is refused beyond the queue, and when it is closed; what waits is answered', async () => {
    const work = newWork({ worker, queueMax: 1, retryAfterSeconds: 7 })
    const waiting = work.run(1)
    await expect(work.run(2)).rejects.toMatchObject({
      ...{ code: 'ERR_QUEUE_FULL', message: 'full', retryAfterSeconds: 7 },
    })
    const closing = work.close()
    await expect(work.run(3)).rejects.toMatchObject({ code: 'ERR_LOG_CLOSING', message: 'closed' })
    expect(await waiting).toBe(2)
    await closing
  })
})

describe('a thread', () => {
  it.each([
    ['hangs', `parentPort.on('message', () => { for (;;); })`, 100, 'slow'],
    ['dies', `parentPort.on('message', () => { throw new Error('x') })`, 5000, 'ended'],
    ['ends', `parentPort.on('message', () => { process.exit() })`, 5000, 'ended'],
  ])('that %s is replaced, and whoever waits is told', async (name, text, timeoutMs, message) => {
    const work = newWork({ worker: module(name, text), timeoutMs })
    for (const outcome of await Promise.allSettled([work.run(1), work.run(2)])) {
      expect(outcome).toMatchObject({ reason: { code: 'ERR_TIMEOUT', message } })
    }
    await work.close()
  })

  it('that answers what cannot be read here is replaced at once, and whoever waits is told', async () => {
    const text = `parentPort.on('message', () => parentPort.postMessage(new Blob([])))`
    const work = newWork({ worker: module('unreadable', text) })
    const readAgain = readNoBlob()
    try {
      for (const outcome of await Promise.allSettled([work.run(1), work.run(2)])) {
        expect(outcome).toMatchObject({ reason: { code: 'ERR_TIMEOUT', message: 'ended' } })
      }
    } finally {
      await work.close()
      readAgain()
    }
  })

  it('that ended while nothing waited keeps nobody waiting', async () => {
    const once = `parentPort.on('message', (n) => { parentPort.postMessage(2 * n); parentPort.close() })`
    const work = newWork({ worker: module('once', once) })
    for (const n of [1, 2]) {
      expect(await work.run(n)).toBe(2 * n)
      await setTimeout(500)
    }
    await work.close()
  })
})

describe('a thread of ours', () => {
  const hearing = useBuiltWorker('threads/on-message.ts')

  it('that cannot read what it is asked ends, and whoever waits is told why', async () => {
    const text = `import { onMessage } from '${hearing.url.href}'
    ${READS_NO_BLOB}
    onMessage((n) => parentPort.postMessage(2 * n))`
    const work = new QueuedWork<number | Blob, number>({
      ...{ queueMax: 8, timeoutMs: 5000, worker: hearing.module('hearing', text) },
      here: () => Promise.reject(new Error('on this thread')),
      says: { closed: 'closed', full: 'full', slow: 'slow', ended: 'ended' },
    })
    expect(await work.run(1)).toBe(2)
    await expect(work.run(new Blob([]))).rejects.toMatchObject({
      ...{ code: 'ERR_TIMEOUT', message: 'ended' },
      cause: { message: 'a message to a thread cannot be read: no Blob here' },
    })
    expect(await work.run(3)).toBe(6)
    await work.close()
  })
})

it('on this thread that fails fails alone', async () => {
  const work = newWork({
    worker: undefined,
    here: async (n) => {
      if (n === 2) throw new Error('two')
      return n
    },
  })
  const outcomes = await Promise.allSettled([1, 2, 3].map((n) => work.run(n)))
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  await work.close()
})
