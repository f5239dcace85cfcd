/** Standard output carries one thing: the bytes of `-o -`, or the object of `--json`. */
import { CliError } from './cli-error.ts'

/** @throws CliError `ERR_USAGE` when both would go to standard output. */
export function assertOneOutput(options: {
  readonly output?: string
  readonly json?: boolean
}): void {
  if (options.json === true && options.output === '-') {
    throw new CliError('ERR_USAGE', '--json and the output would both go to standard output', {
      hint: 'name a file with -o FILE',
    })
  }
}
