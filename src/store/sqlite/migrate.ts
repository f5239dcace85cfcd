/**
 * Numbered, forward-only migrations from `migrations/sqlite`, for the index from a folder of its own.
 * Each runs in one transaction together with its row in the ledger. A file that changed after it was
 * applied, or a database made by a newer Attestry, is refused.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { equalBytes, encodeUtf8 } from '../../bytes/bytes.ts'
import { sha256 } from '../../bytes/digest.ts'
import { StartError } from '../../errors.ts'
import { blob } from './database.ts'
import type { SqliteDatabase } from './database.ts'

export interface Migration {
  readonly number: number
  readonly name: string
  readonly sql: string
}

// The same distance from src/store/sqlite and from dist/store/sqlite.
const FOLDER = new URL('../../../migrations/sqlite/', import.meta.url)

/** The migrations of this version of Attestry, in their order. */
export function readMigrations(folder: URL = FOLDER): Migration[] {
  return readdirSync(folder)
    .filter((file) => /^[0-9]{4}-[a-z0-9-]+\.sql$/.test(file))
    .sort()
    .map((file) => ({
      number: Number(file.slice(0, 4)),
      name: file,
      sql: readFileSync(new URL(file, folder), 'utf8'),
    }))
}

interface Applied {
  readonly number: number
  readonly checksum: unknown
}

/**
 * Brings a database up to date; with `apply: false` it only checks that it is.
 * @throws StartError `ERR_CONFIGURATION` when it cannot be.
 */
export function migrate(
  database: SqliteDatabase,
  { apply, migrations = readMigrations() }: { apply: boolean; migrations?: readonly Migration[] },
): void {
  const applied = readLedger(database)
  if (applied.length > migrations.length) {
    throw refusal(database, 'was made by a newer version of Attestry: use that version')
  }
  for (const [at, migration] of migrations.entries()) {
    const checksum = sha256(encodeUtf8(migration.sql))
    const before = applied[at]
    if (before === undefined) {
      if (!apply) throw refusal(database, 'is of an older version: start the registry once')
      applyMigration(database, migration, checksum)
    } else if (before.number !== migration.number || !equalBytes(blob(before.checksum), checksum)) {
      throw refusal(database, `was made with another text of migration ${migration.name}`)
    }
  }
}

function readLedger(database: SqliteDatabase): Applied[] {
  const ledger = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'migration'").get()
  if (ledger === undefined) return []
  return database
    .prepare('SELECT number, checksum FROM migration ORDER BY number')
    .all() as Applied[]
}

function applyMigration(
  database: SqliteDatabase,
  { number, name, sql }: Migration,
  checksum: Uint8Array,
): void {
  database
    .transaction(() => {
      database.exec(`CREATE TABLE IF NOT EXISTS migration (
        number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum BLOB NOT NULL) STRICT`)
      // First the row: a second process that migrates at the same time loses here.
      database.prepare('INSERT INTO migration VALUES (?, ?, ?)').run(number, name, checksum)
      database.exec(sql)
    })
    .immediate()
}

function refusal(database: SqliteDatabase, what: string): StartError {
  return new StartError('ERR_CONFIGURATION', `the database ${database.name} ${what}`)
}
