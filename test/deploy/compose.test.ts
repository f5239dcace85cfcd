/**
 * The topology of docker-compose.yml with plain processes: deploy/compose-init.sh as it is, two nodes on
 * two PostgreSQL clusters, the witness, and deploy/nginx.conf with other ports. Without nginx the front
 * is not tested, and the test says so.
 */
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { parseStrictYaml } from '../../src/payload/strict-yaml.ts'
import { cliPath, commandLine, startServer } from '../cli/attestry.ts'
import type { RunningServer } from '../cli/attestry.ts'
import { freePort } from '../support/free-port.ts'
import { describePostgres, usePostgres } from '../support/postgres.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const project = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const cwd = temporaryDirectory()
const { json } = commandLine(() => cwd)
const root = join(cwd, 'attestry')
const nginxMissing = spawnSync('nginx', ['-v']).status !== 0
if (nginxMissing) console.warn('skipped, no nginx here: the front of docker-compose.yml')

function runInit(args: readonly string[]): { status: number | null; output: string } {
  const bin = join(cwd, 'bin')
  mkdirSync(bin, { recursive: true })
  writeFileSync(join(bin, 'attestry'), `#!/bin/sh\nexec "${process.execPath}" "${cliPath}" "$@"\n`)
  chmodSync(join(bin, 'attestry'), 0o755)
  const done = spawnSync('sh', [project('deploy/compose-init.sh'), ...args], {
    env: { PATH: `${bin}:${process.env['PATH'] ?? ''}` },
    timeout: 60_000,
  })
  return { status: done.status, output: `${String(done.stdout)}${String(done.stderr)}` }
}

interface Compose {
  readonly services: Record<string, Record<string, unknown>>
}

