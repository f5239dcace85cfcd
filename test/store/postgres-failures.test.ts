/** What an error of PostgreSQL means to who wrote: nothing was stored, the program is wrong, or nobody knows. */
import pg from 'pg'
import { expect, it } from 'vitest'
import { writeFailure } from '../../src/store/postgres/failures.ts'

const asked = { name: 'postgres://db/log', lost: 'ERR_STORE_UNREACHABLE' } as const

function errorOf(severity: string, code: string): pg.DatabaseError {
  return Object.assign(new pg.DatabaseError('it failed', 1, 'error'), { severity, code })
}

it.each([
  // Somebody ended the statement, or it waited too long for a lock.
  ['ERROR', '57014', 'ERR_STORE_BUSY'],
  ['ERROR', '55P03', 'ERR_STORE_BUSY'],
  // The queue of notifications is full: a listener is frozen for long.
  ['ERROR', '54000', 'ERR_STORE_BUSY'],
  ['ERROR', '23505', 'ERR_INVARIANT'],
  ['FATAL', '57P01', 'ERR_STORE_UNREACHABLE'],
  // A server that says itself that it does not know.
  ['ERROR', '40003', 'ERR_STORE_UNREACHABLE'],
  ['ERROR', '40001', 'ERR_STORE_BUSY'],
])('%s %s is %s', (severity, sqlstate, code) => {
  expect(writeFailure(asked, errorOf(severity, sqlstate))).toMatchObject({ code })
})
