/** Backups of a log that is being served, and what a restored one may and may not do (design D7). */
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs' // prettier-ignore
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { addApiToken, listApiTokens, readRefusals } from '../../src/app/api-tokens.ts'
import { backupLog } from '../../src/app/backup.ts'
import type { BackupManifest } from '../../src/app/backup-manifest.ts'
import { checkLog } from '../../src/app/check-log.ts'
import { readConfig } from '../../src/app/config.ts'
import { initLog } from '../../src/app/init-log.ts'
import { restoreLog } from '../../src/app/restore.ts'
import { startRegistry } from '../../src/app/start.ts'
import type { RunningRegistry } from '../../src/app/start.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { encodeHex } from '../../src/bytes/hex.ts'
import { parseCoseKeySet } from '../../src/cose/public-key.ts'
import { parseReceipt } from '../../src/cose/receipt.ts'
import { verifyInclusionReceipt } from '../../src/cose/verify-receipt.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { rejection } from '../support/error-code.ts'
import { randomFrom, seed, slow } from '../support/mutate.ts'
import { nodeSignatureVerifier } from '../support/node-signature-verifier.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { testSigner } from '../support/test-signer.ts'

const TRIALS = slow ? 20 : 6

const directory = temporaryDirectory()
const signer = testSigner()
const random = randomFrom(seed)
const running: RunningRegistry[] = []
let made = 0
const freshPath = (name: string): string => join(directory, `${name}-${made++}`)

async function create(): Promise<string> {
  const data = freshPath('data')
  const anchors = [{ kind: 'cose-key' as const, key: signer.publicKey, issuers: ['*'] }]
  await initLog({ data, origin: 'log.example.org', anchors })
  return data
}

async function serve(data: string, guard?: string): Promise<RunningRegistry> {
  const flags = { data, guard, port: 0 }
  const registry = await startRegistry(readConfig(flags, { report: () => undefined }))
  running.push(registry)
  return registry
}

afterEach(async () => {
  for (const one of running.splice(0)) await one.close()
})

interface RegisteredEntry {
  readonly statement: Uint8Array
  readonly receipt: Uint8Array
}

let statements = 0
async function register(url: string, issuer = 'https://issuer.example'): Promise<RegisteredEntry> {
  const payload = encodeUtf8(String(statements++))
  const names = { issuer, subject: 'demo', contentType: 'text/plain' }
  const statement = await signStatement({ payload, ...names, signer })
  return { statement, receipt: await post(url, statement, 201) }
}

async function post(url: string, statement: Uint8Array, status: number): Promise<Uint8Array> {
  const headers = { 'Content-Type': 'application/cose' }
  const body = new Uint8Array(statement)
  const response = await fetch(`${url}/entries`, { method: 'POST', headers, body })
  expect(response.status).toBe(status)
  return new Uint8Array(await response.arrayBuffer())
}

async function verify(url: string, { statement, receipt }: RegisteredEntry): Promise<number> {
  const keys = await (await fetch(`${url}/.well-known/scitt-keys`)).arrayBuffer()
  const { leafIndex } = await verifyInclusionReceipt({
    receipt: parseReceipt(receipt),
    entry: parseSignedStatement(statement).entry,
    key: parseCoseKeySet(new Uint8Array(keys))[0]!,
    leafRule: 'entry',
    requireTreeSizeClaim: true,
    verifier: nodeSignatureVerifier,
  })
  return Number(leafIndex)
}

/** What an operator keeps beside the backups. */
const putKeysBack = (from: string, to: string): void =>
  cpSync(join(from, 'keys'), join(to, 'keys'), { recursive: true })

const sizeOf = ({ head }: BackupManifest): number => head.treeHead.treeSize

