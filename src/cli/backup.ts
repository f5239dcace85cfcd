/** `attestry backup`: a copy of a log as of one signed head, made while it is served. */
import type { Command } from 'commander'
import { encodeHex } from '../bytes/hex.ts'
import { addCommand, run } from './command.ts'
import type { Report } from './command.ts'
import { addGuard } from './log-place.ts'
import type { LogOptions } from './log-place.ts'
import { StagedProgress } from './staged-progress.ts'
import { fields, formatNumber } from './terminal.ts'
import type { Line } from './terminal.ts'

const HELP = `
Writes log.sqlite and manifest.json into a new directory: entries, tiles, heads, collateral,
payloads, API tokens (their hashes) and refusals, up to the newest signed head. May run while
the log is being served. The copy is checked as \`attestry log check\` does, so a backup of a
damaged log fails.

Not in it: private keys (DIR/keys changes only when a key is rotated: keep an encrypted copy of
its own), the index, which is made again, and the guard, which must never be restored. A guard
that is missing is told: without it neither this log nor a restored copy of it is signed on.

Example:
  $ attestry backup --data ./data -o ./backup-2026-11-28
`

interface BackupOptions extends LogOptions {
  readonly out: string
}

export function addBackup(program: Command): void {
  const text = { description: 'copy a log, also while it is served', help: HELP }
  const command = addCommand(program, 'backup', text)
    .requiredOption('--data <dir>', 'data directory of the log')
    .requiredOption('-o, --out <dir>', 'directory to make')
  addGuard(command, 'guard of the log').action(run(backup))
}

async function backup({ data, guard, out, json }: BackupOptions): Promise<Report> {
  const progress = new StagedProgress({ quiet: json === true })
  const { backupLog } = await import('../app/backup.ts')
  let missingGuard: string | undefined
  try {
    const manifest = await backupLog({
      ...{ data, guard, out },
      onProgress: ({ stage, entries, treeSize }) =>
        progress.update(`${stage} entries`, entries, treeSize),
      onGuardMissing: (place) => (missingGuard = place),
    })
    const { origin, head, files } = manifest
    const { treeSize } = head.treeHead
    const rootHash = encodeHex(head.treeHead.rootHash)
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
    return {
      json: {
        data,
        out,
        origin,
        treeSize,
        rootHash,
        bytes,
        guardFound: missingGuard === undefined,
      },
      lines: [
        { text: `${out}: backed up ${formatNumber(treeSize)} entries`, tone: 'good' },
        ...fields([
          ['log', origin],
          ['root hash', rootHash],
          ['bytes', formatNumber(bytes)],
          ['not in it', 'private keys, index, guard'],
        ]),
        ...(missingGuard === undefined ? [] : [guardWarning(missingGuard)]),
      ],
    }
  } finally {
    progress.end()
  }
}

function guardWarning(place: string): Line {
  const text =
    `there is no guard at ${place}: \`attestry serve\` needs it, here and after a restore. ` +
    'Name it with --guard; if it is lost for good, see `attestry guard adopt`'
  return { text, tone: 'warn' }
}
