/** The index of a served registry: kept up to date, made again when it must be, and failing alone. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readConfig } from '../../src/app/config.ts'
import type { ServeFlags, ServiceEvent } from '../../src/app/config.ts'
import { initLog } from '../../src/app/init-log.ts'
import { rebuildIndex } from '../../src/app/rebuild-index.ts'
import { startRegistry } from '../../src/app/start.ts'
import type { RunningRegistry } from '../../src/app/start.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { refusal } from '../support/error-code.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { testSigner } from '../support/test-signer.ts'

const directory = temporaryDirectory()
const signer = testSigner()
const running: RunningRegistry[] = []
let events: ServiceEvent[]
let data: string
let directories = 0

beforeEach(async () => {
  events = []
  data = await create()
})
afterEach(async () => {
  for (const one of running.splice(0)) await one.close()
})

async function create(): Promise<string> {
  const path = join(directory, `data-${directories++}`)
  const anchors = [{ kind: 'cose-key' as const, key: signer.publicKey, issuers: ['*'] }]
  await initLog({ data: path, origin: 'log.example.org', anchors })
  return path
}

async function start(flags: Partial<ServeFlags> = {}): Promise<RunningRegistry> {
  const report = (event: ServiceEvent): void => void events.push(event)
  const registry = await startRegistry(readConfig({ data, port: 0, ...flags }, { report }))
  running.push(registry)
  return registry
}

async function register(url: string, number: number): Promise<number> {
  const body = await signStatement({
    ...{ payload: encodeUtf8(String(number)), contentType: 'text/plain', signer },
    ...{ issuer: 'https://issuer.example', subject: `demo-${number}` },
  })
  const headers = { 'Content-Type': 'application/cose' }
  const request = { method: 'POST', headers, body: new Uint8Array(body) }
  return (await fetch(`${url}/entries`, request)).status
}

interface Health {
  readonly status: string
  readonly treeSize: number
  readonly index: { readonly status: string; readonly treeSize?: number }
}

async function health(url: string): Promise<Health> {
  return (await (await fetch(`${url}/health`)).json()) as Health
}

/** Waits until look-ups cover the whole log. */
async function caughtUp(url: string): Promise<Health> {
  for (;;) {
    const state = await health(url)
    if (state.index.treeSize === state.treeSize) return state
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function find(url: string, query: string): Promise<readonly number[]> {
  const answer = await fetch(`${url}/statements?${query}`)
  const { statements } = (await answer.json()) as { statements: readonly { index: number }[] }
  return statements.map(({ index }) => index)
}

const names = (): string[] => events.map(({ event }) => event)

describe('the index of a served registry', () => {
  it('covers what was registered a moment ago, and goes on after a restart', async () => {
    const first = await start()
    for (let at = 0; at < 5; at++) expect(await register(first.url, at)).toBe(201)
    expect(await caughtUp(first.url)).toMatchObject({ index: { status: 'ok', treeSize: 7 } })
    expect(await find(first.url, 'subject=demo-3')).toEqual([5])
    await first.close()
    const { url } = await start()
    await register(url, 5)
    await caughtUp(url)
    expect(await find(url, 'subject=demo-5')).toHaveLength(1)
    const all = await find(url, 'issuer=https://issuer.example&order=ascending')
    expect(all.slice(0, 5)).toEqual([2, 3, 4, 5, 6])
    expect(all).toHaveLength(6)
    expect(names()).not.toContain('index-rebuilding')
  })

  it('is off when it is told to be, and registrations do not miss it', async () => {
    const { url } = await start({ index: 'off' })
    expect(await register(url, 1)).toBe(201)
    expect(await health(url)).toMatchObject({ status: 'ok', index: { status: 'off' } })
    expect((await fetch(`${url}/statements?kind=opaque`)).status).toBe(503)
    expect(existsSync(join(data, 'index.sqlite'))).toBe(false)
  })

  it('refuses a switch that is neither on nor off', () => {
    expect(refusal(() => readConfig({ data, index: 'maybe' }))).toBe('ERR_CONFIGURATION')
  })

  it.each([
    ['damaged', (path: string) => writeFileSync(path, 'no database')],
    ['other-version', (path: string) => change(path, "UPDATE progress SET made_by = 'before'")],
    ['other-log', (path: string) => change(path, 'UPDATE progress SET log_id = zeroblob(32)')],
    // As after a restored backup, whose log the guard would have refused.
    ['other-log', (path: string) => change(path, 'UPDATE statement SET entry_id = zeroblob(32)')],
  ] as const)('is made again at a start when it is %s', async (reason, spoil) => {
    const first = await start()
    await register(first.url, 1)
    await caughtUp(first.url)
    await first.close()
    spoil(join(data, 'index.sqlite'))
    const { url } = await start()
    await caughtUp(url)
    expect(await find(url, 'subject=demo-1')).toEqual([2])
    expect(events).toContainEqual(
      expect.objectContaining({ event: 'index-rebuilding', reason }) as unknown,
    )
  })

  it('that cannot be opened is told, and registrations go on', async () => {
    mkdirSync(join(data, 'index.sqlite'))
    const { url } = await start()
    expect(await register(url, 1)).toBe(201)
    expect(await health(url)).toMatchObject({ status: 'ok', index: { status: 'failing' } })
    expect(names()).toContain('index-failed')
  })

  it('that is damaged while it is served is told, and registrations go on', async () => {
    const { url } = await start()
    await register(url, 1)
    await caughtUp(url)
    change(join(data, 'index.sqlite'), 'DELETE FROM statement WHERE leaf_index = 2')
    expect((await fetch(`${url}/statements?subject=demo-1`)).status).toBe(503)
    expect(await register(url, 2)).toBe(201)
    expect(await health(url)).toMatchObject({ status: 'ok', index: { status: 'failing' } })
    expect(names()).toContain('index-damaged')
    expect(names()).not.toContain('fatal')
  })
})

describe('attestry index rebuild', () => {
  it('makes the same tables again', async () => {
    const first = await start()
    for (let at = 0; at < 5; at++) await register(first.url, at)
    await caughtUp(first.url)
    await first.close()
    const path = join(data, 'index.sqlite')
    rmSync(path)
    const treeSize = await rebuildIndex({ data })
    const seen: number[] = []
    expect(await rebuildIndex({ data, onProgress: (indexed) => seen.push(indexed) })).toBe(treeSize)
    expect(seen.at(-1)).toBe(treeSize)
    // Nothing is left to do.
    expect(await rebuildIndex({ data, resume: true })).toBe(treeSize)
    const { url } = await start()
    expect((await health(url)).index).toEqual({ status: 'ok', treeSize })
    expect(await find(url, 'subject=demo-3')).toEqual([5])
  })

  it('says so when the log is being served, and touches nothing', async () => {
    const { url } = await start()
    await caughtUp(url)
    const path = join(data, 'index.sqlite')
    const before = readFileSync(path)
    await expect(rebuildIndex({ data })).rejects.toMatchObject({ code: 'ERR_LOG_LOCKED' })
    expect(readFileSync(path)).toEqual(before)
  })
})

function change(path: string, sql: string): void {
  const database = new Database(path)
  database.exec(sql)
  database.close()
}
