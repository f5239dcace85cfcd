/** `attestry log export`: a log as files that any static web server can serve. */
import type { Command } from 'commander'
import { encodeHex } from '../bytes/hex.ts'
import { CliError } from './cli-error.ts'
import { addCommand, run } from './command.ts'
import type { Report } from './command.ts'
import { addGuardedLog } from './log-place.ts'
import type { LogOptions } from './log-place.ts'
import { Progress } from './progress.ts'
import { fields, formatNumber } from './terminal.ts'

const HELP = `
Writes C2SP tiles, entry bundles and the checkpoint under the paths that the server has, and
with them every signed head, every entry's statement and Receipt, keys, collateral and
metadata.json. Everything is checked against the newest head on its way. May run while the
log is being served; a run that was interrupted goes on where it stopped, and a later run
brings the directory up to date. Needs the checkpoint key, and signs nothing else.

Example:
  $ attestry log export ./export --data ./data
`

interface ExportOptions extends LogOptions {
  readonly out?: string
  readonly tilesOnly?: boolean
}

export function addLogExport(log: Command): void {
  addGuardedLog(
    addCommand(log, 'export', { description: 'write the log as static files', help: HELP }),
  )
    .argument('[DIR]', 'directory to write, or to bring up to date')
    .option('--out <dir>', 'the same as DIR')
    .option('--tiles-only', 'leave out what is one file an entry: statements and Receipts')
    .action(run(exportTo))
}

async function exportTo(directory: string | undefined, options: ExportOptions): Promise<Report> {
  const { data, store, guard, tilesOnly, json } = options
  const out = directory ?? options.out
  if (out === undefined || (directory !== undefined && options.out !== undefined)) {
    throw new CliError('ERR_USAGE', 'name the directory to write: DIR, or --out DIR')
  }
  const progress = new Progress('exporting entries', { quiet: json === true })
  const { exportLog } = await import('../app/export-log.ts')
  try {
    const onProgress = (at: { entries: number; treeSize: number }): void => {
      progress.update(at.entries, at.treeSize)
    }
    const request = { data, store, guard, out, tilesOnly: tilesOnly === true, onProgress }
    const { origin, treeSize, rootHash, resumedAt, vkey } = await exportLog(request)
    const root = encodeHex(rootHash)
    const resumed = resumedAt > 0 ? `${formatNumber(resumedAt)} entries were there` : undefined
    return {
      json: { data, out, origin, treeSize, rootHash: root, resumedAt, vkey },
      lines: [
        { text: `${out}: exported ${formatNumber(treeSize)} entries`, tone: 'good' },
        ...fields([
          ['log', origin],
          ['root hash', root],
          ['verifier key', vkey],
          ['resumed', resumed],
        ]),
      ],
    }
  } finally {
    progress.end()
  }
}
