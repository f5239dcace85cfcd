/**
 * The write path on the thread that writes the store keeps what it keeps on the serving thread. The
 * thread is that of the build (`dist/`).
 */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { initLog } from '../../src/app/init-log.ts'
import { localPaths } from '../../src/app/data-directory.ts'
import { threadWritePath, writePathOptions } from '../../src/app/thread-write-path.ts'
import { leafIndex } from '../../src/bytes/integers.ts'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { signTreeHead } from '../../src/cose/signed-tree-head.ts'
import { loadSigner } from '../../src/keys/file-signer.ts'
import { nativeSha256 } from '../../src/keys/native-hash.ts'
import { promptVerifier } from '../../src/keys/node-verifier.ts'
import { checkLog } from '../../src/log/check-log.ts'
import { Log } from '../../src/log/log.ts'
import type { BatchStep } from '../../src/log/observer.ts'
import { verifyInclusion } from '../../src/merkle/verify-inclusion.ts'
import { SqliteGuard } from '../../src/store/sqlite/sqlite-guard.ts'
import { SqliteLogStore } from '../../src/store/sqlite/sqlite-log-store.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { readNoBlob } from '../support/unreadable.ts'
import { appendMany, candidateOf, entryOf, hasher } from '../support/test-log.ts'

const WORKER = new URL('../../dist/app/write-path-worker.js', import.meta.url)
const clock = { now: () => Math.floor(Date.now() / 1000) }
const folder = temporaryDirectory()
const paths = localPaths(`${folder}/data`)
const STEPS: readonly BatchStep[] = ['begun', 'committed', 'verified', 'signed', 'guarded']
const closing: (() => Promise<void>)[] = []

interface Opened {
  readonly log: Log
  readonly store: SqliteLogStore
  readonly fatal: Error[]
  readonly told: (readonly [BatchStep, number, number])[]
}

async function open(worker = WORKER): Promise<Opened> {
  const { batchWorker, batchWorkerData } = writePathOptions(paths, worker)!
  const store = SqliteLogStore.open(paths.store, { mode: 'existing', batchWorker, batchWorkerData })
  const { origin, issuer } = await store.readState()
  const fatal: Error[] = []
  const told: Opened['told'] = []
  const log = await Log.open({
    ...{ store, guard: SqliteGuard.open(paths.guard), signer: await loadSigner(paths.receiptKey) },
    ...{ hasher, verifier: promptVerifier, origin, issuer, clock },
    writePath: threadWritePath(store),
    observer: { onBatch: (...step) => void told.push(step) },
    onFatal: (error) => void fatal.push(error),
  })
  closing.push(() => log.close())
  return { log, store, fatal, told }
}

beforeEach(async () => {
  await initLog({ data: paths.directory, origin: 'thread.example/log', anchors: [] })
})
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
  for (const path of [paths.directory, paths.guard]) rmSync(path, { recursive: true, force: true })
})

