import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { readConfig } from '../../src/app/config.ts'
import { exportLog } from '../../src/app/export-log.ts'
import type { ExportLogRequest } from '../../src/app/export-log.ts'
import { initLog } from '../../src/app/init-log.ts'
import { startRegistry } from '../../src/app/start.ts'
import type { RunningRegistry } from '../../src/app/start.ts'
import { dataPaths } from '../../src/app/data-directory.ts'
import { openLog } from '../../src/app/open-log.ts'
import { nativeHasher } from '../../src/keys/native-hash.ts'
import { sha256 } from '../../src/bytes/digest.ts'
import { encodeHex } from '../../src/bytes/hex.ts'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { parseCoseKeySet } from '../../src/cose/public-key.ts'
import { parseReceipt } from '../../src/cose/receipt.ts'
import { verifyInclusionReceipt } from '../../src/cose/verify-receipt.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { rebuildLog } from '../support/c2sp-tree.ts'
import { nodeSignatureVerifier } from '../support/node-signature-verifier.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { testSigner } from '../support/test-signer.ts'

const directory = temporaryDirectory()
const at = (...names: string[]): string => join(directory, ...names)
const data = at('data')
const signer = testSigner()
const ENTRIES = 600
// Governance and journals are entries, too.
let size: number

async function serve(): Promise<RunningRegistry> {
  return startRegistry(readConfig({ data, port: 0 }, { report: () => undefined }))
}

async function register(url: string, from: number, count: number): Promise<void> {
  const names = { issuer: 'https://issuer.example', subject: 'demo', contentType: 'text/plain' }
  const headers = { 'Content-Type': 'application/cose' }
  const numbers = Array.from({ length: count }, (_, of) => from + of)
  for (let next = 0; next < count; next += 100) {
    await Promise.all(
      numbers.slice(next, next + 100).map(async (number) => {
        const payload = encodeUtf8(String(number))
        const body = new Uint8Array(await signStatement({ payload, ...names, signer }))
        const response = await fetch(`${url}/entries`, { method: 'POST', headers, body })
        expect(response.status).toBe(201)
      }),
    )
  }
}

/** Paths and bytes of all files. */
function filesOf(path: string): Map<string, string> {
  const files = readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name))
    .sort()
  return new Map(files.map((file) => [relative(path, file), readFileSync(file, 'base64')]))
}

const exported = async (out: string, more: Partial<ExportLogRequest> = {}): Promise<number> =>
  (await exportLog({ data, out: at(out), ...more })).treeSize

beforeAll(async () => {
  const anchors = [{ kind: 'cose-key' as const, key: signer.publicKey, issuers: ['*'] }]
  await initLog({ data, origin: 'log.example.org', anchors })
  const registry = await serve()
  await register(registry.url, 0, ENTRIES)
  await registry.close()
})

