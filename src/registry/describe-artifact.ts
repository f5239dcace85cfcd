/**
 * Everything about one artifact (R15), in both directions: statements about it with what went into it,
 * statements that used it with what came out, and evidence that names it. Newest first, a page at a
 * time; what a page shows of a single statement is bounded, too.
 */
import { summarize } from '../log/index-store.ts'
import type { IndexedStatement, IndexRecord } from '../log/index-store.ts'
import type { DescribedDigest, DigestRole, Finding } from '../payload/description.ts'
import { readSubjects } from '../payload/statement-subjects.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import type { BuildEnvironment } from '../policy/build-environment.ts'
import { EvidenceJoin } from './bound-evidence.ts'
import type { BoundEvidence } from './bound-evidence.ts'
import { describeBuildEnvironment } from './build-environment.ts'
import type { RegistryPorts } from './ports.ts'
import { queryStatements } from './query-statements.ts'
import type { PagePosition } from './query-statements.ts'
import type { SigningKeys } from './signing-keys.ts'

export interface ArtifactDigest {
  readonly algorithm: string
  readonly value: string
}

export interface ArtifactLookup {
  readonly digest: ArtifactDigest
  readonly limit: number
  readonly position?: PagePosition
}

/** Digests of one direction: all of them counted, the first ones shown. */
export interface RelatedDigests {
  readonly total: number
  readonly digests: readonly ArtifactDigest[]
}

export interface ArtifactStatement {
  readonly row: IndexedStatement
  /** What the artifact is to the statement. */
  readonly roles: readonly DigestRole[]
  readonly findings: readonly Finding[]
  /** What went into it, where the statement is about the artifact. */
  readonly dependencies?: RelatedDigests
  /** What came out, where the statement only uses the artifact. */
  readonly subjects?: RelatedDigests
  /** Of a provenance of the artifact: evidence of where it was built, newest first. */
  readonly evidence?: readonly BoundEvidence[]
  /** Of the same: the level of the environment, as far as it follows from what is registered. */
  readonly buildEnvironment?: BuildEnvironment
}

export interface DescribedArtifact {
  readonly treeSize: number
  /** Other names of the artifact, as the statements of this page have them. */
  readonly aliases: {
    readonly digests: readonly ArtifactDigest[]
    readonly purls: readonly string[]
    readonly names: readonly string[]
  }
  readonly statements: readonly ArtifactStatement[]
  readonly next?: PagePosition
}

const RELATED_MAX = 50
/** Pieces of evidence after which a page ends early. */
const DETAILED_MAX = 40
const ALIASES_MAX = 100

/**
 * One page about an artifact. An artifact that nothing is known of has an empty page.
 * @throws UnavailableError as {@link queryStatements}.
 */
export async function describeArtifact(
  { digest, limit, position }: ArtifactLookup,
  ports: RegistryPorts,
  keys: SigningKeys,
): Promise<DescribedArtifact> {
  const page = await queryStatements(
    {
      query: { digest, order: 'descending', limit },
      facts: true,
      ...(position === undefined ? {} : { position }),
    },
    ports,
  )
  const { treeSize } = page
  let { next } = page
  const join = new EvidenceJoin({ ports, keys, treeSize })
  const aliases = new Aliases(digest)
  const statements: ArtifactStatement[] = []
  for (const { record } of page.statements) {
    if (record === undefined) continue
    const described = describe(record, digest)
    const isAbout = described.roles.includes('subject')
    if (isAbout && record.description.kind === 'provenance') {
      const evidence = await join.evidenceOf(record)
      const where = { ports, treeSize }
      const buildEnvironment = await describeBuildEnvironment(record, evidence, where)
      statements.push({ ...described, evidence, buildEnvironment })
    } else statements.push(described)
    if (isAbout) await aliases.collect(record, ports)
    if (join.detailed >= DETAILED_MAX && record.leafIndex > 0) {
      next = { boundary: record.leafIndex, treeSize }
      break
    }
  }
  const found = { treeSize, aliases: aliases.list(), statements }
  return next === undefined ? found : { ...found, next }
}

function describe(record: IndexRecord, artifact: ArtifactDigest): ArtifactStatement {
  const { digests, findings } = record.description
  const roles = digests.filter((one) => isSame(one, artifact)).map(({ role }) => role)
  const isSubject = roles.includes('subject')
  const related = relatedDigests(digests, isSubject ? 'dependency' : 'subject')
  return {
    row: summarize(record),
    roles,
    findings,
    ...(isSubject ? { dependencies: related } : { subjects: related }),
  }
}

/** Digests in a role: how many, and the first of them. */
export function relatedDigests(
  digests: readonly DescribedDigest[],
  role: DigestRole,
): RelatedDigests {
  const related = digests.filter((digest) => digest.role === role)
  const shown = related.slice(0, RELATED_MAX).map(({ algorithm, value }) => ({ algorithm, value }))
  return { total: related.length, digests: shown }
}

function isSame(one: ArtifactDigest, other: ArtifactDigest): boolean {
  return one.algorithm === other.algorithm && one.value === other.value
}

/** Names that statements give to the same subject as the digest asked for; others are not mixed in. */
class Aliases {
  readonly #artifact: ArtifactDigest
  readonly #digests = new Map<string, ArtifactDigest>()
  readonly #purls = new Set<string>()
  readonly #names = new Set<string>()

  constructor(artifact: ArtifactDigest) {
    this.#artifact = artifact
  }

  async collect({ leafIndex }: IndexRecord, { log, sha256 }: RegistryPorts): Promise<void> {
    const statement = parseSignedStatement(await log.readEntry(leafIndex), { sha256 })
    const subjects = readSubjects(statement)
    const { algorithm, value } = this.#artifact
    for (const { digest, name, uri } of subjects) {
      if (digest.get(algorithm)?.toLowerCase() !== value.toLowerCase()) continue
      for (const text of [name, uri]) this.#addName(text)
      for (const [other, text] of digest) this.#addDigest({ algorithm: other, value: text })
    }
    // Of several subjects, the header's one subject names none.
    if (subjects.length <= 1) this.#addName(statement.headers.subject, { purlOnly: true })
  }

  list(): DescribedArtifact['aliases'] {
    const { algorithm, value } = this.#artifact
    this.#digests.delete(`${algorithm}:${value}`)
    return {
      digests: [...this.#digests.values()],
      purls: [...this.#purls],
      names: [...this.#names],
    }
  }

  #addDigest(digest: ArtifactDigest): void {
    if (this.#digests.size > ALIASES_MAX) return
    this.#digests.set(`${digest.algorithm}:${digest.value}`, digest)
  }

  #addName(text: string | undefined, { purlOnly = false } = {}): void {
    if (text === undefined) return
    const isPurl = /^pkg:/i.test(text)
    if (purlOnly && !isPurl) return
    const names = isPurl ? this.#purls : this.#names
    if (names.size < ALIASES_MAX) names.add(text)
  }
}
