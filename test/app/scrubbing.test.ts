/** The scrubber: finds damage wherever it is, disturbs nobody, and goes on where it was. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startScrubbing } from '../../src/app/scrubbing.ts'
import type { Scrubbing } from '../../src/app/scrubbing.ts'
import { dataPaths } from '../../src/app/data-directory.ts'
import { prunePayload } from '../../src/app/prune-payload.ts'
import { nativeSha256 } from '../../src/keys/native-hash.ts'
import type { Log } from '../../src/log/log.ts'
import type { ScrubState } from '../../src/log/scrub-state.ts'
import {
  REGISTRATION_POLICY_MEDIA_TYPE,
  TRUST_ANCHORS_MEDIA_TYPE,
} from '../../src/payload/media-types.ts'
import { parsePayloadName } from '../../src/statement/payload-name.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { createLog } from '../../src/log/genesis.ts'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { closeServices, inToto, nameOf, PayloadService } from '../support/payload-service.ts'
import { TestDirectory } from '../support/sqlite.ts'
import { hasher, openTestLog, testPorts } from '../support/test-log.ts'
import { testSigner } from '../support/test-signer.ts'

const FAST = 1e12
const ENTRIES = 700

let directory: TestDirectory
let log: Log
let scrubbing: Scrubbing | undefined
let statements = 0
const signer = testSigner()

async function entry(contentType = 'text/plain'): Promise<Uint8Array> {
  const names = { issuer: 'https://issuer.example', subject: 's', contentType }
  const payload = encodeUtf8(String(statements++))
  return parseSignedStatement(await signStatement({ payload, ...names, signer })).entry
}

async function append(count: number, content?: Uint8Array): Promise<void> {
  const collateral =
    content === undefined
      ? []
      : [{ kind: 'preimage' as const, digest: nativeSha256(content), bytes: content }]
  const entries = await Promise.all(Array.from({ length: count }, () => entry()))
  await Promise.all(
    entries.map((bytes) =>
      log.append({
        ...{ entry: bytes, entryId: nativeSha256(bytes), leafHash: hasher.leaf(bytes) },
        ...{ standsFrom: 0, standsUntil: Number.MAX_SAFE_INTEGER, collateral },
      }),
    ),
  )
}

beforeEach(async () => {
  directory = new TestDirectory()
  const ports = testPorts({ store: directory.createStore(), guard: directory.openGuard() })
  const types = [REGISTRATION_POLICY_MEDIA_TYPE, TRUST_ANCHORS_MEDIA_TYPE]
  await createLog({ ...ports, entries: await Promise.all(types.map(entry)) })
  log = (await openTestLog(ports)).log
  await append(ENTRIES)
  await append(1, encodeUtf8('content'))
})

afterEach(async () => {
  await scrubbing?.close()
  scrubbing = undefined
  await log.close()
  directory.remove()
})

/** Starts one and waits for the end of its first pass, or for the damage that it found. */
async function scrub(rateBytes = FAST, data = directory.data): Promise<ScrubState | Error> {
  rmSync(statePath(), { force: true })
  return resume(rateBytes, data)
}

/** The same from where an earlier one was, which must not have come to an end. */
async function resume(rateBytes = FAST, data = directory.data): Promise<ScrubState | Error> {
  const reports: object[] = []
  let damage: Error | undefined
  scrubbing = startScrubbing({
    ...{ paths: dataPaths(data), rateBytes, delayMs: 0 },
    onFatal: (error) => (damage = error),
    report: (event) => reports.push(event),
  })
  while (damage === undefined && scrubbing.state().lastPassAt === undefined) await turn()
  const state = scrubbing.state()
  await scrubbing.close()
  expect(reports).toEqual([])
  return damage ?? state
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2))
const statePath = (): string => join(directory.data, 'scrub.json')

const edit = (sql: string, ...values: readonly unknown[]): void => {
  const database = new Database(directory.storePath)
  expect(database.prepare(sql).run(...values).changes).toBe(1)
  database.close()
}

