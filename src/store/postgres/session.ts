/**
 * What a connection is before it is used: settings of the session that others rely on, and settings of
 * the server that durability rests on, read back, because a Receipt is never given for what a crash may
 * take.
 */
import type pg from 'pg'
import type { ClientBase } from 'pg'
import { StartError } from '../../errors.ts'

/** PostgreSQL 13: what the SQL here was written for. */
const VERSION_MIN = 130_000
const LOCK_MS = 5000
/** A process that stops within a transaction lets go of its rows after this time. */
const IDLE_IN_TRANSACTION_MS = 2000

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

/**
 * Sets what a session needs and reads back what durability rests on.
 * @throws StartError `ERR_CONFIGURATION` for a server that may lose what it stored; an Error for one
 *   that takes no writes.
 */
export async function prepareSession(
  client: ClientBase,
  name: string,
  statementMs: number,
): Promise<void> {
  // A connection that ends under a statement fails that statement; without this it ends the process.
  client.on('error', () => undefined)
  // Nobody else gives up on a server that stops answering right here.
  const ask = <Row extends pg.QueryResultRow>(text: string): Promise<pg.QueryResult<Row>> => {
    const config = { text, query_timeout: statementMs }
    return client.query<Row>(config)
  }
  await ask(
    // `remote_apply` promises more than `on`: it stays.
    `SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit')
      WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false);
    SET default_transaction_isolation = 'read committed';
    SET statement_timeout = ${statementMs};
    SET lock_timeout = ${LOCK_MS};
    SET idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_MS};
    -- Every look-up is by key: a plan made while a table was small must not read all of a large one.
    SET enable_seqscan = off;
    -- One plan for all values: with an array among them it would be made anew for every call, which
    -- cost more than the look-ups themselves.
    SET plan_cache_mode = force_generic_plan;
    -- It would compile what it takes for dear, which then is every small table that is read whole.
    SET jit = off;
    -- Whoever cancels the wait for a synchronous standby is told of by a warning and by nothing else.
    SET client_min_messages = warning;
    SET bytea_output = hex`,
  )
  const { rows } = await ask<SessionRow>(SESSION)
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
