/** Whether a file of a log is there: one that cannot be reached is not one that is missing. */
import { statSync } from 'node:fs'
import { diskError } from './start-errors.ts'

const ABSENT: readonly (string | undefined)[] = ['ENOENT', 'ENOTDIR']

/**
 * False only when there is nothing at `path`. A directory on the way that this user may not enter is no
 * reason to create a log, or to adopt a guard.
 * @throws StartError `ERR_DISK` when it cannot be told.
 */
export function isFileThere(path: string): boolean {
  try {
    statSync(path)
    return true
  } catch (cause) {
    if (ABSENT.includes((cause as NodeJS.ErrnoException).code)) return false
    throw diskError(path, cause)
  }
}
