/**
 * Random honest logs as they are served: audited over HTTP while they grow, with the real tables of an index
 * that lags behind them, and from an export that is brought up to date.
 */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { ExportDirectory } from '../../src/app/export-directory.ts'
import { TreeExporter } from '../../src/app/export-tree.ts'
import { LogDirectory } from '../../src/app/log-directory.ts'
import { prunedIn } from '../../src/app/pruned-payloads.ts'
import type { AuditOptions, AuditReport } from '../../src/monitor/audit-log.ts'
import { encodeAuditState, parseAuditState } from '../../src/monitor/audit-state-file.ts'
import type { AuditState } from '../../src/monitor/audit-state.ts'
import { createHttpReader } from '../../src/monitor/http-reader.ts'
import { LogSource } from '../../src/monitor/log-source.ts'
import type { ResourceReader } from '../../src/monitor/resource-reader.ts'
import { openSnapshot } from '../../src/log/open-snapshot.ts'
import { MemoryGuard } from '../../src/store/memory/memory-guard.ts'
import { openIndex } from '../../src/store/sqlite/index/open-index.ts'
import { SqliteIndex } from '../../src/store/sqlite/index/sqlite-index.ts'
import { auditRegistry } from '../support/audit-registry.ts'
import { listPostings, setPosting } from '../support/index-postings.ts'
import { randomFrom, seed, slow } from '../support/mutate.ts'
import { nativeHasher } from '../support/naive-tree.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { LOG_ORIGIN } from '../support/test-registry.ts'
import { ALL_LOOKUPS } from './indexed-fixture.ts'
import { PrunedStore } from './pruned-store.ts'
import { RandomLog } from './random-log.ts'
import { rememberingVerifier as verifier } from './remembering-verifier.ts'

const LOGS = Number(process.env['ATTESTRY_LOGS'] ?? (slow ? 500 : 1))
const ENTRIES = slow ? 400 : 60
const directory = temporaryDirectory()

/** What was pruned is served by nobody. */
function without(reader: ResourceReader, { pruned }: PrunedStore): ResourceReader {
  const isGone = (path: string): boolean => pruned.has(path.replace(/^(collateral|payloads)\//, ''))
  return {
    ...reader,
    read: async (path, max) => (isGone(path) ? undefined : reader.read(path, max)),
  }
}

async function exportTo(path: string, log: RandomLog, guard: MemoryGuard): Promise<void> {
  const { store, registry } = log.service
  const snapshot = await openSnapshot({ store, guard, hasher: nativeHasher, verifier })
  const opened = await ExportDirectory.open(path, LOG_ORIGIN)
  const { treeSize } = snapshot.head.treeHead
  const begun = { origin: LOG_ORIGIN, treeSize, tilesOnly: false, nextBundle: 0, journalBytes: 0 }
  const exported = {
    snapshot,
    directory: opened.directory,
    tilesOnly: false,
    isPruned: prunedIn(store),
  }
  const exporter = new TreeExporter(exported)
  opened.directory.saveState(begun)
  await exporter.writeBundles(begun, undefined)
  await exporter.writeOpenTiles()
  opened.directory.write('checkpoint', await registry.checkpoints.encode())
}

/** Takes random rows out of the tables, one at a time: the audit names that. */
async function hideRows(
  path: string,
  random: (n: number) => number,
  run: () => Promise<unknown>,
): Promise<void> {
  const tables = new Database(path)
  for (let times = 0; times < 2; times++) {
    const postings = listPostings(tables)
    const posting = postings[random(postings.length)]!
    setPosting(tables, posting, false)
    await expect(run(), JSON.stringify(posting)).rejects.toMatchObject({ kind: 'index' })
    setPosting(tables, posting, true)
  }
  const rows = tables.prepare('SELECT * FROM statement').all() as Record<string, unknown>[]
  const row = rows[random(rows.length)]!
  const values = Object.keys(row).map((name) => `@${name}`)
  tables.prepare('DELETE FROM statement WHERE leaf_index = @leaf_index').run(row)
  await expect(run(), JSON.stringify(row)).rejects.toMatchObject({ kind: 'index' })
  tables.prepare(`INSERT INTO statement VALUES (${values.join(', ')})`).run(row)
  tables.close()
}

async function check(one: number): Promise<void> {
  const random = randomFrom(one)
  const tables = join(directory, `${one}.sqlite`)
  const { writer } = await openIndex(tables, { madeBy: 'test' })
  const [index, guard, payloads] = [SqliteIndex.open(tables), new MemoryGuard(), new PrunedStore()]
  const log = await RandomLog.create(random, { index, guard, payloads })
  const { url } = await log.service.listen()
  const http = without(createHttpReader({ url, fetch, wait: async () => undefined }), payloads)
  const run = async (
    reader: ResourceReader,
    options: Partial<AuditOptions>,
  ): Promise<AuditReport> =>
    auditRegistry(log.service, url, { source: new LogSource(reader), verifier, ...options })
  const isSampled = (): boolean => random(5) === 0
  const indexed = { isSampled, index: ALL_LOOKUPS }
  const files = join(directory, `export-${one}`)
  let state: AuditState | undefined
  for (let stages = 1 + random(4); stages > 0; stages--) {
    await log.grow(log.size + random(ENTRIES / 2))
    if (stages === 1) await log.settle()
    const { treeSize: before } = await index.readState()
    const upTo = stages === 1 ? log.size : before + random(log.size - before + 1)
    await log.follow(writer, upTo)
    const known = state === undefined ? {} : { state: parseAuditState(encodeAuditState(state)) }
    const report = await run(http, { ...indexed, ...known })
    expect(report.index?.treeSize).toBe(upTo)
    if (random(2) === 0) {
      await exportTo(files, log, guard)
      const exported = await run(new LogDirectory(files), { isSampled, ...known })
      expect(exported.waitingFrom).toBe(report.waitingFrom)
      expect(exported.counts.entries).toBe(report.counts.entries)
    }
    state = report.state
  }
  const whole = await run(http, indexed)
  expect(whole).toMatchObject({ counts: { entries: log.size }, index: { records: log.size } })
  expect(whole.waitingFrom).toBeUndefined()
  // Content that is gone, and submitters of whom no journal tells, contradict nothing.
  const isWhole = whole.index?.notComparable === 0 && log.tally['no registrar'] === undefined
  if (isWhole) await hideRows(tables, random, () => run(http, indexed))
  await log.close()
  await writer.close()
  await index.close()
}

describe('an honest log that is served', () => {
  it.each(Array.from({ length: LOGS }, (_, at) => seed + at))('passes: seed %i', check)
})
