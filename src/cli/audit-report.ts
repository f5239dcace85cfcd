/** What an audit without a fault found, for people and for programs. */
import { encodeHex } from '../bytes/hex.ts'
import { FAULT_EXIT_CODES } from '../monitor/audit-fault.ts'
import type { IndexAuditReport } from '../monitor/audit-index.ts'
import type { AuditReport } from '../monitor/audit-log.ts'
import type { UnreplayedEntry } from '../monitor/pruned-content.ts'
import type { Report } from './command.ts'
import { EXIT } from './exit-codes.ts'
import type { ExitCode } from './exit-codes.ts'
import { fields, formatNumber } from './terminal.ts'

/** Entries that cannot be replayed are listed up to this number; `--json` has all. */
const UNREPLAYED_SHOWN_MAX = 20

export function reportAudit(name: string, report: AuditReport, seconds: number): Report {
  const { pin, head, from, counts, waitingFrom, waitsFor, cosigners, unreplayed, index, seen } =
    report
  const { text, tone, outcome, exitCode } = verdictOf(report)
  return {
    exitCode,
    json: {
      log: name,
      outcome,
      origin: pin.origin,
      issuer: pin.issuer,
      treeSize: head.treeSize,
      rootHash: encodeHex(head.rootHash),
      from,
      replayed: from + counts.entries,
      waitingFrom: waitingFrom ?? null,
      waitsFor: waitsFor ?? null,
      checked: { ...counts },
      index: index ?? null,
      notReplayable: unreplayed,
      witnesses: cosigners,
      seen,
      seconds,
    },
    lines: [
      { text: `${name}: ${text}`, tone },
      ...fields([
        ['log', pin.origin],
        ['tree size', formatNumber(head.treeSize)],
        ['root hash', encodeHex(head.rootHash)],
        ['replayed', `${formatNumber(counts.entries)} entries, from ${formatNumber(from)} on`],
        ['waiting', waitingFrom === undefined ? undefined : waiting(waitingFrom, waitsFor)],
        ['signed heads', formatNumber(counts.heads)],
        ['journals', formatNumber(counts.journals)],
        ['receipts', formatNumber(counts.receipts)],
        ['index', index === undefined ? noIndexText(report) : indexText(index)],
        ['witnesses', cosigners.length === 0 ? undefined : cosigners.join(', ')],
        [
          'seen',
          seen === 0 ? undefined : `${formatNumber(seen)} heads from elsewhere, all in this tree`,
        ],
        ['took', `${seconds.toFixed(1)} s`],
        ...unreplayed.slice(0, UNREPLAYED_SHOWN_MAX).map(unreplayedRow),
      ]),
    ],
  }
}

interface AuditVerdict {
  readonly exitCode: ExitCode
  readonly text: string
  readonly tone: 'good' | 'warn'
  readonly outcome: 'ok' | 'interrupted' | 'not-replayable'
}

function verdictOf({ isComplete, unreplayed, waitsFor }: AuditReport): AuditVerdict {
  if (!isComplete) {
    const text = 'interrupted; run it again to go on'
    return { text, tone: 'warn', outcome: 'interrupted', exitCode: EXIT.failed }
  }
  const why: string[] = []
  if (unreplayed.length > 0) {
    const what = `${formatNumber(unreplayed.length)} admissions are not replayable`
    why.push(`${what}: their content was deleted by the operator`)
  }
  if (waitsFor === 'registrar') {
    why.push(
      'the newest admissions are not replayable: no journal tells what they were made with, ' +
        'and the policy names no registrar to sign one',
    )
  }
  if (why.length === 0) {
    return { text: 'nothing is wrong', tone: 'good', outcome: 'ok', exitCode: EXIT.ok }
  }
  const text = [...why, 'nothing else is wrong'].join('; ')
  const exitCode = FAULT_EXIT_CODES.collateral
  return { text, tone: 'warn', outcome: 'not-replayable', exitCode }
}

function unreplayedRow({
  leafIndex,
  digest,
  prunedBy,
}: UnreplayedEntry): readonly [string, string] {
  const by = prunedBy === undefined ? '' : `, deleted as entry ${formatNumber(prunedBy)} says`
  return ['not replayable', `entry ${formatNumber(leafIndex)}: ${digest}${by}`]
}

function noIndexText({ isComplete }: AuditReport): string {
  return isComplete ? 'none is served' : 'not compared yet'
}

function indexText({ records, lookups, treeSize, notComparable, seed }: IndexAuditReport): string {
  const asked = `${formatNumber(records)} records and ${formatNumber(lookups)} look-ups agree`
  const rest =
    notComparable === 0 ? '' : `; ${formatNumber(notComparable)} are not comparable: their content is not served` // prettier-ignore
  return `${asked}; it covers ${formatNumber(treeSize)} entries (seed ${seed})${rest}`
}

function waiting(leafIndex: number, waitsFor: AuditReport['waitsFor']): string {
  const what =
    waitsFor === 'registrar'
      ? 'a policy that names a registrar, and its journal'
      : 'the next journal; audit again in a minute'
  return `entry ${formatNumber(leafIndex)} and later wait for ${what}`
}
