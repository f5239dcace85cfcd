/**
 * Errors that only the command line knows: how it was called, and files that are named on it.
 * Everything else arrives as one of the classes of `errors.ts`.
 */

export type CliErrorCode = 'ERR_USAGE' | 'ERR_FILE' | 'ERR_FILE_EXISTS' | 'ERR_PIN_CHANGED'

/** A command that cannot be carried out as it was given. `hint` says what to do about it. */
export class CliError extends Error {
  readonly code: CliErrorCode
  readonly hint: string | undefined

  constructor(code: CliErrorCode, message: string, options?: ErrorOptions & { hint?: string }) {
    super(message, options)
    this.name = 'CliError'
    this.code = code
    this.hint = options?.hint
  }
}
