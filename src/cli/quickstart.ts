/**
 * `attestry quickstart`: the whole path on one machine, for people who meet Attestry for the first
 * time. What it does is in `quickstart/run.ts`, loaded only when it runs.
 */
import type { Command } from 'commander'
import { addCommand, run } from './command.ts'
import { parsePort } from './option-values.ts'
import type { QuickstartOptions } from './quickstart/run.ts'

const HELP = `
Creates DIR (the log), DIR.guard and DIR.quickstart (issuer, statements, trust file).
Everything is generated on this machine; nothing is sent anywhere else. Run it again and it
goes on with what is there. Stop it with Ctrl-C.

Examples:
  $ attestry quickstart
  $ attestry quickstart --exit --json
`

export function addQuickstart(program: Command): void {
  addCommand(program, 'quickstart', { description: 'try everything on this machine', help: HELP })
    .option('--data <dir>', 'data directory of the log', './data')
    .option('--port <port>', 'port to listen on; another one if it is taken', parsePort, 8080)
    .option('--exit', 'stop when done instead of serving on')
    .action(run(quickstart))
}

async function quickstart(options: QuickstartOptions): Promise<undefined> {
  const { runQuickstart } = await import('./quickstart/run.ts')
  await runQuickstart(options)
}
