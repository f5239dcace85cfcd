/**
 * Connections to PostgreSQL, each checked before it is used: durability rests on settings of the server
 * and of the session, and a Receipt is never given for what a crash may take. Statements go out
 * prepared, bytes go out as they are, and one statement is one transaction.
 */
import pg from 'pg'
import type { ClientBase, PoolClient } from 'pg'
import type { NoticeMessage } from 'pg-protocol/dist/messages.js'
import { StartError } from '../../errors.ts'
import { columnTypes } from './column-types.ts'
import { isStatementError, notStored, readFailure, writeFailure } from './failures.ts'
import type { Asked } from './failures.ts'
import { withoutPassword } from './url.ts'

/** SQL under a name by which a connection keeps it prepared. */
export interface Statement {
  readonly name: string
  readonly text: string
}

/** Runs a statement within a transaction. */
export type Run = <Row>(statement: Statement, values?: readonly unknown[]) => Promise<Row[]>

export interface DatabaseOptions {
  /** Connections at the same time. */
  readonly connectionsMax: number
  /** What the server may take for one statement; the client gives up a little later. */
  readonly statementMs?: number
  /** What to say when it does not answer; the log's database by default. */
  readonly lost?: Asked['lost']
}

/** PostgreSQL 13: what the SQL here was written for. */
const VERSION_MIN = 130_000
const STATEMENT_MS = 30_000
/** For the answer to a statement that the server ended in time. */
const ANSWER_MS = 2000
const LOCK_MS = 5000
/** A process that stops within a transaction lets go of its rows after this time. */
const IDLE_IN_TRANSACTION_MS = 2000
const CONNECT_MS = 5000
/** Class of SQLSTATE. */
const WARNING = '01'

export class PostgresDatabase implements Asked {
  /** The URL without its password, for messages. */
  readonly name: string
  readonly lost: Asked['lost']
  readonly #pool: pg.Pool
  readonly #answerMs: number

  private constructor(url: string, options: DatabaseOptions) {
    const { connectionsMax, statementMs = STATEMENT_MS, lost = 'ERR_STORE_UNREACHABLE' } = options
    this.name = withoutPassword(url)
    this.lost = lost
    this.#answerMs = statementMs + ANSWER_MS
    this.#pool = new pg.Pool({
      ...clientConfig(url),
      max: connectionsMax,
      // eslint-disable-next-line @typescript-eslint/no-misused-promises -- pg-pool waits for it, its types do not say so
      onConnect: (client: ClientBase) => prepareSession(client, this.name, statementMs),
    })
    // A connection that ends while it idles; the next statement takes another one.
    this.#pool.on('error', () => undefined)
  }

  /**
   * Opens a database: connects once, so that settings which are not safe are found here.
   * @throws StartError `ERR_CONFIGURATION`; UnavailableError when it is not reached.
   */
  static async open(url: string, options: DatabaseOptions): Promise<PostgresDatabase> {
    const database = new PostgresDatabase(url, options)
    try {
      const client = await database.#connect(readFailure)
      client.release()
      return database
    } catch (error) {
      await database.close()
      throw error
    }
  }

  /**
   * Rows of a statement that is repeated at will: a failure says nothing about the rows.
   * @throws UnavailableError of the code `lost`; InvariantError when the server refused it.
   */
  async query<Row>(statement: Statement, values: readonly unknown[] = []): Promise<Row[]> {
    const client = await this.#connect(readFailure)
    try {
      const rows = await this.#run<Row>(client, statement, values)
      client.release()
      return rows
    } catch (error) {
      client.release(!isStatementError(error))
      throw readFailure(this, error)
    }
  }

  /**
   * Rows of a statement that writes. When it returns, what it did is durable, on the standbys too that
   * the server waits for.
   * @throws UnavailableError `ERR_STORE_BUSY` when it is known that nothing was stored, and of the code
   *   `lost` when the outcome is unknown.
   * @throws InvariantError when the server refused it: nothing was stored.
   */
  async write<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    const client = await this.#connect(notStored)
    const warnings: string[] = []
    const hear = ({ code = '', message = '' }: NoticeMessage): void => {
      if (code.startsWith(WARNING)) warnings.push(message)
    }
    client.on('notice', hear)
    try {
      const rows = await this.#run<Row>(client, statement, values)
      // Somebody cancelled the wait for a synchronous standby: it is stored here, and not there.
      if (warnings.length > 0) throw new Error(`${this.name} warns: ${warnings.join('; ')}`)
      client.release()
      return rows
    } catch (error) {
      client.release(!isStatementError(error))
      throw writeFailure(this, error)
    } finally {
      client.off('notice', hear)
    }
  }

  /** Runs statements in one transaction. Throws as {@link write}. */
  async transaction<Value>(work: (run: Run) => Promise<Value>): Promise<Value> {
    const client = await this.#connect(notStored)
    try {
      await client.query('BEGIN')
      const value = await work((statement, values = []) => this.#run(client, statement, values))
      await client.query('COMMIT')
      client.release()
      return value
    } catch (error) {
      // The end of the connection takes the transaction with it.
      client.release(true)
      throw writeFailure(this, error)
    }
  }

  /** Runs several statements of one text at once, for migrations. Throws as {@link write}. */
  async script(work: (client: ClientBase) => Promise<void>): Promise<void> {
    const client = await this.#connect(notStored)
    try {
      await work(client)
    } catch (error) {
      throw writeFailure(this, error)
    } finally {
      client.release(true)
    }
  }

  close(): Promise<void> {
    return this.#pool.end()
  }

  async #connect(failure: (asked: Asked, cause: unknown) => Error): Promise<PoolClient> {
    try {
      return await this.#pool.connect()
    } catch (cause) {
      throw cause instanceof StartError ? cause : failure(this, cause)
    }
  }

  async #run<Row>(
    client: ClientBase,
    { name, text }: Statement,
    values: readonly unknown[],
  ): Promise<Row[]> {
    const config = {
      ...{ name, text, values: [...values], types: columnTypes },
      query_timeout: this.#answerMs,
    }
    return (await client.query(config)).rows as Row[]
  }
}

