/**
 * Where the store and the guard of a log are: files by default, or databases of PostgreSQL. A data
 * directory of a log in PostgreSQL says so in `location.json`, so that every command with `--data` goes
 * to the same place; what the command line names comes first.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodeUtf8 } from '../bytes/bytes.ts'
import { StartError } from '../errors.ts'
import { isPostgresUrl, isReadableUrl } from '../store/postgres/url.ts'
import { replaceFile } from './durable-file.ts'

export { isPostgresUrl, isReadableUrl, withoutPassword } from '../store/postgres/url.ts'

export const LOCATION_FILE = 'location.json'

/** URLs of the databases of a log that several nodes share. */
export interface SharedLocation {
  readonly store: string
  readonly guard: string
}

/** What is wrong with one option, in words that follow its name; nothing of a URL, which may hold a password. */
export interface LocationProblem {
  readonly option: 'store' | 'guard'
  readonly problem: string
}

/** Options that name no place of a log. */
export class LocationError extends StartError {
  readonly problems: readonly LocationProblem[]

  constructor(problems: readonly LocationProblem[]) {
    const said = problems.map(({ option, problem }) => `--${option} ${problem}`)
    super('ERR_CONFIGURATION', said.join('; '))
    this.problems = problems
  }
}

/**
 * The databases that the command line or the directory names; `undefined` when the log is in files.
 * @throws LocationError unless store and guard are of one kind and can be read.
 * @throws StartError `ERR_CONFIGURATION` for a directory that does not say where its log is.
 */
export function sharedLocation(
  directory: string,
  given: { readonly store?: string | undefined; readonly guard?: string | undefined },
): SharedLocation | undefined {
  const recorded = readLocation(directory)
  const { store = recorded?.store, guard = recorded?.guard } = given
  if (store === undefined) {
    if (guard === undefined || !isPostgresUrl(guard)) return undefined
    const problem = 'is in PostgreSQL, so that it needs --store postgres://…, too'
    throw new LocationError([{ option: 'guard', problem }])
  }
  const problems = [...storeProblems(store), ...guardProblems(guard, store)]
  if (guard === undefined || problems.length > 0) throw new LocationError(problems)
  return { store, guard }
}

/**
 * The database of the log alone, for what needs no guard.
 * @throws LocationError for a store that is none.
 * @throws StartError `ERR_CONFIGURATION` for a directory that does not say where its log is.
 */
export function storeLocation(directory: string, given: string | undefined): string | undefined {
  const store = given ?? readLocation(directory)?.store
  const problems = store === undefined ? [] : storeProblems(store)
  if (problems.length > 0) throw new LocationError(problems)
  return store
}

const UNREADABLE =
  'is no readable URL of a PostgreSQL database (postgres://host/database, special characters escaped)'

function storeProblems(store: string): LocationProblem[] {
  const option = 'store'
  if (!isPostgresUrl(store)) {
    const without = 'without it the log is in the data directory'
    return [{ option, problem: `names no PostgreSQL database (postgres://…); ${without}` }]
  }
  return isReadableUrl(store) ? [] : [{ option, problem: UNREADABLE }]
}

/** Beside a store that is named. */
function guardProblems(guard: string | undefined, store: string): LocationProblem[] {
  if (guard !== undefined && isPostgresUrl(guard)) {
    return isReadableUrl(guard) ? [] : [{ option: 'guard', problem: UNREADABLE }]
  }
  // What is no database needs no guard in one.
  if (!isPostgresUrl(store)) return []
  const problem =
    'is in PostgreSQL, so that it needs --guard postgres://…, a database of another cluster: one guard ' +
    'for all nodes, out of the backups of the store'
  return [{ option: 'store', problem }]
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