describe('a backup that was made while the log is served', () => {
  it(`${TRIALS} times: once the log went on, a restored one refuses to sign`, async () => {
    const data = await create()
    const registry = await serve(data)
    const { url } = registry
    let isOver = false
    const client = async (): Promise<void> => {
      while (!isOver) await register(url)
    }
    const clients = Promise.all(Array.from({ length: 4 }, client))
    const restored: { readonly path: string; readonly size: number }[] = []
    for (let trial = 0; trial < TRIALS; trial++) {
      const out = freshPath('backup')
      const manifest = await backupLog({ data, out })
      for (let more = 1 + random(3); more > 0; more--) await register(url)
      const path = freshPath('restored')
      const report = await restoreLog({ backup: out, data: path, guard: `${data}.guard` })
      expect(report.guard.standing, `trial ${trial}, seed ${seed}`).toBe('ahead')
      expect(report.checked.entries).toBe(sizeOf(manifest))
      restored.push({ path, size: sizeOf(manifest) })
      putKeysBack(data, path)
      const refusal = serve(path, `${data}.guard`)
      await expect(refusal).rejects.toMatchObject({
        code: 'ERR_GUARD_AHEAD',
        message: expect.stringContaining(
          `the data directory ends at ${sizeOf(manifest)}`,
        ) as string,
      })
    }
    isOver = true
    await clients
    await registry.close()
    // Each is the history that the log went on with, at another size.
    for (const { path, size } of restored) {
      const known = await checkLog({ data: path, guard: freshPath('no-guard') })
      const heads = [{ ...known.state.treeHead, heldBy: path }]
      expect((await checkLog({ data, knownHeads: heads })).entries).toBeGreaterThan(size)
    }
    expect(new Set(restored.map(({ size }) => size)).size).toBe(TRIALS)
  })

  it('misses no key that a rotation replaced', async () => {
    const out = freshPath('backup')
    await backupLog({ data: await create(), out })
    const data = freshPath('data')
    mkdirSync(join(data, 'keys'), { recursive: true })
    // The retired predecessor may have been destroyed.
    writeFileSync(join(data, 'keys', 'receipt-0123456789abcdef.pem'), '')
    const { missingKeys } = await restoreLog({ backup: out, data, guard: freshPath('no-guard') })
    expect(missingKeys).toEqual(['checkpoint', 'registrar'].map((name) => join(data, 'keys', `${name}.pem`))) // prettier-ignore
  })

  it('goes on when nothing was signed since, with everything that it had', async () => {
    const data = await create()
    const { token } = await addApiToken({ data, name: 'build-farm', scopes: ['register'] })
    const first = await serve(data)
    const before: RegisteredEntry[] = []
    for (let count = 0; count < 300; count++) before.push(await register(first.url))
    const stranger = await signStatement({
      ...{ payload: encodeUtf8('x'), issuer: 'https://issuer.example', subject: 's' },
      ...{ contentType: 'text/plain', signer: testSigner() },
    })
    await post(first.url, stranger, 400)
    const payload = encodeUtf8('a payload that nothing rests on')
    const payloadUrl = (url: string): string =>
      `${url}/payloads/sha256:${encodeHex(sha256(payload))}`
    const headers = { authorization: `Bearer ${token}`, 'Content-Type': 'application/octet-stream' }
    const put = await fetch(payloadUrl(first.url), {
      method: 'PUT',
      headers,
      body: new Uint8Array(payload),
    })
    expect(put.status).toBe(201)
    await first.close()
    const out = freshPath('backup')
    const manifest = await backupLog({ data, out })
    expect(readdirSync(out).sort()).toEqual(['log.sqlite', 'manifest.json'])

    // The disk is lost; the guard is on another one.
    const guard = `${data}.guard`
    renameSync(join(data, 'keys'), join(directory, 'kept-keys'))
    rmSync(data, { recursive: true })
    const report = await restoreLog({ backup: out, data })
    expect(report.guard).toEqual({ standing: 'equal', treeSize: sizeOf(manifest) })
    expect(report.missingKeys.map((path) => path.slice(data.length))).toEqual([
      '/keys/receipt.pem',
      '/keys/checkpoint.pem',
      '/keys/registrar.pem',
    ])
    await expect(serve(data)).rejects.toMatchObject({ code: 'ERR_KEY_FILE' })
    cpSync(join(directory, 'kept-keys'), join(data, 'keys'), { recursive: true })
    const again = await serve(data, guard)
    for (const [at, entry] of before.entries()) {
      expect(await verify(again.url, entry)).toBe(at + 2)
    }
    // A stored statement is found again, with the same index.
    const duplicate = await post(again.url, before[7]!.statement, 201)
    expect(await verify(again.url, { statement: before[7]!.statement, receipt: duplicate })).toBe(9)
    expect(await verify(again.url, await register(again.url))).toBe(sizeOf(manifest))
    const served = await fetch(payloadUrl(again.url))
    expect(new Uint8Array(await served.arrayBuffer())).toEqual(payload)
    await again.close()
    expect(await listApiTokens({ data })).toMatchObject([{ name: 'build-farm' }])
    expect(await readRefusals({ data }, 10)).toHaveLength(1)
    const { entries, guard: guarded } = await checkLog({ data })
    expect(guarded).toBe(entries)
  })
})

