/**
 * What a failure of PostgreSQL means. An ERROR in answer to a statement rolled it back, so nothing was
 * stored. A connection that ends while a statement runs, or a server that ends, says nothing: the
 * statement may have been committed or not.
 */
import pg from 'pg'
import { AttestryError, InvariantError, UnavailableError } from '../../errors.ts'

/**
 * Classes of SQLSTATE that pass: rollbacks of the server's own accord, resources and limits (the queue
 * of notifications is full when a listener is frozen for long), locks and limits of time, an
 * administrator, a primary that became a standby.
 */
const PASSING: readonly string[] = ['40', '53', '54', '55', '57', '25']
/** Servers that speak the same language say so when they do not know. */
const COMPLETION_UNKNOWN = '40003'

/**
 * An answer to a statement: it was rolled back. FATAL and PANIC end the connection, and say less. A
 * server that speaks another language has another word for ERROR: every outcome is unknown then.
 */
export function isStatementError(error: unknown): error is pg.DatabaseError {
  if (!(error instanceof pg.DatabaseError) || error.code === COMPLETION_UNKNOWN) return false
  return error.severity === 'ERROR'
}

/** True when it is known that nothing was stored, and another try may succeed. */
export function isPassing(error: unknown): boolean {
  return isStatementError(error) && PASSING.includes(error.code?.slice(0, 2) ?? '')
}

/** A database in messages, and the code of what it did not answer. */
export interface Asked {
  readonly name: string
  readonly lost: 'ERR_STORE_UNREACHABLE' | 'ERR_GUARD_UNREACHABLE'
}

/** What a read that failed is to the log: an error that is answered, or storage that is damaged. */
export function readFailure(asked: Asked, cause: unknown): Error {
  if (cause instanceof AttestryError) return cause
  if (isStatementError(cause) && !isPassing(cause)) return brokenStatement(asked.name, cause)
  return unavailable(asked.lost, `the database ${asked.name} does not answer`, cause)
}

/** What a write that failed is to the log: nothing was stored, for whose fault, or unknown. */
export function writeFailure(asked: Asked, cause: unknown): Error {
  if (cause instanceof AttestryError) return cause
  const { name, lost } = asked
  if (isPassing(cause)) return notStored(asked, cause)
  if (isStatementError(cause)) return brokenStatement(name, cause)
  return unavailable(lost, `whether the database ${name} stored it is unknown`, cause)
}

/** Nothing was sent, or it was rolled back. Of a guard nobody needs to know that much. */
export function notStored({ name, lost }: Asked, cause: unknown): UnavailableError {
  const code = lost === 'ERR_STORE_UNREACHABLE' ? 'ERR_STORE_BUSY' : lost
  return unavailable(code, `the database ${name} did not take it`, cause)
}

function unavailable(
  code: Asked['lost'] | 'ERR_STORE_BUSY',
  what: string,
  cause: unknown,
): UnavailableError {
  const message = `${what}: ${(cause as Error).message}`
  return new UnavailableError(code, message, { cause, retryAfterSeconds: 5 })
}

/** A statement that a sound database and a sound program do not fail at. */
export function brokenStatement(name: string, cause: pg.DatabaseError): InvariantError {
  const { code = '', message } = cause
  return new InvariantError(`the database ${name} refuses: ${message} (SQLSTATE ${code})`, {
    cause,
  })
}
