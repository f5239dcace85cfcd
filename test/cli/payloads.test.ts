/** Content beside statements, as publishers, readers and operators handle it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { commandLine, startServer } from './attestry.ts'
import type { CliResult, RunningServer } from './attestry.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const ISSUER = 'https://ci.example.org'
const cwd = temporaryDirectory()
const at = (name: string): string => join(cwd, name)
let server: RunningServer
let token: string

const { run, json } = commandLine(() => cwd)
const sign = (file: string, output: string, ...more: string[]): Promise<Record<string, unknown>> =>
  json('sign', file, '--key', 'issuer.pem', '--issuer', ISSUER, '--subject', 'demo', '--type', 'application/octet-stream', '-o', output, ...more) // prettier-ignore

beforeAll(async () => {
  await json('keygen', '--out', 'issuer.pem')
  await json('init', '--data', 'data', '--origin', 'log.example.org', '--trust', `issuer.pub.cbor=${ISSUER}`) // prettier-ignore
  token = (await json('token', 'add', '--data', 'data', '--name', 'ci'))['token'] as string
  server = await startServer(['serve', '--data', 'data', '--port', '0'], { cwd })
  await json('trust', 'fetch', '--url', server.url, '-o', 'trust.json')
  await json('trust', 'add', 'trust.json', '--issuer', `issuer.pub.cbor=${ISSUER}`)
  writeFileSync(at('token'), token)
  writeFileSync(at('large.bin'), new Uint8Array(100_000).fill(7))
  writeFileSync(at('small.bin'), 'small\n')
})
afterAll(async () => {
  expect(await server.stop()).toBe(0)
})

describe('a payload that is too large for an entry', () => {
  it('is signed by its digest by itself, and one that fits is not', async () => {
    const large = await sign('large.bin', 'large.cose')
    expect(large).toMatchObject({ hash: 'SHA-256', payloadName: expect.stringMatching(/^sha256:/) as string }) // prettier-ignore
    expect(await sign('small.bin', 'small.cose')).toMatchObject({ hash: null, payloadName: null })
    // The limit is the entry's: the headers count.
    writeFileSync(at('edge.bin'), new Uint8Array(65_400))
    expect(await sign('edge.bin', 'edge.cose')).toMatchObject({ hash: 'SHA-256' })
  })

  it('is handed over with its statement, and read back by anybody', async () => {
    const registered = await json('register', 'large.cose', '--payload', 'large.bin', '--url', server.url, '-o', 'large.transparent.cose') // prettier-ignore
    // Nobody knows us: the statement came first, and then what it names.
    expect(registered).toMatchObject({ leafIndex: 2, payload: 'stored' })
    const { payloadName } = await sign('large.bin', 'again.cose')
    await json('payload', 'get', payloadName as string, '--url', server.url, '-o', 'read.bin')
    expect(readFileSync(at('read.bin'))).toEqual(readFileSync(at('large.bin')))
    const again = await json('register', 'large.cose', '--payload', 'large.bin', '--url', server.url) // prettier-ignore
    expect(again).toMatchObject({ leafIndex: 2, payload: 'present' })
  })

  it('verifies with its content, says that it is withheld without, and fails with other content', async () => {
    const verify = (...more: string[]): Promise<CliResult> =>
      run('verify', 'large.transparent.cose', '--trust', 'trust.json', ...more)
    const without = await verify()
    expect([without.status, without.stdout]).toEqual([0, expect.stringContaining('content-withheld')]) // prettier-ignore
    expect(JSON.parse((await verify('--json')).stdout)).toMatchObject({
      ...{ payload: 'withheld', contentWithheld: true },
    })
    const matched = await verify('--payload', 'large.bin')
    expect([matched.status, matched.stdout]).toEqual([0, expect.stringContaining('matches the given file')]) // prettier-ignore
    const wrong = await verify('--payload', 'small.bin')
    expect([wrong.status, wrong.stdout]).toEqual([1, expect.stringContaining('ERR_PAYLOAD_MISMATCH')]) // prettier-ignore
  })

  it('is never handed over unless it is what was signed', async () => {
    const wrong = await run('register', 'again.cose', '--payload', 'small.bin', '--url', server.url)
    expect([wrong.status, wrong.stderr]).toEqual([1, expect.stringContaining('ERR_PAYLOAD_MISMATCH')]) // prettier-ignore
    const inside = await run('register', 'small.cose', '--payload', 'small.bin', '--url', server.url) // prettier-ignore
    expect([inside.status, inside.stderr]).toEqual([4, expect.stringContaining('inside the statement')]) // prettier-ignore
  })

  it('that the store does not take leaves a registered statement, and says so', async () => {
    writeFileSync(at('huge.bin'), new Uint8Array(1_100_000))
    const { entryId } = await sign('huge.bin', 'huge.cose')
    const refused = await run('register', 'huge.cose', '--payload', 'huge.bin', '--url', server.url)
    expect(refused.status).toBe(1)
    expect(refused.stderr).toContain(`registered as ${entryId as string}, without its content: `)
    expect(refused.stderr).toContain('ERR_BODY_TOO_LARGE')
  })
})

describe('attestry payload', () => {
  // A child lives a minute, and a slow machine needs it.
  beforeAll(async () => {
    expect(await server.stop()).toBe(0)
    server = await startServer(['serve', '--data', 'data', '--port', '0'], { cwd })
  })

  it('put takes a token for what no entry names', async () => {
    const anonymous = await run('payload', 'put', 'small.bin', '--url', server.url)
    expect([anonymous.status, anonymous.stderr]).toEqual([1, expect.stringContaining('ERR_TOKEN_MISSING')]) // prettier-ignore
    const put = (): Promise<Record<string, unknown>> =>
      json('payload', 'put', 'small.bin', '--hash', 'sha-512', '--url', server.url, '--token-file', 'token') // prettier-ignore
    expect(await put()).toMatchObject({ stored: 'stored', bytes: 6 })
    expect(await put()).toMatchObject({ stored: 'present' })
  })

  it('get says what is not there, and what is no name', async () => {
    const nothing = await run('payload', 'get', `sha256:${'0'.repeat(64)}`, '--url', server.url)
    expect([nothing.status, nothing.stderr]).toEqual([1, expect.stringContaining('ERR_PAYLOAD_UNKNOWN')]) // prettier-ignore
    expect((await run('payload', 'get', 'sha256:x', '--url', server.url)).status).toBe(4)
  })

  it('prune needs the word of the operator for what an entry was admitted with', async () => {
    writeFileSync(at('secret.bin'), 'private data\n')
    const { payloadName, entryId } = await sign('secret.bin', 'secret.cose', '--hash', 'sha-256')
    const name = payloadName as string
    await json('register', 'secret.cose', '--payload', 'secret.bin', '--url', server.url, '--token-file', 'token') // prettier-ignore
    const content = async (): Promise<string> =>
      (await run('query', 'show', entryId as string, '--url', server.url)).stdout
    expect(await content()).toMatch(new RegExp(`^content +${name}, read$`, 'm'))
    const prune = ['payload', 'prune', name, '--data', 'data', '--reason', 'private data']
    const refused = await run(...prune)
    expect([refused.status, refused.stderr]).toEqual([4, expect.stringContaining('--key')])
    const pruned = await json(...prune, '--key', 'data/keys/operator.pem', '--url', server.url)
    expect(pruned).toMatchObject({ bytes: 13, leafIndex: expect.any(Number) as number })
    const by = pruned['entryId'] as string
    expect(await content()).toMatch(new RegExp(`^content +${name}, read, since pruned by entry ${by}$`, 'm')) // prettier-ignore
    const gone = await run('payload', 'get', name, '--url', server.url)
    expect([gone.status, gone.stderr]).toEqual([1, expect.stringContaining('ERR_PAYLOAD_PRUNED')])

    // The last journal is written at the end; an export is audited like the log itself.
    expect(await server.stop()).toBe(0)
    await json('log', 'export', '--data', 'data', '--out', 'export')
    server = await startServer(['serve', '--data', 'data', '--port', '0'], { cwd })
    for (const [from, state] of [
      ['export', 'a.state'],
      [server.url, 'b.state'],
      [server.url, 'b.state'],
    ] as const) {
      // prettier-ignore
      const audited = await run('audit', from, '--state', state, '--trust', 'trust.json')
      expect(audited.status, audited.stderr).toBe(17)
      expect(audited.stdout).toContain('not replayable')
      expect(audited.stdout).not.toContain('nothing is wrong')
    }
    expect(existsSync(at(`export/collateral/${name}`))).toBe(false)
  }, 60_000)

  it('prune deletes at once what nothing rests on', async () => {
    const { payload } = await json('payload', 'put', 'edge.bin', '--url', server.url, '--token-file', 'token') // prettier-ignore
    const prune = [
      'payload',
      'prune',
      payload as string,
      '--data',
      'data',
      '--reason',
      'by mistake',
    ]
    expect(await json(...prune)).toMatchObject({ bytes: 65_400, leafIndex: null })
    expect((await run(...prune)).stderr).toContain('ERR_PAYLOAD_UNKNOWN')
  })
})
