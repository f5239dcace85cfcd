/**
 * Who submits (R4), on a data directory as an operator has it: OIDC tokens and API tokens, what is
 * kept of them, what is refused, and that the tokens themselves are nowhere.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  addApiToken,
  listApiTokens,
  readRefusals,
  revokeApiToken,
} from '../../src/app/api-tokens.ts'
import { checkLog } from '../../src/app/check-log.ts'
import { readConfig } from '../../src/app/config.ts'
import type { ServeFlags, ServiceEvent } from '../../src/app/config.ts'
import { logPaths } from '../../src/app/data-directory.ts'
import { initLog } from '../../src/app/init-log.ts'
import { startRegistry } from '../../src/app/start.ts'
import type { RunningRegistry } from '../../src/app/start.ts'
import { openApiTokens } from '../../src/app/stores.ts'
import { decodeUtf8, encodeUtf8 } from '../../src/bytes/bytes.ts'
import { algorithmByName } from '../../src/cose/algorithms.ts'
import { createApiToken } from '../../src/keys/api-token.ts'
import { loadSigner } from '../../src/keys/file-signer.ts'
import { parseSubmitterCollateral } from '../../src/policy/collateral.ts'
import { REGISTRATION_POLICY_MEDIA_TYPE } from '../../src/payload/media-types.ts'
import { encodeRegistrationPolicy } from '../../src/policy/registration-policy.ts'
import type { RegistrationPolicy } from '../../src/policy/registration-policy.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { SqliteLogStore } from '../../src/store/sqlite/sqlite-log-store.ts'
import { TestProvider } from '../support/oidc-provider.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { testSigner } from '../support/test-signer.ts'

const directory = temporaryDirectory()
const OIDC_ISSUER = 'https://token.actions.example'
const signer = testSigner()
const events: ServiceEvent[] = []
const running: RunningRegistry[] = []
let provider: TestProvider
let keySetPath: string
let logs = 0
let statements = 0

beforeAll(async () => {
  provider = await TestProvider.create(OIDC_ISSUER)
  keySetPath = join(directory, 'jwks.json')
  writeFileSync(keySetPath, provider.keySet())
})
afterEach(async () => {
  for (const one of running.splice(0)) await one.close()
})

async function start(
  policy: Partial<RegistrationPolicy>,
  flags: Partial<ServeFlags> = {},
): Promise<{ data: string; url: string; registry: RunningRegistry }> {
  const data = join(directory, `data-${logs++}`)
  const anchors = [{ kind: 'cose-key' as const, key: signer.publicKey, issuers: ['*'] }]
  await initLog({ data, origin: 'log.example.org', anchors })
  const report = (event: ServiceEvent): void => void events.push(event)
  const oidcJwks = [`${OIDC_ISSUER}=${keySetPath}`]
  const config = readConfig({ data, port: 0, oidcJwks, ...flags }, { report })
  const registry = await startRegistry(config)
  running.push(registry)
  if (Object.keys(policy).length > 0) {
    const operator = await loadSigner(join(data, 'keys', 'operator.pem'))
    const registrar = await loadSigner(join(data, 'keys', 'registrar.pem'))
    const token = (await addApiToken({ data, name: 'operator', scopes: ['register'] })).token
    const statement = await signStatement({
      payload: encodeRegistrationPolicy({
        version: 1,
        algorithms: [algorithmByName('ES256').name],
        contentTypes: ['*'],
        operatorKeys: [operator.publicKey],
        registrarKeys: [registrar.publicKey],
        ...policy,
      }),
      issuer: 'https://log.example.org',
      subject: 'urn:attestry:registration-policy',
      contentType: REGISTRATION_POLICY_MEDIA_TYPE,
      signer: operator,
    })
    expect((await post(registry.url, { token, statement })).status).toBe(201)
  }
  return { data, url: registry.url, registry }
}

async function post(
  url: string,
  { token, statement }: { token?: string; statement?: Uint8Array } = {},
): Promise<{ status: number; code?: string; rule?: string; challenge: string | null }> {
  const body =
    statement ??
    (await signStatement({
      payload: encodeUtf8(`${statements++}`),
      ...{ issuer: 'https://issuer.example', subject: 'demo', contentType: 'text/plain', signer },
    }))
  const response = await fetch(`${url}/entries`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/cose',
      Accept: 'application/problem+json',
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
    },
    body: new Uint8Array(body),
  })
  const challenge = response.headers.get('www-authenticate')
  if (response.status < 300) return { status: response.status, challenge }
  const problem = (await response.json()) as { code: string; rule?: string }
  return { status: response.status, challenge, ...problem }
}

/** Indexes that a look-up finds, once it covers the tree of this size. */
async function lookUp(url: string, query: string, treeSize: number): Promise<number[]> {
  for (;;) {
    const response = await fetch(`${url}/statements?${query}&order=ascending`)
    const page = (await response.json()) as { treeSize: number; statements: { index: number }[] }
    expect(response.status, JSON.stringify(page)).toBe(200)
    if (page.treeSize >= treeSize) return page.statements.map(({ index }) => index)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Submitter claims of all entries, read from the closed log. */
async function claimsOf(data: string): Promise<Map<number, Record<string, string>>> {
  const store = SqliteLogStore.open(join(data, 'log.sqlite'), { mode: 'existing', readonly: true })
  const found = new Map<number, Record<string, string>>()
  for (const { leafIndex, kind, digest } of await store.listEntryCollateral(0, 1000)) {
    const { bytes } = (await store.findCollateral(digest))!
    if (kind === 'jwks') expect(JSON.parse(decodeUtf8(bytes))).toHaveProperty('keys')
    if (kind !== 'submitter-claims') continue
    const { claims, jwks } = parseSubmitterCollateral(bytes)
    found.set(leafIndex, { ...claims, ...(jwks === undefined ? {} : { jwks }) })
  }
  await store.close()
  return found
}

/** Files below a directory that hold any of these texts. */
function filesHolding(path: string, texts: readonly string[]): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name))
    .filter((file) => {
      const bytes = readFileSync(file)
      return texts.some((text) => bytes.includes(text))
    })
}

