/** `attestry audit`: checks everything that a log did since it was audited last. */
import type { Command } from 'commander'
import { randomBytes, randomInt } from 'node:crypto'
import { InvalidArgumentError } from 'commander'
import { InputError, VerificationError } from '../errors.ts'
import { auditLog } from '../monitor/audit-log.ts'
import type { AuditReport } from '../monitor/audit-log.ts'
import type { AuditState } from '../monitor/audit-state.ts'
import { readSeenHeads } from '../monitor/seen-heads.ts'
import type { SeenHead } from '../monitor/seen-heads.ts'
import { encodeAuditState, parseAuditState } from '../monitor/audit-state-file.ts'
import { SigstoreBundleVerifier } from '../sigstore/sigstore-bundle-verifier.ts'
import { reportAudit } from './audit-report.ts'
import { parseFile, readInput } from './files.ts'
import { addCommand, run } from './command.ts'
import type { Report } from './command.ts'
import { orFault } from './fault-report.ts'
import { addLogAccess, openLogAccess } from './log-access.ts'
import type { LogAccess, LogAccessOptions } from './log-access.ts'
import { collect } from './option-values.ts'
import { Progress } from './progress.ts'
import { readStateFile, writeStateFile } from './state-file.ts'

const HELP = `
Follows the log from where the state file says it stopped: checkpoint, consistency, every tile
and leaf, every signed head, every admission replayed under the rules of its time, journals,
collateral, a sample of the Receipts, statements and single heads that it serves, and the index:
every record, and look-ups drawn at random by a seed that is printed. DIR is an export or a mirror.
The state file is the auditor's memory: without it nobody notices a log that went back. What you
have from elsewhere (--seen) has to be in the tree, too; what is not proves that others were shown
another log.

Exit status (docs/auditors.md): 0 nothing is wrong; 1 the log cannot be read, or the audit was
interrupted; 4 wrong command line; 10 checkpoint; 11 fork; 12 tile or leaf; 13 statement
signature; 14 admission; 15 policy timing; 16 journal; 17 collateral missing, or content that the
operator deleted: not replayable; 18 heads, Receipts or statements; 19 index; 20 quorum of
witnesses; 21 went back.

Examples:
  $ attestry audit https://log.example.org --state log.state --trust trust.json
  $ attestry audit ./export --state log.state --log-key VKEY --receipt-key receipt.cose
`

const RECEIPTS_USUAL = 32
const LOOKUPS_USUAL = 200
/** An interrupted audit goes on from at most this long before. */
const SAVE_MS = 2000

interface AuditCommandOptions extends LogAccessOptions {
  readonly state: string
  readonly receipts: number
  readonly lookups: number
  readonly seed?: string
  readonly wholeIndex?: boolean
  readonly seen?: readonly string[]
  readonly json?: boolean
}

export function addAudit(program: Command): void {
  addLogAccess(addCommand(program, 'audit', { description: 'check what a log did', help: HELP }))
    .argument('URL|DIR', 'the log: its address, or a directory of an export or mirror')
    .requiredOption('--state <file>', 'what this audit remembers; made at the first run')
    .option(
      '--receipts <n>',
      'Receipts and statements to compare: a number, or all',
      parseAmount,
      RECEIPTS_USUAL,
    )
    .option(
      '--lookups <n>',
      'look-ups to ask the index: a number, all, or 0 for none',
      parseAmount,
      LOOKUPS_USUAL,
    )
    .option('--seed <text>', 'ask the same look-ups again: the seed that an audit printed')
    .option('--whole-index', 'compare the index from entry 0, not only what came since')
    .option(
      '--seen <file>',
      'Transparent Statement, signed head or checkpoint that you have from elsewhere (repeatable)',
      collect,
    )
    .action(run(audit))
}

function parseAmount(text: string): number {
  if (text === 'all') return Number.POSITIVE_INFINITY
  if (/^[0-9]{1,9}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('expected a number, or all')
}

async function audit(from: string, options: AuditCommandOptions): Promise<Report> {
  const stored = await readStateFile(options.state)
  const state =
    stored === undefined ? undefined : parseFile(options.state, () => parseAuditState(stored))
  const started = performance.now()
  const seconds = (): number => Math.round(performance.now() - started) / 1000
  const about = { name: from, json: { log: from, state: options.state } }
  // No limit: the audit reads only as fast as its decisions are made.
  const bundles = new SigstoreBundleVerifier({ queueMax: Number.POSITIVE_INFINITY })
  return orFault(async () => {
    const access = await openLogAccess(from, options, state?.pin)
    const report = await withProgress(options, async (onProgress, isCancelled) =>
      auditLog({
        ...access,
        bundles,
        ...(state === undefined ? {} : { state }),
        seen: await readSeen(options.seen ?? [], access),
        isSampled: sampler(options.receipts),
        index: {
          lookups: options.lookups,
          seed: options.seed ?? randomBytes(8).toString('hex'),
          isWhole: options.wholeIndex === true,
        },
        onProgress,
        isCancelled,
      }),
    )
    await writeStateFile(options.state, encodeAuditState(report.state))
    return reportAudit(from, report, seconds())
  }, about)
}

/** @throws InputError or VerificationError, with the file: what is not the log's says nothing of it. */
async function readSeen(files: readonly string[], access: LogAccess): Promise<readonly SeenHead[]> {
  const seen: SeenHead[] = []
  for (const file of files) {
    const bytes = await readInput(file)
    try {
      seen.push(...(await readSeenHeads(bytes, file, access)))
    } catch (cause) {
      if (cause instanceof InputError)
        throw new InputError(cause.code, `${file}: ${cause.message}`, { cause })
      if (!(cause instanceof VerificationError)) throw cause
      throw new VerificationError(cause.code, `${file}: ${cause.message}`, { cause })
    }
  }
  return seen
}

type OnProgress = NonNullable<Parameters<typeof auditLog>[0]['onProgress']>

/** Draws the bar, saves the state now and then, and listens for an interruption. */
async function withProgress(
  { state: path, json }: AuditCommandOptions,
  work: (onProgress: OnProgress, isCancelled: () => boolean) => Promise<AuditReport>,
): Promise<AuditReport> {
  const progress = new Progress('auditing entries', { quiet: json === true })
  let isCancelled = false
  let savedAt = performance.now()
  const cancel = (): void => {
    if (isCancelled) process.exit(130)
    isCancelled = true
  }
  process.on('SIGINT', cancel).on('SIGTERM', cancel)
  const save = async (state: AuditState): Promise<void> => {
    if (performance.now() - savedAt < SAVE_MS) return
    await writeStateFile(path, encodeAuditState(state))
    savedAt = performance.now()
  }
  try {
    return await work(
      async ({ replayed, treeSize, state }) => {
        progress.update(replayed, treeSize)
        await save(state)
      },
      () => isCancelled,
    )
  } finally {
    progress.end()
    process.off('SIGINT', cancel).off('SIGTERM', cancel)
  }
}

type Sampler = Parameters<typeof auditLog>[0]['isSampled']

/** `count` entries of what is audited, one at random in each equal part: nobody knows which. */
function sampler(count: number): Sampler {
  let chosen: ReadonlySet<number> | undefined
  return (leafIndex, { from, to }) => {
    if (count >= to - from) return true
    chosen ??= new Set(
      Array.from({ length: count }, (_, part) => {
        const start = from + Math.floor(((to - from) * part) / count)
        const end = from + Math.floor(((to - from) * (part + 1)) / count)
        return randomInt(start, end)
      }),
    )
    return chosen.has(leafIndex)
  }
}