describe('restoring', () => {
  it('refuses another history than the guard knows, and leaves no log behind', async () => {
    const data = await create()
    const first = await serve(data)
    await register(first.url)
    await first.close()
    // Somebody wrote to a copy: both have a log of the same keys, and one has the guard.
    const fork = freshPath('fork')
    cpSync(data, fork, { recursive: true })
    cpSync(`${data}.guard`, `${fork}.guard`)
    for (const [path, count] of [
      [data, 3],
      [fork, 5],
    ] as const) {
      // prettier-ignore
      const registry = await serve(path)
      for (let made = 0; made < count; made++) await register(registry.url)
      await registry.close()
    }
    const out = freshPath('backup')
    await backupLog({ data: fork, out })
    const target = freshPath('restored')
    const refusal = restoreLog({ backup: out, data: target, guard: `${data}.guard` })
    await expect(refusal).rejects.toMatchObject({
      code: 'ERR_GUARD_FORK',
      message: expect.stringContaining('another history') as string,
    })
    expect(readdirSync(target).sort()).toEqual(['keys', 'lock.sqlite'])
    // Its own guard takes it.
    const own = await restoreLog({ backup: out, data: target, guard: `${fork}.guard` })
    expect(own.guard.standing).toBe('equal')
  })

  it('refuses the guard of another log', async () => {
    const [data, other] = [await create(), await create()]
    const out = freshPath('backup')
    await backupLog({ data, out })
    const refusal = (): Promise<unknown> =>
      restoreLog({ backup: out, data: freshPath('r'), guard: `${other}.guard` })
    expect(await rejection(refusal)).toBe('ERR_GUARD_FORK')
  })

  it('says when there is no guard, or an older one', async () => {
    const data = await create()
    cpSync(`${data}.guard`, `${data}.old-guard`)
    const registry = await serve(data)
    for (let count = 0; count < 3; count++) await register(registry.url)
    await registry.close()
    const out = freshPath('backup')
    await backupLog({ data, out })
    const standing = async (guard: string): Promise<string> =>
      (await restoreLog({ backup: out, data: freshPath('r'), guard })).guard.standing
    expect(await standing(freshPath('nothing'))).toBe('missing')
    expect(await standing(`${data}.old-guard`)).toBe('behind')
  })

  it('has its guard in a file: the URL of a database is not taken for one', async () => {
    const data = await create()
    const [out, path] = [freshPath('backup'), freshPath('restored')]
    await backupLog({ data, out })
    const guard = 'postgres://u:secret@guards.example/guard'
    const restored = restoreLog({ backup: out, data: path, guard })
    await expect(restored).rejects.toMatchObject({
      code: 'ERR_CONFIGURATION',
      message: expect.not.stringContaining('secret') as string,
    })
    expect(existsSync(path)).toBe(false)
  })

  it('never writes into a directory that holds something', async () => {
    const data = await create()
    const out = freshPath('backup')
    await backupLog({ data, out })
    const before = readFileSync(join(data, 'log.sqlite'))
    expect(await rejection(() => restoreLog({ backup: out, data }))).toBe('ERR_CONFIGURATION')
    expect(readFileSync(join(data, 'log.sqlite'))).toEqual(before)
    const other = freshPath('other')
    mkdirSync(other)
    writeFileSync(join(other, 'notes.txt'), '')
    expect(await rejection(() => restoreLog({ backup: out, data: other }))).toBe(
      'ERR_CONFIGURATION',
    )
    expect(await rejection(() => backupLog({ data, out }))).toBe('ERR_CONFIGURATION')
    expect(await rejection(() => backupLog({ data, out: other }))).toBe('ERR_CONFIGURATION')
  })

  it('starts again after a run that was interrupted', async () => {
    const data = await create()
    const out = freshPath('backup')
    mkdirSync(out)
    writeFileSync(join(out, 'log.sqlite.partial'), 'half')
    writeFileSync(join(out, 'log.sqlite.partial-wal'), 'half')
    await backupLog({ data, out })
    expect(readdirSync(out).sort()).toEqual(['log.sqlite', 'manifest.json'])
    const target = freshPath('restored')
    mkdirSync(target)
    writeFileSync(join(target, 'log.sqlite.partial'), 'half')
    await restoreLog({ backup: out, data: target, guard: `${data}.guard` })
    expect(existsSync(join(target, 'log.sqlite.partial'))).toBe(false)
  })
})

