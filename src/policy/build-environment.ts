/**
 * The level of SLSA's Build Environment track, computed from statements and never asserted (statements.md
 * §3.4, §9.6). The track is a draft: the name of the draft stands in every answer. Whether the parties
 * behind the statements count is for the reader; here, each that was admitted does. No level protects
 * against code that the build itself pulled in.
 */

/** Which draft the rules are of. */
export const BUILD_ENVIRONMENT_DRAFT = 'buildenv-draft-2026-07'

/** Evidence that is bound to the build. Entries are named by their index. */
export interface EnvironmentEvidence {
  readonly entry: number
  readonly teeTypes: readonly string[]
  readonly debug: boolean
  /** Entries of reference values that name what it measured. */
  readonly references: readonly number[]
}

export interface BuildEnvironmentFacts {
  /** Whether the provenance names the image that was built in, by digest. */
  readonly namesImage: boolean
  /** Entries that are provenance of that image, or a summary that it passed. */
  readonly imageStatements: readonly number[]
  /** Entries that say that the image did not pass. */
  readonly imageFailures: readonly number[]
  readonly evidence: readonly EnvironmentEvidence[]
}

/** What is missing, or in the way. */
export type EnvironmentGap =
  | 'image' // the provenance names no image
  | 'image-statement' // nobody says where the image is from
  | 'image-failed' // what is said of it is that it did not pass
  | 'bound-evidence' // no verified evidence is bound to the build
  | 'reference-values' // nobody endorsed what the evidence measures
  | 'hardware-evidence' // the evidence is not of hardware that covers host and guest
  | 'debug' // the environment can be looked into

export interface LevelOutcome {
  readonly level: 1 | 2 | 3
  /** `unknown` may change by more statements; `fail` says that those that are there speak against it. */
  readonly outcome: 'pass' | 'fail' | 'unknown'
  /** Entries that it rests on. */
  readonly entries: readonly number[]
  readonly gaps: readonly EnvironmentGap[]
}

export interface BuildEnvironment {
  readonly draft: typeof BUILD_ENVIRONMENT_DRAFT
  /** The highest level that passes with all below it. */
  readonly level: 0 | 1 | 2 | 3
  readonly levels: readonly LevelOutcome[]
}

/** Hardware that measures a whole guest and vouches for the host below it. */
const HARDWARE: ReadonlySet<string> = new Set(['tdx', 'sev-snp', 'cca'])

/** Every level with its outcome and gaps. */
export function evaluateBuildEnvironment(facts: BuildEnvironmentFacts): BuildEnvironment {
  const levels = [imageLevel(facts), measuredLevel(facts), hardwareLevel(facts)]
  const failed = levels.findIndex(({ outcome }) => outcome !== 'pass')
  const level = (failed < 0 ? levels.length : failed) as BuildEnvironment['level']
  return { draft: BUILD_ENVIRONMENT_DRAFT, level, levels }
}

function imageLevel(facts: BuildEnvironmentFacts): LevelOutcome {
  const { namesImage, imageStatements, imageFailures } = facts
  if (imageStatements.length > 0) return passed(1, imageStatements)
  if (imageFailures.length > 0) return { level: 1, outcome: 'fail', entries: imageFailures, gaps: ['image-failed'] } // prettier-ignore
  return unknown(1, namesImage ? 'image-statement' : 'image')
}

function measuredLevel({ evidence }: BuildEnvironmentFacts): LevelOutcome {
  if (evidence.length === 0) return unknown(2, 'bound-evidence')
  const endorsed = evidence.filter(isEndorsed)
  return endorsed.length === 0 ? unknown(2, 'reference-values') : passed(2, entriesOf(endorsed))
}

function hardwareLevel({ evidence }: BuildEnvironmentFacts): LevelOutcome {
  if (evidence.length === 0) return unknown(3, 'bound-evidence')
  const hardware = evidence.filter(({ teeTypes }) => teeTypes.some((type) => HARDWARE.has(type)))
  if (hardware.length === 0) return unknown(3, 'hardware-evidence')
  const closed = hardware.filter(({ debug }) => !debug)
  if (closed.length === 0) return { level: 3, outcome: 'fail', entries: hardware.map(({ entry }) => entry), gaps: ['debug'] } // prettier-ignore
  const endorsed = closed.filter(isEndorsed)
  return endorsed.length === 0 ? unknown(3, 'reference-values') : passed(3, entriesOf(endorsed))
}

const isEndorsed = ({ references }: EnvironmentEvidence): boolean => references.length > 0

function entriesOf(evidence: readonly EnvironmentEvidence[]): number[] {
  return [...new Set(evidence.flatMap(({ entry, references }) => [entry, ...references]))]
}

function passed(level: LevelOutcome['level'], entries: readonly number[]): LevelOutcome {
  return { level, outcome: 'pass', entries, gaps: [] }
}

function unknown(level: LevelOutcome['level'], gap: EnvironmentGap): LevelOutcome {
  return { level, outcome: 'unknown', entries: [], gaps: [gap] }
}
