/** One stream of indexes (cursors.ts) for each filter of a query. */
import type { IndexQuery, SvnLimit } from '../../../log/index-store.ts'
import { isSvnBelow } from '../../../payload/tee/svn-order.ts'
import { EveryIndex, KnownIndexes, StoredIndexes } from './cursors.ts'
import type { Direction, IndexCursor, Work } from './cursors.ts'
import {
  attributeField,
  BARE_MEASUREMENT,
  digestTerm,
  FIELD,
  numberField,
  roleNumber,
  SAYS,
  svnField,
} from './facts.ts'
import type { Fact } from './facts.ts'
import type { IndexSnapshot } from './snapshot.ts'

/** Rows of other tables that are read in the time of one version. */
const SVN_COST = 3
/** Versions that one query remembers of a name. */
const COMPARED_MAX = 1000
/** A range of numbers with no more rows than this is read whole, and leads. */
const KNOWN_NUMBERS_MAX = 1000

export interface Search extends IndexSnapshot {
  readonly direction: Direction
  readonly work: Work
}

/** Facts of which a statement has to say one: one list for each filter that asks for values. */
export function wantedFacts(query: IndexQuery): readonly (readonly Fact[])[] {
  const { digest, roles, attributes = [] } = query
  const wanted: Fact[][] = []
  if (digest !== undefined) {
    const names = roles ?? (['subject', 'dependency', 'evidence'] as const)
    const [field, text] = digestTerm(digest.algorithm, digest.value)
    wanted.push(names.map((role) => ({ field, role: roleNumber(role), text })))
  }
  for (const { name, value } of attributes) {
    const isBare = name === 'measurement' && !value.includes(':')
    wanted.push([
      { field: isBare ? BARE_MEASUREMENT : attributeField(name), role: SAYS, text: value },
    ])
  }
  for (const name of ['issuer', 'subject', 'signer', 'kind', 'type'] as const) {
    const value = query[name]
    if (value !== undefined) wanted.push([{ field: FIELD[name], role: SAYS, text: value }])
  }
  return wanted
}

/** Undefined when a filter names what no statement has. */
export function openCursors(
  search: Search,
  query: IndexQuery,
  wanted: readonly (readonly Fact[])[],
): IndexCursor[] | undefined {
  const { numbers = [], svnsBelow = [] } = query
  const cursors = [
    ...numbers.map((range) => openNumbers(search, range)),
    ...svnsBelow.map((limit) => openSvns(search, limit)),
    ...wanted.map((facts) => openPostings(search, facts)),
  ]
  if (cursors.length === 0) return [new EveryIndex()]
  return cursors.includes(undefined) ? undefined : (cursors as IndexCursor[])
}

function openPostings(
  { fields, postings, direction, work }: Search,
  facts: readonly Fact[],
): IndexCursor | undefined {
  const keys = facts.map((fact) => fields.keyOf(fact)).filter((key) => key !== undefined)
  if (keys.length === 0) return undefined
  return new StoredIndexes(direction, work, (from, count) =>
    postings.read(keys, direction, { from, count }),
  )
}

function openNumbers(
  { reads, fields, direction, work }: Search,
  range: NonNullable<IndexQuery['numbers']>[number],
): IndexCursor | undefined {
  const fieldId = fields.id(numberField(range.name))
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
  { reads, fields, direction, work }: Search,
  { name, value: limit }: SvnLimit,
): IndexCursor | undefined {
  const fieldId = fields.id(svnField(name))
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
