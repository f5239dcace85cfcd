/** What is registered about the environment of a build, and the level that follows from it (R26). */
import type { IndexRecord } from '../log/index-store.ts'
import { evaluateBuildEnvironment } from '../policy/build-environment.ts'
import type { BuildEnvironment } from '../policy/build-environment.ts'
import type { BoundEvidence } from './bound-evidence.ts'
import { valuesOf } from './evidence-facts.ts'
import type { EvidenceSummary } from './evidence-facts.ts'
import type { RegistryPorts } from './ports.ts'
import { queryStatements } from './query-statements.ts'
import type { ReferenceMatch } from './reference-matches.ts'

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
      references: endorsing(references, summary).map((match) => match.row.leafIndex),
    })),
  })
}

/** What the hardware measured before anything ran in the environment, by whichever vendor. */
const LAUNCHED = /^(?:mrenclave|mrsigner|mrtd|measurement|rim):/

/**
 * References count once one of them endorses what was launched. Code that nobody endorsed extends its own
 * registers to any known values, and a virtual TPM is as honest as what was launched on the hardware;
 * the digest of a platform's own firmware is the same for all that runs on it.
 */
function endorsing(
  references: readonly ReferenceMatch[],
  { teeTypes }: EvidenceSummary,
): readonly ReferenceMatch[] {
  // Nothing else vouches for a TPM of its own; in a Nitro enclave the hypervisor writes the registers.
  const isPlain = teeTypes.every((type) => type === 'tpm' || type === 'nitro')
  const isLaunch = (text: string): boolean =>
    LAUNCHED.test(text) || (isPlain && text.startsWith('pcr'))
  const isLaunchEndorsed = references.some((match) => match.measurements.some(isLaunch))
  return isLaunchEndorsed ? references : []
}
