/** Where the log of a command is: the same options, in the same words, for every command that opens one. */
import type { Command } from 'commander'
import type { LogPlace } from '../app/data-directory.ts'
import { CliError } from './cli-error.ts'
import type { CommonOptions } from './command.ts'

/** The options of a command that reads or changes a log itself. */
export interface LogPlaceOptions extends CommonOptions {
  readonly data: string
  readonly store?: string
}

/** The same with its guard. */
export interface LogOptions extends LogPlaceOptions {
  readonly guard?: string
}

/** Adds the options that name a log. */
export function addLogPlace(command: Command): Command {
  return addStore(command.requiredOption('--data <dir>', 'data directory of the log'))
}

/** Adds the database of a log whose data directory is an option of the command's own. */
export function addStore(command: Command): Command {
  const usual = 'default: what DIR remembers, or a file in it'
  return command.option('--store <url>', `database of the log (${usual})`)
}

/** Adds the options that name a log and its guard. */
export function addGuardedLog(command: Command): Command {
  return addGuard(addLogPlace(command), 'guard of the log')
}

/** Adds the guard; `what` says which one. */
export function addGuard(command: Command, what: string): Command {
  return command.option('--guard <path>', `${what} (default: DIR.guard beside DIR)`)
}

/**
 * The log of a command that can do without one.
 * @throws CliError `ERR_USAGE` for a database without a data directory.
 */
export function namedLog({ data, store }: Partial<LogPlaceOptions>): LogPlace | undefined {
  if (data !== undefined) return { data, store }
  if (store !== undefined) throw new CliError('ERR_USAGE', '--store needs --data DIR, too')
  return undefined
}
