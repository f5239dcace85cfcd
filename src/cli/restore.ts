/** `attestry restore`: a data directory from a backup, checked whole before it counts. */
import type { Command } from 'commander'
import { encodeHex } from '../bytes/hex.ts'
import type { GuardStanding } from '../app/restore.ts'
import { addCommand, run } from './command.ts'
import type { Report } from './command.ts'
import { checkRows } from './log-check.ts'
import { addGuard } from './log-place.ts'
import type { LogOptions } from './log-place.ts'
import { Progress } from './progress.ts'
import { fields, formatNumber, formatTime } from './terminal.ts'
import type { Line } from './terminal.ts'

const HELP = `
Verifies the manifest, the digest of the file, and everything in it as \`attestry log check\` does,
and writes a new data directory. Put the private keys back into DIR/keys, before or afterwards.

The guard decides whether the log may go on. If it is at the head of the backup, \`attestry serve\`
goes on. If it is ahead, Receipts are out for entries that the backup does not have, and \`serve\`
refuses to sign: put the newest copy back. A backup of another history than the guard's is refused.

Example:
  $ attestry restore ./backup-2026-11-28 --data ./data
`

export function addRestore(program: Command): void {
  const text = { description: 'make a data directory from a backup', help: HELP }
  const command = addCommand(program, 'restore', text)
    .argument('BACKUP', 'directory that `attestry backup` made')
    .requiredOption('--data <dir>', 'data directory to make')
  addGuard(command, 'guard of the log').action(run(restore))
}

async function restore(backup: string, { data, guard, json }: LogOptions): Promise<Report> {
  const progress = new Progress('checking entries', { quiet: json === true })
  const { restoreLog } = await import('../app/restore.ts')
  try {
    const report = await restoreLog({
      ...{ backup, data, guard },
      onProgress: ({ entries, treeSize }) => progress.update(entries, treeSize),
    })
    const { manifest, checked, guard: found, missingKeys } = report
    const { treeHead } = manifest.head
    return {
      json: {
        ...{ data, backup, origin: manifest.origin, treeSize: treeHead.treeSize },
        ...{ rootHash: encodeHex(treeHead.rootHash), createdAt: manifest.createdAt },
        ...{ guard: found, missingKeys },
      },
      lines: [
        { text: `${data}: restored ${formatNumber(checked.entries)} entries`, tone: 'good' },
        ...fields([
          ...checkRows(checked).filter(([name]) => name !== 'guard'),
          ['backup made', formatTime(manifest.createdAt)],
          ...missingKeys.map((path) => ['missing key', path] as const),
        ]),
        guardLine(found),
      ],
    }
  } finally {
    progress.end()
  }
}

function guardLine({ standing, treeSize = 0, movedTo = '' }: GuardStanding): Line {
  const at = `the guard is at tree size ${formatNumber(treeSize)}`
  switch (standing) {
    case 'equal':
      return { text: `${at}: the log can go on`, tone: 'good' }
    case 'ahead':
      return {
        text: `${at}: this backup is older, and \`attestry serve\` will refuse to sign with it`,
        tone: 'warn',
      }
    case 'behind':
      return { text: `${at}: it is an older copy of the guard, name the right one`, tone: 'warn' }
    case 'moved':
      return {
        text: `this log was moved to ${movedTo} and goes on there: \`attestry serve\` will refuse to sign with this`,
        tone: 'warn',
      }
    case 'missing':
      return {
        text: 'there is no guard here: name it with --guard, `attestry serve` needs it',
        tone: 'warn',
      }
  }
}
