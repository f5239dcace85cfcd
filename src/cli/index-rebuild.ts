/** `attestry index rebuild`: makes the tables of look-ups again, from the log. */
import type { Command } from 'commander'
import { addCommand, run } from './command.ts'
import type { Report } from './command.ts'
import { addGuardedLog } from './log-place.ts'
import type { LogOptions } from './log-place.ts'
import { Progress } from './progress.ts'
import { fields, formatNumber } from './terminal.ts'

const HELP = `
Deletes index.sqlite in the data directory and makes it again; the log is only read. Stop the
registry first. It is rarely needed: a server makes an index that it cannot use again by itself.
With --resume it goes on where one that was interrupted ended, as the next start of the server does.

Example:
  $ attestry index rebuild --data ./data
`

interface RebuildOptions extends LogOptions {
  readonly resume?: boolean
}

export function addIndexRebuild(index: Command): void {
  addGuardedLog(
    addCommand(index, 'rebuild', { description: 'make the index again from the log', help: HELP }),
  )
    .option('--resume', 'go on with an index that was interrupted')
    .action(run(rebuild))
}

async function rebuild(options: RebuildOptions): Promise<Report> {
  const { data, store, guard, resume = false, json } = options
  const progress = new Progress('indexing entries', { quiet: json === true })
  const { rebuildIndex } = await import('../app/rebuild-index.ts')
  const started = performance.now()
  let entries: number
  try {
    const onProgress = (indexed: number, treeSize: number): void =>
      progress.update(indexed, treeSize)
    entries = await rebuildIndex({ data, store, guard, resume, onProgress })
  } finally {
    progress.end()
  }
  const seconds = (performance.now() - started) / 1000
  const perSecond = Math.round(entries / Math.max(seconds, 0.001))
  return {
    json: { data, entries, seconds, perSecond },
    lines: [
      { text: `${data}: the index is made`, tone: 'good' },
      ...fields([
        ['entries', formatNumber(entries)],
        ['per second', formatNumber(perSecond)],
      ]),
    ],
  }
}
