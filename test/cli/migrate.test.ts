/** `attestry migrate`, killed with SIGKILL in the middle of its work, and run again. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { join } from 'node:path'
import { existsSync, writeFileSync } from 'node:fs'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { BatchClient } from '../../src/client/batch-client.ts'
import { encodeCoseKey, parseCoseKeySet } from '../../src/cose/public-key.ts'
import { parseReceipt } from '../../src/cose/receipt.ts'
import { verifyInclusionReceipt } from '../../src/cose/verify-receipt.ts'
import { nodeVerifier as verifier } from '../../src/keys/node-verifier.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { verifiedLines } from '../support/c2sp-reader.ts'
import { slow } from '../support/mutate.ts'
import { describePostgres, usePostgres } from '../support/postgres.ts'
import { testSigner } from '../support/test-signer.ts'
import { attestry, cliPath, commandLine, startServer, temporaryFolder } from './attestry.ts'

/** Some more pages than kills: a busy machine may let more than one page through before a kill. */
const ENTRIES = slow ? 100_000 : 6_000
const KILLS = 3
const IN_A_REQUEST = 16
/** Seven processes that read the log, on a busy machine. */
const timeout = slow ? 30 * 60_000 : 180_000

const folder = temporaryFolder()
const { ok, json, run } = commandLine(() => folder.path)
const signer = testSigner()

interface RegisteredEntry {
  readonly statement: Uint8Array
  readonly receipt: Uint8Array
}

/** Registers statements of these numbers, in one request. */
async function register(url: string, from: number, to: number): Promise<RegisteredEntry[]> {
  const names = { issuer: 'https://a.example', subject: 's', contentType: 'text/plain', signer }
  const statements = await Promise.all(
    Array.from({ length: to - from }, (_, at) =>
      signStatement({ payload: encodeUtf8(String(from + at)), ...names }),
    ),
  )
  const registered: RegisteredEntry[] = []
  for await (const result of new BatchClient({ url }).register(statements)) {
    if (result.kind !== 'registered') throw result.error
    const { receipt } = result.registration
    registered.push({ statement: statements[registered.length]!, receipt })
  }
  return registered
}

