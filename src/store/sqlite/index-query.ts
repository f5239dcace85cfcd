/**
 * Answers a query by intersecting the streams of its filters (index-cursors.ts): each is told to go
 * on where another one is, until all are at one index. A sparse filter carries the dense ones along,
 * whichever it is, so nothing has to be estimated. When the work of a call is used up, the answer
 * says where to go on.
 */
import type { IndexQuery } from '../../log/index-store.ts'
import { ASCENDING, DESCENDING, Work } from './index-cursors.ts'
import type { Direction, IndexCursor } from './index-cursors.ts'
import { openCursors } from './index-filters.ts'
import type { IndexReads } from './index-sql.ts'

/** Rows that one call may read for its filters, with a call counted as some: a few milliseconds. */
export const QUERY_ROWS_MAX = 12_000

export interface FoundIndexes {
  readonly leafIndexes: readonly number[]
  readonly next?: number
}

export interface FindIndexesRequest {
  readonly reads: IndexReads
  readonly query: IndexQuery
  /** Entries that are indexed. */
  readonly treeSize: number
  readonly work?: Work
}

/** Indexes of statements that pass all filters, within the snapshot that is open. */
export function findIndexes(request: FindIndexesRequest): FoundIndexes {
  const { reads, query, treeSize, work = new Work(QUERY_ROWS_MAX) } = request
  const direction = query.order === 'descending' ? DESCENDING : ASCENDING
  const { low, high } = indexRange(reads, query, treeSize)
  const cursors = openCursors({ reads, direction, work }, query)
  if (cursors === undefined || low >= high) return { leafIndexes: [] }
  const start = direction.step === 1 ? low : high - 1
  const isWithin = (index: number): boolean => low <= index && index < high
  const leafIndexes: number[] = []
  let target = start
  while (isWithin(target)) {
    if (leafIndexes.length >= query.limit || work.isDone) {
      return { leafIndexes, next: nextOf(target, direction) }
    }
    const place = meet(cursors, target, direction)
    if (place === undefined) break
    if (place.isHit && isWithin(place.at)) leafIndexes.push(place.at)
    target = place.isHit ? place.at + direction.step : place.at
  }
  return { leafIndexes }
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
