/** `attestry token revoke`: a token is refused from the next request on, and stays in the list. */
import type { Command } from 'commander'
import { CliError } from './cli-error.ts'
import { addCommand, run } from './command.ts'
import type { Report } from './command.ts'
import { addLogPlace } from './log-place.ts'
import type { LogPlaceOptions } from './log-place.ts'

const HELP = `
Entries that were registered with it keep its name and id.

Example:
  $ attestry token revoke 0f3a5b7c9d1e --data ./data
`

export function addTokenRevoke(token: Command): void {
  addLogPlace(addCommand(token, 'revoke', { description: 'revoke an API token', help: HELP }))
    .argument('ID', 'its id, as `token list` shows it')
    .action(run(revoke))
}

async function revoke(tokenId: string, { data, store }: LogPlaceOptions): Promise<Report> {
  const { revokeApiToken } = await import('../app/api-tokens.ts')
  if (!(await revokeApiToken({ data, store }, tokenId))) {
    throw new CliError('ERR_USAGE', `there is no API token ${tokenId}`)
  }
  return {
    json: { tokenId, revoked: true },
    lines: [{ text: `${tokenId}: revoked`, tone: 'good' }],
  }
}
