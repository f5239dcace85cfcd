import { chmodSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import type { RequestOptions } from 'node:https'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { readConfig } from '../../src/app/config.ts'
import type { ServeFlags, ServiceEvent } from '../../src/app/config.ts'
import { initLog } from '../../src/app/init-log.ts'
import { startRegistry } from '../../src/app/start.ts'
import type { RunningRegistry } from '../../src/app/start.ts'
import { addApiToken } from '../../src/app/api-tokens.ts'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { encodeHex } from '../../src/bytes/hex.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { encodePem } from '../../src/x509/pem.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { issueCertificate, makeCa } from '../support/test-pki.ts'
import type { CertificateOptions, TestCertificate } from '../support/test-pki.ts'
import { testSigner } from '../support/test-signer.ts'

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'
const directory = temporaryDirectory()
const signer = testSigner()
const running: RunningRegistry[] = []
let events: ServiceEvent[]
let logs = 0
let statements = 0
let root: TestCertificate
let clientRoot: TestCertificate

beforeAll(() => {
  root = makeCa({ name: 'TLS root', ...validity() })
  clientRoot = makeCa({ name: 'Client root', ...validity() })
})
beforeEach(() => {
  events = []
})
afterEach(async () => {
  for (const one of running.splice(0)) await one.close()
})

/** Node judges by the clock of this machine. */
function validity(): Pick<CertificateOptions, 'notBefore' | 'notAfter'> {
  const hour = 3_600_000
  return { notBefore: new Date(Date.now() - hour), notAfter: new Date(Date.now() + 24 * hour) }
}

function pemOf({ der, privateKey }: TestCertificate): { cert: string; key: string } {
  const key = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
  return { cert: encodePem('CERTIFICATE', der), key }
}

function serverCertificate(): { cert: string; key: string } {
  const san = { ip: ['127.0.0.1'] }
  return pemOf(issueCertificate({ ca: root, san, eku: [SERVER_AUTH], ...validity() }))
}

function clientCertificate(ca = clientRoot): TestCertificate {
  return issueCertificate({ ca, name: 'ci', eku: [CLIENT_AUTH], ...validity() })
}

function writeFiles(name: string, { cert, key } = serverCertificate()): ServeFlags {
  const [tlsCert, tlsKey] = [join(directory, `${name}.crt`), join(directory, `${name}.key`)]
  const tlsClientCa = join(directory, `${name}.ca`)
  writeFileSync(tlsCert, cert)
  writeFileSync(tlsKey, key)
  chmodSync(tlsKey, 0o600)
  writeFileSync(tlsClientCa, encodePem('CERTIFICATE', clientRoot.der))
  return { tlsCert, tlsKey, tlsClientCa }
}

async function start(flags: ServeFlags): Promise<RunningRegistry & { readonly data: string }> {
  const data = join(directory, `data-${logs++}`)
  const anchors = [{ kind: 'cose-key' as const, key: signer.publicKey, issuers: ['*'] }]
  await initLog({ data, origin: 'log.example.org', anchors })
  const report = (event: ServiceEvent): void => void events.push(event)
  const registry = await startRegistry(readConfig({ data, port: 0, ...flags }, { report }))
  running.push(registry)
  return { ...registry, data }
}

interface Asked {
  readonly status: number
  readonly body: Buffer
  readonly retryAfter: string | undefined
}

function ask(url: string, options: RequestOptions = {}, body?: Uint8Array): Promise<Asked> {
  return new Promise((resolve, reject) => {
    const ca = encodePem('CERTIFICATE', root.der)
    const req = request(url, { ca, agent: false, ...options }, (res) => {
      const chunks: Buffer[] = []
      res.on('data', (chunk: Buffer) => chunks.push(chunk))
      res.on('end', () => {
        const retryAfter = res.headers['retry-after']
        resolve({ status: res.statusCode ?? 0, body: Buffer.concat(chunks), retryAfter })
      })
    })
    req.on('error', reject)
    req.end(body)
  })
}

async function register(
  url: string,
  options: RequestOptions = {},
  token?: string,
): Promise<{ status: number; code: string | undefined; retryAfter: string | undefined }> {
  const body = await signStatement({
    payload: encodeUtf8(`${statements++}`),
    ...{ issuer: 'https://issuer.example', subject: 'demo', contentType: 'text/plain', signer },
  })
  const headers = {
    'Content-Type': 'application/cose',
    Accept: 'application/problem+json',
    ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
  }
  const answer = await ask(`${url}/entries`, { method: 'POST', headers, ...options }, body)
  const { status, retryAfter } = answer
  if (status < 300) return { status, code: undefined, retryAfter }
  return { status, retryAfter, code: (JSON.parse(answer.body.toString()) as { code: string }).code }
}

/** The serial of the certificate that a new connection is shown. */
function shownSerial(url: string): Promise<string> {
  const { hostname: host, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const ca = encodePem('CERTIFICATE', root.der)
    const socket = connect({ host, port: Number(port), ca }, () => {
      resolve(socket.getPeerCertificate().serialNumber)
      socket.end()
    })
    socket.once('error', reject)
  })
}

