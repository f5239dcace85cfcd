/** Whoever starts a thread hears once that it failed, however much of what it said cannot be read. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, it } from 'vitest'
import { startWorker } from '../../src/threads/start-worker.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { readNoBlob } from '../support/unreadable.ts'

const folder = temporaryDirectory()

it('a thread whose messages cannot be read fails once', async () => {
  const path = join(folder, 'twice.mjs')
  const text = `import { parentPort } from 'node:worker_threads'
  parentPort.on('message', () => undefined)
  for (let nth = 0; nth < 3; nth++) parentPort.postMessage(new Blob([]))`
  writeFileSync(path, text)
  const readAgain = readNoBlob()
  try {
    const worker = startWorker(pathToFileURL(path), {})
    const failures: unknown[] = []
    worker.on('error', (error) => failures.push(error))
    await new Promise((resolve) => worker.once('exit', resolve))
    expect(failures).toHaveLength(1)
  } finally {
    readAgain()
  }
})
