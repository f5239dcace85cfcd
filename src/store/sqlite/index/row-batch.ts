/**
 * Rows of one table on their way into it. A call of SQLite costs as much as some rows, so many go in
 * one; what waits for that is never more than one call takes, however large the transaction is.
 */
import { INSERT_ROWS } from './writes.ts'
import type { RowInserts } from './writes.ts'

export class RowBatch {
  readonly #inserts: RowInserts
  readonly #full: number
  /** Values of the rows that wait, one row after the other: whoever adds one pushes all of its columns. */
  values: unknown[] = []

  constructor(inserts: RowInserts) {
    this.#inserts = inserts
    this.#full = inserts.columns * INSERT_ROWS
  }

  /** A row is complete. Values are bound as arguments: from a list each takes a look-up of its own. */
  endRow(): void {
    if (this.values.length < this.#full) return
    this.#inserts.many.run(...this.values)
    this.values = []
  }

  /** Inserts what waits. */
  end(): void {
    const { columns, one } = this.#inserts
    for (let at = 0; at < this.values.length; at += columns) {
      one.run(...this.values.slice(at, at + columns))
    }
    this.values = []
  }
}

/**
 * Bytes as they are bound best: a small typed array has no memory outside of V8's heap until a binding
 * asks for it, which costs more than this copy into Node's pool.
 */
export function storedBytes(bytes: Uint8Array): Uint8Array {
  return Buffer.from(bytes)
}
