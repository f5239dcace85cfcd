/** `attestry migrate`: moves a log from its SQLite file to PostgreSQL, for several nodes. */
import type { Command } from 'commander'
import { encodeHex } from '../bytes/hex.ts'
import { addCommand, run } from './command.ts'
import type { Report } from './command.ts'
import { addGuard } from './log-place.ts'
import type { LogOptions } from './log-place.ts'
import { StagedProgress } from './staged-progress.ts'
import { fields, formatNumber, shellWord } from './terminal.ts'

const HELP = `
Stop the registry first. Copies the log with everything in it into an empty database, checks the
whole copy, and then marks the data directory as moved: from then on nothing signs with it any
more. Every Receipt, checkpoint and head that is out stays valid. Interrupted at any moment, run
it again.

The guard moves, too, into a database of another PostgreSQL cluster, and the guard file is renamed,
so that no old copy of the data directory can sign. DIR keeps the private keys and remembers where
the log is: \`attestry serve --data DIR\` goes on there. For more nodes, copy DIR/keys and name both
databases with --store and --guard.

Example:
  $ attestry migrate --data ./data --to postgres://db/attestry --to-guard postgres://other/guard
`

interface MigrateOptions extends LogOptions {
  readonly to: string
  readonly toGuard: string
}

export function addMigrate(program: Command): void {
  const text = { description: 'move a log to PostgreSQL', help: HELP }
  const command = addCommand(program, 'migrate', text)
    .requiredOption('--data <dir>', 'data directory of the log')
    .requiredOption('--to <url>', 'empty PostgreSQL database: postgres://host/database')
    .requiredOption('--to-guard <url>', 'database for the guard, in another cluster')
  addGuard(command, 'guard of the log until now').action(run(migrate))
}

async function migrate({ data, guard, to, toGuard, json }: MigrateOptions): Promise<Report> {
  const progress = new StagedProgress({ quiet: json === true })
  const { migrateLog } = await import('../app/migrate-log.ts')
  try {
    const {
      checked,
      store,
      guard: now,
    } = await migrateLog({
      ...{ data, guard, to, toGuard },
      onProgress: ({ stage, entries, treeSize }) =>
        progress.update(`${stage} entries`, entries, treeSize),
    })
    const { origin, treeHead } = checked.state
    const rootHash = encodeHex(treeHead.rootHash)
    return {
      json: { data, origin, treeSize: treeHead.treeSize, rootHash, store, guard: now },
      lines: [
        { text: `${data}: moved ${formatNumber(checked.entries)} entries`, tone: 'good' },
        ...fields([
          ['log', origin],
          ['root hash', rootHash],
          ['store', store],
          ['guard', now],
          ['go on with', `attestry serve --data ${shellWord(data)}`],
        ]),
      ],
    }
  } finally {
    progress.end()
  }
}
