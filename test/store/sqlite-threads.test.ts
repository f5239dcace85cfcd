/**
 * The threads that write the store and the guard: they keep the same contracts, nothing is taken for
 * written that may not be, and WAL restarts do not meet a commit. They are those of the build (`dist/`).
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { serialize } from 'node:v8'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { leafIndex } from '../../src/bytes/integers.ts'
import { nativeSha256 } from '../../src/keys/native-hash.ts'
import { packBatch, unpackBatch } from '../../src/store/sqlite/packed-batch.ts'
import { WriteThread } from '../../src/store/sqlite/write-thread.ts'
import { describeGuard, headOf } from '../contract/guard.ts'
import { describeLogStore, Scribe } from '../contract/log-store.ts'
import { guardUnderTest, storeUnderTest, TestDirectory } from '../support/sqlite.ts'
import { readNoBlob, READS_NO_BLOB } from '../support/unreadable.ts'

const built = (name: string): URL => new URL(`../../dist/store/sqlite/${name}.js`, import.meta.url)
const threads = { batchWorker: built('batch-worker'), worker: built('checkpoint-worker') }

describeLogStore('sqlite with threads', () => storeUnderTest(threads))

describeGuard('sqlite with a thread', () => guardUnderTest(built('guard-worker')))

describe('a batch on its way to a thread', () => {
  it('arrives as it was, without what lies around it', async () => {
    const scribe = new Scribe({})
    scribe.genesis()
    const signed = await scribe.signed()
    const plain = scribe.commit('b', 5, { signedHeads: [signed] })
    const large = new Uint8Array(1_000_000)
    const entries = plain.entries.map(({ entry, entryId }, at) => {
      large.set(entry, at * 1000)
      const view = large.subarray(at * 1000, at * 1000 + entry.length)
      const digest = nativeSha256(entry)
      const collateral = [{ kind: 'submitter-claims' as const, digest, bytes: view }]
      if (at === 1) return { entryId, entry: view, collateral }
      return at === 3 ? { entryId, entry: view, kind: 'policy' as const } : { entryId, entry: view }
    })
    const rows = plain.entries.map(({ entryId: id }, at) => ({ id, leafIndex: leafIndex(at) }))
    const ids = { rows, indexedBelow: 2 ** 33 }
    const packed = packBatch({ ...plain, entries }, ids)
    const cloned = structuredClone(packed, { transfer: [packed.bytes.buffer] })
    const { batch, ids: arrived } = unpackBatch(cloned)
    expect(arrived).toEqual(ids)
    const stored = entries.map(({ entryId: _, ...entry }) => entry)
    expect(batch).toEqual({ ...plain, entries: stored })
    const buffers = [batch.next.treeHead.rootHash, batch.entries[1]!.collateral![0]!.bytes]
    for (const { buffer } of buffers) expect(buffer.byteLength).toBeLessThan(2000)
  })
})

describe('a thread that writes', () => {
  let directory: TestDirectory
  let folder: string
  beforeEach(() => {
    directory = new TestDirectory()
    folder = mkdtempSync(join(tmpdir(), 'attestry-thread-'))
  })
  afterEach(() => {
    directory.remove()
    rmSync(folder, { recursive: true })
  })

  it('says that nothing was stored while another connection blocks it', async () => {
    const store = directory.createStore(threads)
    const scribe = new Scribe({})
    await store.create(scribe.genesis())
    const { edge, head } = scribe
    const other = new Database(directory.storePath)
    other.exec('BEGIN IMMEDIATE')
    await expect(store.commit(scribe.commit('a', 3))).rejects.toMatchObject({
      code: 'ERR_STORE_BUSY',
    })
    other.exec('ROLLBACK')
    other.close()
    Object.assign(scribe, { edge, head })
    await store.commit(scribe.commit('a', 3))
    expect(await store.readEntries(leafIndex(0), 9)).toHaveLength(5)
    await store.close()
  })

  it('leaves the outcome unknown when it ends, and takes nothing afterwards', async () => {
    const ending = join(folder, 'ending.mjs')
    writeFileSync(
      ending,
      "import { parentPort } from 'node:worker_threads'\nparentPort.on('message', () => process.exit(1))",
    )
    const batchWorker = pathToFileURL(ending)
    const store = directory.createStore({ ...threads, batchWorker })
    const scribe = new Scribe({})
    await store.create(scribe.genesis())
    const batch = scribe.commit('a', 3)
    for (let attempt = 0; attempt < 2; attempt++) {
      const failure = await store.commit(batch).catch((error: unknown) => error)
      expect(failure).toMatchObject({ message: 'the thread that writes ended' })
      expect(failure).not.toHaveProperty('code')
    }
    await store.close()

    const guard = directory.openGuard(batchWorker)
    const first = await headOf(2)
    await guard.create(first)
    await expect(guard.advance(first, await headOf(3))).rejects.toThrow('ended')
    await guard.close()
  })

  it('says why it cannot open the file, and tries again', async () => {
    const store = directory.createStore({ batchWorker: built('batch-worker') })
    const scribe = new Scribe({})
    await store.create(scribe.genesis())
    const batch = scribe.commit('a', 3)
    // The main connection has the file open; the thread opens it by its name.
    const elsewhere = join(folder, 'elsewhere')
    renameSync(directory.storePath, elsewhere)
    await expect(store.commit(batch)).rejects.toMatchObject({ code: 'SQLITE_CANTOPEN' })
    renameSync(elsewhere, directory.storePath)
    await store.commit(batch)
    await store.close()
  })

  it('says why there is no thread', async () => {
    const batchWorker = pathToFileURL(join(folder, 'missing.js'))
    const store = directory.createStore({ batchWorker })
    const scribe = new Scribe({})
    await store.create(scribe.genesis())
    const failure = store.commit(scribe.commit('a', 3))
    await expect(failure).rejects.toThrow('the thread that writes ended: Cannot find module')
    await store.close()
  })

  it('gives no answer to another one than whoever asked', async () => {
    const guard = directory.openGuard()
    const [first, second] = [await headOf(2), await headOf(3)]
    await guard.create(first)
    await guard.close()
    const thread = new WriteThread<unknown, boolean>(built('guard-worker'), directory.guardPath)
    const cannotBeSent = { from: () => first }
    await expect(thread.run(cannotBeSent)).rejects.toThrow('could not be cloned')
    expect(await thread.run({ from: first, to: second })).toBe(true)
    await thread.close()
  })

  it('ends when its answer cannot be read: the outcome is unknown', async () => {
    const module = join(folder, 'unreadable.mjs')
    const text =
      "import { parentPort } from 'node:worker_threads'\nparentPort.on('message', () => parentPort.postMessage(new Blob([])))"
    writeFileSync(module, text)
    const thread = new WriteThread(pathToFileURL(module), undefined)
    const readAgain = readNoBlob()
    try {
      const outcomes = await Promise.allSettled([thread.run('a'), thread.run('b')])
      const message =
        'the thread that writes ended: a message of a thread cannot be read: no Blob here'
      for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: { message } })
      await expect(thread.run('c')).rejects.toThrow(message)
    } finally {
      await thread.close()
      readAgain()
    }
  })

  it('ends when it cannot read what it is asked', async () => {
    const module = join(folder, 'reads-no-blob.mjs')
    writeFileSync(module, `${READS_NO_BLOB}await import('${built('guard-worker').href}')`)
    const thread = new WriteThread(pathToFileURL(module), directory.guardPath)
    const message = 'the thread that writes ended: a message to a thread cannot be read'
    await expect(thread.run(new Blob([]))).rejects.toThrow(message)
    await expect(thread.run('more')).rejects.toThrow(message)
    await thread.close()
  })

  /** Advances a guard to size 3 in a process of its own, which says so. */
  async function advanceIn(env: NodeJS.ProcessEnv): Promise<string> {
    const guard = directory.openGuard()
    const [first, second] = [await headOf(2), await headOf(3)]
    await guard.create(first)
    await guard.close()
    const [heads, script] = [join(folder, 'heads'), join(folder, 'advance.mjs')]
    writeFileSync(heads, serialize({ from: first, to: second }))
    writeFileSync(
      script,
      `import { readFileSync } from 'node:fs'
      import { deserialize } from 'node:v8'
      import { SqliteGuard } from '${built('sqlite-guard').href}'
      const { from, to } = deserialize(readFileSync(${JSON.stringify(heads)}))
      const guard = SqliteGuard.open(${JSON.stringify(directory.guardPath)})
      const advanced = guard.advance(from, to)
      await guard.close()
      console.log('closed at', (await advanced).treeHead.treeSize)`,
    )
    const options = { encoding: 'utf8', env: { ...process.env, ...env } } as const
    return execFileSync(process.execPath, [script], options)
  }

  it('keeps the process until it is closed, also when it is closed before it answers', async () => {
    expect(await advanceIn({})).toBe('closed at 3\n')
  })

  it('loads nothing that the process was told to load first', async () => {
    const preload = join(folder, 'preload.mjs')
    writeFileSync(
      preload,
      "import { isMainThread } from 'node:worker_threads'\nif (!isMainThread) throw new Error('again')",
    )
    expect(await advanceIn({ NODE_OPTIONS: `--import ${preload}` })).toBe('closed at 3\n')
  })

  it('copies the WAL on a thread that loads nothing of it either', () => {
    const [preload, loaded] = [join(folder, 'preload.mjs'), join(folder, 'loaded')]
    writeFileSync(
      preload,
      `import { writeFileSync } from 'node:fs'
      import { isMainThread } from 'node:worker_threads'
      if (!isMainThread) writeFileSync(${JSON.stringify(loaded)}, '')`,
    )
    const script = join(folder, 'checkpoint.mjs')
    writeFileSync(
      script,
      `import { openDatabase } from '${built('database').href}'
      import { startCheckpointer } from '${built('checkpointer').href}'
      openDatabase(${JSON.stringify(join(folder, 'wal.sqlite'))}, { create: true }).close()
      await startCheckpointer(${JSON.stringify(join(folder, 'wal.sqlite'))}).stop()`,
    )
    const env = { ...process.env, NODE_OPTIONS: `--import ${preload}` }
    execFileSync(process.execPath, [script], { env })
    expect(existsSync(loaded)).toBe(false)
  })

  it('commits while the WAL starts again, over and over', async () => {
    const store = directory.createStore({ ...threads, walFramesMax: 40 })
    const scribe = new Scribe({})
    await store.create(scribe.genesis())
    const began = performance.now()
    let commits = 0
    // Checkpoints are looked for every 200 ms: some of them are met.
    for (; performance.now() - began < 1500; commits++) {
      await store.commit(scribe.commit(`c${commits}`, 2))
    }
    const stored = await store.readEntries(leafIndex(0), 1_000_000)
    expect(stored.map(({ entry }) => entry)).toEqual(scribe.entries)
    expect(await store.readState()).toMatchObject({ ...scribe.head })
    await store.close()
  })

  it('takes commits in their order, also those that are not waited for', async () => {
    const store = directory.createStore(threads)
    const scribe = new Scribe({})
    await store.create(scribe.genesis())
    const batches = Array.from({ length: 20 }, (_, at) => scribe.commit(`d${at}`, 1 + (at % 3)))
    await Promise.all(batches.map((batch) => store.commit(batch)))
    const found = await store.findLeafIndexes(scribe.entries.map(nativeSha256))
    expect(found).toEqual([...scribe.entries.keys()])
    await store.close()
  })
})
