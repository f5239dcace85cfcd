/**
 * Keeps refusals of all nodes with their reason, off the log (design D13). Recording never waits and
 * never fails: refusals are gathered in memory and written together now and then; in a flood some are
 * dropped. They are no evidence, and losing some in a crash is allowed.
 */
import type { UnixSeconds } from '../../bytes/integers.ts'
import type { RefusalRecord, RefusalStore } from '../../log/operator-tables.ts'
import type { Statement } from './connection.ts'
import { PostgresDatabase } from './database.ts'

const WRITE_PERIOD_MS = 1000
const WAITING_MAX = 1000
const KEPT_MAX = 100_000

const INSERT: Statement = {
  name: 'insert_refusals',
  text: `WITH pruned AS (
    DELETE FROM refusal WHERE number <= (SELECT max(number) FROM refusal) - ${KEPT_MAX}
  )
  INSERT INTO refusal (entry_id, rule, reason, issuer, refused_at)
  SELECT entry_id, rule, reason, issuer, refused_at
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[])
    WITH ORDINALITY AS row (entry_id, rule, reason, issuer, refused_at, n) ORDER BY n`,
}
const LIST: Statement = {
  name: 'list_refusals',
  text: `SELECT entry_id, rule, reason, issuer, refused_at FROM refusal
    ORDER BY number DESC LIMIT $1`,
}

export class PostgresRefusals implements RefusalStore {
  readonly #database: PostgresDatabase
  readonly #timer: NodeJS.Timeout
  #waiting: RefusalRecord[] = []
  #writing: Promise<void> | undefined

  private constructor(database: PostgresDatabase) {
    this.#database = database
    this.#timer = setInterval(() => void this.flush(), WRITE_PERIOD_MS).unref()
  }

  /** Opens the table in the log's database, which a `PostgresLogStore` has made. */
  static async open(url: string): Promise<PostgresRefusals> {
    return new PostgresRefusals(await PostgresDatabase.open(url, { connectionsMax: 1 }))
  }

  record(refusal: RefusalRecord): void {
    if (this.#waiting.length < WAITING_MAX) this.#waiting.push(refusal)
  }

  /** The newest of all nodes, newest first. */
  async list(limit: number): Promise<RefusalRecord[]> {
    return (await this.#database.query<RefusalRow>(LIST, [limit])).map(refusalRecord)
  }

  /** Writes what waits; what cannot be written now waits on. Never rejects. */
  flush(): Promise<void> {
    this.#writing ??= this.#write().finally(() => (this.#writing = undefined))
    return this.#writing
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    // What came while the first one was writing.
    await this.flush()
    await this.flush()
    await this.#database.close()
  }

  async #write(): Promise<void> {
    const rows = this.#waiting
    if (rows.length === 0) return
    this.#waiting = []
    const columns = [
      rows.map(({ entryId }) => entryId),
      rows.map(({ rule }) => rule),
      rows.map(({ reason }) => storable(reason)),
      rows.map(({ issuer }) => (issuer === undefined ? null : storable(issuer))),
      rows.map(({ refusedAt }) => refusedAt),
    ]
    try {
      await this.#database.write(INSERT, columns)
    } catch {
      // Busy or away: the next flush tries again, and the number that waits is bounded. After an
      // unknown outcome some are written twice, which harms nobody.
      this.#waiting = [...rows, ...this.#waiting].slice(0, WAITING_MAX)
    }
  }
}

/** A text of PostgreSQL holds no U+0000, and an issuer that is refused may be anything. */
function storable(text: string): string {
  return text.replaceAll('\0', '\uFFFD')
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