describe('a pass', () => {
  it('over what is right ends, and says when', async () => {
    const state = (await scrub()) as ScrubState
    expect(state).toMatchObject({ position: 0, treeSize: ENTRIES + 3, failures: 0 })
    expect(state.lastPassAt).toBeGreaterThan(1_700_000_000)
    expect(JSON.parse(readFileSync(statePath(), 'utf8'))).toEqual({
      position: 0,
      lastPassAt: state.lastPassAt,
    })
  })

  it('is not disturbed by a log that goes on, and disturbs nobody', async () => {
    for (let round = 0; round < 10; round++) {
      const [state] = await Promise.all([scrub(), append(100), append(1, encodeUtf8(`${round}`))])
      expect(state).toMatchObject({ position: 0, failures: 0 })
    }
  })

  it('accepts that content is gone which a registered statement deleted', async () => {
    const service = await PayloadService.create()
    const content = inToto(1)
    await service.put(content)
    expect((await service.register(await service.envelope(content))).status).toBe(201)
    const name = parsePayloadName(nameOf(content))
    const registerPruning = async (): Promise<void> => {
      expect((await service.registerPruning(nameOf(content), 'a court asked')).status).toBe(201)
    }
    await prunePayload({ data: service.data, name, registerPruning })
    expect(await scrub(FAST, service.data)).toMatchObject({ treeSize: 5, failures: 0 })
    await closeServices()
  })

  it('reads no faster than it may', async () => {
    const bytes = new Database(directory.storePath, { readonly: true })
      .prepare('SELECT sum(length(bytes)) FROM entry')
      .pluck()
      .get() as number
    const started = performance.now()
    await scrub(bytes * 4)
    // A least time cannot fail on a slow machine.
    expect(performance.now() - started).toBeGreaterThan(245)
  })

  it('that was interrupted goes on where it was', async () => {
    scrubbing = startScrubbing({
      ...{ paths: dataPaths(directory.data), rateBytes: 100_000, delayMs: 0 },
      onFatal: (error) => expect.fail(error.message),
      report: (event) => expect.fail(JSON.stringify(event)),
    })
    while (scrubbing.state().position === 0) await turn()
    await scrubbing.close()
    const { position } = JSON.parse(readFileSync(statePath(), 'utf8')) as ScrubState
    expect([256, 512]).toContain(position)
    // What is below was checked, and is not read again in this pass.
    edit('UPDATE entry SET bytes = zeroblob(8) WHERE leaf_index = 100')
    expect(await resume()).toMatchObject({ position: 0 })
    expect(await scrub()).toBeInstanceOf(Error)
  })

  it.each([
    ['nothing', ''],
    ['half a file', '{"position": 2'],
    ['a place that is none', '{"position": 100}'],
    ['a place beyond the end', '{"position": 25600}'],
    ['the end', '{"position": 768}'],
  ])('begins anew with %s as its place', async (_, text) => {
    await append(768 - ENTRIES - 3)
    edit('UPDATE entry SET bytes = zeroblob(8) WHERE leaf_index = 1')
    writeFileSync(statePath(), text)
    expect(await resume()).toMatchObject({ code: 'ERR_INVARIANT' })
  })
})

describe('damage', () => {
  it.each([
    [
      'an entry',
      "UPDATE entry SET bytes = CAST(bytes || x'00' AS BLOB) WHERE leaf_index = 300",
      /entry 300/,
    ],
    ['an entry that is gone', 'DELETE FROM entry WHERE leaf_index = 300', /entry 300 is missing/],
    ['a full tile', 'UPDATE tile SET hashes = zeroblob(8192) WHERE key = 1', /entry 256/],
    ['a tile above', 'UPDATE tile SET hashes = zeroblob(64) WHERE key = 1 << 44', /level 1/],
    ['a head', 'UPDATE batch SET root_hash = zeroblob(32) WHERE tree_size = 702', /size 702/],
    [
      'a signature',
      'UPDATE signed_head SET bytes = CAST(substr(bytes, 1, length(bytes) - 8) || zeroblob(8) AS BLOB) WHERE tree_size = 702',
      /size 702/,
    ],
    ['collateral', "UPDATE collateral SET bytes = x'00'", /preimage collateral of entry 702/],
    ['collateral that is gone', 'DELETE FROM collateral', /preimage collateral of entry 702/],
    ['a payload', "INSERT INTO payload VALUES (zeroblob(32), x'00', 1, 0)", /payload sha256:0000/],
  ])('of %s ends the process, and says what to do', async (_, sql, what) => {
    // prettier-ignore
    // Heads are in the store once another batch came.
    await append(1)
    edit(sql)
    const error = (await scrub()) as Error
    expect(error).toMatchObject({ name: 'InvariantError', message: expect.stringMatching(what) as string }) // prettier-ignore
    expect(error.message).toMatch(/attestry log check.*put an undamaged newest copy back/)
    // The next start looks there first.
    const { position } = JSON.parse(readFileSync(statePath(), 'utf8')) as ScrubState
    expect(await resume()).toBeInstanceOf(Error)
    expect(position % 256).toBe(0)
  })
})

describe('what cannot be read', () => {
  it('is told and counted, and is no damage', async () => {
    const elsewhere = { ...dataPaths(directory.data), store: join(directory.root, 'nothing') }
    const reports: object[] = []
    scrubbing = startScrubbing({
      ...{ paths: elsewhere, rateBytes: FAST, delayMs: 0 },
      onFatal: (error) => expect.fail(error.message),
      report: (event) => reports.push(event),
    })
    while (scrubbing.state().failures === 0) await turn()
    await scrubbing.close()
    expect(reports).toMatchObject([{ level: 'error', event: 'scrub-failed' }])
  })
})
