/** Publishing a log and replacing its keys, as an operator and a relying party do it. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { rebuildLog } from '../support/c2sp-tree.ts'
import { commandLine, startServer, temporaryFolder } from './attestry.ts'
import type { RunningServer } from './attestry.ts'

let folder: ReturnType<typeof temporaryFolder>
beforeEach(async () => {
  folder = temporaryFolder()
  await ok('keygen', '--out', 'issuer.pem')
  await ok('init', '--data', 'log', '--origin', 'log.example.org', '--trust', 'issuer.pub.cbor')
})
afterEach(() => {
  folder.remove()
})

const { run, ok, json } = commandLine(() => folder.path)
const at = (name: string): string => join(folder.path, name)

const serve = (): Promise<RunningServer> =>
  startServer(['serve', '--data', 'log', '--port', '0'], { cwd: folder.path })

async function register(url: string, name: string): Promise<void> {
  writeFileSync(at(`${name}.txt`), name)
  await ok('sign', `${name}.txt`, '--key', 'issuer.pem', '--issuer', 'i:x', '--subject', 's', '--type', 't/t', '-o', `${name}.cose`) // prettier-ignore
  await ok('register', `${name}.cose`, '--url', url, '-o', `${name}.transparent.cose`)
}

describe('log vkey and log export', () => {
  it('give what a C2SP reader needs, beside a serving process too', async () => {
    const vkey = (await ok('log', 'vkey', '--data', 'log')).trim()
    const server = await serve()
    await register(server.url, 'a')
    expect(await (await fetch(`${server.url}/log-key`)).text()).toBe(`${vkey}\n`)
    const report = await json<{ treeSize: number }>('log', 'export', 'export', '--data', 'log') // prettier-ignore
    expect(report).toMatchObject({ origin: 'log.example.org', resumedAt: 0, vkey })
    expect(report.treeSize).toBeGreaterThanOrEqual(3)
    const log = await rebuildLog(async (path) => readFileSync(at(`export/${path}`)), vkey)
    expect(log.size).toBe(report.treeSize)
    expect(await server.stop()).toBe(0)
  })

  it('say what is wrong with the directories', async () => {
    expect((await run('log', 'vkey', '--data', 'nothing')).stderr).toContain('ERR_LOG_MISSING')
    expect((await run('log', 'export', '--data', 'nothing', '--out', 'x')).status).toBe(1)
    expect(readdirSync(folder.path)).not.toContain('x')
    const refused = await run('log', 'export', '--data', 'log', '--out', 'log')
    expect(refused.stderr).toContain('ERR_CONFIGURATION')
    expect((await run('log', 'export', '--data', 'log')).status).toBe(4)
    expect((await run('log', 'export', 'x', '--data', 'log', '--out', 'y')).status).toBe(4)
  })
})

describe('key rotate', () => {
  it('keeps old Receipts verifying, and a changed pin is never silent', async () => {
    const first = await serve()
    await register(first.url, 'old')
    await ok('trust', 'fetch', '--url', first.url, '-o', 'trust.json')
    await ok('trust', 'add', 'trust.json', '--issuer', 'issuer.pub.cbor=i:*')
    await ok('verify', 'old.transparent.cose', '--trust', 'trust.json')
    await ok('audit', first.url, '--state', 'audit.state', '--trust', 'trust.json')
    expect((await run('key', 'rotate', '--data', 'log', '--purpose', 'receipt')).stderr).toContain(
      'ERR_LOG_LOCKED',
    )
    await first.stop()
    await ok('key', 'rotate', '--data', 'log', '--purpose', 'receipt')

    const second = await serve()
    await register(second.url, 'new')
    await ok('verify', 'old.transparent.cose', '--trust', 'trust.json')
    expect((await run('verify', 'new.transparent.cose', '--trust', 'trust.json')).status).not.toBe(
      0,
    )
    const unknown = await run('audit', second.url, '--state', 'audit.state')
    expect(unknown).toMatchObject({ status: 18, stdout: expect.stringMatching(/^hint: .*trust fetch .*--replace/m) }) // prettier-ignore
    const changed = await run('trust', 'fetch', '--url', second.url, '-o', 'trust.json')
    expect(changed.stderr).toContain('ERR_PIN_CHANGED')
    const { fingerprints } = await json<{ fingerprints: string[] }>('trust', 'fetch', '--replace', '--url', second.url, '-o', 'trust.json') // prettier-ignore
    expect(fingerprints).toHaveLength(2)
    for (const name of ['old', 'new']) {
      await ok('verify', `${name}.transparent.cose`, '--trust', 'trust.json')
    }
    await ok('audit', second.url, '--state', 'audit.state', '--trust', 'trust.json')
    await second.stop()
    await ok('log', 'check', '--data', 'log')
  })

  it('of the checkpoint key has an end of its own', async () => {
    const first = await serve()
    await ok('trust', 'fetch', '--url', first.url, '-o', 'trust.json')
    await ok('audit', first.url, '--state', 'audit.state', '--trust', 'trust.json')
    await first.stop()
    const rotated = await json<{ vkeys: string[] }>('key', 'rotate', '--data', 'log', '--purpose', 'checkpoint') // prettier-ignore
    const both = await json<object>('log', 'vkey', '--data', 'log')
    expect(both).toMatchObject({ vkey: rotated.vkeys[0], outgoing: [rotated.vkeys[1]] })
    await ok('key', 'retire', '--data', 'log', '--purpose', 'checkpoint')
    const one = await json<object>('log', 'vkey', '--data', 'log')
    expect(one).toMatchObject({ outgoing: [], retired: [rotated.vkeys[1]] })
    expect(await ok('log', 'vkey', '--data', 'log', '--all')).toBe(`${rotated.vkeys.join('\n')}\n`)

    const server = await serve()
    const unknown = await run('audit', server.url, '--state', 'audit.state', '--trust', 'trust.json') // prettier-ignore
    expect(unknown).toMatchObject({ stderr: '', status: 10, stdout: expect.stringMatching(/^hint: .*--log-key VKEY/m) }) // prettier-ignore
    const named = rotated.vkeys.flatMap((vkey) => ['--log-key', vkey])
    await ok('audit', server.url, '--state', 'audit.state', ...named)
    await ok('audit', server.url, '--state', 'audit.state')
    await server.stop()
  })

  it('of other keys is a matter of the policy', async () => {
    const result = await run('key', 'rotate', '--data', 'log', '--purpose', 'operator')
    expect(result.status).toBe(4)
  })
})
