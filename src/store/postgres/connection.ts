/**
 * A connection of the pool while somebody has it: statements go out prepared, bytes go out as they are, and
 * what a write did is durable when it returns.
 */
import type { PoolClient } from 'pg'
import { columnTypes } from './column-types.ts'
import { readFailure, writeFailure } from './failures.ts'
import type { Asked } from './failures.ts'

/** SQL under a name by which a connection keeps it prepared. */
export interface Statement {
  readonly name: string
  readonly text: string
}

/** A statement and its values. */
export interface Call {
  readonly statement: Statement
  readonly values: readonly unknown[]
}

/** What the server says beside its answer. */
interface Notice {
  readonly code?: string | undefined
  readonly message?: string | undefined
}

/** Class of SQLSTATE. */
const WARNING = '01'

export class Connection {
  readonly client: PoolClient
  readonly #asked: Asked
  readonly #answerMs: number

  /** @param answerMs how long an answer is waited for. */
  constructor(client: PoolClient, asked: Asked, answerMs: number) {
    this.client = client
    this.#asked = asked
    this.#answerMs = answerMs
  }

  async run<Row>({ statement: { name, text }, values }: Call): Promise<Row[]> {
    const config = {
      ...{ name, text, values: [...values], types: columnTypes },
      query_timeout: this.#answerMs,
    }
    return (await this.client.query(config)).rows as Row[]
  }

  async ask(text: string): Promise<void> {
    const config = { text, query_timeout: this.#answerMs }
    await this.client.query(config)
  }

  async read<Row>(call: Call): Promise<Row[]> {
    try {
      return await this.run<Row>(call)
    } catch (error) {
      throw readFailure(this.#asked, error)
    }
  }

  /** Does work that is durable when this returns. */
  async durably<Value>(work: () => Promise<Value>): Promise<Value> {
    const warnings: string[] = []
    const hear = ({ code = '', message = '' }: Notice): void => {
      if (code.startsWith(WARNING)) warnings.push(message)
    }
    this.client.on('notice', hear)
    try {
      const value = await work()
      // Somebody cancelled the wait for a synchronous standby: it is stored here, and not there.
      if (warnings.length > 0) throw new Error(`${this.#asked.name} warns: ${warnings.join('; ')}`)
      return value
    } catch (error) {
      throw writeFailure(this.#asked, error)
    } finally {
      this.client.off('notice', hear)
    }
  }

  /** Gives the connection back when work on it is done; the end of one takes a transaction with it. */
  async releasing<Value>(done: Promise<Value>): Promise<Value> {
    try {
      const value = await done
      this.client.release()
      return value
    } catch (error) {
      // The next one connects anew: the server may have become a standby.
      this.client.release(true)
      throw error
    }
  }
}