describe('the write path in a thread', () => {
  it('answers as it does here, and leaves a log that checks', async () => {
    const { log, fatal, told } = await open()
    await appendMany(log, 'a', 300)
    const bytes = encodeUtf8('{"name":"ci"}')
    const collateral = [{ kind: 'submitter-claims', digest: nativeSha256(bytes), bytes }] as const
    const registered = await log.append(candidateOf('b', { collateral }))
    const { head, inclusionPath, leafIndex: at } = registered
    const { treeSize, rootHash } = head.treeHead
    const leafHash = hasher.leaf(entryOf('b'))
    verifyInclusion({ leafHash, leafIndex: at, treeSize, inclusionPath, rootHash })
    expect(await log.readCollateral(collateral[0].digest)).toEqual(bytes)
    expect(await log.append(candidateOf('b'))).toEqual({ ...registered, duplicate: true })
    const policy = await log.append(candidateOf('p', { governance: true, kind: 'policy' }))
    expect(log.policyIndex).toBe(policy.leafIndex)
    await log.close()
    closing.length = 0
    expect(fatal).toEqual([])
    expect(told.map(([step]) => step).slice(0, 5)).toEqual(STEPS)
    const times = told.map(([, , atMs]) => atMs)
    expect(times).toEqual(times.toSorted((a, b) => a - b))

    const again = SqliteLogStore.open(paths.store, { mode: 'existing', readonly: true })
    const guard = SqliteGuard.open(paths.guard)
    const report = await checkLog({ store: again, guard, hasher, verifier: promptVerifier })
    expect(report).toMatchObject({ entries: 304, guard: 304 })
    await Promise.all([again.close(), guard.close()])
  })

  it('survives a store that took nothing', async () => {
    const { log, fatal } = await open()
    await log.append(candidateOf('a'))
    const other = new Database(paths.store)
    other.exec('BEGIN IMMEDIATE')
    await expect(log.append(candidateOf('b'))).rejects.toMatchObject({ code: 'ERR_STORE_BUSY' })
    other.exec('ROLLBACK')
    other.close()
    expect((await log.append(candidateOf('b'))).leafIndex).toBe(3)
    expect(fatal).toEqual([])
  })

  it('shows what is committed while its head is not in the guard yet, and stops without it', async () => {
    const { log, fatal } = await open()
    await log.append(candidateOf('a'))
    const other = new Database(paths.guard)
    other.exec('BEGIN IMMEDIATE')
    const { entryId } = candidateOf('b')
    const append = log.append(candidateOf('b'))
    await expect.poll(() => log.findEntry(entryId)).toEqual({ leafIndex: 3, released: false })
    await expect(append).rejects.toMatchObject({ code: 'ERR_LOG_STOPPED' })
    other.exec('ROLLBACK')
    other.close()
    const message = `${paths.guard}: database is locked`
    expect(fatal).toMatchObject([{ message, code: 'SQLITE_BUSY' }])
    await closing.pop()!()
    // The next start signs the head that was committed.
    const { log: next } = await open()
    expect(next.currentHead().treeHead.treeSize).toBe(4)
    expect(await next.append(candidateOf('b'))).toMatchObject({ leafIndex: 3, duplicate: true })
  })

  it('stops when another process has moved the guard on', async () => {
    const { log, fatal } = await open()
    const { head } = await log.append(candidateOf('a'))
    const guard = SqliteGuard.open(paths.guard)
    const signer = await loadSigner(paths.receiptKey)
    const names = { origin: 'thread.example/log', issuer: 'https://thread.example/log' }
    const treeHead = { ...head.treeHead, treeSize: leafIndex(9) as never }
    await guard.advance(
      head,
      await signTreeHead({ ...names, treeHead, registrationTime: 9 }, signer),
    )
    await guard.close()
    await expect(log.append(candidateOf('b'))).rejects.toMatchObject({ code: 'ERR_LOG_STOPPED' })
    expect(fatal[0]!.message).toContain('another process signs for this log')
  })
})

describe('an answer of the thread that cannot be read', () => {
  it('stops the log, with nothing acknowledged; the next start finds the batch', async () => {
    const path = join(folder, 'unreadable.mjs')
    const text = `import { parentPort } from 'node:worker_threads'
    const post = parentPort.postMessage.bind(parentPort)
    parentPort.postMessage = (answer) => post(answer.value?.signed ? new Blob([]) : answer)
    await import('${WORKER.href}')`
    writeFileSync(path, text)
    const { log, fatal } = await open(pathToFileURL(path))
    const readAgain = readNoBlob()
    try {
      const appended = [log.append(candidateOf('a')), log.append(candidateOf('b'))]
      for (const append of await Promise.allSettled(appended)) {
        expect(append).toMatchObject({ reason: { code: 'ERR_LOG_STOPPED' } })
      }
      await closing.pop()!()
    } finally {
      readAgain()
    }
    expect(fatal).toMatchObject([{ message: expect.stringContaining('cannot be read') as unknown }])
    const { log: next } = await open()
    expect(next.currentHead().treeHead.treeSize).toBe(4)
    expect(await next.append(candidateOf('b'))).toMatchObject({ leafIndex: 3, duplicate: true })
  })
})