describePostgres('docker-compose.yml', () => {
  const stores = usePostgres()
  const guards = usePostgres()
  const running: RunningServer[] = []
  let witnessPort: number
  let initArguments: string[]

  beforeAll(async () => {
    witnessPort = await freePort()
    const [store, guard] = [await stores().createDatabase(), await guards().createDatabase()]
    const witness = `http://127.0.0.1:${witnessPort}`
    initArguments = [root, 'localhost:8080', witness, '--store', store, '--guard', guard]
    await json('keygen', '--out', 'issuer.pem')
    for (const name of ['one', 'two']) {
      writeFileSync(join(cwd, name), name)
      await json('sign', name, '--key', 'issuer.pem', '--issuer', 'https://issuer.example', '--subject', name, '--type', 'text/plain', '-o', `${name}.cose`) // prettier-ignore
    }
    initArguments.push('--trust', join(cwd, 'issuer.pub.cbor'))
  })
  afterAll(async () => {
    for (const server of running) await server.stop()
  })

  it('names files and options that are there', () => {
    const path = project('docker-compose.yml')
    // Anchors are read by Compose; here only what the services say in words.
    const text = readFileSync(path, 'utf8')
    for (const [, file] of text.matchAll(/'\.\/(deploy\/[^:]+):/g)) {
      expect(existsSync(project(file!)), file).toBe(true)
    }
    const help = spawnSync(process.execPath, [cliPath, 'serve', '--help']).stdout.toString()
    const variables = [...text.matchAll(/(ATTESTRY_[A-Z_]+):/g)].map(([, name]) => name!)
    expect(variables.length).toBeGreaterThan(3)
    for (const name of variables) {
      const flag = name.slice('ATTESTRY_'.length).toLowerCase().replaceAll('_', '-')
      expect(help).toContain(`--${flag}`)
    }
    const services = text.slice(text.indexOf('\nservices:')).replace(/<<: \*\w+|[&*][\w-]+/g, '')
    const parsed = parseStrictYaml(new TextEncoder().encode(services)) as Compose
    expect(Object.keys(parsed.services)).toEqual([
      ...['store', 'guard', 'init', 'node-a', 'node-b', 'witness', 'nginx'],
    ])
  })

  it('makes the log, the directories of both nodes and the witness, once', () => {
    const first = runInit(initArguments)
    expect(first.status, first.output).toBe(0)
    const made = ['node-a/keys', 'node-b/keys', 'node-b/location.json', 'public/witnesses.policy']
    for (const path of [...made, 'token']) expect(existsSync(join(root, path)), path).toBe(true)
    expect(statSync(join(root, 'token')).mode % 0o100).toBe(0)
    const before = readFileSync(join(root, 'token'), 'utf8')
    expect(before).toMatch(/^attestry_[0-9a-f]{12}_[A-Za-z0-9_-]{43}\n$/)
    expect(runInit(initArguments).status).toBe(0)
    expect(readFileSync(join(root, 'token'), 'utf8')).toBe(before)
  })

  it('serves: registered at one node, read at the other, witnessed', async () => {
    const vkey = readFileSync(join(root, 'public/log.vkey'), 'utf8').trim()
    running.push(
      await startServer(
        ['witness', '--data', join(root, 'witness/records'), '--key', join(root, 'witness/key.pem'), '--name', 'witness.local', '--log', vkey, '--port', String(witnessPort)], // prettier-ignore
        { cwd },
      ),
    )
    for (const node of ['node-a', 'node-b']) {
      const policy = join(root, 'public/witnesses.policy')
      running.push(
        await startServer(['serve', '--data', join(root, node), '--port', '0'], {
          cwd,
          env: {
            ATTESTRY_AUTH: 'required',
            ATTESTRY_TRUST_PROXY: 'true',
            ATTESTRY_WITNESS_POLICY: policy,
            ATTESTRY_WITNESS_INTERVAL_MS: '200',
          },
        }),
      )
    }
    const [, a, b] = running
    const token = join(root, 'token')
    const { entryId } = await json('register', 'one.cose', '--url', a!.url, '--token-file', token)
    await vi.waitFor(
      async () => {
        expect((await fetch(`${b!.url}/entries/${String(entryId)}`)).status).toBe(200)
        expect(await (await fetch(`${b!.url}/checkpoint`)).text()).toContain('witness.local')
      },
      { timeout: 20_000, interval: 100 },
    )
  })

  it.skipIf(nginxMissing)('nginx keeps tiles, and survives a node', async () => {
    const [, a, b] = running
    const port = await freePort()
    const cache = join(cwd, 'cache')
    mkdirSync(cache)
    chmodSync(cache, 0o777)
    chmodSync(cwd, 0o755)
    const conf = readFileSync(project('deploy/nginx.conf'), 'utf8')
      .replace('node-a:8080', new URL(a!.url).host)
      .replace('node-b:8080', new URL(b!.url).host)
      .replace('listen 8080', `listen 127.0.0.1:${port}`)
      .replace('/var/cache/nginx/attestry', join(cache, 'tiles'))
      .replace(
        'http {',
        `http {\n  client_body_temp_path ${cache}/body;\n  proxy_temp_path ${cache}/proxy;`,
      )
    writeFileSync(
      join(cwd, 'nginx.conf'),
      `pid ${cwd}/nginx.pid;\ndaemon off;\nerror_log stderr;\n${conf}`,
    )
    const nginx: ChildProcess = spawn('nginx', ['-p', cwd, '-c', join(cwd, 'nginx.conf')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let errors = ''
    nginx.stderr!.on('data', (chunk: Buffer) => (errors += chunk.toString()))
    const url = `http://127.0.0.1:${port}`
    try {
      await vi.waitFor(
        async () => expect((await fetch(`${url}/health`)).status, errors).toBe(200),
        {
          timeout: 10_000,
        },
      )
      const cached = async (path: string): Promise<string | null> =>
        (await fetch(url + path)).headers.get('x-cache')
      const token = join(root, 'token')
      await json('register', 'two.cose', '--url', url, '--token-file', token)
      expect([await cached('/tile/0/000.p/3'), await cached('/tile/0/000.p/3')]).toEqual([
        ...['MISS', 'HIT'],
      ])
      // What changes is never kept.
      for (let i = 0; i < 3; i++) expect(await cached('/checkpoint')).not.toBe('HIT')
      expect((await fetch(`${url}/entries`, { method: 'POST', body: 'x' })).status).toBe(415)

      await a!.stop()
      for (let i = 0; i < 4; i++) expect((await fetch(`${url}/checkpoint`)).status).toBe(200)
      await json('register', 'one.cose', '--url', url, '--token-file', token)
    } finally {
      nginx.kill()
      await once(nginx, 'exit')
    }
  })
})
