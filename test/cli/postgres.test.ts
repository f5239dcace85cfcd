/** A log in PostgreSQL from the command line: made once, served by two nodes, looked after by commands. */
import { cpSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describePostgres, usePostgres } from '../support/postgres.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { commandLine, startServer } from './attestry.ts'
import type { RunningServer } from './attestry.ts'

const cwd = temporaryDirectory()
const { run, json, ok } = commandLine(() => cwd)

describePostgres('attestry with --store', () => {
  const stores = usePostgres()
  const guards = usePostgres()
  let [store, guard] = ['', '']
  const nodes: RunningServer[] = []

  beforeAll(async () => {
    ;[store, guard] = [await stores().createDatabase(), await guards().createDatabase()]
    await json('keygen', '--out', 'issuer.pem')
    for (const name of ['one', 'two', 'three', 'frozen', 'stranger']) {
      writeFileSync(join(cwd, name), name)
      const issuer = `https://${name === 'stranger' ? 'stranger' : 'issuer'}.example`
      await json('sign', name, '--key', 'issuer.pem', '--issuer', issuer, '--subject', 'demo', '--type', 'text/plain', '-o', `${name}.cose`) // prettier-ignore
    }
  })
  afterAll(async () => {
    for (const node of nodes) await node.stop()
  })

  it('refuses places that do not go together', async () => {
    const init = ['init', '--data', 'refused', '--origin', 'log.example']
    const cases = [
      { args: ['--store', store], message: 'needs --guard postgres://' },
      { args: ['--store', store, '--guard', 'a-file'], message: 'needs --guard postgres://' },
      { args: ['--guard', guard], message: 'needs --store postgres://' },
      {
        args: ['--store', 'log.sqlite', '--guard', guard],
        message: 'names no PostgreSQL database',
      },
      { args: ['--store', store, '--guard', store], message: 'same PostgreSQL cluster' },
    ]
    for (const { args, message } of cases) {
      const { status, stderr } = await run(...init, ...args)
      expect(stderr).toContain(message)
      expect(status).toBe(1)
    }
    const away = 'postgres://somebody:secret@127.0.0.1:1/log'
    const { stderr } = await run(...init, '--store', away, '--guard', guard)
    expect(stderr).toContain('postgres://somebody@127.0.0.1:1/log')
    expect(stderr).not.toContain('secret')
    expect(existsSync(join(cwd, 'refused'))).toBe(false)
  })

  it('makes a log, and the data directory remembers where it is', async () => {
    const init = ['init', '--data', 'a', '--origin', 'log.example', '--trust', 'issuer.pub.cbor=https://issuer.example'] // prettier-ignore
    const made = await json(...init, '--store', store, '--guard', guard)
    expect(made).toMatchObject({ result: 'created', treeSize: 2 })
    const location = join(cwd, 'a', 'location.json')
    expect(JSON.parse(readFileSync(location, 'utf8'))).toEqual({ store, guard })
    expect(statSync(location).mode.toString(8)).toMatch(/600$/)
    expect(existsSync(join(cwd, 'a', 'log.sqlite'))).toBe(false)
    const again = await run('init', '--data', 'b', '--origin', 'log.example', '--store', store, '--guard', guard) // prettier-ignore
    expect(again.stderr).toContain('ERR_LOG_EXISTS')
    expect(await json('log', 'check', '--data', 'a')).toMatchObject({ treeSize: 2, guard: 2 })
  })

  it('serves it from two nodes, and each knows what the other one took', async () => {
    cpSync(join(cwd, 'a', 'keys'), join(cwd, 'node', 'keys'), { recursive: true })
    const flags = ['--store', store, '--guard', guard]
    nodes.push(
      await startServer(['serve', '--data', 'a', '--port', '0'], { cwd }),
      await startServer(['serve', '--data', 'node', '--port', '0', ...flags], { cwd }),
    )
    const [one, two] = nodes.map(({ url }) => url) as [string, string]
    const register = (name: string, url: string): Promise<Record<string, unknown>> =>
      json('register', `${name}.cose`, '--url', url)
    expect(await register('one', one)).toMatchObject({ leafIndex: 2 })
    expect(await register('two', two)).toMatchObject({ leafIndex: 3 })
    expect(await register('one', two)).toMatchObject({ leafIndex: 2 })
    const refused = await run('register', 'stranger.cose', '--url', one)
    expect(refused.status).toBe(1)
    for (const url of [one, two]) {
      await expect
        .poll(
          () => json('query', 'statements', '--url', url, '--issuer', 'https://issuer.example'),
          {
            timeout: 20_000,
          },
        )
        .toMatchObject({ statements: [{ index: 3 }, { index: 2 }] })
    }
  })

  it('takes a data directory for one process', async () => {
    const second = await run('serve', '--data', 'a', '--port', '0')
    expect(second.stderr).toContain('ERR_LOG_LOCKED')
    expect((await run('key', 'rotate', '--purpose', 'checkpoint', '--data', 'a')).stderr).toContain(
      'ERR_LOG_LOCKED',
    )
  })

  it('goes to the same databases with every command', async () => {
    const token = await json('token', 'add', '--data', 'a', '--name', 'ci')
    expect(await json('token', 'list', '--data', 'node')).toMatchObject({
      tokens: [{ tokenId: token['tokenId'], name: 'ci' }],
    })
    await json('token', 'revoke', token['tokenId'] as string, '--data', 'node')
    await expect
      .poll(() => json('log', 'refusals', '--data', 'node'), { timeout: 20_000 })
      .toMatchObject({ refusals: [{ rule: 'issuer-unknown' }] })
    expect(await ok('log', 'vkey', '--data', 'a')).toBe(await ok('log', 'vkey', '--data', 'node'))
    expect(await json('policy', 'show', '--data', 'node')).toHaveProperty('policy')
    const checked = await json<{ treeSize: number }>('log', 'check', '--data', 'a')
    expect(checked.treeSize).toBeGreaterThanOrEqual(4)
    await ok('log', 'export', '--data', 'a', '--out', 'exported', '--tiles-only')
    expect(existsSync(join(cwd, 'exported', 'checkpoint'))).toBe(true)
  })

  it('goes there, too, where the directory does not know it and --store says it', async () => {
    cpSync(join(cwd, 'a', 'keys'), join(cwd, 'bare', 'keys'), { recursive: true })
    const bare = ['--data', 'bare', '--store', store]
    expect((await run('token', 'list', '--data', 'bare')).stderr).toContain('ERR_LOG_MISSING')
    const { tokenId } = await json('token', 'add', ...bare, '--name', 'named')
    expect((await json<{ tokens: object[] }>('token', 'list', ...bare)).tokens).toHaveLength(2)
    await ok('token', 'revoke', tokenId as string, ...bare)
    expect(await json('log', 'refusals', ...bare)).toHaveProperty('refusals.0.rule')
    expect(await ok('log', 'vkey', ...bare)).toBe(await ok('log', 'vkey', '--data', 'a'))
    const rules = await ok('policy', 'show', ...bare, '--json')
    writeFileSync(join(cwd, 'policy.json'), JSON.stringify(JSON.parse(rules).policy)) // prettier-ignore
    expect(await json('policy', 'diff', 'policy.json', ...bare)).toMatchObject({ changes: [] })
    expect(await json('policy', 'test', 'policy.json', ...bare)).toMatchObject({ refused: [] })
    expect(existsSync(join(cwd, 'bare', 'location.json'))).toBe(false)

    const file = await run('token', 'list', '--data', 'bare', '--store', 'log.sqlite')
    expect(file.stderr).toContain('names no PostgreSQL database')
    const alone = await run('policy', 'show', '--store', store)
    expect([alone.status, alone.stderr]).toEqual([4, expect.stringContaining('needs --data DIR')])
  })

  it('prunes what lies in the payload store', async () => {
    writeFileSync(join(cwd, 'content'), 'content that nobody refers to')
    const [url] = nodes.map((node) => node.url)
    const { token } = await json<{ token: string }>('token', 'add', '--data', 'a', '--name', 'up')
    writeFileSync(join(cwd, 'token'), token)
    const put = await json<{ payload: string }>('payload', 'put', 'content', '--url', url!, '--token-file', 'token') // prettier-ignore
    const prune = ['payload', 'prune', put.payload, '--data', 'node', '--reason', 'a mistake']
    expect(await json(...prune)).toMatchObject({ payload: put.payload })
    expect((await run(...prune)).stderr).toContain('ERR_PAYLOAD_UNKNOWN')
  })

  it('is frozen on all nodes by one command, and goes on after another one', async () => {
    const urls = nodes.map(({ url }) => url)
    const freeze = ['freeze', '--data', 'bare', '--store', store, '--reason', 'a move']
    expect(await json(...freeze)).toMatchObject({ result: 'frozen' })
    const post = (url: string): Promise<Response> => {
      const headers = { 'Content-Type': 'application/cose', Accept: 'application/problem+json' }
      const body = new Uint8Array(readFileSync(join(cwd, 'frozen.cose')))
      return fetch(`${url}/entries`, { method: 'POST', headers, body })
    }
    for (const url of urls) {
      expect(await (await post(url)).json()).toMatchObject({ code: 'ERR_LOG_FROZEN' })
    }
    expect(await json('freeze', '--data', 'a', '--reason', 'again')).toMatchObject({
      ...{ result: 'was-frozen', reason: 'a move' },
    })
    expect(await json('unfreeze', '--data', 'node')).toMatchObject({ result: 'unfrozen' })
    for (const url of urls) {
      await expect.poll(async () => (await post(url)).status, { timeout: 20_000 }).toBe(201)
    }
  })

  it('rotates a key: nodes that run on stop signing, and one that has the new key goes on', async () => {
    const [first, second] = [nodes.shift()!, nodes.shift()!]
    expect(await first.stop()).toBe(0)
    await ok('key', 'rotate', '--purpose', 'receipt', '--data', 'bare', '--store', store)
    cpSync(join(cwd, 'bare', 'keys'), join(cwd, 'a', 'keys'), { recursive: true })
    const refused = await run('register', 'three.cose', '--url', second.url)
    expect(refused.status).not.toBe(0)
    await second.stop()
    nodes.push(await startServer(['serve', '--data', 'a', '--port', '0'], { cwd }))
    await json('register', 'three.cose', '--url', nodes[0]!.url)
    const other = await run('serve', '--data', 'node', '--port', '0')
    expect(other.stderr).toContain('ERR_KEY_MISMATCH')
    cpSync(join(cwd, 'a', 'keys'), join(cwd, 'node', 'keys'), { recursive: true })
    nodes.push(await startServer(['serve', '--data', 'node', '--port', '0'], { cwd }))
    for (const node of nodes.splice(0)) expect(await node.stop()).toBe(0)
  })

  it('says which of the two databases does not answer, and what to do', async () => {
    const away = 'postgres://somebody:secret@127.0.0.1:1/db'
    const serve = ['serve', '--data', 'node', '--port', '0']
    const noGuard = await run(...serve, '--store', store, '--guard', away)
    expect([noGuard.status, noGuard.stderr]).toEqual([1, expect.stringMatching(/ERR_GUARD_UNREACHABLE[^]*hint: .*brought back/)]) // prettier-ignore
    expect(noGuard.stderr).not.toMatch(/ERR_STORE|secret/)
    const noStore = await run(...serve, '--store', away, '--guard', guard)
    expect([noStore.status, noStore.stderr]).toEqual([1, expect.stringMatching(/ERR_STORE_UNREACHABLE[^]*hint: .*is it up/)]) // prettier-ignore
  })

  it('makes the index of a node again, and a guard that was lost', async () => {
    const { entries } = await json<{ entries: number }>('index', 'rebuild', '--data', 'node')
    const lost = await guards().createDatabase()
    const flags = ['--data', 'node', '--store', store, '--guard', lost]
    const refused = await run('serve', '--port', '0', ...flags)
    expect(refused.stderr).toContain('ERR_GUARD_MISSING')
    expect(await json('guard', 'adopt', ...flags)).toMatchObject({ adopted: entries })
    expect(await json('log', 'check', ...flags)).toMatchObject({ guard: entries })
  })
})
