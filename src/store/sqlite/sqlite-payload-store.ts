/**
 * The payload store in the log's database, beside its `SqliteLogStore`: two connections of its own.
 * A write that meets the log's writer comes again a moment later instead of blocking this thread, and
 * is as durable as a batch is. What becomes collateral leaves the table in the transaction of its
 * entry, by a trigger (migrations/sqlite/0003-payloads.sql).
 */
import { setTimeout as wait } from 'node:timers/promises'
import { assertInvariant, UnavailableError } from '../../errors.ts'
import type {
  ExportedPayloads,
  FoundPayload,
  NewPayload,
  PrunedPayload,
} from '../../log/payload-store.ts'
import type { PayloadName } from '../../statement/payload-name.ts'
import { blob, openFor, readStored, sqliteCode } from './database.ts'
import type { SqliteDatabase } from './database.ts'
import { PayloadRows } from './payload-rows.ts'

/** How long a write tries to get the lock, and how often. */
const TRIES_MAX = 1000
const TRY_PERIOD_MS = 5

type PutAnswer = 'stored' | 'present' | 'pruned'

export class SqlitePayloadStore implements ExportedPayloads {
  readonly #reader: SqliteDatabase
  readonly #writer: SqliteDatabase
  readonly #rows: PayloadRows
  readonly #put: (payload: NewPayload) => PutAnswer

  private constructor(reader: SqliteDatabase, writer: SqliteDatabase) {
    this.#reader = reader
    this.#writer = writer
    this.#rows = new PayloadRows(reader)
    this.#put = preparePut(writer)
  }

  /** Opens the tables in the log's database, which a `SqliteLogStore` has made. */
  static open(path: string): SqlitePayloadStore {
    return openFor(path, { readonly: true }, (reader) =>
      openFor(path, { busyMs: 0 }, (writer) => new SqlitePayloadStore(reader, writer)),
    )
  }

  async find(name: PayloadName): Promise<FoundPayload | undefined> {
    const digest = this.#rows.digestOf(name)
    if (digest === undefined) return undefined
    const entryId = this.#rows.prunedBy(digest)
    if (entryId !== undefined) return { kind: 'pruned', entryId }
    const row = this.#rows.find(digest)
    return row && { kind: 'stored', bytes: row.bytes }
  }

  async has(name: PayloadName): Promise<boolean> {
    const digest = this.#rows.digestOf(name)
    return (
      digest !== undefined && this.#rows.prunedBy(digest) === undefined && this.#rows.has(digest)
    )
  }

  async put(payload: NewPayload): Promise<PutAnswer> {
    for (let tries = 1; ; tries++) {
      try {
        return this.#put(payload)
      } catch (cause) {
        const code = sqliteCode(cause) ?? ''
        const isBusy = code.startsWith('SQLITE_BUSY')
        if (!isBusy && code !== 'SQLITE_FULL') throw cause
        if (!isBusy || tries === TRIES_MAX) {
          const message = `the store did not take the payload (${code})`
          throw new UnavailableError('ERR_STORE_BUSY', message, { cause, retryAfterSeconds: 5 })
        }
        await wait(TRY_PERIOD_MS)
      }
    }
  }

  /**
   * Names under which what is pinned is served and `collateral/` does not: for exports. Names of what
   * was pruned meanwhile find nothing.
   */
  listPinnedNames(): PayloadName[] {
    const names = this.#reader
      .prepare(
        `SELECT name FROM payload_alias WHERE digest IN
           (SELECT digest FROM payload WHERE pinned = 1 UNION ALL SELECT digest FROM collateral)
         UNION ALL SELECT digest FROM payload WHERE pinned = 1`,
      )
      .pluck()
    return readStored(() => names.all()).map((name) => nameOf(blob(name)))
  }

  /** What was deleted by a registered statement: its SHA-256, and all its names. */
  listPruned(): PrunedPayload[] {
    const digests = this.#reader.prepare('SELECT digest FROM pruned_payload').pluck()
    const aliases = this.#reader.prepare('SELECT name FROM payload_alias WHERE digest = ?').pluck()
    return readStored(() => digests.all()).map((row) => {
      const digest = blob(row)
      const names = readStored(() => aliases.all(digest)).map((name) => nameOf(blob(name)))
      return { digest, names: [nameOf(digest), ...names] }
    })
  }

  async close(): Promise<void> {
    this.#reader.close()
    this.#writer.close()
  }
}

function preparePut(database: SqliteDatabase): (payload: NewPayload) => PutAnswer {
  const rows = new PayloadRows(database)
  const insert = database.prepare('INSERT INTO payload VALUES (?, ?, ?, 0)')
  const insertAlias = database.prepare(
    'INSERT INTO payload_alias VALUES (?, ?) ON CONFLICT (name) DO NOTHING',
  )
  const transaction = database.transaction((payload: NewPayload): PutAnswer => {
    const { name, sha256, bytes, storedAt } = payload
    if (rows.prunedBy(sha256) !== undefined) return 'pruned'
    if (name.algorithm !== 'SHA-256') insertAlias.run(name.digest, sha256)
    if (rows.has(sha256)) return 'present'
    insert.run(sha256, bytes, storedAt)
    return 'stored'
  })
  return (payload) => transaction.immediate(payload)
}

const ALGORITHMS: ReadonlyMap<number, PayloadName['algorithm']> = new Map([
  [32, 'SHA-256'],
  [48, 'SHA-384'],
  [64, 'SHA-512'],
])

function nameOf(digest: Uint8Array): PayloadName {
  const algorithm = ALGORITHMS.get(digest.length)
  assertInvariant(algorithm !== undefined, 'a stored digest has a length of no known algorithm')
  return { algorithm, digest }
}
