/**
 * The guard of several nodes (design D7): one row in a PostgreSQL cluster other than the store's, moved
 * by compare-and-swap in one statement. A node that comes second learns which signature came first, and
 * goes on with that one. The table is made by `create` alone.
 */
import type { SignedTreeHead } from '../../cose/signed-tree-head.ts'
import { StartError } from '../../errors.ts'
import { isBroughtByAnother } from '../../log/guard.ts'
import type { Guard } from '../../log/guard.ts'
import type { Statement } from './connection.ts'
import { PostgresDatabase } from './database.ts'
import { headValues, signedHead } from './rows.ts'
import type { SignedHeadRow } from './rows.ts'

const CONNECTIONS_MAX = 2
const STATEMENT_MS = 5000

const TABLE = `CREATE TABLE IF NOT EXISTS guard (
  id integer PRIMARY KEY CHECK (id = 1), tree_size bigint NOT NULL, root_hash bytea NOT NULL,
  registration_time bigint NOT NULL, bytes bytea NOT NULL)`
const FIND_TABLE: Statement = {
  name: 'find_guard',
  text: `SELECT to_regclass('guard') IS NOT NULL AS found`,
}
const READ: Statement = {
  name: 'read_guard',
  text: 'SELECT tree_size, root_hash, registration_time, bytes FROM guard WHERE id = 1',
}
const ADVANCE: Statement = {
  name: 'advance_guard',
  text: `UPDATE guard SET tree_size = $1, root_hash = $2, registration_time = $3, bytes = $4
    WHERE id = 1 AND bytes = $5 AND root_hash = $6 RETURNING true AS advanced`,
}
const INSERT: Statement = {
  name: 'insert_guard',
  text: `INSERT INTO guard VALUES (1, $1, $2, $3, $4)
    ON CONFLICT (id) DO NOTHING RETURNING true AS inserted`,
}

export class PostgresGuard implements Guard {
  readonly shared = true
  readonly place: string
  readonly #database: PostgresDatabase
  #isThere: boolean | undefined

  private constructor(database: PostgresDatabase) {
    this.#database = database
    this.place = database.name
  }

  /**
   * Opens the guard in the database of a URL; one that is missing reads as `undefined`.
   * @throws StartError `ERR_CONFIGURATION`; UnavailableError `ERR_GUARD_UNREACHABLE`.
   */
  static async open(url: string): Promise<PostgresGuard> {
    const limits = { connectionsMax: CONNECTIONS_MAX, statementMs: STATEMENT_MS }
    const lost = 'ERR_GUARD_UNREACHABLE'
    return new PostgresGuard(await PostgresDatabase.open(url, { ...limits, lost }))
  }

  async read(): Promise<SignedTreeHead | undefined> {
    if (!(await this.#hasTable())) return undefined
    const [row] = await this.#database.query<SignedHeadRow>(READ)
    return row && signedHead(row)
  }

  async advance(from: SignedTreeHead, to: SignedTreeHead): Promise<SignedTreeHead> {
    const values = [...headValues(to), to.bytes, from.bytes, from.treeHead.rootHash]
    const advanced = await this.#database.write(ADVANCE, values)
    if (advanced.length === 1) return to
    const held = await this.read()
    if (held !== undefined && isBroughtByAnother(held, to)) return held
    throw new StartError(
      'ERR_GUARD_FORK',
      `the guard ${this.#database.name} holds another head than the one of size ` +
        `${from.treeHead.treeSize} that was signed last: another log uses it, or it is an older copy`,
    )
  }

  async create(head: SignedTreeHead): Promise<void> {
    if (!(await this.#hasTable())) await this.#makeTable()
    const inserted = await this.#database.write(INSERT, [...headValues(head), head.bytes])
    if (inserted.length === 1) return
    throw new StartError('ERR_LOG_EXISTS', `there is a guard already: ${this.#database.name}`)
  }

  close(): Promise<void> {
    return this.#database.close()
  }

  /** Once it is there it stays. */
  async #hasTable(): Promise<boolean> {
    if (this.#isThere === true) return true
    const [row] = await this.#database.query<{ readonly found: boolean }>(FIND_TABLE)
    this.#isThere = row?.found === true
    return this.#isThere
  }

  async #makeTable(): Promise<void> {
    await this.#database.write({ name: 'make_guard', text: TABLE }, [])
    this.#isThere = true
  }
}
