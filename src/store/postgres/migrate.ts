/**
 * Numbered, forward-only migrations from `migrations/postgres`. Each runs in one transaction together
 * with its row in the ledger, which comes first: of two nodes that migrate at the same time the second
 * waits there, and finds it done. A file that changed after it was applied, or a database made by a
 * newer Attestry, is refused.
 */
import { readFileSync, readdirSync } from 'node:fs'
import type { ClientBase } from 'pg'
import { encodeUtf8, equalBytes } from '../../bytes/bytes.ts'
import { sha256 } from '../../bytes/digest.ts'
import { StartError } from '../../errors.ts'
import type { Statement } from './connection.ts'
import type { PostgresDatabase } from './database.ts'
import { isStatementError } from './failures.ts'

export interface Migration {
  readonly number: number
  readonly name: string
  readonly sql: string
}

// The same distance from src/store/postgres and from dist/store/postgres.
const FOLDER = new URL('../../../migrations/postgres/', import.meta.url)

/** The migrations of this version of Attestry, in their order. */
export function readMigrations(): Migration[] {
  return readdirSync(FOLDER)
    .filter((file) => /^[0-9]{4}-[a-z0-9-]+\.sql$/.test(file))
    .sort()
    .map((file) => ({
      number: Number(file.slice(0, 4)),
      name: file,
      sql: readFileSync(new URL(file, FOLDER), 'utf8'),
    }))
}

const FIND_LEDGER: Statement = {
  name: 'find_ledger',
  text: `SELECT to_regclass('migration') IS NOT NULL AS found`,
}
const READ_LEDGER: Statement = {
  name: 'read_ledger',
  text: 'SELECT number, checksum FROM migration ORDER BY number',
}
const LEDGER = `CREATE TABLE IF NOT EXISTS migration (
  number integer PRIMARY KEY, name text NOT NULL, checksum bytea NOT NULL)`

interface Applied {
  readonly number: number
  readonly checksum: Uint8Array
}

/**
 * Brings a database up to date: a new one with `all`, one that has tables with `outstanding`; with
 * `none` it only checks that it is.
 * @returns false for a database without tables that stays so.
 * @throws StartError `ERR_CONFIGURATION` when it cannot be.
 */
export async function migrate(
  database: PostgresDatabase,
  apply: 'all' | 'outstanding' | 'none',
  migrations: readonly Migration[] = readMigrations(),
): Promise<boolean> {
  for (;;) {
    const applied = await readLedger(database)
    checkLedger(database, applied, migrations)
    const next = migrations[applied.length]
    if (next === undefined) return true
    if (apply !== 'all' && applied.length === 0) return false
    if (apply === 'none') throw refusal(database, 'is of an older version: start the registry once')
    await applyMigration(database, next)
  }
}

function checkLedger(
  database: PostgresDatabase,
  applied: readonly Applied[],
  migrations: readonly Migration[],
): void {
  if (applied.length > migrations.length) {
    throw refusal(database, 'was made by a newer version of Attestry: use that version')
  }
  for (const [at, { number, checksum }] of applied.entries()) {
    const { name, sql, number: expected } = migrations[at]!
    if (number === expected && equalBytes(checksum, sha256(encodeUtf8(sql)))) continue
    throw refusal(database, `was made with another text of migration ${name}`)
  }
}

async function readLedger(database: PostgresDatabase): Promise<readonly Applied[]> {
  const [ledger] = await database.query<{ readonly found: boolean }>(FIND_LEDGER)
  return ledger?.found === true ? database.query<Applied>(READ_LEDGER) : []
}

async function applyMigration(database: PostgresDatabase, migration: Migration): Promise<void> {
  await database.script(async (client) => {
    await client.query(LEDGER).catch(passIfRaced)
    await client.query('BEGIN')
    try {
      await insertAndRun(client, migration)
      await client.query('COMMIT')
    } catch (error) {
      // The end of the connection rolls it back.
      passIfRaced(error)
    }
  })
}

async function insertAndRun(client: ClientBase, { number, name, sql }: Migration): Promise<void> {
  const row = [number, name, sha256(encodeUtf8(sql))]
  await client.query('INSERT INTO migration VALUES ($1, $2, $3)', row)
  await client.query(sql)
}

/** Another node was first, in making the ledger (its name or type is taken) or the row. */
function passIfRaced(error: unknown): void {
  if (isStatementError(error) && ['23505', '42P07', '42710'].includes(error.code ?? '')) return
  throw error
}

function refusal(database: PostgresDatabase, what: string): StartError {
  return new StartError('ERR_CONFIGURATION', `the database ${database.name} ${what}`)
}