describe('a damaged backup', () => {
  interface Manifest {
    head: Record<string, unknown>
    files: Record<string, unknown>[]
  }

  async function backup(): Promise<{ readonly data: string; readonly out: string }> {
    const data = await create()
    const registry = await serve(data)
    for (let count = 0; count < 5; count++) await register(registry.url)
    await registry.close()
    const out = freshPath('backup')
    await backupLog({ data, out })
    return { data, out }
  }

  const restoredFrom = (out: string, data: string): Promise<string> =>
    rejection(() =>
      restoreLog({ backup: out, data: freshPath('restored'), guard: `${data}.guard` }),
    )
  const readManifest = (out: string): Manifest =>
    JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8')) as Manifest
  const writeManifest = (out: string, manifest: object): void =>
    writeFileSync(join(out, 'manifest.json'), JSON.stringify(manifest))

  it('is refused for one bit, wherever it is', async () => {
    const { data, out } = await backup()
    const path = join(out, 'log.sqlite')
    const bytes = readFileSync(path)
    for (let trial = 0; trial < 20; trial++) {
      const at = random(bytes.length)
      const flipped = Buffer.from(bytes)
      flipped[at] = flipped[at]! ^ (1 << random(8))
      writeFileSync(path, flipped)
      expect(await restoredFrom(out, data), `byte ${at}, seed ${seed}`).toBe('ERR_BACKUP_DAMAGED')
    }
    writeFileSync(path, bytes.subarray(0, bytes.length - 4096))
    expect(await restoredFrom(out, data)).toBe('ERR_BACKUP_DAMAGED')
    writeFileSync(path, bytes)
    expect(await restoredFrom(out, data)).toBe('accepted')
  })

  it('is refused when somebody made the manifest fit', async () => {
    const { data, out } = await backup()
    const path = join(out, 'log.sqlite')
    const bytes = readFileSync(path)
    const entry = bytes.indexOf('https://issuer.example')
    expect(entry).toBeGreaterThan(0)
    bytes[entry] = bytes[entry]! ^ 1
    writeFileSync(path, bytes)
    const manifest = readManifest(out)
    manifest.files[0]!['sha256'] = encodeHex(sha256(bytes))
    writeManifest(out, manifest)
    expect(await restoredFrom(out, data)).toBe('ERR_LOG_CORRUPT')
  })

  it('is refused with the head of another log, another size, or none', async () => {
    const [{ data, out }, other] = [await backup(), await backup()]
    const manifest = readManifest(out)
    const { head } = readManifest(other.out)
    writeManifest(out, { ...manifest, head })
    expect(await restoredFrom(out, data)).toBe('ERR_BACKUP_DAMAGED')
    writeManifest(out, { ...manifest, head: { ...manifest.head, treeSize: 3 } })
    expect(await restoredFrom(out, data)).toBe('ERR_BACKUP_DAMAGED')
    writeManifest(out, { ...manifest, files: [] })
    expect(await restoredFrom(out, data)).toBe('ERR_BACKUP_DAMAGED')
    rmSync(join(out, 'manifest.json'))
    expect(await restoredFrom(out, data)).toBe('ERR_BACKUP_DAMAGED')
    writeManifest(out, manifest)
    expect(await restoredFrom(out, data)).toBe('accepted')
    rmSync(join(out, 'log.sqlite'))
    expect(await restoredFrom(out, data)).toBe('ERR_BACKUP_DAMAGED')
  })
})
