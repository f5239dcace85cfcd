/** `attestry monitor`: hands every new entry of some issuers and subjects over, once. */
import type { Command } from 'commander'
import { setTimeout as wait } from 'node:timers/promises'
import { UnavailableError } from '../errors.ts'
import { watchLog } from '../monitor/watch-log.ts'
import type { WatchEvent, WatchState } from '../monitor/watch-log.ts'
import { encodeWatchState, parseWatchState } from '../monitor/watch-state.ts'
import { CliError } from './cli-error.ts'
import { addCommand, reportError, run } from './command.ts'
import type { Report } from './command.ts'
import { deliveryOf } from './deliver.ts'
import type { DeliveryOptions } from './deliver.ts'
import { EXIT } from './exit-codes.ts'
import { orFault } from './fault-report.ts'
import { addLogAccess, openLogAccess } from './log-access.ts'
import type { LogAccessOptions } from './log-access.ts'
import { collect, parseCount, parseUrl } from './option-values.ts'
import { readStateFile, writeStateFile } from './state-file.ts'
import { untilSignal } from './until-signal.ts'

const HELP = `
Follows the log, verifies that every entry is in the signed tree, and hands over each new entry
whose issuer and subject match: as one line of JSON on standard output, to a command on standard
input, or as a POST. The place in the state file moves after the command ended with status 0, or
the webhook answered 2xx; a crash in between hands the same entry over again, with the same
entryId (also in ATTESTRY_ENTRY_ID and the Idempotency-Key field). Entries come in their order.

Exit status: 0 ended by a signal, or --once and done; 1 failed; 4 wrong command line; 10 and
above as attestry audit.

Examples:
  $ attestry monitor https://log.example.org --state watch.state --trust trust.json \\
      --issuer 'https://ci.example/*' --exec './on-entry.sh'
  $ attestry monitor https://log.example.org --state watch.state --once
`

interface MonitorOptions extends LogAccessOptions, DeliveryOptions {
  readonly state: string
  readonly issuer?: readonly string[]
  readonly subject?: readonly string[]
  readonly fromNow?: boolean
  readonly once?: boolean
  readonly interval: number
}

export function addMonitor(program: Command): void {
  addLogAccess(
    addCommand(program, 'monitor', { description: 'act on new entries of a log', help: HELP }),
  )
    .argument('URL|DIR', 'the log: its address, or a directory of an export or mirror')
    .requiredOption('--state <file>', 'its place in the log; made at the first run')
    .option('--issuer <pattern>', 'issuers to watch, * for any text (repeatable)', collect)
    .option('--subject <pattern>', 'subjects to watch, * for any text (repeatable)', collect)
    .option('--exec <command>', 'shell command that gets each entry as JSON on standard input')
    .option('--webhook <url>', 'URL that each entry is posted to', parseUrl)
    .option('--from-now', 'at the first run, pass over what is in the log already')
    .option('--once', 'look once and end')
    .option('--interval <seconds>', 'seconds between two looks at the log', parseCount, 10)
    .action(run(monitor))
}

async function monitor(from: string, options: MonitorOptions): Promise<Report | undefined> {
  if (options.exec !== undefined && options.webhook !== undefined) {
    throw new CliError('ERR_USAGE', '--exec and --webhook cannot be given together')
  }
  const ending = new AbortController()
  void untilSignal().then(() => {
    ending.abort()
  })
  const about = { name: from, json: { log: from, state: options.state } }
  for (;;) {
    const report = await orFault(async () => look(from, options, ending.signal), about)
    if (report.exitCode !== EXIT.ok) return report
    if (options.once === true || ending.signal.aborted) {
      process.exitCode = EXIT.ok
      return undefined
    }
    const { signal } = ending
    await wait(options.interval * 1000, undefined, { signal }).catch(() => undefined)
  }
}

const NOTHING: Report = { json: {}, lines: [], exitCode: EXIT.ok }

async function look(from: string, options: MonitorOptions, signal: AbortSignal): Promise<Report> {
  const deliver = deliveryOf(options)
  try {
    const stored = await readStateFile(options.state)
    const state = stored === undefined ? undefined : parseWatchState(stored)
    const access = await openLogAccess(from, options, state?.pin)
    await watchLog({
      ...access,
      ...(state === undefined ? {} : { state }),
      issuers: options.issuer ?? ['*'],
      subjects: options.subject ?? ['*'],
      fromNow: options.fromNow === true,
      deliver: (event: WatchEvent) => deliver(event, signal),
      save: (next: WatchState) => writeStateFile(options.state, encodeWatchState(next)),
      isCancelled: () => signal.aborted,
    })
  } catch (error) {
    // What cannot be reached now is tried again at the next look, unless this was the only one.
    if (!(error instanceof UnavailableError) || options.once === true) throw error
    if (!signal.aborted) reportError(error, false)
  }
  return NOTHING
}
