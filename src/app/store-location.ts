/**
 * Where the store and the guard of a log are: files by default, or databases of PostgreSQL. A data
 * directory of a log in PostgreSQL says so in `location.json`, so that every command with `--data` goes
 * to the same place; what the command line names comes first.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodeUtf8 } from '../bytes/bytes.ts'
import { StartError } from '../errors.ts'
import { isPostgresUrl } from '../store/postgres/url.ts'
import { replaceFile } from './durable-file.ts'

export { isPostgresUrl, withoutPassword } from '../store/postgres/url.ts'

export const LOCATION_FILE = 'location.json'

/** URLs of the databases of a log that several nodes share. */
export interface SharedLocation {
  readonly store: string
  readonly guard: string
}

/**
 * The databases that the command line or the directory names; `undefined` when the log is in files.
 * @throws StartError `ERR_CONFIGURATION` unless store and guard are of one kind.
 */
export function sharedLocation(
  directory: string,
  given: { readonly store?: string | undefined; readonly guard?: string | undefined },
): SharedLocation | undefined {
  const recorded = readLocation(directory)
  const { store = recorded?.store, guard = recorded?.guard } = given
  if (store === undefined) {
    if (guard === undefined || !isPostgresUrl(guard)) return undefined
    throw new StartError(
      'ERR_CONFIGURATION',
      'a guard in PostgreSQL needs --store postgres://…, too',
    )
  }
  assertDatabase(store)
  if (guard === undefined || !isPostgresUrl(guard)) {
    throw new StartError(
      'ERR_CONFIGURATION',
      'a store in PostgreSQL needs --guard postgres://…, a database of another cluster: one guard ' +
        'for all nodes, out of the backups of the store',
    )
  }
  return { store, guard }
}

/**
 * The database of the log alone, for what needs no guard.
 * @throws StartError `ERR_CONFIGURATION` for a store that is none.
 */
export function storeLocation(directory: string, given: string | undefined): string | undefined {
  const store = given ?? readLocation(directory)?.store
  if (store !== undefined) assertDatabase(store)
  return store
}

function assertDatabase(store: string): void {
  if (isPostgresUrl(store)) return
  throw new StartError(
    'ERR_CONFIGURATION',
    '--store names no PostgreSQL database (postgres://…); without it the log is in the data directory',
  )
}

/**
 * Makes the directory remember where the log is. Readable by its owner only, as a URL may hold a
 * password.
 */
export async function recordLocation({
  directory,
  store,
  guard,
}: SharedLocation & { readonly directory: string }): Promise<void> {
  if (!isPostgresUrl(store)) return
  const recorded = readLocation(directory)
  if (recorded?.store === store && recorded.guard === guard) return
  const text = `${JSON.stringify({ store, guard }, undefined, 2)}\n`
  await replaceFile(join(directory, LOCATION_FILE), encodeUtf8(text), 0o600)
}

function readLocation(directory: string): SharedLocation | undefined {
  const path = join(directory, LOCATION_FILE)
  if (!existsSync(path)) return undefined
  try {
    const { store, guard } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
    if (typeof store === 'string' && typeof guard === 'string') return { store, guard }
  } catch (cause) {
    throw damaged(path, cause)
  }
  throw damaged(path)
}

function damaged(path: string, cause?: unknown): StartError {
  return new StartError(
    'ERR_CONFIGURATION',
    `${path} does not say where the log is: {"store": "postgres://…", "guard": "postgres://…"}`,
    { cause },
  )
}
