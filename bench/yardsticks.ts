/** What this machine can do at all, measured in the same run: ES256, fsync, an empty Express handler. */
import { generateKeyPairSync, sign } from 'node:crypto'
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { VerifyWork } from './verify-worker.ts'

const MILLISECONDS = 2_000

/** ES256 verifications per second with `workers` threads. */
export async function es256Rate(workers: number): Promise<number> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const items = Array.from({ length: 64 }, (_, i) => {
    const data = new Uint8Array(1200).fill(i)
    return { data, der: new Uint8Array(sign('sha256', data, privateKey)) }
  })
  const spki = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }))
  const workerData: VerifyWork = { spki, items, milliseconds: MILLISECONDS }
  const threads = Array.from(
    { length: workers },
    () => new Worker(new URL('./verify-worker.js', import.meta.url), { workerData }),
  )
  const message = (thread: Worker): Promise<unknown> =>
    new Promise((resolve, reject) => thread.once('message', resolve).once('error', reject))
  await Promise.all(threads.map(message))
  const counts = threads.map(message)
  for (const thread of threads) thread.postMessage('go')
  const verified = (await Promise.all(counts)) as number[]
  await Promise.all(threads.map((thread) => thread.terminate()))
  return (verified.reduce((sum, n) => sum + n, 0) / MILLISECONDS) * 1000
}

/** Median milliseconds of a 4 KiB append and fdatasync in `directory`. */
export function fsyncMilliseconds(directory: string): number {
  const folder = mkdtempSync(join(directory, 'fsync-'))
  const file = openSync(join(folder, 'file'), 'w')
  const block = Buffer.alloc(4096, 1)
  const times: number[] = []
  for (let i = 0; i < 2_000; i++) {
    const started = performance.now()
    writeSync(file, block)
    fdatasyncSync(file)
    times.push(performance.now() - started)
  }
  closeSync(file)
  rmSync(folder, { recursive: true })
  return times.sort((a, b) => a - b)[1_000] ?? 0
}
