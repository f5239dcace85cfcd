/** A registry as operators run it: one configuration file, a first token, watched, and frozen. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { attestry, commandLine, startServer } from './attestry.ts'
import type { RunningServer } from './attestry.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const cwd = temporaryDirectory()
const { run, json } = commandLine(() => cwd)

let server: RunningServer
let token: string
beforeAll(async () => {
  writeFileSync(join(cwd, 'payload.txt'), 'hello\n')
  await json('keygen', '--out', 'issuer.pem')
  for (const name of ['one', 'two']) {
    await json('sign', 'payload.txt', '--key', 'issuer.pem', '--issuer', 'https://issuer.example', '--subject', name, '--type', 'text/plain', '-o', `${name}.cose`) // prettier-ignore
  }
  const made = await json<{ token: string; tokenId: string }>('init', '--data', 'data', '--origin', 'log.example', '--trust', 'issuer.pub.cbor', '--token', 'first') // prettier-ignore
  token = made.token
  writeFileSync(join(cwd, 'attestry.yaml'), 'data: data\nport: 0\nauth: required\nadmin-port: 0\n')
  server = await startServer(['serve', '--config', 'attestry.yaml'], { cwd })
})
afterAll(async () => {
  expect(await server.stop()).toBe(0)
})

describe('attestry serve', () => {
  it('takes its options from a file, and says where each comes from', async () => {
    const args = ['serve', '--config', 'attestry.yaml', '--print-config']
    const printed = await attestry([...args, '--port', '9'], {
      cwd,
      env: { ATTESTRY_DRAIN_MS: '7' },
    })
    expect(printed.status).toBe(0)
    expect(printed.stdout).toContain('port: 9  # --port\n')
    expect(printed.stdout).toContain('drain-ms: 7  # ATTESTRY_DRAIN_MS\n')
    expect(printed.stdout).toContain('auth: "required"  # auth in attestry.yaml\n')
    const { options } = await json<{ options: { name: string; from: string }[] }>(...args)
    expect(options).toContainEqual({ name: 'host', value: '127.0.0.1', from: 'default' })
  })

  it('names all problems of a configuration at once, with status 4', async () => {
    writeFileSync(join(cwd, 'wrong.yaml'), 'prot: 1\nindex: maybe\n')
    const { status, stderr } = await run('serve', '--config', 'wrong.yaml', '--port', '70000')
    expect(status).toBe(4)
    for (const one of ['did you mean "port"?', 'index in wrong.yaml', '--port', '--data']) {
      expect(stderr).toContain(one)
    }
  })

  it('registers for the token of `init --token`', async () => {
    const without = await run('register', 'one.cose', '--url', server.url)
    expect(without.stderr).toContain('ERR_TOKEN_MISSING')
    writeFileSync(join(cwd, 'token'), token)
    await json('register', 'one.cose', '--url', server.url, '--token-file', 'token')
  })

  it('reports events with level and time, and the address of operators', async () => {
    const started = server
      .output()
      .split('\n')
      .find((line) => line.includes('"event":"started"'))!
    const event = JSON.parse(started) as Record<string, string>
    expect(event).toMatchObject({ level: 'info', url: server.url, origin: 'log.example' })
    expect(Date.parse(event['time']!)).toBeGreaterThan(0)
    const ready = await fetch(`${event['adminUrl']}/health/ready`)
    expect(await ready.json()).toMatchObject({ status: 'ready' })
    const metrics = await (await fetch(`${event['adminUrl']}/metrics`)).text()
    expect(metrics).toContain('attestry_registrations_total{status="registered"}')
    expect(metrics).not.toContain(token)
    expect(server.output()).not.toContain(token)
  })
})

describe('attestry freeze', () => {
  it('and unfreeze, while the log is served', async () => {
    expect(await json('freeze', '--data', 'data', '--reason', 'audit')).toMatchObject({
      result: 'frozen',
    })
    await vi.waitFor(() => expect(server.output()).toContain('"event":"frozen"'), 5000)
    const register = ['register', 'two.cose', '--url', server.url, '--token-file', 'token']
    const refused = await run(...register)
    expect([refused.status, refused.stderr.includes('ERR_LOG_FROZEN')]).toEqual([1, true])
    expect(await json('freeze', '--data', 'data', '--reason', 'x')).toMatchObject({
      result: 'was-frozen',
      reason: 'audit',
    })
    expect(await json('unfreeze', '--data', 'data')).toMatchObject({ result: 'unfrozen' })
    expect(await json('unfreeze', '--data', 'data')).toMatchObject({ result: 'was-not-frozen' })
    await vi.waitFor(() => expect(server.output()).toContain('"event":"unfrozen"'), 5000)
    await json(...register)
  })

  it('names a log that is there', async () => {
    const { status, stderr } = await run('freeze', '--data', 'nothing', '--reason', 'x')
    expect([status, stderr.includes('ERR_LOG_MISSING')]).toEqual([1, true])
  })
})
