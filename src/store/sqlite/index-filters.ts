/** One stream of indexes (index-cursors.ts) for each filter of a query. */
import type { IndexQuery, SvnLimit } from '../../log/index-store.ts'
import { isSvnBelow } from '../../payload/tee/svn-order.ts'
import { AnyOf, EveryIndex, KnownIndexes, StoredIndexes } from './index-cursors.ts'
import type { Direction, IndexCursor, Work } from './index-cursors.ts'
import { BARE_MEASUREMENT, digestTerm, roleNumber } from './index-facts.ts'
import {
  attributeField,
  FIELD,
  findFieldId,
  findTermId,
  numberField,
  svnField,
} from './index-sql.ts'
import type { IndexReads } from './index-sql.ts'

/** Rows of other tables that are read in the time of one version. */
const SVN_COST = 3
/** Versions that one query remembers of a name. */
const COMPARED_MAX = 1000
/** A range of numbers with no more rows than this is read whole, and leads. */
const KNOWN_NUMBERS_MAX = 1000

interface Search {
  readonly reads: IndexReads
  readonly direction: Direction
  readonly work: Work
}

/** Undefined when a filter names what no statement has. */
export function openCursors(search: Search, query: IndexQuery): IndexCursor[] | undefined {
  const { digest, roles, attributes = [], numbers = [], svnsBelow = [] } = query
  const terms: (readonly [string, string])[] = attributes.map(({ name, value }) => [
    name === 'measurement' && !value.includes(':') ? BARE_MEASUREMENT : attributeField(name),
    value,
  ])
  for (const name of ['issuer', 'subject', 'signer', 'kind', 'type'] as const) {
    const value = query[name]
    if (value !== undefined) terms.push([FIELD[name], value])
  }
  const cursors = terms.map(([field, value]) => openPostings(search, [field, value], [0]))
  if (digest !== undefined) {
    const names = roles ?? (['subject', 'dependency', 'evidence'] as const)
    const term = digestTerm(digest.algorithm, digest.value)
    cursors.unshift(openPostings(search, term, names.map(roleNumber)))
  }
  for (const limit of svnsBelow) cursors.unshift(openSvns(search, limit))
  for (const range of numbers) cursors.unshift(openNumbers(search, range))
  if (cursors.length === 0) return [new EveryIndex()]
  return cursors.includes(undefined) ? undefined : (cursors as IndexCursor[])
}

function openPostings(
  { reads, direction, work }: Search,
  [field, value]: readonly [string, string],
  roles: readonly number[],
): IndexCursor | undefined {
  const termId = findTermId(reads, field, value)
  if (termId === undefined) return undefined
  const statement = direction.step === 1 ? reads.postingsUp : reads.postingsDown
  const open = (role: number): StoredIndexes =>
    new StoredIndexes(direction, work, (from, count) => {
      const indexes = statement.all(termId, role, from, count) as number[]
      return { indexes, rows: indexes.length }
    })
  return roles.length === 1 ? open(roles[0]!) : new AnyOf(roles.map(open), direction)
}

function openNumbers(
  { reads, direction, work }: Search,
  range: NonNullable<IndexQuery['numbers']>[number],
): IndexCursor | undefined {
  const fieldId = findFieldId(reads, numberField(range.name))
  if (fieldId === undefined) return undefined
  const { atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY } = range
  const known = reads.numbersBetween.all(fieldId, atLeast, atMost, KNOWN_NUMBERS_MAX + 1)
  if (known.length <= KNOWN_NUMBERS_MAX) return new KnownIndexes(known as number[], direction)
  const statement = direction.step === 1 ? reads.numbersUp : reads.numbersDown
  return new StoredIndexes(direction, work, (from, count) => {
    const rows = statement.all(atLeast, atMost, fieldId, from, count) as NumbersRow[]
    return {
      indexes: rows.map((row) => row.leaf_index),
      passed: rows.map((row) => row.passed === 1),
      rows: rows.reduce((sum, { found }) => sum + found, 0),
    }
  })
}

/** Statements with a version of that name; those pass of which one is below the limit. */
function openSvns(
  { reads, direction, work }: Search,
  { name, value: limit }: SvnLimit,
): IndexCursor | undefined {
  const fieldId = findFieldId(reads, svnField(name))
  if (fieldId === undefined) return undefined
  const statement = direction.step === 1 ? reads.svnsUp : reads.svnsDown
  // A fleet has few versions: each is compared once.
  const compared = new Map<string, boolean>()
  const isBelow = (hexes: string): boolean => {
    const known = compared.get(hexes)
    if (known !== undefined) return known
    const below = hexes.split(',').some((hex) => isSvnBelow(name, hex.toLowerCase(), limit))
    if (compared.size < COMPARED_MAX) compared.set(hexes, below)
    return below
  }
  return new StoredIndexes(direction, work, (from, count) => {
    const rows = statement.all(fieldId, from, count) as SvnsRow[]
    return {
      indexes: rows.map(({ leaf_index: leafIndex }) => leafIndex),
      passed: rows.map(({ hexes }) => isBelow(hexes)),
      rows: SVN_COST * rows.reduce((sum, { found }) => sum + found, 0),
    }
  })
}

/** The versions of one name of one statement. */
interface SvnsRow {
  readonly leaf_index: number
  readonly hexes: string
  readonly found: number
}

/** The numbers of one statement: whether any is in the range, and how many were read. */
interface NumbersRow {
  readonly leaf_index: number
  readonly passed: number
  readonly found: number
}
