/**
 * Look-ups of statements (R15): filters that all have to hold, a page at a time. All pages of one
 * look-up cover the tree size of the first, so that together they are one answer, which an auditor
 * can compare with a linear scan at that size (I8).
 */
import type { LeafIndex } from '../bytes/integers.ts'
import { summarize } from '../log/index-store.ts'
import type { IndexedStatement, IndexQuery, IndexReader, IndexRecord } from '../log/index-store.ts'
import type { RegistryPorts } from './ports.ts'
import { assertCovers, requireIndex } from './require-index.ts'

/** Where the next page begins, and the tree size that all pages cover. */
export interface PagePosition {
  /** First index of an ascending page; of a descending one, the index that ends it, exclusive. */
  readonly boundary: number
  readonly treeSize: number
}

export interface StatementLookup {
  readonly query: IndexQuery
  /** From the page before. */
  readonly position?: PagePosition
  /** Give whole records, as the tables hold them. */
  readonly facts: boolean
}

/** One row; `record` where facts were asked for. */
export interface FoundStatement {
  readonly row: IndexedStatement
  readonly record?: IndexRecord
}

export interface StatementPage {
  readonly treeSize: number
  readonly statements: readonly FoundStatement[]
  /** Where to go on; absent at the end. */
  readonly next?: PagePosition
}

/** Records read at a time: one of them may say thousands of things. */
const RECORDS_AT_A_TIME = 32
/** Characters after which a page of whole records ends early. */
const PAGE_WEIGHT_MAX = 4 * 1024 * 1024

/**
 * One page of statements.
 * @throws UnavailableError `ERR_INDEX_OFF`; `ERR_INDEX_BEHIND` when it is being rebuilt and does not
 * reach the tree size of the page before.
 */
export async function queryStatements(
  { query, position, facts }: StatementLookup,
  ports: RegistryPorts,
): Promise<StatementPage> {
  const index = requireIndex(ports)
  const { treeSize: indexed } = await index.readState()
  if (position !== undefined) assertCovers(indexed, position.treeSize)
  const treeSize = position?.treeSize ?? indexed
  const bounded = boundQuery(query, { treeSize, position })
  if (bounded.indexFrom >= bounded.indexBelow) return { treeSize, statements: [] }
  const { statements, boundary } = await (facts ? findRecords : findRows)(index, bounded)
  const { order, indexFrom, indexBelow } = bounded
  const isEnd =
    boundary === undefined ||
    (order === 'ascending' ? boundary >= indexBelow : boundary <= indexFrom)
  return { treeSize, statements, ...(isEnd ? {} : { next: { boundary, treeSize } }) }
}

type BoundedQuery = IndexQuery & { readonly indexFrom: number; readonly indexBelow: number }

function boundQuery(
  query: IndexQuery,
  {
    treeSize,
    position,
  }: { readonly treeSize: number; readonly position: PagePosition | undefined },
): BoundedQuery {
  const { indexFrom = 0, indexBelow = treeSize, order } = query
  const { boundary } = position ?? {}
  const from = order === 'ascending' ? boundary : undefined
  const below = order === 'descending' ? boundary : undefined
  return {
    ...query,
    indexFrom: Math.max(indexFrom, from ?? 0),
    indexBelow: Math.min(indexBelow, below ?? treeSize, treeSize),
  }
}

interface Found {
  readonly statements: readonly FoundStatement[]
  /** Where the next page begins; absent when there is certainly no more. */
  readonly boundary?: number
}

/** Steps of the index that one page may take: filters that fit few statements want several. */
const STEPS_MAX = 8

async function findRows(index: IndexReader, query: BoundedQuery): Promise<Found> {
  const statements: FoundStatement[] = []
  let rest = query
  for (let steps = 1; ; steps++) {
    const limit = query.limit - statements.length
    const { statements: rows, next: boundary } = await index.query({ ...rest, limit })
    statements.push(...rows.map((row) => ({ row })))
    if (boundary === undefined) return { statements }
    if (statements.length === query.limit || steps === STEPS_MAX) return { statements, boundary }
    rest = { ...rest, [query.order === 'ascending' ? 'indexFrom' : 'indexBelow']: boundary }
  }
}

async function findRecords(index: IndexReader, query: BoundedQuery): Promise<Found> {
  const { indexes, boundary } = isPlainRange(query)
    ? rangeOf(query)
    : indexesOf(await findRows(index, query))
  const statements: FoundStatement[] = []
  let at = 0
  for (let weight = 0; at < indexes.length && weight < PAGE_WEIGHT_MAX; at += RECORDS_AT_A_TIME) {
    const { records } = await index.findRecords(indexes.slice(at, at + RECORDS_AT_A_TIME))
    const ordered = query.order === 'ascending' ? records : [...records].reverse()
    statements.push(...ordered.map((record) => ({ row: summarize(record), record })))
    weight += records.reduce((sum, record) => sum + weightOf(record), 0)
  }
  if (at >= indexes.length) return { statements, ...(boundary === undefined ? {} : { boundary }) }
  const last = indexes[at - 1]!
  return { statements, boundary: query.order === 'ascending' ? last + 1 : last }
}

interface Indexes {
  readonly indexes: readonly LeafIndex[]
  readonly boundary?: number
}

/** Without filters nothing is looked up: what the tables lack is then missing, not passed over. */
function rangeOf({ indexFrom, indexBelow, limit }: BoundedQuery): Indexes {
  const boundary = Math.min(indexFrom + limit, indexBelow)
  const length = boundary - indexFrom
  return { indexes: Array.from({ length }, (_, at) => (indexFrom + at) as LeafIndex), boundary }
}

function indexesOf({ statements, ...rest }: Found): Indexes {
  return { ...rest, indexes: statements.map(({ row }) => row.leafIndex) }
}

function isPlainRange(query: BoundedQuery): boolean {
  const { order, limit: _limit, indexFrom: _from, indexBelow: _below, ...filters } = query
  return order === 'ascending' && Object.keys(filters).length === 0
}

/** About how many characters a record is on the wire. */
function weightOf({ description }: IndexRecord): number {
  const { digests, attributes, numbers, findings } = description
  let weight = 512 + 64 * numbers.length + 256 * findings.length
  for (const { value } of digests) weight += 64 + value.length
  for (const { value } of attributes) weight += 48 + value.length
  return weight
}
