/** The place of a new log: nothing is in it, and what a log needs can be made there. */
import { access, chmod, readdir, rm, writeFile } from 'node:fs/promises'
import { StartError } from '../errors.ts'
import { guardUnwritable } from '../store/sqlite/start-errors.ts'
import type { DataPaths } from './data-directory.ts'
import { makeDirectory } from './make-directory.ts'
import { isPostgresUrl } from './store-location.ts'

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

/**
 * A second step without the key of the first would give the log, for ever, another operator than the
 * one who was asked.
 * @throws StartError `ERR_CONFIGURATION` when documents wait for a key that lives elsewhere.
 */
export async function assertNotWaiting(directory: string): Promise<void> {
  if (!(await exists(directory))) return
  throw new StartError(
    'ERR_CONFIGURATION',
    `${directory} holds documents for an operator key that lives elsewhere: name it again with ` +
      `--operator-key, or delete that directory`,
  )
}

/**
 * A new directory, or one that holds nothing but what its maker leaves; private keys will lie in it.
 * @param remedy what the refusal of another one ends with.
 * @throws StartError `ERR_CONFIGURATION` for a directory that is not empty.
 */
export async function prepareDirectory(
  { directory, keys }: DataPaths,
  ownNames: readonly string[],
  remedy: string,
): Promise<void> {
  makeDirectory(directory, 0o700)
  const others = (await readdir(directory)).filter((name) => !ownNames.includes(name))
  if (others.length > 0) {
    const names = others.slice(0, 3).join(', ')
    throw new StartError('ERR_CONFIGURATION', `${directory} is not empty (${names}): ${remedy}`)
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