const now = (): number => Math.floor(Date.now() / 1000)

describe('OIDC tokens', () => {
  it('bind entries to the run that submitted them, and are nowhere on the disk', async () => {
    const oidc = [{ issuer: OIDC_ISSUER, audience: 'attestry' }]
    const { data, url, registry } = await start({ submitter: { required: true, oidc } })
    const first = await provider.token(now(), { run_id: '4320093439' })
    const second = await provider.token(now(), { run_id: '4320093440' })
    for (const token of [first, first, second, first]) {
      expect((await post(url, { token })).status).toBe(201)
    }
    expect(await post(url)).toMatchObject({ status: 400, rule: 'submitter' })
    expect(await lookUp(url, 'submitter=run_id:4320093439', 7)).toEqual([3, 4, 6])
    expect(await lookUp(url, 'submitter=run_id:4320093440', 7)).toEqual([5])
    await registry.close()

    const claims = await claimsOf(data)
    const runs = (run: string): number[] =>
      [...claims].filter(([, one]) => one['run_id'] === run).map(([leafIndex]) => leafIndex)
    expect(runs('4320093439')).toEqual([3, 4, 6])
    expect(runs('4320093440')).toEqual([5])
    expect(claims.get(5)!['jwks']).toMatch(/^sha256:/)

    const secrets = [first, second].flatMap((token) => [token, token.split('.')[2]!])
    expect(filesHolding(directory, secrets)).toEqual([])
    expect(filesHolding(data, ['4320093440']).length).toBeGreaterThan(0) // the search works
    expect(JSON.stringify(events)).not.toContain(first.split('.')[2])
    await checkLog({ data })
    expect(await readRefusals({ data }, 10)).toMatchObject([{ rule: 'submitter' }])
  })

  it('that do not hold are refused, also where none is asked for', async () => {
    const { url } = await start({})
    expect((await post(url)).status).toBe(201)
    const token = await provider.token(now())
    expect(await post(url, { token })).toMatchObject({
      ...{ status: 401, code: 'ERR_TOKEN_INVALID' },
      challenge: 'Bearer error="invalid_token"',
    })
    expect((await post(url, { token: 'x' })).status).toBe(401)
  })

  it('whose key set cannot be used keep the registry from starting', async () => {
    const broken = join(directory, 'broken.json')
    writeFileSync(broken, JSON.stringify({ keys: [provider.privateJwk] }))
    const flags = { oidcJwks: [`${OIDC_ISSUER}=${broken}`] }
    await expect(start({}, flags)).rejects.toMatchObject({ code: 'ERR_CONFIGURATION' })
    expect(() => readConfig({ data: 'x', oidcJwks: ['nonsense'], auth: 'perhaps' })).toThrow(
      /--auth .*--oidc-jwks/,
    )
  })
})

