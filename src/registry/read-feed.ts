/**
 * The log as an event source (R37): what is registered, in the order of the log, from where a
 * consumer stopped. Positions are indexes, so that a consumer who was killed goes on from the last
 * one that it kept, and what it sees twice has the same index: at least once.
 */
import type { IndexedStatement, IndexQuery } from '../log/index-store.ts'
import type { RegistryPorts } from './ports.ts'
import { requireIndex } from './require-index.ts'

export interface FeedRequest {
  /** Index of the last event that the consumer has; -1 for none. */
  readonly after: number
  readonly limit: number
  readonly filter: Pick<IndexQuery, 'kind' | 'type' | 'subject'>
}

export interface FeedPage {
  readonly treeSize: number
  readonly statements: readonly IndexedStatement[]
  /** What to ask after next: everything up to it was given, or does not pass the filter. */
  readonly next: number
  /** There is more already. */
  readonly more: boolean
}

/**
 * Events after a position. Never goes back: where the index is being rebuilt and has not reached the
 * position, there is nothing yet.
 * @throws UnavailableError `ERR_INDEX_OFF`.
 */
export async function readFeed(
  { after, limit, filter }: FeedRequest,
  ports: RegistryPorts,
): Promise<FeedPage> {
  const { treeSize, statements, next } = await requireIndex(ports).query({
    ...filter,
    indexFrom: after + 1,
    order: 'ascending',
    limit,
  })
  const reached = Math.max(after, (next ?? treeSize) - 1)
  return { treeSize, statements, next: reached, more: reached < treeSize - 1 }
}
