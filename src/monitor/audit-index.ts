/**
 * The index held against a linear scan of the log (I8, R15): every record that the tables have of the
 * entries is compared with what the entry says, then look-ups are asked and have to find exactly the
 * entries that say so. What is hidden from either, or wrong, is named. An index that lags is no
 * fault: it is compared as far as it says that it reaches.
 */
import { checkLookup } from './check-lookup.ts'
import { IndexAudit } from './compare-records.ts'
import type { IndexAuditOptions, IndexPosition } from './compare-records.ts'

export interface IndexAuditReport {
  /** The first entry that was compared. */
  readonly from: number
  /** What the index said that it covers. */
  readonly treeSize: number
  readonly records: number
  readonly lookups: number
  /** Entries whose record rests on content that cannot be had any more. */
  readonly notComparable: number
  readonly seed: string
  readonly position: IndexPosition
  /** It was cancelled on the way. */
  readonly isCut: boolean
}

/** Look-ups asked at a time. */
const LOOKUPS_IN_FLIGHT = 8

/**
 * Compares the index; `undefined` where the log has none: an export, or a server whose index is off.
 * @throws AuditFault `index`, with the entry; `tile`, `fork` or `evidence` as a scan does.
 */
export async function auditIndex(
  options: IndexAuditOptions,
): Promise<IndexAuditReport | undefined> {
  const { source, since, seed } = options
  // Only how far it reaches is asked: tables that lack something shall not spoil the first question.
  const state = await source.lookUp({ order: 'ascending', indexBelow: '0' })
  if (state === undefined) return undefined
  const { treeSize } = state
  const from = since?.treeSize ?? 0
  const audit = new IndexAudit(options)
  await audit.compareRecords(from, Math.min(treeSize, options.upTo))
  const expected = audit.sample.list()
  const range = { from, to: audit.position.treeSize }
  for (let at = 0; at < expected.length; at += LOOKUPS_IN_FLIGHT) {
    const some = expected.slice(at, at + LOOKUPS_IN_FLIGHT)
    const faults = await Promise.all(some.map((one) => checkLookup(one, range, audit)))
    const fault = faults.find((one) => one !== undefined)
    if (fault !== undefined) throw fault
  }
  const { next: position, records, notComparable, isCut } = audit
  const counts = { records, lookups: expected.length, notComparable: notComparable.size }
  return { from, treeSize, ...counts, seed, position, isCut }
}
