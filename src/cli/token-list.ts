/** `attestry token list`: the API tokens of a log, without their secrets, which nobody has. */
import type { Command } from 'commander'
import type { ApiTokenDescription } from '../app/api-tokens.ts'
import { addCommand, run } from './command.ts'
import type { Report } from './command.ts'
import { addLogPlace } from './log-place.ts'
import type { LogPlaceOptions } from './log-place.ts'
import { fields, formatTime } from './terminal.ts'

const HELP = `
Example:
  $ attestry token list --data ./data
`

export function addTokenList(token: Command): void {
  addLogPlace(addCommand(token, 'list', { description: 'list the API tokens', help: HELP })).action(
    run(list),
  )
}

async function list({ data, store }: LogPlaceOptions): Promise<Report> {
  const { listApiTokens } = await import('../app/api-tokens.ts')
  const tokens = await listApiTokens({ data, store })
  const rows = tokens.map((token) => [token.tokenId, describe(token)] as const)
  return {
    json: { tokens },
    lines: rows.length === 0 ? ['there are no API tokens'] : fields(rows),
  }
}

function describe({ name, scopes, createdAt, expiresAt, revokedAt }: ApiTokenDescription): string {
  const end =
    revokedAt !== undefined
      ? `revoked ${formatTime(revokedAt)}`
      : expiresAt === undefined
        ? 'no expiry'
        : `${expiresAt <= Date.now() / 1000 ? 'expired' : 'expires'} ${formatTime(expiresAt)}`
  return `${name} (${scopes.join(' ')}), made ${formatTime(createdAt)}, ${end}`
}