describePostgres('attestry migrate, killed', () => {
  const databases = usePostgres()
  const guards = usePostgres()
  const registered: RegisteredEntry[] = []
  let checkpoint: string

  beforeAll(async () => {
    writeFileSync(join(folder.path, 'issuer.cbor'), encodeCoseKey(signer.publicKey))
    await ok('init', '--data', 'log', '--origin', 'log.example.org', '--trust', 'issuer.cbor')
    const server = await startServer(['serve', '--data', 'log', '--port', '0'], { cwd: folder.path }) // prettier-ignore
    let next = 0
    const client = async (): Promise<void> => {
      while (next < ENTRIES) {
        const from = next
        next = Math.min(ENTRIES, from + IN_A_REQUEST)
        registered.push(...(await register(server.url, from, next)))
      }
    }
    await Promise.all(Array.from({ length: 8 }, client))
    expect(registered).toHaveLength(ENTRIES)
    checkpoint = await (await fetch(`${server.url}/checkpoint`)).text()
    expect(await server.stop()).toBe(0)
  })
  afterAll(() => folder.remove())

  it(`${KILLS} times midway, loses nothing`, { timeout }, async () => {
    const [to, toGuard] = [await databases().createDatabase(), await guards().createDatabase()]
    const args = ['migrate', '--data', 'log', '--to', to, '--to-guard', toGuard]
    const sizes = [0]
    for (let kill = 0; kill < KILLS; kill++) {
      sizes.push(await killMidway(args, to, sizes.at(-1)!))
      expect(sizes.at(-1)).toBeGreaterThan(sizes.at(-2)!)
      const half = await run('serve', '--data', 'log', '--store', to, '--guard', toGuard, '--port', '0') // prettier-ignore
      // Half a log has no guard, so nobody takes it for the log.
      expect(half.stderr).toContain('ERR_GUARD_MISSING')
    }
    await killBetweenGuards(args, toGuard)
    const [old, next] = [
      ['--data', 'log'],
      ['--data', 'log', '--store', to, '--guard', toGuard],
    ]
    expect((await run('serve', '--port', '0', ...old)).stderr).toContain('ERR_LOG_MOVED')
    expect((await run('serve', '--port', '0', ...next)).stderr).toMatch(
      /migrate` was, run that again/,
    )
    const done = await attestry([...args, '--json'], { cwd: folder.path })
    expect(done.status, done.stderr).toBe(0)
    const moved = JSON.parse(done.stdout) as { treeSize: number }
    expect(moved.treeSize).toBeGreaterThan(ENTRIES)
    expect(moved.treeSize).toBeGreaterThan(sizes.at(-1)!)
    console.info(`killed at sizes ${sizes.slice(1).join(', ')} of ${moved.treeSize}`)

    const checked = await json<{ treeSize: number; guard: number }>('log', 'check', '--data', 'log')
    expect(checked).toMatchObject({ treeSize: moved.treeSize, guard: moved.treeSize })
    const vkey = (await ok('log', 'vkey', '--data', 'log')).trim()
    expect(verifiedLines(checkpoint, vkey)).toHaveLength(1)
    const server = await startServer(['serve', '--data', 'log', '--port', '0'], { cwd: folder.path }) // prettier-ignore
    try {
      const keys = await (await fetch(`${server.url}/.well-known/scitt-keys`)).arrayBuffer()
      const [key] = parseCoseKeySet(new Uint8Array(keys))
      const indexes = new Set<number>()
      for (const { statement, receipt } of registered) {
        const { entry } = parseSignedStatement(statement)
        const claim = { key: key!, leafRule: 'entry' as const, requireTreeSizeClaim: true }
        const shown = await verifyInclusionReceipt({ receipt: parseReceipt(receipt), entry, ...claim, verifier }) // prettier-ignore
        indexes.add(Number(shown.leafIndex))
      }
      expect(indexes.size).toBe(registered.length)
      expect(await register(server.url, ENTRIES, ENTRIES + 1)).toHaveLength(1)
    } finally {
      expect(await server.stop()).toBe(0)
    }
  })

  /** Kills it while a transaction of its copy waits; returns the size that is durable then. */
  async function killMidway(args: readonly string[], to: string, above: number): Promise<number> {
    const child = spawn(process.execPath, [cliPath, ...args], { cwd: folder.path, stdio: 'ignore' })
    const ended = once(child, 'exit')
    const client = new pg.Client({ connectionString: to })
    await client.connect()
    try {
      // The first new transaction is let through, the one after it waits for this lock.
      await holdHead(client, above)
      child.kill('SIGKILL')
      await ended
      await client.query('ROLLBACK')
      return await sizeIn(client)
    } finally {
      await client.end()
    }
  }

  /** Kills it when the old guard is put away, and the new one waits for a lock of ours. */
  async function killBetweenGuards(args: readonly string[], toGuard: string): Promise<void> {
    const client = new pg.Client({ connectionString: toGuard })
    await client.connect()
    try {
      await client.query('BEGIN')
      await client.query('CREATE TABLE guard (id integer)')
      const child = spawn(process.execPath, [cliPath, ...args], { cwd: folder.path, stdio: 'ignore' }) // prettier-ignore
      const ended = once(child, 'exit')
      const guard = join(folder.path, 'log.guard')
      await expect
        .poll(() => existsSync(`${guard}.moved`), { timeout: 60_000, interval: 2 })
        .toBe(true)
      child.kill('SIGKILL')
      expect((await ended)[1]).toBe('SIGKILL')
      await client.query('ROLLBACK')
      expect(existsSync(guard)).toBe(false)
    } finally {
      await client.end()
    }
  }

  async function holdHead(client: pg.Client, above: number): Promise<void> {
    for (;;) {
      if ((await sizeIn(client)) > above) {
        await client.query('BEGIN')
        const { rowCount } = await client.query('SELECT 1 FROM log FOR UPDATE')
        if (rowCount === 1) return
        await client.query('ROLLBACK')
      }
      await wait(1)
    }
  }

  async function sizeIn(client: pg.Client): Promise<number> {
    const there = await client.query("SELECT to_regclass('log') IS NOT NULL AS there")
    if ((there.rows as { there: boolean }[])[0]?.there !== true) return 0
    const { rows } = await client.query('SELECT tree_size FROM log')
    return Number((rows as { tree_size: string }[])[0]?.tree_size ?? 0)
  }
})
