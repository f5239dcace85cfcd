/**
 * Connections to PostgreSQL, each checked before it is used (`session.ts`). One statement is one
 * transaction. What a failure means is told apart here, once: nothing was stored, or nobody knows.
 */
import pg from 'pg'
import type { ClientBase } from 'pg'
import { StartError } from '../../errors.ts'
import { clientConfig } from './client.ts'
import { Connection } from './connection.ts'
import type { Call, Statement } from './connection.ts'
import { notStored, readFailure, writeFailure } from './failures.ts'
import type { Asked } from './failures.ts'
import { PooledClient } from './pooled-client.ts'
import { prepareSession } from './session.ts'
import { withoutPassword } from './url.ts'

/** Runs a statement within a transaction. */
export type Run = <Row>(statement: Statement, values?: readonly unknown[]) => Promise<Row[]>

export interface DatabaseOptions {
  /** Connections at the same time. */
  readonly connectionsMax: number
  /** What the server may take for one statement; the client gives up a little later. */
  readonly statementMs?: number
  /** What to say when it does not answer; the log's database by default. */
  readonly lost?: Asked['lost']
  /** For {@link PostgresDatabase.writeAndRead}: a statement goes out before the last one is answered. */
  readonly pipeline?: boolean
}

/** Every statement is a look-up by key, or a page. */
const STATEMENT_MS = 10_000
/** For the answer to a statement that the server ended in time. */
const ANSWER_MS = 2000
/** A connection that is not used for so long is ended; the first commit after a quiet time is quick. */
const IDLE_MS = 300_000

export class PostgresDatabase implements Asked {
  /** The URL without its password, for messages. */
  readonly name: string
  readonly lost: Asked['lost']
  readonly #pool: pg.Pool
  readonly #answerMs: number

  private constructor(url: string, options: DatabaseOptions) {
    const { connectionsMax, statementMs = STATEMENT_MS, lost = 'ERR_STORE_UNREACHABLE' } = options
    const { pipeline = false } = options
    this.name = withoutPassword(url)
    this.lost = lost
    this.#answerMs = statementMs + ANSWER_MS
    this.#pool = new pg.Pool({
      ...clientConfig(url),
      Client: PooledClient,
      max: connectionsMax,
      pipeline,
      idleTimeoutMillis: IDLE_MS,
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
      const { client } = await database.#connect(readFailure)
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
    const connection = await this.#connect(readFailure)
    return connection.releasing(connection.read<Row>({ statement, values }))
  }

  /**
   * Rows of a statement that writes. When it returns, what it did is durable, on the standbys too that
   * the server waits for.
   * @throws UnavailableError `ERR_STORE_BUSY` when it is known that nothing was stored, and of the code
   *   `lost` when the outcome is unknown.
   * @throws InvariantError when the server refused it: nothing was stored.
   */
  async write<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]> {
    const connection = await this.#connect(notStored)
    return connection.releasing(
      connection.durably(() => connection.run<Row>({ statement, values })),
    )
  }

  /**
   * Writes as {@link write}, and reads as {@link query} when that is durable, in the same round trip.
   * Throws when nothing was sent. What is read may be dropped.
   */
  async writeAndRead<Written, Read>(
    write: Call,
    read: Call,
  ): Promise<{ readonly written: Promise<Written[]>; readonly read: Promise<Read[]> }> {
    const connection = await this.#connect(notStored)
    const both = {
      written: connection.durably(() => connection.run<Written>(write)),
      read: connection.read<Read>(read),
    }
    both.read.catch(() => undefined)
    // Each of them says itself what became of it.
    connection.releasing(Promise.all([both.written, both.read])).catch(() => undefined)
    return both
  }

  /** Runs statements in one transaction. Throws as {@link write}. */
  async transaction<Value>(work: (run: Run) => Promise<Value>): Promise<Value> {
    const connection = await this.#connect(notStored)
    const done = connection.durably(async () => {
      await connection.ask('BEGIN')
      const value = await work((statement, values = []) => connection.run({ statement, values }))
      await connection.ask('COMMIT')
      return value
    })
    return connection.releasing(done)
  }

  /** Runs several statements of one text at once, for migrations. Throws as {@link write}. */
  async script(work: (client: ClientBase) => Promise<void>): Promise<void> {
    const { client } = await this.#connect(notStored)
    try {
      await client.query('SET statement_timeout = 0')
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

  async #connect(failure: (asked: Asked, cause: unknown) => Error): Promise<Connection> {
    try {
      return new Connection(await this.#pool.connect(), this, this.#answerMs)
    } catch (cause) {
      throw cause instanceof StartError ? cause : failure(this, cause)
    }
  }
}
