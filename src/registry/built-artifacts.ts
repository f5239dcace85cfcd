/**
 * What was built in environments of a kind (statements.md §8.2, query 3): evidence that passes the
 * filters, the newest first, and the provenances that it belongs to, each with the artifacts that it is
 * about. One key may have signed many provenances, so a page can end within a piece of evidence.
 */
import { summarize } from '../log/index-store.ts'
import type { IndexedStatement, IndexQuery, IndexRecord } from '../log/index-store.ts'
import type { DescribedAttribute } from '../payload/description.ts'
import { EvidenceJoin } from './bound-evidence.ts'
import type { BoundEvidence } from './bound-evidence.ts'
import { relatedDigests } from './describe-artifact.ts'
import type { RelatedDigests } from './describe-artifact.ts'
import { isBoundEvidence, summarizeEvidence } from './evidence-facts.ts'
import type { RegistryPorts } from './ports.ts'
import { queryStatements } from './query-statements.ts'
import type { PagePosition } from './query-statements.ts'
import type { SigningKeys } from './signing-keys.ts'

/** A provenance, what it is about, and the evidence by which it is here. */
export interface BuiltArtifacts {
  readonly provenance: IndexedStatement
  readonly subjects: RelatedDigests
  readonly evidence: BoundEvidence
}

/** `within`: of the evidence just below `boundary`, provenances below this index are left. */
export interface BuiltPosition extends PagePosition {
  readonly within?: number
}

export interface BuiltLookup {
  /** Filters of the evidence. */
  readonly query: Omit<IndexQuery, 'order' | 'limit'>
  /** Rows of a page. */
  readonly limit: number
  readonly position?: BuiltPosition
}

export interface BuiltPage {
  readonly treeSize: number
  readonly rows: readonly BuiltArtifacts[]
  /** Where to go on; may be there after an empty page. */
  readonly next?: BuiltPosition
}

/** Pieces of evidence that one page looks at. */
const EVIDENCE_MAX = 100

/** One page. Throws as {@link queryStatements}. */
export async function findBuiltArtifacts(
  { query, limit, position }: BuiltLookup,
  ports: RegistryPorts,
  keys: SigningKeys,
): Promise<BuiltPage> {
  const page = await queryStatements(
    {
      query: { ...query, order: 'descending', limit: EVIDENCE_MAX },
      facts: true,
      ...(position === undefined ? {} : { position }),
    },
    ports,
  )
  const { treeSize } = page
  const join = new EvidenceJoin({ ports, keys, treeSize })
  const rows: BuiltArtifacts[] = []
  let within = position?.within
  for (const { record: evidence } of page.statements) {
    if (evidence === undefined) continue
    const built = await builtOf(evidence, {
      join,
      ports,
      treeSize,
      within,
      rest: limit - rows.length,
    })
    rows.push(...built.rows)
    within = undefined
    if (built.next !== undefined) {
      const next = { boundary: evidence.leafIndex + 1, treeSize, within: built.next }
      return { treeSize, rows, next }
    }
    if (rows.length >= limit) {
      const isEnd = evidence.leafIndex === 0
      return {
        treeSize,
        rows,
        ...(isEnd ? {} : { next: { boundary: evidence.leafIndex, treeSize } }),
      }
    }
  }
  return { treeSize, rows, ...(page.next === undefined ? {} : { next: page.next }) }
}

interface Within {
  readonly join: EvidenceJoin
  readonly ports: RegistryPorts
  readonly treeSize: number
  readonly within: number | undefined
  readonly rest: number
}

/** Rows of one piece of evidence; `next` where there are more provenances than `rest`. */
async function builtOf(
  evidence: IndexRecord,
  { join, ports, treeSize, within, rest }: Within,
): Promise<{ readonly rows: readonly BuiltArtifacts[]; readonly next?: number }> {
  if (!isBoundEvidence(evidence.description)) return { rows: [] }
  const { records, end } = await provenancesOf(evidence, { below: within ?? treeSize, ports, rest })
  const rows: BuiltArtifacts[] = []
  for (const record of records) {
    const joinedBy = await join.joinedBy(record, evidence)
    if (joinedBy === undefined) continue
    rows.push({
      provenance: summarize(record),
      subjects: relatedDigests(record.description.digests, 'subject'),
      evidence: { ...(await join.detailsOf(evidence)), joinedBy },
    })
  }
  return end === undefined ? { rows } : { rows, next: end }
}

/** Provenances that name what the evidence is bound to, at most `rest`, descending. */
async function provenancesOf(
  evidence: IndexRecord,
  { below, ports, rest }: { below: number; ports: RegistryPorts; rest: number },
): Promise<{ readonly records: readonly IndexRecord[]; readonly end?: number }> {
  const found = new Map<number, IndexRecord>()
  const isOwn = evidence.description.kind === 'provenance' && evidence.leafIndex < below
  // A statement that brings its own evidence.
  if (isOwn) found.set(evidence.leafIndex, evidence)
  let floor = 0
  for (const filter of filtersOf(evidence)) {
    const query = { ...filter, kind: 'provenance', indexBelow: below, limit: rest } as const
    const { statements, next } = await queryStatements(
      { query: { ...query, order: 'descending' }, facts: true },
      ports,
    )
    for (const { record } of statements) {
      if (record !== undefined) found.set(record.leafIndex, record)
    }
    // Below this, the look-up has not been answered to its end.
    if (next !== undefined) floor = Math.max(floor, next.boundary)
  }
  const all = [...found.values()]
    .filter(({ leafIndex }) => leafIndex >= floor)
    .sort((a, b) => b.leafIndex - a.leafIndex)
  const records = all.slice(0, rest)
  const end = all.length > rest ? records.at(-1)!.leafIndex : floor
  return end === 0 ? { records } : { records, end }
}

type Filter = Pick<IndexQuery, 'attributes' | 'signer'>

function filtersOf(evidence: IndexRecord): Filter[] {
  const { payloads, keys } = summarizeEvidence(evidence.description)
  const having = (name: DescribedAttribute['name'], value: string): Filter => ({
    attributes: [{ name, value }],
  })
  return [
    ...payloads.map((value) => having('payload-sha256', value)),
    ...keys.flatMap((key) => [{ signer: key }, having('signer-key', key)]),
  ]
}
