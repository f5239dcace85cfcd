/** What a start is refused with over the file of a log. */
import { StartError } from '../../errors.ts'
import { isDiskError, sqliteCode } from './database.ts'

/** What SQLite says of a file that is damaged where its tables are described. */
const DAMAGED: readonly string[] = ['SQLITE_CORRUPT', 'SQLITE_NOTADB', 'SQLITE_ERROR']

export function refuseDamaged<Opened>(path: string, open: () => Opened): Opened {
  try {
    return open()
  } catch (cause) {
    if (isDiskError(cause)) throw diskError(path, cause)
    if (!DAMAGED.includes(sqliteCode(cause) ?? '')) throw cause
    throw new StartError(
      'ERR_LOG_CORRUPT',
      `${path} is damaged or no log (${(cause as Error).message}): put an undamaged newest copy back`,
      { cause },
    )
  }
}

export function diskError(path: string, cause: unknown): StartError {
  return new StartError(
    'ERR_DISK',
    `${path} cannot be read or written now (${(cause as Error).message}): look at its disk, the space on it and the ` +
      'permissions, and try again. Restore nothing, and adopt no guard, because of this',
    { cause },
  )
}

/** @param why in a word or two. */
export function guardUnwritable(path: string, why: string, cause: unknown): StartError {
  return new StartError(
    'ERR_CONFIGURATION',
    `the guard ${path} cannot be made (${why}): name another place (--guard)`,
    { cause },
  )
}

export function logMissing(path: string): StartError {
  return new StartError(
    'ERR_LOG_MISSING',
    `there is no log in ${path}: create one with \`attestry init\`, or name its data directory. ` +
      `If \`attestry init\` was interrupted, delete the directory and run it again`,
  )
}

export function logExists(path: string): StartError {
  return new StartError(
    'ERR_LOG_EXISTS',
    `${path} is there already and is not overwritten: choose another data directory. If ` +
      `\`attestry init\` was interrupted, delete the directory and run it again`,
  )
}
