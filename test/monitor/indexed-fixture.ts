/** A served registry with the real tables of an index, and audits of it that look up everything. */
import Database from 'better-sqlite3'
import type { IndexReader, IndexWriter } from '../../src/log/index-store.ts'
import { AuditFault, FAULT_EXIT_CODES } from '../../src/monitor/audit-fault.ts'
import type { AuditOptions } from '../../src/monitor/audit-log.ts'
import { JournalWriter } from '../../src/registry/journal.ts'
import { MemoryIndex } from '../../src/store/memory/memory-index.ts'
import { openIndex } from '../../src/store/sqlite/index/open-index.ts'
import { SqliteIndex } from '../../src/store/sqlite/index/sqlite-index.ts'
import { auditRegistry } from '../support/audit-registry.ts'
import { indexLog } from '../support/index-log.ts'
import { setPosting } from '../support/index-postings.ts'
import type { Posting } from '../support/index-postings.ts'
import { TestRegistry } from '../support/test-registry.ts'
import type { Found } from './audit-fixture.ts'

/** No look-up is left out. */
export const ALL_LOOKUPS = { lookups: Number.POSITIVE_INFINITY, seed: 'fixed' }

type Row = Readonly<Record<string, unknown>>

export interface IndexedRegistry {
  readonly service: TestRegistry
  readonly url: string
  readonly reader: SqliteIndex
  readonly tables: Database.Database
  /** Runs `work` with a row taken out of its table. */
  without<Value>(table: string, row: Row, work: () => Promise<Value>): Promise<Value>
  /** Runs `work` while a look-up by one value does not lead to a statement. */
  withoutPosting<Value>(posting: Posting, work: () => Promise<Value>): Promise<Value>
  close(): Promise<void>
}

/**
 * @param fill registers what is to be indexed.
 * @param index brings the tables up to date.
 */
export async function createIndexedRegistry(
  path: string,
  fill: (service: TestRegistry) => Promise<void>,
  index: (service: TestRegistry, writer: IndexWriter) => Promise<void> = (service, writer) =>
    indexLog(writer, service),
): Promise<IndexedRegistry> {
  const { writer } = await openIndex(path, { madeBy: 'test' })
  const reader = SqliteIndex.open(path)
  const service = await TestRegistry.create({ index: reader })
  await fill(service)
  await index(service, writer)
  await writer.close()
  const { url } = await service.listen()
  const tables = new Database(path)
  return {
    ...{ service, url, reader, tables },
    without: async (table, row, work) => {
      const names = Object.keys(row)
      const matched = names.map((name) => `${name} IS @${name}`).join(' AND ')
      tables.prepare(`DELETE FROM ${table} WHERE ${matched}`).run(row)
      try {
        return await work()
      } finally {
        const values = names.map((name) => `@${name}`).join(', ')
        tables.prepare(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${values})`).run(row)
      }
    },
    withoutPosting: async (posting, work) => {
      setPosting(tables, posting, false)
      try {
        return await work()
      } finally {
        setPosting(tables, posting, true)
      }
    },
    close: async () => {
      tables.close()
      await service.close()
      await reader.close()
    },
  }
}

/** What an index in memory answers otherwise than it should. */
export type Lie = (honest: MemoryIndex) => Partial<IndexReader>

/**
 * A registry whose index passes through a test's hands.
 * @param fill registers what is to be indexed.
 */
export async function serveIndex(
  fill: (service: TestRegistry) => Promise<void>,
  lie: Lie = () => ({}),
): Promise<{ service: TestRegistry; url: string; index: MemoryIndex }> {
  const index = new MemoryIndex()
  const reader: IndexReader = {
    readState: () => index.readState(),
    query: (query) => index.query(query),
    findRecords: (indexes) => index.findRecords(indexes),
    findEnvelopes: (digest) => index.findEnvelopes(digest),
    follow: (listener) => index.follow(listener),
    close: () => index.close(),
    ...lie(index),
  }
  const service = await TestRegistry.create({ index: reader })
  await fill(service)
  return { service, index, url: (await service.listen()).url }
}

/** Covers what is registered with a journal. */
export async function writeJournal(service: TestRegistry): Promise<void> {
  const ports = { ...service.ports, log: service.log }
  await (await JournalWriter.open({ ports, signer: service.registrar })).write()
}

/** The fault that an audit of the index ends with. */
export async function findIndexFault(
  { service, url }: { readonly service: TestRegistry; readonly url: string },
  options: Partial<AuditOptions> = {},
): Promise<Found | undefined> {
  try {
    await auditRegistry(service, url, { index: ALL_LOOKUPS, isSampled: () => false, ...options })
    return undefined
  } catch (error) {
    if (!(error instanceof AuditFault)) throw error
    return { code: FAULT_EXIT_CODES[error.kind], message: error.message, ...error.place }
  }
}
