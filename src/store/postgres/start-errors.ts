/** What a start is refused with over the log of a database. */
import { StartError } from '../../errors.ts'

export function logMissing(name: string): StartError {
  return new StartError(
    'ERR_LOG_MISSING',
    `there is no log in the database ${name}: create one with \`attestry init\`, or name its database`,
  )
}

export function logExists(name: string): StartError {
  return new StartError(
    'ERR_LOG_EXISTS',
    `there is a log in the database ${name} already: name an empty database. If \`attestry init\` ` +
      `was interrupted, drop its tables and run it again`,
  )
}
