/** `attestry token`, `register --token-file` and `log refusals`, as an operator and a CI use them. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { attestry, commandLine, startServer } from './attestry.ts'
import type { RunningServer } from './attestry.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const cwd = temporaryDirectory()
const { run, json } = commandLine(() => cwd)

let server: RunningServer
beforeAll(async () => {
  writeFileSync(join(cwd, 'payload.txt'), 'hello\n')
  await json('keygen', '--out', 'issuer.pem')
  await json('init', '--data', 'data', '--origin', 'log.example', '--trust', 'issuer.pub.cbor=https://issuer.example') // prettier-ignore
  for (const issuer of ['issuer', 'stranger']) {
    await json('sign', 'payload.txt', '--key', 'issuer.pem', '--issuer', `https://${issuer}.example`, '--subject', 'demo', '--type', 'text/plain', '-o', `${issuer}.cose`) // prettier-ignore
  }
  server = await startServer(['serve', '--data', 'data', '--port', '0', '--auth', 'required'], {
    cwd,
  })
})
afterAll(async () => {
  expect(await server.stop()).toBe(0)
})

describe('attestry token', () => {
  it('makes, lists and revokes tokens while the log is served', async () => {
    const bare = await run('register', 'issuer.cose', '--url', server.url)
    expect(bare.status).toBe(1)
    expect(bare.stderr).toContain('ERR_TOKEN_MISSING')
    expect(bare.stderr).toContain('--token-file')

    const made = await json('token', 'add', '--data', 'data', '--name', 'ci', '--expires', '2100-01-01T00:00:00Z') // prettier-ignore
    const token = made['token'] as string
    writeFileSync(join(cwd, 'token'), `${token}\n`)
    await json('register', 'issuer.cose', '--url', server.url, '--token-file', 'token')
    const byEnvironment = await attestry(['register', 'issuer.cose', '--url', server.url], {
      cwd,
      env: { ATTESTRY_TOKEN: token },
    })
    expect(byEnvironment.status).toBe(0)

    // Who governs the log submits like anybody else.
    const { policy } = await json<{ policy: object }>('policy', 'show', '--data', 'data')
    writeFileSync(join(cwd, 'policy.json'), JSON.stringify(policy))
    const set = ['policy', 'set', 'policy.json', '--key', 'data/keys/operator.pem', '--url', server.url] // prettier-ignore
    expect((await run(...set)).stderr).toContain('ERR_TOKEN_MISSING')
    expect(await json(...set, '--token-file', 'token')).toMatchObject({ kind: 'policy' })

    const refused = await run('register', 'stranger.cose', '--url', server.url, '--token-file', 'token') // prettier-ignore
    expect(refused.status).toBe(1)
    const listed = await json('token', 'list', '--data', 'data')
    expect(listed).toMatchObject({ tokens: [{ tokenId: made['tokenId'], name: 'ci' }] })
    expect(JSON.stringify(listed)).not.toContain(token.slice(-43))

    await json('token', 'revoke', made['tokenId'] as string, '--data', 'data')
    const revoked = await run('register', 'issuer.cose', '--url', server.url, '--token-file', 'token') // prettier-ignore
    expect(revoked.stderr).toContain('ERR_TOKEN_INVALID')
    expect((await run('token', 'revoke', 'nothing', '--data', 'data')).status).toBe(4)
    expect((await run('token', 'add', '--data', 'data', '--name', 'x', '--scope', 'all')).status).toBe(4) // prettier-ignore
    const reading = await run('token', 'add', '--data', 'data', '--name', 'x', '--scope', 'query')
    expect([reading.status, reading.stderr]).toEqual([4, expect.stringContaining('register')])
    expect((await run('token', 'add', '--help')).stdout).not.toContain('--scope')
    expect(await json('token', 'add', '--data', 'data', '--name', 'x', '--scope', 'register')).toMatchObject({ scopes: ['register'] }) // prettier-ignore
    const past = await run('token', 'add', '--data', 'data', '--name', 'x', '--expires', '2020-01-01T00:00:00Z') // prettier-ignore
    expect([past.status, past.stderr]).toEqual([4, expect.stringContaining('over already')])
    expect((await run('token', 'list', '--data', 'elsewhere')).stderr).toContain('ERR_LOG_MISSING')
  })

  it('and the refusals that operators read', async () => {
    const refusals = async (): Promise<unknown> => (await json('log', 'refusals', '--data', 'data'))['refusals'] // prettier-ignore
    await expect
      .poll(refusals, { timeout: 10_000 })
      .toMatchObject([{ rule: 'issuer-unknown', issuer: 'https://stranger.example' }])
    const { stdout } = await run('log', 'refusals', '--data', 'data', '--limit', '1')
    expect(stdout).toMatch(/^\d{4}-\S+ {2}[0-9a-f]{64} {2}issuer-unknown: /)
  })
})