describe('API tokens', () => {
  it('name the submitter, and only their hash is kept', async () => {
    const { data, url, registry } = await start({}, { auth: 'required' })
    expect(await post(url)).toMatchObject({
      ...{ status: 401, code: 'ERR_TOKEN_MISSING', challenge: 'Bearer' },
    })
    const made = await addApiToken({ data, name: 'build farm', scopes: ['register'] })
    const { token, tokenId } = made
    expect((await post(url, { token })).status).toBe(201)
    const wrong = `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`
    for (const bad of [wrong, `attestry_${'0'.repeat(12)}_${token.slice(-43)}`, 'attestry_']) {
      expect(await post(url, { token: bad })).toMatchObject({ code: 'ERR_TOKEN_INVALID' })
    }
    expect(await listApiTokens({ data })).toMatchObject([{ tokenId, name: 'build farm' }])
    expect(JSON.stringify(await listApiTokens({ data }))).not.toContain('hash')
    await registry.close()
    expect((await claimsOf(data)).get(2)).toEqual({ name: 'build farm', token_id: tokenId })
    expect(filesHolding(data, [token, token.slice(-43)])).toEqual([])
  })

  it.each([
    [
      'whose collateral was changed',
      "UPDATE collateral SET bytes = x'00'",
      /collateral of entry 2/,
    ],
    ['whose collateral is gone', 'DELETE FROM collateral', /collateral of entry 2/],
    ['that lost a rule', "DELETE FROM governance WHERE kind = 'policy'", /entry 0 is listed as/],
    [
      'with a rule too many',
      "INSERT INTO governance VALUES ('delegation', 2)",
      /entry 2 is listed/,
    ],
  ])('and \`log check\` finds a log %s', async (_, sql, message) => {
    const { data, url, registry } = await start({})
    const { token } = await addApiToken({ data, name: 'a', scopes: ['register'] })
    expect((await post(url, { token })).status).toBe(201)
    await registry.close()
    await checkLog({ data })
    const database = new Database(join(data, 'log.sqlite'))
    database.exec(sql)
    database.close()
    await expect(checkLog({ data })).rejects.toMatchObject({
      code: 'ERR_LOG_CORRUPT',
      message: expect.stringMatching(message) as string,
    })
  })

  it('end when they are revoked or expire, and do what their scopes say', async () => {
    const { data, url } = await start({})
    const { token, tokenId } = await addApiToken({ data, name: 'a', scopes: ['register'] })
    expect((await post(url, { token })).status).toBe(201)
    expect(await revokeApiToken({ data }, tokenId)).toBe(true)
    expect(await post(url, { token })).toMatchObject({ status: 401 })
    expect(await revokeApiToken({ data }, 'unknown')).toBe(false)
    const expired = await addApiToken({
      data,
      name: 'b',
      scopes: ['register'],
      expiresAt: now() - 1,
    })
    expect(await post(url, { token: expired.token })).toMatchObject({ status: 401 })
    const reader = await addStored(data, ['query'])
    expect(await post(url, { token: reader })).toMatchObject({
      ...{ status: 403, code: 'ERR_TOKEN_SCOPE' },
      challenge: 'Bearer error="insufficient_scope"',
    })
  })

  it('are taken and listed with a scope of before, for reading, that nothing asks for', async () => {
    const { data, url } = await start({})
    const token = await addStored(data, ['register', 'query'])
    expect((await post(url, { token })).status).toBe(201)
    const [listed] = (await listApiTokens({ data })).slice(-1)
    expect(listed).toMatchObject({ name: 'stored', scopes: ['register', 'query'] })
  })

  /** A token as a version made it that had other scopes. */
  async function addStored(data: string, scopes: readonly string[]): Promise<string> {
    const { token, tokenId, hash } = createApiToken()
    const tokens = await openApiTokens(logPaths({ data }))
    await tokens.add({ ...{ tokenId, hash, scopes }, name: 'stored', createdAt: now() })
    await tokens.close()
    return token
  }
})

describe('journals of a served log', () => {
  it('are written while it serves and when it is stopped, and go on after a restart', async () => {
    const { data, url, registry } = await start({}, { journalIntervalMs: 50 })
    await post(url)
    const isWritten = (): boolean => events.some(({ event }) => event === 'journal')
    for (let tries = 0; tries < 200 && !isWritten(); tries++) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    expect(isWritten()).toBe(true)
    await post(url)
    await registry.close()
    const before = await checkLog({ data })
    // Nothing to cover: nothing is written.
    const again = await startRegistry(readConfig({ data, port: 0 }, { report: () => undefined }))
    await again.close()
    expect((await checkLog({ data })).entries).toBe(before.entries)
    const third = await startRegistry(readConfig({ data, port: 0 }, { report: () => undefined }))
    await post(third.url)
    await third.close()
    expect((await checkLog({ data })).entries).toBe(before.entries + 2)
  })

  it('need the registrar key of the policy', async () => {
    const { data, registry } = await start({})
    await registry.close()
    const pem = testSigner().privateKey.export({ format: 'pem', type: 'pkcs8' })
    writeFileSync(join(data, 'keys', 'registrar.pem'), pem)
    await expect(
      startRegistry(readConfig({ data, port: 0 }, { report: () => undefined })),
    ).rejects.toMatchObject({ code: 'ERR_KEY_MISMATCH' })
  })
})
