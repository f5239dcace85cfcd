/** `attestry audit`, `mirror` and `monitor` as programs: exit statuses, files, restarts. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { initLog } from '../../src/app/init-log.ts'
import { LogDirectory } from '../../src/app/log-directory.ts'
import { encodeHex } from '../../src/bytes/hex.ts'
import { parseHeadBundle } from '../../src/cose/head-bundle.ts'
import { LogForge, sha256 } from '../monitor/log-forge.ts'
import type { Resources } from '../monitor/log-forge.ts'
import { attestry, hosted, startServer, temporaryFolder } from './attestry.ts'
import type { CliResult } from './attestry.ts'

let folder: ReturnType<typeof temporaryFolder>
let forge: LogForge
let keys: string[]

async function writeExport(resources: Resources, name = 'export'): Promise<void> {
  rmSync(join(folder.path, name), { recursive: true, force: true })
  const directory = new LogDirectory(join(folder.path, name))
  for (const [path, bytes] of resources) await directory.write(path, bytes)
}

async function run(...args: string[]): Promise<CliResult> {
  return hosted(args, { cwd: folder.path })
}

beforeEach(async () => {
  folder = temporaryFolder()
  forge = await LogForge.create()
  await forge.batch(await forge.statements('s', 20))
  await forge.journal()
  await writeExport(await forge.export({ receipts: true }))
  writeFileSync(join(folder.path, 'receipt.cose'), forge.receiptKey)
  keys = ['--log-key', forge.vkey, '--receipt-key', 'receipt.cose']
})
afterEach(() => {
  folder.remove()
})

describe('attestry audit', () => {
  it('says that nothing is wrong, then goes on from its state without the keys', async () => {
    const first = await run('audit', 'export', '--state', 's', ...keys, '--receipts', 'all')
    expect(first.stdout).toContain('nothing is wrong')
    expect(first.status).toBe(0)
    await forge.batch(await forge.statements('t', 5))
    await forge.journal()
    await writeExport(await forge.export({ receipts: true }))
    const second = await run('audit', 'export', '--state', 's', '--json')
    expect(second.status).toBe(0)
    expect(JSON.parse(second.stdout)).toMatchObject({
      ...{ outcome: 'ok', from: 23, replayed: 29, treeSize: 29, waitingFrom: null },
      checked: { entries: 6, heads: 2, journals: 1, receipts: 6 },
    })
  })

  describe('--seen', () => {
    /** What three people have of the log: a Transparent Statement, a checkpoint, a signed head. */
    async function keepEvidence(of: LogForge): Promise<string[]> {
      const resources = await of.export({ receipts: true })
      const id = encodeHex(sha256(of.entries[7]!))
      const heads = parseHeadBundle(resources.get(`heads/bundle/000.p/${of.entries.length}`)!)
      const files = {
        'seen.transparent.cose': resources.get(`entries/${id}/statement`)!,
        'seen.checkpoint': resources.get('checkpoint')!,
        'seen.head.cose': heads.at(-1)!,
      }
      for (const [name, bytes] of Object.entries(files))
        writeFileSync(join(folder.path, name), bytes)
      return Object.keys(files)
    }
    const audit = (...seen: string[]): Promise<CliResult> =>
      run('audit', 'export', '--state', 's', ...keys, ...seen.flatMap((file) => ['--seen', file]))

    it('says that all of it is in the tree, also of a log that has grown', async () => {
      const seen = await keepEvidence(forge)
      await forge.batch(await forge.statements('t', 5))
      await forge.journal()
      await writeExport(await forge.export({ receipts: true }))
      const found = await audit(...seen)
      expect(found.stdout).toContain('3 heads from elsewhere, all in this tree')
      expect(found.status).toBe(0)
    })

    it('proves that another history was shown, by each of them', async () => {
      const seen = await keepEvidence(forge)
      const fork = forge.fork()
      fork.entries[7] = await forge.statement('other')
      await writeExport(await fork.export({ receipts: true }))
      for (const file of seen) {
        const found = await audit(file)
        expect(found.stdout + found.stderr).toContain(file)
        expect(found.stdout + found.stderr).toContain('shows another tree of size 23')
        expect(found.status).toBe(11)
      }
    })

    it('notices a log that has fewer entries than somebody saw', async () => {
      const before = await forge.export({ receipts: true })
      await forge.batch(await forge.statements('t', 5))
      await forge.journal()
      const [file = ''] = await keepEvidence(forge)
      await writeExport(before)
      const found = await audit(file)
      expect(found.stdout + found.stderr).toContain(`${file}, receipt 1, shows a signed tree of`)
      expect(found.status).toBe(21)
    })

    it('accuses nobody of what no pinned key signed', async () => {
      const stranger = await LogForge.create()
      await stranger.batch(await stranger.statements('s', 20))
      await stranger.journal()
      for (const file of await keepEvidence(stranger)) {
        const found = await audit(file)
        expect(found.stderr).toContain(file)
        expect(found.status).toBe(1)
      }
      writeFileSync(join(folder.path, 'garbage'), 'x')
      expect(await audit('garbage')).toMatchObject({ status: 1 })
      expect((await audit('garbage')).stderr).toContain('garbage: ')
    })
  })

  it('has the same status for a checkpoint that is none, also before a key is known', async () => {
    const resources = await forge.export()
    resources.set('checkpoint', new TextEncoder().encode('<html>hello</html>'))
    await writeExport(resources)
    for (const pinned of [keys, keys.slice(2)]) {
      const audited = await run('audit', 'export', '--state', 's', ...pinned)
      expect([audited.status, audited.stdout]).toEqual([10, expect.stringContaining('FAULT (checkpoint)')]) // prettier-ignore
    }
    const mirrored = await run('mirror', '--from', 'export', '--out', 'm', ...keys.slice(2))
    expect([mirrored.status, mirrored.stdout]).toEqual([10, expect.stringContaining('export serves')]) // prettier-ignore
  })

  it('says so where it is given the data directory of a log', async () => {
    await initLog({ data: join(folder.path, 'data'), origin: 'log.example', anchors: [] })
    const found = await run('audit', 'data', '--state', 's', ...keys)
    expect(found.stderr).toContain('data is the data directory of a log')
    expect(found.status).toBe(4)
  })

  it('has an exit status for what it finds, and names the entry', async () => {
    const resources = await forge.export({ receipts: true })
    const id = encodeHex(sha256(forge.entries[7]!))
    resources.set(`entries/${id}/receipt`, new Uint8Array([1]))
    await writeExport(resources)
    const found = await run(
      ...['audit', 'export', '--state', 's', ...keys, '--receipts', 'all', '--json'],
    )
    expect(found.status).toBe(18)
    expect(JSON.parse(found.stdout)).toMatchObject({
      outcome: 'fault',
      fault: { kind: 'evidence', exitCode: 18, leafIndex: 7, entryId: id },
    })
    const text = await run('audit', 'export', '--state', 's', ...keys, '--receipts', 'all')
    expect(text.stdout).toContain(id)
  })

  it('does not move its state past a fault, and does not go back', async () => {
    await run('audit', 'export', '--state', 's', ...keys)
    const before = readFileSync(join(folder.path, 's'))
    await writeExport(await (await LogForge.create({ keys: forge.keys })).export())
    expect((await run('audit', 'export', '--state', 's')).status).toBe(21)
    expect(readFileSync(join(folder.path, 's'))).toEqual(before)
  })

  it('wants to be told by which keys the log is known', async () => {
    const refused = await run('audit', 'export', '--state', 's')
    expect(refused.status).toBe(4)
    expect(refused.stderr).toContain('--trust')
    expect((await run('audit', 'nowhere', '--state', 's', ...keys)).status).toBe(4)
  })
})