type Place = 'BatchWriter.writeBatch' | 'SqliteLogStore.readEntries' | 'SqliteGuard.advance'
const MODULES = {
  BatchWriter: 'batch-writer',
  SqliteLogStore: 'sqlite-log-store',
  SqliteGuard: 'sqlite-guard',
} as const

/** The worker, whose second batch fails once, before or after that step: by an error, or for good. */
function failingWorker(place: Place, when: 'before' | 'after', failure: string): URL {
  const [owner, method] = place.split('.') as [keyof typeof MODULES, string]
  const built = (name: string): string =>
    new URL(`../../dist/store/sqlite/${name}.js`, import.meta.url).href
  const path = join(folder, 'failing.mjs')
  writeFileSync(
    path,
    `import { createRequire } from 'node:module'
    import { ${owner} as Owner } from '${built(MODULES[owner])}'
    const { SqliteError } = createRequire('${built('database')}')('better-sqlite3')
    const { ${method}: real } = Owner.prototype
    let calls = 0
    const fail = () => {
      if ('${failure}' === 'exit') process.exit()
      throw new SqliteError('made to fail', '${failure}')
    }
    Owner.prototype.${method} = function (...args) {
      if (++calls !== 2) return real.apply(this, args)
      if ('${when}' === 'before') fail()
      const done = real.apply(this, args)
      return done instanceof Promise ? done.then(fail) : fail()
    }
    await import('${WORKER.href}')`,
  )
  return pathToFileURL(path)
}

describe('a step that fails in the thread', () => {
  it.each([
    ['BatchWriter.writeBatch', 'before', 'SQLITE_FULL', 'goes on'],
    ['BatchWriter.writeBatch', 'before', 'SQLITE_IOERR_FSYNC', 'stops'],
    ['BatchWriter.writeBatch', 'before', 'exit', 'stops'],
    ['BatchWriter.writeBatch', 'after', 'SQLITE_FULL', 'stops, stored'],
    ['BatchWriter.writeBatch', 'after', 'exit', 'stops, stored'],
    ['SqliteLogStore.readEntries', 'before', 'SQLITE_BUSY', 'stops, stored'],
    ['SqliteGuard.advance', 'before', 'SQLITE_FULL', 'stops, stored'],
    ['SqliteGuard.advance', 'after', 'SQLITE_BUSY', 'stops, stored'],
    ['SqliteGuard.advance', 'after', 'exit', 'stops, stored'],
  ] as const)('%s, %s it, %s: the log %s', async (place, when, failure, then) => {
    const isStored = then.endsWith('stored')
    const { log, fatal } = await open(failingWorker(place, when, failure))
    await log.append(candidateOf('a'))
    const code = then === 'goes on' ? 'ERR_STORE_BUSY' : 'ERR_LOG_STOPPED'
    await expect(log.append(candidateOf('b'))).rejects.toMatchObject({ code })
    expect(fatal).toHaveLength(then === 'goes on' ? 0 : 1)
    // Who was told of the entry while its batch was under way is not told now that there is none.
    const { entryId } = candidateOf('b')
    expect(await log.findEntry(entryId)).toEqual(
      isStored ? { leafIndex: 3, released: false } : undefined,
    )
    if (then === 'goes on') expect((await log.append(candidateOf('b'))).leafIndex).toBe(3)
    await closing.pop()!()

    const next = await open()
    expect(await next.log.append(candidateOf('b'))).toMatchObject({
      leafIndex: 3,
      duplicate: isStored || then === 'goes on',
    })
    const { store } = next
    const guard = SqliteGuard.open(paths.guard)
    closing.push(() => guard.close())
    const report = await checkLog({ store, guard, hasher, verifier: promptVerifier })
    expect(report).toMatchObject({ entries: 4, guard: 4 })
  })
})
