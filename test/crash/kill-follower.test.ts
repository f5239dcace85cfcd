/**
 * kill -9 of the follower at random moments (I8): the index goes on exactly where a transaction ended,
 * and in the end it is what one that nobody killed is. Runs the built CLI.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { beforeAll, describe, expect, it } from 'vitest'
import { initLog } from '../../src/app/init-log.ts'
import { readConfig } from '../../src/app/config.ts'
import { startRegistry } from '../../src/app/start.ts'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { IndexFields } from '../../src/store/sqlite/index/fields.ts'
import { takeSnapshot } from '../../src/store/sqlite/index/snapshot.ts'
import { prepareIndexReads } from '../../src/store/sqlite/index/reads.ts'
import { countPostings, hiddenOf, listPostings } from '../support/index-postings.ts'
import { randomFrom, seed, slow } from '../support/mutate.ts'
import { attestry } from '../support/server-process.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { testSigner } from '../support/test-signer.ts'

const KILLS = slow ? 60 : 4
/** Of eight transactions of a thousand statements each, the last one merges runs. */
const ENTRIES = slow ? 10_000 : 1500
const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const data = join(temporaryDirectory(), 'data')
const path = join(data, 'index.sqlite')
const random = randomFrom(seed)
const signer = testSigner()

/** A provenance with ten dependencies, so that a transaction takes a while. */
function statement(number: number): Promise<Uint8Array> {
  const digest = (of: number): object => ({ sha256: of.toString(16).padStart(64, '0') })
  const dependencies = Array.from({ length: 10 }, (_, at) => ({ digest: digest(number * 7 + at) }))
  const payload = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: `a-${number}`, digest: digest(1_000_000 + number) }],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: 'https://build.example/type',
        externalParameters: {},
        resolvedDependencies: dependencies,
      },
      runDetails: { builder: { id: 'https://build.example/builder' } },
    },
  }
  return signStatement({
    ...{ payload: encodeUtf8(JSON.stringify(payload)), signer },
    ...{ issuer: 'https://a.example', subject: `s-${number}` },
    contentType: 'application/vnd.in-toto+json',
  })
}

/** All that the tables say: keys are of the file alone, and runs of how often it was written. */
function dump(): { readonly treeSize: number; readonly rows: string } {
  const database = new Database(path, { readonly: true })
  try {
    expect(database.pragma('integrity_check', { simple: true })).toBe('ok')
    const reads = prepareIndexReads(database)
    const { treeSize, rows, postings } = takeSnapshot(
      reads,
      new IndexFields(reads),
      sizeOf(database),
    )
    const records = Array.from({ length: treeSize }, (_, at) => rows.readRecord(at, postings))
    return { treeSize, rows: JSON.stringify(records) }
  } finally {
    database.close()
  }
}

function sizeOf(database: Database.Database): number {
  return database.prepare('SELECT tree_size FROM progress').pluck().get() as number
}

/** The rows and postings of every statement below the size that the file names, and none above. */
function expectWhole(): number {
  const { treeSize } = dump()
  const database = new Database(path, { readonly: true })
  expect(database.prepare('SELECT count(*) FROM statement').pluck().get()).toBe(treeSize)
  const postings = listPostings(database)
  expect(new Set(postings.map(({ leafIndex }) => leafIndex)).size).toBe(treeSize)
  expect(hiddenOf(database, postings)).toEqual([])
  expect(countPostings(database)).toBe(postings.length)
  database.close()
  return treeSize
}

beforeAll(async () => {
  const anchors = [{ kind: 'cose-key' as const, key: signer.publicKey, issuers: ['*'] }]
  await initLog({ data, origin: 'log.example.org', anchors })
  const quiet = { report: () => undefined }
  const registry = await startRegistry(readConfig({ data, port: 0, index: 'off' }, quiet))
  let next = 0
  const client = async (): Promise<void> => {
    while (next < ENTRIES) {
      const body = new Uint8Array(await statement(next++))
      const headers = { 'Content-Type': 'application/cose' }
      const answer = await fetch(`${registry.url}/entries`, { method: 'POST', headers, body })
      await answer.arrayBuffer()
    }
  }
  await Promise.all(Array.from({ length: 32 }, client))
  await registry.close()
}, 120_000)

describe('a follower that is killed', () => {
  it(`${KILLS} times (seed ${seed}) goes on exactly where it was`, async () => {
    let reached = 0
    let kills = 0
    while (kills < KILLS) {
      const child = spawn(process.execPath, [CLI, 'index', 'rebuild', '--resume', '--data', data])
      const ended = once(child, 'exit')
      await waitForGrowth(child)
      await new Promise((resolve) => setTimeout(resolve, random(150)))
      child.kill('SIGKILL')
      const [code, signal] = (await ended) as [number | null, string | null]
      const treeSize = expectWhole()
      expect(treeSize).toBeGreaterThanOrEqual(reached)
      reached = treeSize
      if (signal === 'SIGKILL') {
        kills++
        continue
      }
      expect(code, 'it ended before it was killed').toBe(0)
      reached = startAnew()
    }
    expect((await attestry('index', 'rebuild', '--resume', '--data', data)).code).toBe(0)
    expectWhole()
    const resumed = dump()
    expect((await attestry('index', 'rebuild', '--data', data)).code).toBe(0)
    expect(dump()).toEqual(resumed)
  }, 900_000)
})

/** Of an index that is complete nothing can be killed. */
function startAnew(): number {
  for (const file of [path, `${path}-wal`, `${path}-shm`]) rmSync(file, { force: true })
  return 0
}

/** Waits until the child has begun to write, or ended; its start-up takes most of its life. */
async function waitForGrowth(child: ChildProcess): Promise<void> {
  const size = (): number => {
    try {
      const database = new Database(path, { readonly: true })
      const rows = database.prepare('SELECT tree_size FROM progress').pluck().get() as number
      database.close()
      return rows
    } catch {
      return -1
    }
  }
  const before = size()
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null
  while (isRunning() && size() === before) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
