/** `attestry freeze` and `attestry unfreeze`: makes a log read-only, and takes it back. */
import type { Command } from 'commander'
import { addCommand, run } from './command.ts'
import type { Report } from './command.ts'
import { addLogPlace } from './log-place.ts'
import type { LogPlaceOptions } from './log-place.ts'

const FREEZE_HELP = `
A frozen log is read as ever: Receipts, proofs, tiles, look-ups. Registrations and uploads are
answered 503 with the code ERR_LOG_FROZEN, after restarts too, until \`attestry unfreeze\`. At most
one journal follows, which covers what was registered before. A process that serves the log
notices within a second. A log in PostgreSQL is frozen on all of its nodes at once.

Example:
  $ attestry freeze --data ./data --reason 'moved to log.example.org/2027'
`
const UNFREEZE_HELP = `
Processes that serve the log take registrations again within a second.

Example:
  $ attestry unfreeze --data ./data
`

export function addFreeze(program: Command): void {
  addLogPlace(
    addCommand(program, 'freeze', { description: 'make a log read-only', help: FREEZE_HELP }),
  )
    .requiredOption('--reason <text>', 'why, for whoever looks after the log')
    .action(run(freeze))
}

export function addUnfreeze(program: Command): void {
  addLogPlace(
    addCommand(program, 'unfreeze', { description: 'end `freeze`', help: UNFREEZE_HELP }),
  ).action(run(unfreeze))
}

interface FreezeOptions extends LogPlaceOptions {
  readonly reason: string
}

async function freeze({ data, store, reason }: FreezeOptions): Promise<Report> {
  const { freezeLog } = await import('../app/frozen.ts')
  const before = await freezeLog({ data, store }, reason)
  if (before === undefined) {
    return {
      json: { result: 'frozen', data, reason },
      lines: [{ text: `${data} is frozen: it takes nothing new from now on`, tone: 'good' }],
    }
  }
  return {
    json: { result: 'was-frozen', data, ...before },
    lines: [{ text: `${data} was frozen already: ${before.reason}`, tone: 'warn' }],
  }
}

async function unfreeze({ data, store }: LogPlaceOptions): Promise<Report> {
  const { unfreezeLog } = await import('../app/frozen.ts')
  const wasFrozen = await unfreezeLog({ data, store })
  return {
    json: { result: wasFrozen ? 'unfrozen' : 'was-not-frozen', data },
    lines: [
      wasFrozen
        ? { text: `${data} takes registrations again`, tone: 'good' }
        : { text: `${data} was not frozen`, tone: 'warn' },
    ],
  }
}
