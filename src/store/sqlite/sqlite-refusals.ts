/**
 * Keeps refusals with their reason, off the log (design D13). Recording never waits and never fails:
 * refusals are gathered in memory and written together now and then; in a flood some are
 * dropped. They are no evidence, and losing some in a crash is allowed.
 */
import { StartError } from '../../errors.ts'
import type { UnixSeconds } from '../../bytes/integers.ts'
import type { RefusalRecord, RefusalStore } from '../../log/operator-tables.ts'
import { openDatabase } from './database.ts'
import type { SqliteDatabase } from './database.ts'
import { isFileThere } from './file-there.ts'

const WRITE_PERIOD_MS = 1000
const WAITING_MAX = 1000
const KEPT_MAX = 100_000

export class SqliteRefusals implements RefusalStore {
  readonly #database: SqliteDatabase
  readonly #timer: NodeJS.Timeout
  #waiting: RefusalRecord[] = []

  private constructor(database: SqliteDatabase) {
    this.#database = database
    this.#timer = setInterval(() => this.flush(), WRITE_PERIOD_MS).unref()
  }

  /** Opens the table in the log's database, which a `SqliteLogStore` has made. */
  static open(path: string): SqliteRefusals {
    const database = openDatabase(path, { busyMs: 0 })
    // No refusal is worth a wait for the disk.
    database.pragma('synchronous = NORMAL')
    return new SqliteRefusals(database)
  }

  record(refusal: RefusalRecord): void {
    if (this.#waiting.length < WAITING_MAX) this.#waiting.push(refusal)
  }

  /** Refusals of one entry, oldest first. */
  find(entryId: string): RefusalRecord[] {
    this.flush()
    const sql = 'SELECT * FROM refusal WHERE entry_id = ? ORDER BY number'
    return (this.#database.prepare(sql).all(entryId) as RefusalRow[]).map(refusalRecord)
  }

  /** Writes what waits; what cannot be written now waits on. */
  flush(): void {
    if (this.#waiting.length === 0) return
    try {
      this.#database.transaction(() => this.#write()).immediate()
      this.#waiting = []
    } catch {
      // Busy or full: the next flush tries again, and the number that waits is bounded.
    }
  }

  close(): void {
    clearInterval(this.#timer)
    this.flush()
    this.#database.close()
  }

  #write(): void {
    const insert = this.#database.prepare('INSERT INTO refusal VALUES (NULL, ?, ?, ?, ?, ?)')
    for (const { entryId, rule, reason, issuer, refusedAt } of this.#waiting) {
      insert.run(entryId, rule, reason, issuer ?? null, refusedAt)
    }
    const prune = 'DELETE FROM refusal WHERE number <= (SELECT max(number) FROM refusal) - ?'
    this.#database.prepare(prune).run(KEPT_MAX)
  }
}

/**
 * The newest refusals of a log, newest first; may be read beside the serving process.
 * @throws StartError `ERR_LOG_MISSING`.
 */
export function readRefusals(path: string, limit: number): RefusalRecord[] {
  if (!isFileThere(path)) throw new StartError('ERR_LOG_MISSING', `there is no log: ${path}`)
  const database = openDatabase(path, { readonly: true })
  try {
    const sql = 'SELECT * FROM refusal ORDER BY number DESC LIMIT ?'
    return (database.prepare(sql).all(limit) as RefusalRow[]).map(refusalRecord)
  } finally {
    database.close()
  }
}

interface RefusalRow {
  readonly entry_id: string
  readonly rule: string
  readonly reason: string
  readonly issuer: string | null
  readonly refused_at: UnixSeconds
}

function refusalRecord(row: RefusalRow): RefusalRecord {
  const { entry_id: entryId, rule, reason, issuer, refused_at: refusedAt } = row
  return { entryId, rule, reason, ...(issuer === null ? {} : { issuer }), refusedAt }
}
