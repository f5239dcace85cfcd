/** The place of a new log: nothing is in it, and what a log needs can be made there. */
import { access, chmod, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { StartError } from '../errors.ts'
import { guardUnwritable } from '../store/sqlite/start-errors.ts'
import type { DataPaths } from './data-directory.ts'
import { makeDirectory } from './make-directory.ts'
import { isPostgresUrl, LOCATION_FILE } from './store-location.ts'

/** @throws StartError `ERR_LOG_EXISTS`. */
export async function assertNoLog({ store, guard }: DataPaths): Promise<void> {
  if (await exists(store)) {
    throw new StartError('ERR_LOG_EXISTS', `there is a log already: ${store}`)
  }
  if (await exists(guard)) {
    throw new StartError(
      'ERR_LOG_EXISTS',
      `there is a guard already: ${guard} belongs to a log. If that log was deleted on purpose, ` +
        'name another guard with --guard; never delete the guard of a log whose Receipts are out',
    )
  }
}

/** What an interrupted run, or the first of two steps, leaves in the directory. */
const OWN_NAMES: ReadonlySet<string> = new Set(['keys', 'genesis', 'lock.sqlite', LOCATION_FILE])

/** A new directory, or one that holds nothing else; private keys will lie in it. */
export async function prepareDirectory({ directory, keys }: DataPaths): Promise<void> {
  makeDirectory(directory, 0o700)
  if (!(await stat(directory)).isDirectory()) {
    throw new StartError('ERR_CONFIGURATION', `${directory} is not a directory`)
  }
  const others = (await readdir(directory)).filter((name) => !OWN_NAMES.has(name))
  if (others.length > 0) {
    throw new StartError(
      'ERR_CONFIGURATION',
      `${directory} is not empty (${others.slice(0, 3).join(', ')}): name a new directory`,
    )
  }
  await chmod(directory, 0o700)
  makeDirectory(keys, 0o700)
}

/**
 * The guard is made last: one that cannot be would be found when there is a log already, in the way of the
 * next try.
 */
export async function assertGuardPlace({ guard }: DataPaths): Promise<void> {
  if (isPostgresUrl(guard)) return
  const probe = `${guard}.probe`
  try {
    await writeFile(probe, '')
    await rm(probe)
  } catch (cause) {
    throw guardUnwritable(guard, (cause as NodeJS.ErrnoException).code ?? 'unknown', cause)
  }
}

export async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}
