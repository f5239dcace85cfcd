/** `attestry token add`: makes an API token for a submitter and shows it once. */
import { Option } from 'commander'
import type { Command } from 'commander'
import type { ApiTokenScope } from '../keys/api-token.ts'
import { CliError } from './cli-error.ts'
import { addCommand, run } from './command.ts'
import type { Report } from './command.ts'
import { addLogPlace } from './log-place.ts'
import type { LogPlaceOptions } from './log-place.ts'
import { parseText, parseTime } from './option-values.ts'
import { fields, formatTime } from './terminal.ts'

const HELP = `
The token is printed once and stored as a hash. Who has it registers under its name: that name
and the token's id are published with every entry. May run while the log is being served.

Example:
  $ attestry token add --data ./data --name build-farm --expires 2027-01-01T00:00:00Z
`

interface AddOptions extends LogPlaceOptions {
  readonly name: string
  readonly scope: readonly ApiTokenScope[]
  readonly expires?: number
}

export function addTokenAdd(token: Command): void {
  // The one scope of keys/api-token.ts, which is loaded with the command's work; scripts may name it.
  const scopes = new Option('--scope <scope...>', 'what it may be used for')
    .choices(['register'])
    .default(['register'])
    .hideHelp()
  addLogPlace(addCommand(token, 'add', { description: 'make an API token', help: HELP }))
    .requiredOption('--name <name>', 'whose it is; published with the entries', parseText)
    .option('--expires <time>', 'time like 2027-01-31T12:00:00Z, or Unix seconds', parseTime)
    .addOption(scopes)
    .action(run(add))
}

async function add({ data, store, name, scope, expires }: AddOptions): Promise<Report> {
  if (expires !== undefined && expires <= Date.now() / 1000) {
    throw new CliError('ERR_USAGE', `--expires ${formatTime(expires)} is over already`)
  }
  const { addApiToken } = await import('../app/api-tokens.ts')
  const made = await addApiToken({ data, store, name, scopes: scope, expiresAt: expires })
  return {
    json: { ...made },
    lines: [
      { text: made.token, tone: 'good' },
      ...fields([
        ['id', made.tokenId],
        ['name', name],
        ['scopes', scope.join(' ')],
        ['expires', expires === undefined ? 'never' : formatTime(expires)],
      ]),
      { text: 'it is not shown again', tone: 'warn' },
    ],
  }
}
