/**
 * Answers a query by intersecting the streams of its filters (cursors.ts): each is told to go
 * on where another one is, until all are at one index. A sparse filter carries the dense ones along,
 * whichever it is, so nothing has to be estimated. When the work of a call is used up, the answer
 * says where to go on.
 */
import type { LeafIndex } from '../../../bytes/integers.ts'
import { assertInvariant } from '../../../errors.ts'
import { ENVELOPES_MAX } from '../../../log/index-store.ts'
import type { IndexQuery } from '../../../log/index-store.ts'
import { ASCENDING, DESCENDING, Work } from './cursors.ts'
import type { Direction, IndexCursor } from './cursors.ts'
import { FIELD, SAYS } from './facts.ts'
import { openCursors, wantedFacts } from './filters.ts'
import { saysAny } from './rows.ts'
import type { StoredStatement } from './rows.ts'
import type { IndexSnapshot } from './snapshot.ts'
import type { IndexReads } from './reads.ts'

/** Rows that one call may read for its filters, with a call counted as some: a few milliseconds. */
export const QUERY_ROWS_MAX = 12_000

export interface FoundStatements {
  readonly statements: readonly StoredStatement[]
  readonly next?: number
}

/** Statements that pass all filters, within the snapshot that is open. */
export function findStatements(
  snapshot: IndexSnapshot,
  query: IndexQuery,
  work: Work = new Work(QUERY_ROWS_MAX),
): FoundStatements {
  const direction = query.order === 'descending' ? DESCENDING : ASCENDING
  const { low, high } = indexRange(snapshot.reads, query, snapshot.treeSize)
  const wanted = wantedFacts(query)
  const cursors = openCursors({ ...snapshot, direction, work }, query, wanted)
  if (cursors === undefined || low >= high) return { statements: [] }
  const isWithin = (index: number): boolean => low <= index && index < high
  const statements: StoredStatement[] = []
  let target = direction.step === 1 ? low : high - 1
  while (isWithin(target)) {
    if (statements.length >= query.limit || work.isDone) {
      return { statements, next: nextOf(target, direction) }
    }
    const place = meet(cursors, target, direction)
    if (place === undefined) break
    if (place.isHit && isWithin(place.at)) {
      const stored = readStored(snapshot, place.at)
      if (wanted.every((facts) => saysAny(stored, facts))) statements.push(stored)
      // Two values share a key: seldom, and not for nothing.
      else work.spend(0)
    }
    target = place.isHit ? place.at + direction.step : place.at
  }
  return { statements }
}

function readStored({ rows }: IndexSnapshot, leafIndex: number): StoredStatement {
  const stored = rows.read(leafIndex)
  assertInvariant(stored !== undefined, `record ${leafIndex} is not in the index`)
  return stored
}

/** Entries that are hash envelopes of a digest, as `IndexReader` names them. */
export function findEnvelopes(snapshot: IndexSnapshot, digest: string, from: number): LeafIndex[] {
  const fact = { field: FIELD.envelope, role: SAYS, text: digest }
  const key = snapshot.fields.keyOf(fact)
  const found: LeafIndex[] = []
  while (key !== undefined) {
    const count = ENVELOPES_MAX - found.length
    const { indexes } = snapshot.postings.read([key], ASCENDING, { from, count })
    const stored = indexes.map((leafIndex) => readStored(snapshot, leafIndex))
    found.push(...stored.filter((each) => saysAny(each, [fact])).map((each) => each.leafIndex))
    if (indexes.length < count || found.length === ENVELOPES_MAX) break
    from = indexes.at(-1)! + 1
  }
  return found
}

/** `indexFrom` and `indexBelow` both take the place itself in: one names it, one excludes it. */
function nextOf(target: number, { step }: Direction): number {
  return step === 1 ? target : target + 1
}

/** One round: all streams at `target`, or the farthest place that one of them went to. */
function meet(
  cursors: readonly IndexCursor[],
  target: number,
  { isBefore }: Direction,
): { readonly at: number; readonly isHit: boolean } | undefined {
  let at = target
  let isHit = true
  for (const cursor of cursors) {
    if (!cursor.seek(at)) return undefined
    if (isBefore(at, cursor.at)) {
      at = cursor.at
      // The streams before this one have not been asked for that place.
      isHit = cursor === cursors[0]
    }
    if (!cursor.isHit) isHit = false
  }
  return { at, isHit }
}

function indexRange(
  reads: IndexReads,
  {
    indexFrom = 0,
    indexBelow = Number.POSITIVE_INFINITY,
    registeredFrom,
    registeredTo,
  }: IndexQuery,
  treeSize: number,
): { readonly low: number; readonly high: number } {
  const firstSince = (time: number): number =>
    (reads.firstSince.get(time) as number | undefined) ?? treeSize
  const since = registeredFrom === undefined ? 0 : firstSince(registeredFrom)
  // Times are whole seconds.
  const until = registeredTo === undefined ? treeSize : firstSince(Math.floor(registeredTo) + 1)
  return { low: Math.max(indexFrom, since), high: Math.min(indexBelow, until, treeSize) }
}
