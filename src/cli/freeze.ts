/** `attestry freeze` and `attestry unfreeze`: makes a log read-only, and takes it back. */
import type { Command } from 'commander'
import { addCommand, run } from './command.ts'
import type { Report } from './command.ts'

const FREEZE_HELP = `
A frozen log is read as ever: Receipts, proofs, tiles, look-ups. Registrations and uploads are
answered 503 with the code ERR_LOG_FROZEN, after restarts too, until \`attestry unfreeze\`. At most
one journal follows, which covers what was registered before. A process that serves the log
notices within a second; with several nodes, freeze each of them.

Example:
  $ attestry freeze --data ./data --reason 'moved to log.example.org/2027'
`
const UNFREEZE_HELP = `
A process that serves the log takes registrations again within a second.

Example:
  $ attestry unfreeze --data ./data
`

export function addFreeze(program: Command): void {
  addCommand(program, 'freeze', { description: 'make a log read-only', help: FREEZE_HELP })
    .requiredOption('--data <dir>', 'data directory')
    .requiredOption('--reason <text>', 'why, for whoever looks after the log')
    .action(run(freeze))
}

export function addUnfreeze(program: Command): void {
  addCommand(program, 'unfreeze', { description: 'end `freeze`', help: UNFREEZE_HELP })
    .requiredOption('--data <dir>', 'data directory')
    .action(run(unfreeze))
}

async function freeze({ data, reason }: { data: string; reason: string }): Promise<Report> {
  const { freezeLog } = await import('../app/frozen.ts')
  const before = await freezeLog(data, reason)
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

async function unfreeze({ data }: { data: string }): Promise<Report> {
  const { unfreezeLog } = await import('../app/frozen.ts')
  const wasFrozen = await unfreezeLog(data)
  return {
    json: { result: wasFrozen ? 'unfrozen' : 'was-not-frozen', data },
    lines: [
      wasFrozen
        ? { text: `${data} takes registrations again`, tone: 'good' }
        : { text: `${data} was not frozen`, tone: 'warn' },
    ],
  }
}