/** What every connection has in common; values of the URL come first. */
export function clientConfig(url: string): pg.ClientConfig {
  return {
    connectionString: url,
    fallback_application_name: 'attestry',
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
  }
}

interface SessionRow {
  readonly version: number
  readonly encoding: string
  readonly fsync: string
  readonly full_page_writes: string
  readonly synchronous_commit: string
  readonly read_only: string
  readonly recovery: boolean
}

const SESSION = `SELECT current_setting('server_version_num')::int AS version,
  current_setting('server_encoding') AS encoding, current_setting('fsync') AS fsync,
  current_setting('full_page_writes') AS full_page_writes,
  current_setting('synchronous_commit') AS synchronous_commit,
  current_setting('transaction_read_only') AS read_only, pg_is_in_recovery() AS recovery`

/** Sets what a session needs and reads back what durability rests on. */
async function prepareSession(
  client: ClientBase,
  name: string,
  statementMs: number,
): Promise<void> {
  // A connection that ends under a statement fails that statement; without this it ends the process.
  client.on('error', () => undefined)
  await client.query(
    // `remote_apply` promises more than `on`: it stays.
    `SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit')
      WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false);
    SET default_transaction_isolation = 'read committed';
    SET statement_timeout = ${statementMs};
    SET lock_timeout = ${LOCK_MS};
    SET idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_MS};
    -- Every look-up is by key: a plan made while a table was small must not read all of a large one.
    SET enable_seqscan = off;
    SET bytea_output = hex`,
  )
  const { rows } = await client.query<SessionRow>(SESSION)
  checkSession(rows[0]!, name)
}

function checkSession(found: SessionRow, name: string): void {
  const refuse = (what: string): never => {
    throw new StartError('ERR_CONFIGURATION', `the database ${name} ${what}`)
  }
  if (found.version < VERSION_MIN) refuse('is older than PostgreSQL 13')
  if (found.encoding !== 'UTF8') refuse(`is encoded in ${found.encoding}: create it with UTF8`)
  if (found.fsync !== 'on') refuse('runs with fsync off: what it stores may be lost')
  if (found.full_page_writes !== 'on') {
    refuse('runs with full_page_writes off: a power cut may damage it')
  }
  if (found.synchronous_commit !== 'on' && found.synchronous_commit !== 'remote_apply') {
    refuse(`keeps synchronous_commit at ${found.synchronous_commit}, and on is needed`)
  }
  // Not a refusal: in a failover the same address may lead to a primary again soon.
  if (found.recovery || found.read_only === 'on') {
    throw new Error('it is a standby, or read-only')
  }
}
