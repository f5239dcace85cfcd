/** `attestry log check`: derives everything that is stored from the entries again, and compares. */
import type { Command } from 'commander'
import type { CheckReport } from '../log/check-log.ts'
import { encodeHex } from '../bytes/hex.ts'
import { addCommand, run } from './command.ts'
import type { Report } from './command.ts'
import { addGuardedLog } from './log-place.ts'
import type { LogOptions } from './log-place.ts'
import { Progress } from './progress.ts'
import { fields, formatNumber, formatTime } from './terminal.ts'

const HELP = `
Hashes every entry, rebuilds every tile and root, verifies every signed head, and compares
with the guard. Reads only, and may run while the log is being served.

Example:
  $ attestry log check --data ./data
`

export function addLogCheck(log: Command): void {
  const text = { description: 'check everything that is stored', help: HELP }
  addGuardedLog(addCommand(log, 'check', text)).action(run(check))
}

async function check({ data, store, guard, json }: LogOptions): Promise<Report> {
  const progress = new Progress('checking entries', { quiet: json === true })
  const { checkLog } = await import('../app/check-log.ts')
  let report: CheckReport
  try {
    const onProgress = (at: { entries: number; treeSize: number }): void => {
      progress.update(at.entries, at.treeSize)
    }
    report = await checkLog({ data, store, guard, onProgress })
  } finally {
    progress.end()
  }
  return {
    json: { data, ...checkJson(report) },
    lines: [{ text: `${data}: everything holds`, tone: 'good' }, ...fields(checkRows(report))],
  }
}

/** A check's numbers for programs. */
export function checkJson(report: CheckReport): Record<string, unknown> {
  const { state, entries, tiles, batches, signedHeads, guard } = report
  return {
    origin: state.origin,
    issuer: state.issuer,
    treeSize: state.treeHead.treeSize,
    rootHash: encodeHex(state.treeHead.rootHash),
    registrationTime: state.registrationTime,
    checked: { entries, tiles, batches, signedHeads },
    guard,
  }
}

/** A check's numbers for people. */
export function checkRows(report: CheckReport): (readonly [string, string])[] {
  const { state, guard } = report
  const guardText = {
    missing: 'MISSING: the log will not start without it',
    'not-checked': 'not checked',
  }
  return [
    ['log', state.origin],
    ['entries', formatNumber(report.entries)],
    ['tiles', formatNumber(report.tiles)],
    ['batches', formatNumber(report.batches)],
    ['signed heads', formatNumber(report.signedHeads)],
    ['root hash', encodeHex(state.treeHead.rootHash)],
    ['last entry', formatTime(state.registrationTime)],
    ['guard', typeof guard === 'number' ? `at tree size ${formatNumber(guard)}` : guardText[guard]],
  ]
}
