/** What is registered about the environment of a build, and the level that follows from it (R26). */
import type { IndexRecord } from '../log/index-store.ts'
import { evaluateBuildEnvironment } from '../policy/build-environment.ts'
import type { BuildEnvironment } from '../policy/build-environment.ts'
import type { BoundEvidence } from './bound-evidence.ts'
import { valuesOf } from './evidence-facts.ts'
import type { RegistryPorts } from './ports.ts'
import { queryStatements } from './query-statements.ts'

/** Images that one provenance names, and statements about each that are looked at. */
const IMAGES_MAX = 4
const STATEMENTS_MAX = 10
const IMAGE = /^sha256:([0-9a-f]{64})$/

export async function describeBuildEnvironment(
  provenance: IndexRecord,
  evidence: readonly BoundEvidence[],
  { ports, treeSize }: { readonly ports: RegistryPorts; readonly treeSize: number },
): Promise<BuildEnvironment> {
  const images = valuesOf(provenance.description, 'build-image')
    .flatMap((text) => IMAGE.exec(text)?.[1] ?? [])
    .slice(0, IMAGES_MAX)
  const [good, bad]: [number[], number[]] = [[], []]
  for (const value of images) {
    for (const kind of ['provenance', 'vsa'] as const) {
      const query = {
        ...{ digest: { algorithm: 'sha256', value }, roles: ['subject' as const], kind },
        ...{ indexBelow: treeSize, order: 'descending' as const, limit: STATEMENTS_MAX },
      }
      const { statements } = await queryStatements({ query, facts: true }, ports)
      for (const { record } of statements) {
        if (record === undefined) continue
        const isFailed =
          kind === 'vsa' && !valuesOf(record.description, 'result').includes('PASSED')
        ;(isFailed ? bad : good).push(record.leafIndex)
      }
    }
  }
  return evaluateBuildEnvironment({
    ...{ namesImage: images.length > 0, imageStatements: good, imageFailures: bad },
    evidence: evidence.map(({ row, summary, references }) => ({
      entry: row.leafIndex,
      teeTypes: summary.teeTypes,
      // What does not say that it is closed counts as open.
      debug: summary.debug ?? true,
      references: references.map((match) => match.row.leafIndex),
    })),
  })
}
