/**
 * Which registered reference values are about what evidence measured: statements of kind
 * `reference-values` with one of its digests, under the same name or under a name that the evidence does
 * not use. Whose reference values count is the reader's to decide; the issuer stands beside each.
 */
import { summarize } from '../log/index-store.ts'
import type { IndexedStatement } from '../log/index-store.ts'
import type { Description } from '../payload/description.ts'
import { measuredDigests } from './evidence-facts.ts'
import type { RegistryPorts } from './ports.ts'
import { queryStatements } from './query-statements.ts'

/** Statements that are shown for one piece of evidence, and looked at for each digest. */
const REFERENCES_MAX = 10
/** Digests of one piece of evidence that are looked for: a TPM has 24 registers. */
const DIGESTS_MAX = 32

export interface ReferenceMatch {
  readonly row: IndexedStatement
  /** Measurements of the evidence that it names, as `name:hex`. */
  readonly measurements: readonly string[]
}

/** Reference values with a digest that was measured, the newest first of each. */
export async function findReferences(
  evidence: Description,
  treeSize: number,
  ports: RegistryPorts,
): Promise<readonly ReferenceMatch[]> {
  const digests = measuredDigests(evidence)
  const names = new Set(digests.map(({ name }) => name))
  const found = new Map<number, { row: IndexedStatement; measurements: Set<string> }>()
  for (const { name, value } of digests.slice(0, DIGESTS_MAX)) {
    const { statements } = await queryStatements(
      {
        query: {
          ...{ kind: 'reference-values', attributes: [{ name: 'measurement', value }] },
          ...{ indexBelow: treeSize, order: 'descending', limit: REFERENCES_MAX },
        },
        facts: true,
      },
      ports,
    )
    for (const { record } of statements) {
      if (record === undefined) continue
      const isNamed = measuredDigests(record.description).some(
        (one) => one.value === value && (one.name === name || !names.has(one.name)),
      )
      if (!isNamed) continue
      const { leafIndex } = record
      const match = found.get(leafIndex) ?? { row: summarize(record), measurements: new Set() }
      match.measurements.add(`${name}:${value}`)
      found.set(leafIndex, match)
    }
  }
  return [...found.values()]
    .sort((a, b) => b.row.leafIndex - a.row.leafIndex)
    .slice(0, REFERENCES_MAX)
    .map(({ row, measurements }) => ({ row, measurements: [...measurements] }))
}