describe('TLS', () => {
  it('is ended by the server, and its files are read again without a pause', async () => {
    const { tlsCert, tlsKey } = writeFiles('reload')
    const registry = await start({ tlsCert, tlsKey, adminPort: 0 })
    expect(registry.url).toMatch(/^https:/)
    expect((await register(registry.url)).status).toBe(201)
    const before = await shownSerial(registry.url)
    writeFiles('reload')
    await registry.reload?.()
    const after = await shownSerial(registry.url)
    expect(after).not.toBe(before)
    expect((await ask(`${registry.url}/health`)).status).toBe(200)
    const metrics = await (await fetch(`${registry.adminUrl}/metrics`)).text()
    expect(metrics).toMatch(/attestry_tls_not_after_seconds \d{10}/)

    writeFileSync(String(tlsCert), 'nonsense')
    await registry.reload?.()
    expect(events.map(({ event }) => event)).toContain('tls-not-reloaded')
    expect(await shownSerial(registry.url)).toBe(after)
  })

  it('is not started with files that do not fit', async () => {
    const { tlsCert } = writeFiles('one')
    const { tlsKey } = writeFiles('other')
    await expect(start({ tlsCert, tlsKey })).rejects.toMatchObject({ code: 'ERR_CONFIGURATION' })
    const nothing = join(directory, 'nothing')
    await expect(start({ tlsCert, tlsKey: nothing })).rejects.toThrow(
      `--tls-key ${nothing}: ENOENT`,
    )
  })

  it.skipIf(process.platform === 'win32')('is not started with a key for everybody', async () => {
    const { tlsCert, tlsKey } = writeFiles('open')
    chmodSync(String(tlsKey), 0o644)
    await expect(start({ tlsCert, tlsKey })).rejects.toMatchObject({ code: 'ERR_KEY_FILE' })
  })

  it('has all its options or none', () => {
    expect(() => readConfig({ data: 'x', tlsCert: 'a' })).toThrow('--tls-cert needs --tls-key')
    expect(() => readConfig({ data: 'x', tlsClientCa: 'a' })).toThrow('--tls-client-ca needs')
  })
})

describe('client certificates', () => {
  it('make a submitter known, whose digest is published with the entry', async () => {
    const registry = await start({ ...writeFiles('mtls'), auth: 'required' })
    const client = clientCertificate()
    expect(await register(registry.url)).toMatchObject({ status: 401, code: 'ERR_TOKEN_MISSING' })
    expect(await register(registry.url, pemOf(client))).toMatchObject({ status: 201 })
    // Reads need none.
    expect((await ask(`${registry.url}/checkpoint`)).status).toBe(200)
    const digest = encodeHex(sha256(client.der))
    const claims = JSON.stringify({
      kind: 'mtls',
      issuer: 'https://log.example.org',
      claims: { certificate_sha256: digest },
    })
    const name = encodeHex(sha256(encodeUtf8(claims)))
    const kept = await ask(`${registry.url}/collateral/sha256:${name}`)
    expect([kept.status, kept.body.toString()]).toEqual([200, claims])
  })

  it('of another authority are refused, also where none is needed', async () => {
    const registry = await start(writeFiles('foreign'))
    const foreign = clientCertificate(makeCa({ name: 'Foreign', ...validity() }))
    const expected = { status: 401, code: 'ERR_TOKEN_INVALID' }
    expect(await register(registry.url, pemOf(foreign))).toMatchObject(expected)
    expect((await register(registry.url)).status).toBe(201)
  })

  it('that have ended are refused', async () => {
    const registry = await start({ ...writeFiles('ended'), auth: 'required' })
    const hour = 3_600_000
    const ended = issueCertificate({
      ca: clientRoot,
      eku: [CLIENT_AUTH],
      notBefore: new Date(Date.now() - 3 * hour),
      notAfter: new Date(Date.now() - hour),
    })
    const expected = { status: 401, code: 'ERR_TOKEN_INVALID' }
    expect(await register(registry.url, pemOf(ended))).toMatchObject(expected)
  })
})

describe('quotas', () => {
  it('are of each submitter alone', async () => {
    const registry = await start({ ...writeFiles('quota'), quotaPerSecond: '0.001' })
    const [one, other] = [clientCertificate(), clientCertificate()]
    const { token } = await addApiToken({ data: registry.data, name: 'ci', scopes: ['register'] })
    expect((await register(registry.url, pemOf(one))).status).toBe(201)
    const refused = await register(registry.url, pemOf(one))
    expect(refused).toMatchObject({ status: 429, code: 'ERR_RATE_LIMITED', retryAfter: '30' })
    expect((await register(registry.url, pemOf(other))).status).toBe(201)
    expect((await register(registry.url, {}, token)).status).toBe(201)
    expect((await register(registry.url, {}, token)).status).toBe(429)
    // Who shows nothing has the limits of an address.
    expect((await register(registry.url)).status).toBe(201)
    expect((await register(registry.url)).status).toBe(201)
  })

  it('count bytes over a day', async () => {
    const registry = await start({ ...writeFiles('bytes'), quotaBytesPerDay: 600 })
    const client = pemOf(clientCertificate())
    const answers = []
    for (let i = 0; i < 5; i++) answers.push(await register(registry.url, client))
    const [first] = answers
    expect(first).toMatchObject({ status: 201 })
    expect(answers.at(-1)).toMatchObject({ status: 429, code: 'ERR_QUOTA', retryAfter: '30' })
  })
})
