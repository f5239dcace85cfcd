/** A worker that verifies ES256 signatures in batches of 64: the yardstick "raw ES256". */
import { createPublicKey, verify } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'

export interface VerifyWork {
  readonly spki: Uint8Array
  readonly items: readonly { readonly data: Uint8Array; readonly der: Uint8Array }[]
  readonly milliseconds: number
}

const { spki, items, milliseconds } = workerData as VerifyWork
const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
parentPort?.on('message', () => {
  let verified = 0
  const end = performance.now() + milliseconds
  while (performance.now() < end) {
    for (let i = 0; i < 64; i++) {
      const { data, der } = items[i % items.length]!
      if (!verify('sha256', data, key, der)) throw new Error('yardstick signature does not verify')
    }
    verified += 64
  }
  parentPort?.postMessage(verified)
})
parentPort?.postMessage('ready')
