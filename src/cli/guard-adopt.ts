/**
 * `attestry guard adopt`: makes a new guard for a log whose guard is lost. Explicit, because only the
 * operator can know that this copy of the log is the newest one.
 */
import type { Command } from 'commander'
import { parseReceipt } from '../cose/receipt.ts'
import { parseSignedTreeHead } from '../cose/signed-tree-head.ts'
import { treeSize } from '../bytes/integers.ts'
import { AttestryError } from '../errors.ts'
import type { KnownHead } from '../log/check-stored.ts'
import { portableHasher } from '../merkle/hasher.ts'
import { rootFromInclusion } from '../merkle/verify-inclusion.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import { CliError } from './cli-error.ts'
import { addCommand, run } from './command.ts'
import type { Report } from './command.ts'
import { parseFile, readInput } from './files.ts'
import { checkJson, checkRows } from './log-check.ts'
import { addGuard, addLogPlace } from './log-place.ts'
import type { LogOptions } from './log-place.ts'
import { collect } from './option-values.ts'
import { Progress } from './progress.ts'
import { fields, formatNumber } from './terminal.ts'

const HELP = `
Only for a guard that is lost for good, with the log stopped. A guard proves that this copy
of the log is the newest; without it that is your word: if a newer head was ever published,
adopting forks the log. Everything stored is checked first. Give what you have from outside
with --seen, Transparent Statements or heads saved from /heads/current: each must be in
this copy of the log.

Example:
  $ attestry guard adopt --data ./data --seen last-head.cose --seen sbom.transparent.cose
`

interface AdoptOptions extends LogOptions {
  readonly seen?: readonly string[]
  readonly receiptKey?: string
}

export function addGuardAdopt(guard: Command): void {
  const text = { description: 'make a new guard for a lost one', help: HELP }
  addGuard(addLogPlace(addCommand(guard, 'adopt', text)), 'guard to create')
    .option('--seen <file>', 'head or Transparent Statement from outside (repeatable)', collect)
    .option('--receipt-key <uri>', 'PKCS #11 URI of the receipt key, when a token holds it')
    .action(run(adopt))
}

async function adopt(options: AdoptOptions): Promise<Report> {
  const { data, store, guard, seen = [], json, receiptKey } = options
  const knownHeads: KnownHead[] = []
  for (const file of seen) knownHeads.push(...headsIn(await readInput(file), file))
  const { adoptGuard } = await import('../app/check-log.ts')
  const progress = new Progress('checking entries', { quiet: json === true })
  try {
    const onProgress = (at: { entries: number; treeSize: number }): void => {
      progress.update(at.entries, at.treeSize)
    }
    const request = { data, store, guard, knownHeads, onProgress, receiptKey }
    const { head, report } = await adoptGuard(request)
    const { treeSize: size } = head.treeHead
    return {
      json: { data, adopted: size, ...checkJson(report), guard: size, seen: knownHeads.length },
      lines: [
        { text: `${data}: adopted a new guard at tree size ${formatNumber(size)}`, tone: 'good' },
        ...fields([
          ...checkRows(report).filter(([name]) => name !== 'guard'),
          [
            'seen heads',
            knownHeads.length === 0
              ? 'none: no --seen was given, so nothing from outside was compared'
              : `${knownHeads.length}, all in this log`,
          ],
        ]),
      ],
    }
  } finally {
    progress.end()
  }
}

/**
 * Heads that a file from outside vouches for. Signatures are not looked at here: a head that this log
 * does not contain is a reason to stop, whoever made it.
 */
function headsIn(bytes: Uint8Array, file: string): KnownHead[] {
  try {
    return [{ ...parseSignedTreeHead(bytes).treeHead, heldBy: file, signed: bytes }]
  } catch (error) {
    if (!(error instanceof AttestryError)) throw error
  }
  const { entry, receipts } = parseFile(file, () => parseSignedStatement(bytes))
  const leafHash = portableHasher.leaf(entry)
  const heads = receipts.flatMap((receipt, index) =>
    parseReceipt(receipt).inclusionProofs.map((proof) => ({
      treeSize: treeSize(Number(proof.treeSize)),
      rootHash: rootFromInclusion({ leafHash, ...proof }),
      heldBy: `${file}, receipt ${index + 1},`,
      signed: receipt,
    })),
  )
  if (heads.length > 0) return heads
  throw new CliError('ERR_USAGE', `${file}: neither a signed head nor a Transparent Statement`)
}
