/**
 * A log moves from SQLite to PostgreSQL with all that it ever said: 2,000 entries; 100,000 with
 * ATTESTRY_SLOW=1.
 */
import { cpSync, existsSync, renameSync, rmSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { listApiTokens, revokeApiToken } from '../../src/app/api-tokens.ts'
import { backupLog } from '../../src/app/backup.ts'
import { adoptGuard, checkLog as checkDirectory } from '../../src/app/check-log.ts'
import { readConfig } from '../../src/app/config.ts'
import { migrateLog } from '../../src/app/migrate-log.ts'
import type { MigrateRequest } from '../../src/app/migrate-log.ts'
import { prunePayload } from '../../src/app/prune-payload.ts'
import { restoreLog } from '../../src/app/restore.ts'
import { rotateKey } from '../../src/app/rotate-key.ts'
import { startScrubbing } from '../../src/app/scrubbing.ts'
import { dataPaths } from '../../src/app/data-directory.ts'
import { startRegistry } from '../../src/app/start.ts'
import { withoutPassword } from '../../src/app/store-location.ts'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { leafIndex } from '../../src/bytes/integers.ts'
import { encodeHex } from '../../src/bytes/hex.ts'
import type { PublicKey } from '../../src/cose/public-key.ts'
import { parseCoseKey } from '../../src/cose/public-key.ts'
import { parseReceipt } from '../../src/cose/receipt.ts'
import { verifyInclusionReceipt } from '../../src/cose/verify-receipt.ts'
import { nativeSha256 } from '../../src/keys/native-hash.ts'
import type { LogStore } from '../../src/log/store.ts'
import { GOVERNANCE_KINDS } from '../../src/payload/media-types.ts'
import { parsePayloadName } from '../../src/statement/payload-name.ts'
import { parseSignedStatement } from '../../src/statement/signed-statement.ts'
import { signStatement } from '../../src/statement/sign-statement.ts'
import { PostgresGuard } from '../../src/store/postgres/postgres-guard.ts'
import { PostgresLogStore } from '../../src/store/postgres/postgres-log-store.ts'
import { PostgresPayloadStore } from '../../src/store/postgres/postgres-payload-store.ts'
import { SqliteLogStore } from '../../src/store/sqlite/sqlite-log-store.ts'
import { rejection } from '../support/error-code.ts'
import { slow } from '../support/mutate.ts'
import { nodeSignatureVerifier } from '../support/node-signature-verifier.ts'
import { closeServices, inToto, nameOf, pathOf, PayloadService, signer } from '../support/payload-service.ts' // prettier-ignore
import { describePostgres, usePostgres } from '../support/postgres.ts'

const ENTRIES = slow ? 100_000 : 2_000

interface RegisteredEntry {
  readonly statement: Uint8Array
  readonly receipt: Uint8Array
}

let statements = 0
async function register(url: string): Promise<RegisteredEntry> {
  const payload = encodeUtf8(String(statements++))
  const names = { issuer: 'https://issuer.example', subject: 'demo', contentType: 'text/plain' }
  const statement = await signStatement({ payload, ...names, signer })
  const headers = { 'Content-Type': 'application/cose' }
  const body = new Uint8Array(statement)
  const response = await fetch(`${url}/entries`, { method: 'POST', headers, body })
  expect(response.status).toBe(201)
  return { statement, receipt: new Uint8Array(await response.arrayBuffer()) }
}

async function registerMany(url: string, count: number): Promise<RegisteredEntry[]> {
  const all: RegisteredEntry[] = []
  const client = async (): Promise<void> => {
    while (all.length < count) all.push(await register(url))
  }
  await Promise.all(Array.from({ length: 32 }, client))
  return all
}

type KeyOfKid = (kid: Uint8Array) => PublicKey

async function receiptKeysOf(store: LogStore): Promise<KeyOfKid> {
  const stored = await store.listServiceKeys()
  const keys = new Map(stored.map((key) => [encodeHex(key.keyId), parseCoseKey(key.coseKey)]))
  return (kid) => keys.get(encodeHex(kid))!
}

async function verify(keyOf: KeyOfKid, { statement, receipt }: RegisteredEntry): Promise<number> {
  const parsed = parseReceipt(receipt)
  const { leafIndex: at } = await verifyInclusionReceipt({
    ...{ receipt: parsed, entry: parseSignedStatement(statement).entry, leafRule: 'entry' },
    ...{ key: keyOf(parsed.keyId!), requireTreeSizeClaim: true, verifier: nodeSignatureVerifier },
  })
  return Number(at)
}

describePostgres('attestry migrate', () => {
  const databases = usePostgres()
  const guards = usePostgres()
  afterAll(closeServices)

  let service: PayloadService
  let registered: RegisteredEntry[]
  let request: MigrateRequest
  const [unused, read, pruned] = [inToto(1), inToto(2), inToto(3)]

  /** A log that has a bit of everything. */
  beforeAll(async () => {
    service = await PayloadService.create()
    const { data } = service
    registered = await registerMany(service.url, ENTRIES / 2)
    for (const content of [unused, read, pruned]) expect(await service.put(content)).toBe(201)
    await service.put(read, 'sha512')
    for (const content of [read, pruned]) {
      expect((await service.register(await service.envelope(content))).status).toBe(201)
    }
    expect((await service.register(await service.envelope(inToto(4)))).status).toBe(400)
    await service.setPolicy({ predicateTypes: ['https://good.example/*', 'x:*'] })
    await service.stop()
    await rotateKey({ data }, 'receipt')
    await service.start()
    registered.push(...(await registerMany(service.url, ENTRIES / 2)))
    const registerPruning = async (): Promise<void> => {
      expect((await service.registerPruning(nameOf(pruned), 'a court asked')).status).toBe(201)
    }
    await prunePayload({ data, name: parsePayloadName(nameOf(pruned)), registerPruning })
    await service.stop()
    request = {
      data,
      to: await databases().createDatabase(),
      toGuard: await guards().createDatabase(),
    }
  })

  const openTarget = (): Promise<PostgresLogStore> =>
    PostgresLogStore.open(request.to, { mode: 'existing', readonly: true })

  it('is refused while the log is served, without its guard, or into a place that is not free', async () => {
    const { data } = service
    await service.start()
    expect(await rejection(() => migrateLog(request))).toBe('ERR_LOG_LOCKED')
    await service.stop()
    const refused = (change: Partial<MigrateRequest>): Promise<string> =>
      rejection(() => migrateLog({ ...request, ...change }))
    expect(await refused({ guard: pathOf('no-guard') })).toBe('ERR_GUARD_MISSING')
    expect(await refused({ to: 'log.sqlite' })).toBe('ERR_CONFIGURATION')
    const noUrl = migrateLog({ ...request, toGuard: 'postgres//u:secret@h/db' })
    await expect(noUrl).rejects.toThrow(/^--to-guard is no URL/)
    const near = await databases().createDatabase()
    expect(await refused({ toGuard: near })).toBe('ERR_CONFIGURATION')
    expect(await refused({ data: pathOf('nothing') })).toBe('ERR_LOG_MISSING')
    // The source is untouched.
    expect((await checkDirectory({ data })).guard).toBeGreaterThan(ENTRIES)
  })

  it('goes on where it was stopped, also when the log went on in between', async () => {
    const { data } = service
    const sizes: number[] = []
    for (const [stopAt, isBetween] of [
      [1, true],
      [ENTRIES / 2, false],
      [ENTRIES, false],
    ] as const) {
      // prettier-ignore
      const stopped = migrateLog({
        ...request,
        onProgress: ({ entries }) => {
          if (entries >= stopAt) throw new Error('stopped')
        },
      })
      await expect(stopped).rejects.toThrow('stopped')
      const target = await openTarget()
      sizes.push((await target.readState()).treeHead.treeSize)
      await target.close()
      if (!isBetween) continue
      // Nothing says yet that the log is moved: it is served as before, and has changed since.
      await service.start()
      registered.push(await register(service.url))
      await service.stop()
      await rotateKey({ data }, 'receipt')
    }
    expect(sizes[0]).toBeLessThan(sizes[1]!)
    expect(sizes[1]).toBeLessThan(sizes[2]!)
    const tokens = await listApiTokens({ data })
    await revokeApiToken({ data }, tokens[0]!.tokenId)
    // It ends where the log that is moved does.
    await backupLog({ data, out: pathOf('backup-before') })
    const { checked } = await migrateLog(request)
    // The directory remembers where the log is.
    const { entries, guard } = await checkDirectory({ data })
    expect([entries, guard]).toEqual([checked.entries, checked.entries])
  })

  it('leaves the same entries, heads, keys and rules', async () => {
    const options = { mode: 'existing', readonly: true } as const
    const source = SqliteLogStore.open(`${service.data}/log.sqlite`, options)
    const target = await openTarget()
    const { epoch: _, ...state } = await target.readState()
    expect(state).toEqual(await source.readState())
    const size = state.treeHead.treeSize
    for (let start = 0; start < size; start += 1000) {
      const entries = await target.readEntries(leafIndex(start), 1000)
      expect(entries).toEqual(await source.readEntries(leafIndex(start), 1000))
      const found = await target.findLeafIndexes(entries.map(({ entry }) => nativeSha256(entry)))
      expect(found).toEqual(entries.map((entry) => entry.leafIndex))
    }
    expect(await target.listBatchHeads(0, size)).toEqual(await source.listBatchHeads(0, size))
    const heads = await source.listSignedHeads(0, size)
    const copied = await target.listSignedHeads(0, size)
    expect(copied.slice(0, heads.length)).toEqual(heads)
    expect(copied.at(-1)?.treeHead).toEqual(state.treeHead)
    expect(await target.listServiceKeys()).toEqual(await source.listServiceKeys())
    for (const kind of GOVERNANCE_KINDS) {
      expect(await target.listGovernance(kind, 0)).toEqual(await source.listGovernance(kind, 0))
    }
    const used = await source.listEntryCollateral(0, size)
    expect(await target.listEntryCollateral(0, size)).toEqual(used)
    for (const { digest } of used) {
      expect(await target.findCollateral(digest)).toEqual(await source.findCollateral(digest))
    }
    const keyOf = await receiptKeysOf(target)
    for (const entry of registered) {
      const { entryId } = parseSignedStatement(entry.statement)
      const [at] = await target.findLeafIndexes([Buffer.from(entryId, 'hex')])
      expect(await verify(keyOf, entry)).toBe(at)
    }
    await source.close()
    await target.close()
  })

  it('takes payloads, their names, prunings, tokens and refusals along', async () => {
    const payloads = await PostgresPayloadStore.open(request.to)
    const find = (content: Uint8Array, algorithm?: string): ReturnType<typeof payloads.find> =>
      payloads.find(parsePayloadName(nameOf(content, algorithm)))
    expect(await find(unused)).toEqual({ kind: 'stored', bytes: unused })
    expect(await find(read, 'sha512')).toEqual({ kind: 'stored', bytes: read })
    expect(await find(pruned)).toMatchObject({ kind: 'pruned' })
    await payloads.close()
    const rows = (sql: string): Promise<unknown[]> => databases().query(sql, request.to)
    const tokens = service.rows('SELECT token_id FROM api_token WHERE revoked_at IS NOT NULL')
    expect(tokens).toHaveLength(1)
    expect(await rows('SELECT token_id FROM api_token WHERE revoked_at IS NOT NULL')).toEqual(
      tokens.map((id) => ({ token_id: id })),
    )
    const refusals = service.rows('SELECT entry_id FROM refusal ORDER BY number')
    expect(refusals).toHaveLength(1)
    expect(await rows('SELECT entry_id FROM refusal ORDER BY number')).toEqual(
      refusals.map((id) => ({ entry_id: id })),
    )
  })

  it('finishes the hand-over of the guard, wherever it was killed', async () => {
    const { data } = service
    const guardOf = async (): Promise<Uint8Array | undefined> => {
      const guard = await PostgresGuard.open(request.toGuard)
      const head = await guard.read()
      await guard.close()
      return head?.bytes
    }
    const handedOver = await guardOf()
    expect(handedOver).toBeDefined()
    const undo: readonly (() => unknown)[] = [
      () => rmSync(`${data}/location.json`),
      () => renameSync(`${data}.guard.moved`, `${data}.guard`),
      () => guards().query('DROP TABLE guard', request.toGuard),
    ]
    for (let steps = 1; steps <= undo.length; steps++) {
      for (const step of undo.slice(0, steps)) await step()
      // Marked and not handed over: nobody signs, neither here nor there.
      const config = { data, port: 0, guard: `${data}.guard` }
      const started = startRegistry(readConfig(config, { report: () => undefined }))
      expect(await rejection(() => started)).toBe('ERR_LOG_MOVED')
      await migrateLog(request)
      expect(await guardOf()).toEqual(handedOver)
      expect(existsSync(`${data}.guard`)).toBe(false)
    }
    // Between the two guards there is none, and the new place says what to do.
    rmSync(`${data}/location.json`)
    await guards().query('DROP TABLE guard', request.toGuard)
    const { to: store, toGuard } = request
    const config = { data, port: 0, store, guard: toGuard }
    const there = startRegistry(readConfig(config, { report: () => undefined }))
    await expect(there).rejects.toMatchObject({
      code: 'ERR_GUARD_MISSING',
      message: expect.stringContaining('`attestry migrate` was, run that again') as string,
    })
    await migrateLog(request)
    expect(await guardOf()).toEqual(handedOver)
    // It is no second guard for a log that has moved.
    const other = await guards().createDatabase()
    const second = rejection(() => migrateLog({ ...request, toGuard: other }))
    expect(await second).toBe('ERR_GUARD_MISSING')
    // A guard of another log in the new place is no guard of this one.
    rmSync(`${data}/location.json`)
    renameSync(`${data}.guard.moved`, `${data}.guard`)
    await guards().query("UPDATE guard SET bytes = bytes || 'x'", request.toGuard)
    expect(await rejection(() => migrateLog(request))).toBe('ERR_GUARD_FORK')
    await guards().query('DROP TABLE guard', request.toGuard)
    await migrateLog(request)
  })

  it('goes on in the new place, with the same keys and the next index', async () => {
    const before = (await checkDirectory({ data: service.data })).entries
    await service.start()
    const entry = await register(service.url)
    const target = await openTarget()
    const keyOf = await receiptKeysOf(target)
    expect(await verify(keyOf, entry)).toBe(before)
    // An old statement is a duplicate: the same index, by a Receipt of its first head.
    const { statement } = registered[0]!
    const headers = { 'Content-Type': 'application/cose' }
    const body = new Uint8Array(statement)
    const again = await fetch(`${service.url}/entries`, { method: 'POST', headers, body })
    const receipt = new Uint8Array(await again.arrayBuffer())
    expect(await verify(keyOf, { statement, receipt })).toBe(await verify(keyOf, registered[0]!))
    await target.close()
    await service.stop()
    expect((await checkDirectory({ data: service.data })).entries).toBeGreaterThan(before)
  })

  it('is scrubbed in the new place', async () => {
    const paths = dataPaths(service.data)
    expect(paths.store).toBe(request.to)
    rmSync(paths.scrub, { force: true })
    const scrubbing = startScrubbing({
      ...{ paths, rateBytes: 1e12, delayMs: 0 },
      onFatal: (error) => expect.fail(error.message),
      report: (event) => expect.fail(JSON.stringify(event)),
    })
    while (scrubbing.state().lastPassAt === undefined) await wait(5)
    expect(scrubbing.state().treeSize).toBeGreaterThan(ENTRIES)
    await scrubbing.close()
    // Damage is found there, too: of a payload, which no root covers.
    await databases().query(`UPDATE payload SET bytes = bytes || 'x'`, request.to)
    rmSync(paths.scrub)
    const damage = await new Promise<Error>((resolve) => {
      const options = { paths, rateBytes: 1e12, delayMs: 0, report: () => undefined }
      startScrubbing({ ...options, onFatal: resolve })
    })
    expect(damage.message).toContain(nameOf(unused))
  })

  it('leaves a source that can be read, and cannot sign any more, nor can its copies', async () => {
    const { data } = service
    const old = pathOf('old-place')
    cpSync(data, old, { recursive: true })
    rmSync(`${old}/location.json`)
    const guard = `${data}.guard.moved`
    const serve = (path: string): Promise<unknown> =>
      startRegistry(readConfig({ data: path, guard, port: 0 }, { report: () => undefined }))
    expect(await rejection(() => serve(old))).toBe('ERR_LOG_MOVED')
    expect(await rejection(() => rotateKey({ data: old }, 'receipt'))).toBe('ERR_LOG_MOVED')
    const adopted = rejection(() => adoptGuard({ data: old, guard: pathOf('new-guard') }))
    expect(await adopted).toBe('ERR_LOG_MOVED')
    expect(existsSync(`${data}.guard`)).toBe(false)
    expect((await checkDirectory({ data: old, guard })).entries).toBeGreaterThan(ENTRIES)
    const [out, restored] = [pathOf('backup'), pathOf('restored')]
    expect(await rejection(() => backupLog({ data, out }))).toBe('ERR_CONFIGURATION')
    await backupLog({ data: old, guard, out })
    await restoreLog({ backup: out, data: restored, guard })
    cpSync(`${data}/keys`, `${restored}/keys`, { recursive: true })
    expect(await rejection(() => serve(restored))).toBe('ERR_LOG_MOVED')
  })

  it('puts a guard away that lets nothing sign, not even a backup from before the move', async () => {
    const { data } = service
    const [backup, older] = [pathOf('backup-before'), pathOf('restored-before')]
    const guard = pathOf('named-like-a-guard')
    cpSync(`${data}.guard.moved`, guard)
    const { guard: found } = await restoreLog({ backup, data: older, guard })
    expect(found).toEqual({ standing: 'moved', movedTo: withoutPassword(request.to) })
    cpSync(`${data}/keys`, `${older}/keys`, { recursive: true })
    const config = readConfig({ data: older, guard, port: 0 }, { report: () => undefined })
    await expect(startRegistry(config)).rejects.toMatchObject({
      code: 'ERR_LOG_MOVED',
      message: expect.stringContaining(withoutPassword(request.to)) as string,
    })
    // It is not told to start with it, as for another guard that is there.
    expect(await rejection(() => adoptGuard({ data: older, guard }))).toBe('ERR_LOG_MOVED')
    expect((await checkDirectory({ data: older, guard })).entries).toBeGreaterThan(ENTRIES)
  })

  it('may be run again, and elsewhere it is refused', async () => {
    const again = await migrateLog(request)
    const other = await databases().createDatabase()
    expect(await rejection(() => migrateLog({ ...request, to: other }))).toBe('ERR_LOG_MOVED')
    // The log went on here: what was put away is no guard any more, also where nothing names the place.
    rmSync(`${service.data}/location.json`)
    const empty = await guards().createDatabase()
    const renewed = rejection(() => migrateLog({ ...request, toGuard: empty }))
    expect(await renewed).toBe('ERR_GUARD_MISSING')
    const guard = await PostgresGuard.open(request.toGuard)
    expect((await guard.read())?.treeHead.treeSize).toBe(again.checked.entries)
    await guard.close()
  })
})
