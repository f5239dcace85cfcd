import { copyFileSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { checkLog } from '../../src/app/check-log.ts'
import { readConfig } from '../../src/app/config.ts'
import { initLog } from '../../src/app/init-log.ts'
import { readVerifierKeys, retireKey, rotateKey } from '../../src/app/rotate-key.ts'
import { startRegistry } from '../../src/app/start.ts'
import type { RunningRegistry } from '../../src/app/start.ts'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { parseCoseKeySet } from '../../src/cose/public-key.ts'
import { parseReceipt } from '../../src/cose/receipt.ts'
import { verifyInclusionReceipt } from '../../src/cose/verify-receipt.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { verifiedLines } from '../support/c2sp-reader.ts'
import { nodeSignatureVerifier } from '../support/node-signature-verifier.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { testSigner } from '../support/test-signer.ts'

const directory = temporaryDirectory()
const signer = testSigner()
const running: RunningRegistry[] = []
let directories = 0

async function create(): Promise<string> {
  const data = join(directory, `data-${directories++}`)
  const anchors = [{ kind: 'cose-key' as const, key: signer.publicKey, issuers: ['*'] }]
  await initLog({ data, origin: 'log.example.org', anchors })
  return data
}

async function serve(data: string): Promise<RunningRegistry> {
  const registry = await startRegistry(readConfig({ data, port: 0 }, { report: () => undefined }))
  running.push(registry)
  return registry
}

afterEach(async () => {
  for (const one of running.splice(0)) await one.close()
})

function statement(number: number): Promise<Uint8Array> {
  const payload = encodeUtf8(String(number))
  const names = { issuer: 'https://issuer.example', subject: 'demo', contentType: 'text/plain' }
  return signStatement({ payload, ...names, signer })
}

async function read(url: string): Promise<Uint8Array> {
  const response = await fetch(url)
  expect(response.status).toBe(200)
  return new Uint8Array(await response.arrayBuffer())
}

interface RegisteredEntry {
  readonly entry: Uint8Array
  readonly entryId: string
  readonly receipt: Uint8Array
}

async function register(url: string, number: number): Promise<RegisteredEntry> {
  const body = new Uint8Array(await statement(number))
  const headers = { 'Content-Type': 'application/cose' }
  const response = await fetch(`${url}/entries`, { method: 'POST', headers, body })
  expect(response.status).toBe(201)
  const { entry, entryId } = parseSignedStatement(body)
  return { entry, entryId, receipt: new Uint8Array(await response.arrayBuffer()) }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** Verifies a Receipt with the key of the published set that it names; that key's id. */
async function verify(url: string, entry: Uint8Array, bytes: Uint8Array): Promise<string> {
  const keys = parseCoseKeySet(await read(`${url}/.well-known/scitt-keys`))
  const receipt = parseReceipt(bytes)
  const keyId = hex(receipt.keyId!)
  await verifyInclusionReceipt({
    receipt,
    entry,
    key: keys.find(({ kid }) => hex(kid!) === keyId)!,
    leafRule: 'entry',
    requireTreeSizeClaim: true,
    verifier: nodeSignatureVerifier,
  })
  return keyId
}

describe('rotation of the receipt key', () => {
  it('leaves no gap: old Receipts verify, the next head is of the new key', async () => {
    const data = await create()
    const entries: RegisteredEntry[] = []
    const kids: string[] = []
    for (const number of [0, 1, 2]) {
      const registry = await serve(data)
      const { url } = registry
      // Before anything is registered, the head is still of the key before.
      const health = (await (await fetch(`${url}/health`)).json()) as { status: string }
      expect(health.status).toBe('ok')
      const registered = await register(url, number)
      entries.push(registered)
      kids.push(await verify(url, registered.entry, registered.receipt))
      for (const [at, { entry, entryId, receipt }] of entries.entries()) {
        expect(await verify(url, entry, receipt)).toBe(kids[at])
        const fresh = await read(`${url}/entries/${entryId}`)
        expect(await verify(url, entry, fresh)).toBe(kids[number])
      }
      await registry.close()
      const { keyId, before } = await rotateKey({ data }, 'receipt')
      expect(before.map((key) => hex(key.keyId))).toEqual([kids[number]])
      expect(hex(keyId)).not.toBe(kids[number])
    }
    expect(new Set(kids).size).toBe(3)
    const { entries: stored, guard } = await checkLog({ data })
    expect(stored).toBeGreaterThanOrEqual(5)
    expect(guard).toBe(stored)
  })

  it('is refused while the log is served', async () => {
    const data = await create()
    await serve(data)
    await expect(rotateKey({ data }, 'receipt')).rejects.toMatchObject({ code: 'ERR_LOG_LOCKED' })
    expect(readdirSync(join(data, 'keys')).filter((name) => name.includes('-'))).toEqual([])
  })

  it('is refused where the present key is another log’s', async () => {
    const [data, other] = [await create(), await create()]
    copyFileSync(join(other, 'keys/receipt.pem'), join(data, 'keys/receipt.pem'))
    await expect(rotateKey({ data }, 'receipt')).rejects.toMatchObject({ code: 'ERR_KEY_MISMATCH' })
  })
})

describe('rotation of the checkpoint key', () => {
  it('has both keys sign until the old one is retired', async () => {
    const data = await create()
    const { active: before } = await readVerifierKeys({ data })
    const { vkeys } = await rotateKey({ data }, 'checkpoint')
    expect(vkeys).toHaveLength(2)
    expect(vkeys[1]).toBe(before[0])
    const registry = await serve(data)
    const { url } = registry
    const both = Buffer.from(await read(`${url}/checkpoint`)).toString()
    for (const vkey of vkeys) expect(verifiedLines(both, vkey)).toHaveLength(1)
    expect(Buffer.from(await read(`${url}/log-key`)).toString()).toBe(`${vkeys[0]}\n`)
    await registry.close()

    await expect(rotateKey({ data }, 'checkpoint')).rejects.toMatchObject({
      code: 'ERR_CONFIGURATION',
    })
    expect((await retireKey({ data })).vkey).toBe(vkeys[0])
    await expect(retireKey({ data })).rejects.toMatchObject({ code: 'ERR_CONFIGURATION' })
    const after = await serve(data)
    const one = Buffer.from(await read(`${after.url}/checkpoint`)).toString()
    expect(verifiedLines(one, vkeys[0]!)).toHaveLength(1)
    expect(verifiedLines(one, vkeys[1]!)).toHaveLength(0)
    const keys = JSON.parse(Buffer.from(await read(`${after.url}/log-keys`)).toString()) as object
    expect(keys).toMatchObject({ active: [vkeys[0]], retired: [vkeys[1]] })
  })
})

describe('start', () => {
  it.each(['receipt', 'checkpoint'] as const)(
    'refuses the %s key of another log',
    async (purpose) => {
      const [data, other] = [await create(), await create()]
      copyFileSync(join(other, `keys/${purpose}.pem`), join(data, `keys/${purpose}.pem`))
      await expect(serve(data)).rejects.toMatchObject({ code: 'ERR_KEY_MISMATCH' })
    },
  )

  it.each([
    ['receipt', 'checkpoint'],
    ['checkpoint', 'receipt'],
  ] as const)('names the %s key where the %s key lies in its place', async (purpose, other) => {
    const data = await create()
    copyFileSync(join(data, `keys/${other}.pem`), join(data, `keys/${purpose}.pem`))
    const message = expect.stringContaining(`keys/${purpose}.pem`) as string
    await expect(serve(data)).rejects.toMatchObject({ code: 'ERR_KEY_MISMATCH', message })
  })

  it.each(['receipt', 'checkpoint'] as const)(
    'refuses the %s key that was rotated away',
    async (purpose) => {
      const data = await create()
      const { path } = await rotateKey({ data }, purpose)
      if (purpose === 'checkpoint') await retireKey({ data })
      renameSync(path, `${path}.lost`)
      await expect(serve(data)).rejects.toMatchObject({ code: 'ERR_KEY_MISMATCH' })
      renameSync(`${path}.lost`, path)
      await serve(data)
    },
  )

  it('refuses a log without its checkpoint key', async () => {
    const data = await create()
    renameSync(join(data, 'keys/checkpoint.pem'), join(data, 'keys/lost.pem'))
    await expect(serve(data)).rejects.toMatchObject({ code: 'ERR_KEY_FILE' })
  })
})
