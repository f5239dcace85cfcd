/** `attestry token revoke`: a token is refused from the next request on, and stays in the list. */
import type { Command } from 'commander'
import { CliError } from './cli-error.ts'
import { addCommand, run } from './command.ts'
import type { CommonOptions, Report } from './command.ts'

const HELP = `
Entries that were registered with it keep its name and id.

Example:
  $ attestry token revoke 0f3a5b7c9d1e --data ./data
`

export function addTokenRevoke(token: Command): void {
  addCommand(token, 'revoke', { description: 'revoke an API token', help: HELP })
    .argument('ID', 'its id, as `token list` shows it')
    .requiredOption('--data <dir>', 'data directory of the log')
    .action(run(revoke))
}

async function revoke(
  tokenId: string,
  { data }: CommonOptions & { readonly data: string },
): Promise<Report> {
  const { revokeApiToken } = await import('../app/api-tokens.ts')
  if (!(await revokeApiToken(data, tokenId))) {
    throw new CliError('ERR_USAGE', `there is no API token ${tokenId}`)
  }
  return {
    json: { tokenId, revoked: true },
    lines: [{ text: `${tokenId}: revoked`, tone: 'good' }],
  }
}
