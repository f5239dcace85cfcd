/** `attestry log refusals`: what was refused, by which rule and why. They are no part of the log. */
import type { Command } from 'commander'
import { addCommand, run } from './command.ts'
import type { Report } from './command.ts'
import { addLogPlace } from './log-place.ts'
import type { LogPlaceOptions } from './log-place.ts'
import { parseCount } from './option-values.ts'
import { formatTime } from './terminal.ts'

const HELP = `
Newest first. Refusals are kept for operators, up to a number, and are no evidence: after a
crash the last ones may be missing. May run while the log is being served.

Example:
  $ attestry log refusals --data ./data --limit 20
`

interface RefusalOptions extends LogPlaceOptions {
  readonly limit: number
}

export function addLogRefusals(log: Command): void {
  addLogPlace(
    addCommand(log, 'refusals', { description: 'list refused registrations', help: HELP }),
  )
    .option('--limit <n>', 'how many at most', parseCount, 100)
    .action(run(refusals))
}

async function refusals({ data, store, limit }: RefusalOptions): Promise<Report> {
  const { readRefusals } = await import('../app/api-tokens.ts')
  const found = await readRefusals({ data, store }, limit)
  const lines = found.map(
    ({ entryId, rule, reason, issuer, refusedAt }) =>
      `${formatTime(refusedAt)}  ${entryId}  ${rule}: ${reason}` +
      (issuer === undefined ? '' : `  (issuer ${issuer})`),
  )
  return {
    json: { refusals: found },
    lines: lines.length === 0 ? ['there are no refusals'] : lines,
  }
}
