/**
 * Which registered reference values are about what evidence measured: statements of kind
 * `reference-values` with one of its digests, under the same name or under a name that the evidence does
 * not use. One that expects another value of something that was measured is about another environment,
 * whatever else is the same: all domains of a platform share the digest of its module. Whose reference
 * values count is the reader's to decide; the issuer stands beside each.
 */
import type { LeafIndex } from '../bytes/integers.ts'
import { summarize } from '../log/index-store.ts'
import type { IndexedStatement } from '../log/index-store.ts'
import type { Description } from '../payload/description.ts'
import { matchReferenceValues } from '../payload/tee/reference-values.ts'
import { isMeasuredDigest, measuredDigests, measurementsOf } from './evidence-facts.ts'
import type { RegistryPorts } from './ports.ts'
import { queryStatements } from './query-statements.ts'
import { requireIndex } from './require-index.ts'

/** Statements that are shown for one piece of evidence, and looked for with each digest. */
const REFERENCES_MAX = 10
/** Digests of one piece of evidence that are looked for: a TPM has 24 registers. */
const DIGESTS_MAX = 32

export interface ReferenceMatch {
  readonly row: IndexedStatement
  /** Measurements of the evidence that it names, as `name:hex`. */
  readonly measurements: readonly string[]
}

/** The newest reference values with a digest that was measured. */
export async function findReferences(
  evidence: Description,
  treeSize: number,
  ports: RegistryPorts,
): Promise<readonly ReferenceMatch[]> {
  const digests = measuredDigests(evidence).slice(0, DIGESTS_MAX)
  const found = new Set<LeafIndex>()
  for (const { value } of digests) {
    for (const leafIndex of await indexesWith(value, treeSize, ports)) found.add(leafIndex)
  }
  // One that expects something else is left out below, so some more are read than are shown.
  const newest = [...found].sort((a, b) => b - a).slice(0, 2 * REFERENCES_MAX)
  if (newest.length === 0) return []
  const { records } = await requireIndex(ports).findRecords(newest)
  return [...records]
    .reverse()
    .flatMap((record) => {
      const measurements = matching(evidence, record.description)
      return measurements.length === 0 ? [] : [{ row: summarize(record), measurements }]
    })
    .slice(0, REFERENCES_MAX)
}

async function indexesWith(
  value: string,
  treeSize: number,
  ports: RegistryPorts,
): Promise<LeafIndex[]> {
  const query = {
    ...{ kind: 'reference-values' as const, attributes: [{ name: 'measurement' as const, value }] },
    ...{ indexBelow: treeSize, order: 'descending' as const, limit: REFERENCES_MAX },
  }
  const { statements } = await queryStatements({ query, facts: false }, ports)
  return statements.map(({ row }) => row.leafIndex)
}

/** Measured digests that the reference values name; none where they contradict what was measured. */
function matching(evidence: Description, reference: Description): string[] {
  const { result, measurements } = matchReferenceValues(
    measurementsOf(evidence),
    measurementsOf(reference),
  )
  if (result !== 'match') return []
  const right = measurements.filter((one) => one.result === 'match').filter(isMeasuredDigest)
  return [...new Set(right.map(({ name, value }) => `${name}:${value}`))]
}
