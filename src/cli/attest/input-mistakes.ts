/** What the commands about evidence call the caller's own mistake, with one exit status for all of them. */
import { EvidenceError } from '../../payload/tee/evidence.ts'
import { codeOf } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import type { ExitCode } from '../exit-codes.ts'

/** A wrong command line, or a file that cannot be read, or that is not what the command line calls it. */
const MISTAKES: readonly string[] = ['ERR_USAGE', 'ERR_FILE', 'ERR_KEY_PRIVATE', 'ERR_TRUST_CONFIGURATION'] // prettier-ignore

/** Whether the error is a mistake of the caller's, and says nothing about the evidence. */
export function isInputMistake(error: unknown): boolean {
  if (error instanceof EvidenceError) return error.reason === 'collateral-malformed'
  return MISTAKES.includes(codeOf(error))
}

/** Of `attest`: 4 for the caller's mistakes, 1 for everything else. */
export function attestExitCode(error: unknown): ExitCode {
  return isInputMistake(error) ? EXIT.usage : EXIT.failed
}