describe('an export', () => {
  it('is a log for a C2SP reader that is not ours, and has a valid Receipt for every entry', async () => {
    const { vkey, treeSize } = await exportLog({ data, out: at('whole') })
    expect(treeSize).toBeGreaterThan(ENTRIES + 2)
    size = treeSize
    const read = async (path: string): Promise<Buffer> => readFileSync(at('whole', path))
    const log = await rebuildLog(read, vkey)
    expect(log).toMatchObject({ origin: 'log.example.org', size: treeSize })
    expect(readFileSync(at('whole/log-key'), 'utf8')).toBe(`${vkey}\n`)
    const [key] = parseCoseKeySet(readFileSync(at('whole/.well-known/scitt-keys')))
    const heads = readdirSync(at('whole/heads')).filter((name) => /^\d+$/.test(name)).map(Number).sort((a, b) => a - b) // prettier-ignore
    let leafIndex = -1
    for (const stored of log.entries) {
      const { entryId } = parseSignedStatement(new Uint8Array(stored))
      const folder = at('whole/entries', entryId)
      const receipt = parseReceipt(new Uint8Array(readFileSync(join(folder, 'receipt'))))
      const statement = parseSignedStatement(
        new Uint8Array(readFileSync(join(folder, 'statement'))),
      )
      const sizes: number[] = []
      for (const one of [receipt, ...statement.receipts.map(parseReceipt)]) {
        const found = await verifyInclusionReceipt({
          receipt: one,
          entry: statement.entry,
          key: key!,
          leafRule: 'entry',
          requireTreeSizeClaim: true,
          verifier: nodeSignatureVerifier,
        })
        sizes.push(Number(found.treeSize))
        leafIndex = Number(found.leafIndex)
      }
      // The statement's is by the first head that has it: the time is that of the registration.
      expect(sizes).toEqual([treeSize, heads.find((head) => head > leafIndex)])
    }
    expect(heads.length).toBeGreaterThan(2)
    expect(readdirSync(at('whole')).filter((name) => name.startsWith('.export'))).toEqual([])
  })

  it('has the bytes that the server has', async () => {
    const registry = await serve()
    try {
      for (const path of [
        'checkpoint',
        'tile/0/001',
        `tile/entries/002.p/${size - 512}`,
        'tile/1/000.p/2',
        'heads/2',
        'heads/bundle/000',
        'heads/current',
        'log-key',
        'log-keys',
        'tlog-policy',
        '.well-known/scitt-keys',
        'schemas/delegation.schema.json',
      ]) {
        // prettier-ignore
        const response = await fetch(`${registry.url}/${path}`)
        expect(response.status, path).toBe(200)
        const body = Buffer.from(await response.arrayBuffer())
        expect(body.equals(readFileSync(at('whole', path))), path).toBe(true)
      }
    } finally {
      await registry.close()
    }
  })

  it('that was interrupted goes on where it stopped, and ends the same', async () => {
    const stopAt = (bundles: number) => ({
      onProgress: () => {
        if (--bundles === 0) throw new Error('interrupted')
      },
    })
    await expect(exported('pieces', stopAt(1))).rejects.toThrow('interrupted')
    expect(() => statSync(at('pieces/checkpoint'))).toThrow()
    // What a crash in the middle of a bundle leaves.
    writeFileSync(at('pieces/journal.jsonl'), '{"half')
    await expect(exported('pieces', stopAt(1))).rejects.toThrow('interrupted')
    const { resumedAt } = await exportLog({ data, out: at('pieces') })
    expect(resumedAt).toBe(512)
    expect(filesOf(at('pieces'))).toEqual(filesOf(at('whole')))
  })

  it('goes on with the head that it began with while the log grows, and is brought up to date', async () => {
    const stop = (): never => {
      throw new Error('interrupted')
    }
    await expect(exported('growing', { onProgress: stop })).rejects.toThrow('interrupted')
    const registry = await serve()
    await register(registry.url, ENTRIES, 200)
    expect(await exported('growing')).toBe(size)
    expect(filesOf(at('growing'))).toEqual(filesOf(at('whole')))
    expect(await exported('growing')).toBeGreaterThanOrEqual(size + 200)
    await registry.close()
    const { vkey, treeSize } = await exportLog({ data, out: at('growing') })
    const read = async (path: string): Promise<Buffer> => readFileSync(at('growing', path))
    expect((await rebuildLog(read, vkey)).size).toBe(treeSize)
    const journals = readFileSync(at('growing/journal.jsonl'), 'utf8').trimEnd().split('\n')
    const ranges = journals.map((line) => JSON.parse(line) as { from: number; to: number })
    expect(ranges.length).toBeGreaterThanOrEqual(2)
    for (const [after, { from }] of ranges.slice(1).entries()) {
      expect(from).toBeGreaterThanOrEqual(ranges[after]!.to)
    }
  })

  it('has the collateral of its entries, by digest', async () => {
    const clock = { now: () => 4_000_000_000 }
    const { log } = await openLog(dataPaths(data), { clock, onFatal: () => undefined })
    const names = { issuer: 'https://issuer.example', subject: 'demo', contentType: 'text/plain' }
    const bytes = encodeUtf8('a chain')
    const collateral = [{ kind: 'x5chain' as const, digest: sha256(bytes), bytes }]
    for (const text of ['a', 'b']) {
      const statement = await signStatement({ payload: encodeUtf8(text), ...names, signer })
      const { entry, entryDigest: entryId } = parseSignedStatement(statement)
      const stands = { standsFrom: 0, standsUntil: 5_000_000_000 }
      await log.append({
        entry,
        entryId,
        leafHash: nativeHasher.leaf(entry),
        collateral,
        ...stands,
      })
    }
    await log.close()
    await exported('collateral', { tilesOnly: true })
    const pieces = readdirSync(at('collateral/collateral'))
    expect(pieces).toEqual([`sha256:${encodeHex(sha256(bytes))}`])
    expect(readFileSync(at('collateral/collateral', pieces[0]!), 'utf8')).toBe('a chain')
  })

  it('can leave out what is one file an entry', async () => {
    await exported('tiles', { tilesOnly: true })
    const names = readdirSync(at('tiles'))
    expect(names).not.toContain('entries')
    expect(readdirSync(at('tiles/heads')).sort()).toEqual(['bundle', 'current'])
  })

  it('does not need a guard that is lost', async () => {
    const treeSize = await exported('guarded', { tilesOnly: true })
    expect(await exported('no-guard', { guard: at('nowhere'), tilesOnly: true })).toBe(treeSize)
  })

  it.each([
    [
      'of something else',
      () => writeFileSync(at('whole/metadata.json'), '{"origin":"other.example"}'),
    ],
    ['that is damaged', () => writeFileSync(at('whole/metadata.json'), '{')],
    ['with other files', () => rmSync(at('whole/metadata.json'))],
  ])('is not written over a directory %s', async (_name, damage) => {
    damage()
    await expect(exported('whole')).rejects.toMatchObject({ code: 'ERR_CONFIGURATION' })
  })
})