describe('attestry mirror', () => {
  it('copies, goes on without the keys, and serves the copy when the original is gone', async () => {
    const copied = await run('mirror', '--from', 'export', '--out', 'copy', ...keys)
    expect(copied.status).toBe(0)
    await forge.batch(await forge.statements('t', 300))
    await forge.journal()
    await writeExport(await forge.export())
    const again = await run('mirror', '--from', 'export', '--out', 'copy', '--json')
    expect(JSON.parse(again.stdout)).toMatchObject({ outcome: 'ok', treeSize: 324, added: 301 })

    rmSync(join(folder.path, 'export'), { recursive: true })
    const args = ['mirror', '--out', 'copy', '--serve', '--port', '0']
    const server = await startServer(args, { cwd: folder.path })
    const audited = await run('audit', server.url, '--state', 's', ...keys, '--receipts', 'all')
    expect(audited.stdout).toContain('nothing is wrong')
    const partial = await fetch(`${server.url}/tile/0/000.p/17`)
    expect((await partial.arrayBuffer()).byteLength).toBe(17 * 32)
    const outside = await fetch(`${server.url}/%2e%2e/receipt.cose`)
    expect([outside.status, outside.headers.get('cache-control')]).toEqual([404, 'no-store'])
    const post = await fetch(`${server.url}/checkpoint`, { method: 'POST' })
    expect(post.status).toBe(405)
    expect(await server.stop()).toBe(0)
  })
})

describe('attestry monitor', () => {
  it('runs a command once an entry, and again when it failed', async () => {
    const args = ['monitor', 'export', '--state', 'm', '--once', '--subject', 's-1*']
    const failing = await run(...args, ...keys, '--exec', 'cat >> got; exit 3')
    expect(failing.status).toBe(1)
    expect(failing.stderr).toContain('ended with 3')
    // What a command starts writes to the streams of the process.
    const print = ['--exec', 'cat >> got; echo $ATTESTRY_ENTRY_ID']
    const done = await attestry([...args, ...print], { cwd: folder.path })
    expect(done.status).toBe(0)
    const lines = readFileSync(join(folder.path, 'got'), 'utf8').trim().split('\n')
    const subjects = lines.map((line) => (JSON.parse(line) as { subject: string }).subject)
    // s-1 twice: its first hand-over failed. Then s-10 to s-19.
    expect(subjects.slice(0, 3)).toEqual(['s-1', 's-1', 's-10'])
    expect(subjects).toHaveLength(12)
    expect(done.stdout.trim().split('\n')).toHaveLength(11)
    await run(...args, '--exec', 'cat >> got')
    expect(readFileSync(join(folder.path, 'got'), 'utf8').trim().split('\n')).toHaveLength(12)
  })

  it('posts to a webhook with a key to tell repetitions by', async () => {
    const posts: (string | undefined)[] = []
    const hook = createServer((req, res) => {
      posts.push(req.headers['idempotency-key'] as string | undefined)
      req.resume()
      res.writeHead(posts.length === 1 ? 500 : 204).end()
    })
    await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/hook`
    const args = ['monitor', 'export', '--state', 'm', '--once', '--subject', 's-7']
    try {
      expect((await run(...args, ...keys, '--webhook', url)).status).toBe(1)
      expect((await run(...args, '--webhook', url)).status).toBe(0)
      expect((await run(...args, '--webhook', url)).status).toBe(0)
    } finally {
      hook.close()
    }
    const id = `"${encodeHex(sha256(forge.entries[9]!))}"`
    expect(posts).toEqual([id, id])
    const closed = await run(...args, '--state', 'm2', ...keys, '--webhook', url)
    expect([closed.status, closed.stderr]).toEqual([1, expect.stringContaining('ECONNREFUSED')])
  })
})
