/**
 * Evidence of the environment in which something was built (statements.md §7.3): a provenance and
 * evidence belong together when the evidence is bound to the provenance's signed bytes, or to the key
 * that signed it. Evidence that was not verified, or is bound to nothing, belongs to nothing.
 */
import type { LeafIndex, TreeSize, UnixSeconds } from '../bytes/integers.ts'
import { summarize } from '../log/index-store.ts'
import type { IndexedStatement, IndexRecord } from '../log/index-store.ts'
import type { DescribedAttribute } from '../payload/description.ts'
import { parseSignedStatement } from '../statement/signed-statement.ts'
import { findContradictions } from './contradictions.ts'
import type { Contradiction } from './contradictions.ts'
import { isBoundEvidence, payloadBindingOf, summarizeEvidence, valuesOf } from './evidence-facts.ts'
import type { EvidenceSummary } from './evidence-facts.ts'
import { findAppraisals } from './later-appraisals.ts'
import type { LaterAppraisal } from './later-appraisals.ts'
import type { RegistryPorts } from './ports.ts'
import { queryStatements } from './query-statements.ts'
import { findReferences } from './reference-matches.ts'
import type { ReferenceMatch } from './reference-matches.ts'
import type { SigningKeys } from './signing-keys.ts'

/** Pieces of evidence that are shown of one provenance: the newest. */
const EVIDENCE_MAX = 10
/** So many by the provenance's own issuer come first: anybody may bind evidence to what others sign. */
const OWN_MAX = 5
const THUMBPRINT = /^[0-9a-f]{64}$/

/**
 * By what a provenance and evidence belong together. `build`: to its signer's key, and to its own build;
 * `key`: to its signer's key, whatever else it signs.
 */
export type JoinedBy = 'payload' | 'build' | 'key'

/** A moment of the log. */
export interface HeadMoment {
  readonly treeSize: number
  /** Absent for a size that the log has no signed head of. */
  readonly registeredAt?: UnixSeconds
}

export interface BoundEvidence {
  readonly row: IndexedStatement
  readonly summary: EvidenceSummary
  readonly joinedBy: JoinedBy
  /** It was made after the first, where a checkpoint is bound, and before the second. */
  readonly bracket: { readonly after?: HeadMoment; readonly before: HeadMoment }
  readonly references: readonly ReferenceMatch[]
  readonly contradictions: readonly Contradiction[]
  /** Results of appraising it again later, newest first: other answers about other times. */
  readonly appraisals: readonly LaterAppraisal[]
}

/** Everything about one look-up: what several statements of a page share is asked once. */
export class EvidenceJoin {
  readonly #ports: RegistryPorts
  readonly #keys: SigningKeys
  readonly #treeSize: number
  readonly #details = new Map<LeafIndex, Promise<Omit<BoundEvidence, 'joinedBy'>>>()
  readonly #found = new Map<string, Promise<readonly IndexRecord[]>>()

  /** @param options.treeSize nothing at or above it is looked at. */
  constructor(options: {
    readonly ports: RegistryPorts
    readonly keys: SigningKeys
    readonly treeSize: number
  }) {
    this.#ports = options.ports
    this.#keys = options.keys
    this.#treeSize = options.treeSize
  }

  /** The evidence of a provenance, newest first, at most ten pieces. */
  async evidenceOf(provenance: IndexRecord): Promise<readonly BoundEvidence[]> {
    const joined = new Map<LeafIndex, readonly [IndexRecord, JoinedBy]>()
    const own = isBoundEvidence(provenance.description) ? [provenance] : []
    for (const evidence of [...own, ...(await this.#candidates(provenance))]) {
      const by = await this.joinedBy(provenance, evidence)
      if (by !== undefined) joined.set(evidence.leafIndex, [evidence, by])
    }
    const newest = [...joined.values()].sort(([a], [b]) => b.leafIndex - a.leafIndex)
    const { issuer } = provenance
    const kept = newest.filter(([one]) => one.issuer === issuer).slice(0, OWN_MAX)
    const others = newest.filter((one) => !kept.includes(one))
    const shown = new Set([...kept, ...others.slice(0, EVIDENCE_MAX - kept.length)])
    return Promise.all(
      newest
        .filter((one) => shown.has(one))
        .map(async ([evidence, by]) => ({ ...(await this.detailsOf(evidence)), joinedBy: by })),
    )
  }

  /** By what they belong together; undefined when they do not. */
  async joinedBy(provenance: IndexRecord, evidence: IndexRecord): Promise<JoinedBy | undefined> {
    if (!isBoundEvidence(evidence.description)) return undefined
    const { payloads, keys, buildIds } = summarizeEvidence(evidence.description)
    const [payload] = valuesOf(provenance.description, 'payload-sha256')
    if (payload !== undefined && payloads.includes(payload)) return 'payload'
    // A statement with an attested header is evidence about its own key, verified at admission.
    if (provenance.leafIndex === evidence.leafIndex) return 'key'
    const key = signerKeyOf(provenance)
    if (key === undefined || !keys.includes(key)) return undefined
    if (!(await this.#isSignedBy(provenance, key))) return undefined
    const builds = [
      ...valuesOf(provenance.description, 'invocation-id'),
      ...valuesOf(provenance.description, 'run-url'),
    ]
    return buildIds.some((id) => builds.includes(id)) ? 'build' : 'key'
  }

  /** What an answer says of evidence beside its row. */
  detailsOf(evidence: IndexRecord): Promise<Omit<BoundEvidence, 'joinedBy'>> {
    const known = this.#details.get(evidence.leafIndex)
    if (known !== undefined) return known
    const details = this.#readDetails(evidence)
    this.#details.set(evidence.leafIndex, details)
    return details
  }

  /** Pieces of evidence whose details were read: each takes dozens of look-ups. */
  get detailed(): number {
    return this.#details.size
  }

  async #readDetails(evidence: IndexRecord): Promise<Omit<BoundEvidence, 'joinedBy'>> {
    // Whoever else is served comes in between.
    await new Promise(setImmediate)
    const { leafIndex, description } = evidence
    const { log } = this.#ports
    const summary = summarizeEvidence(description)
    const first = await log.firstHeadCovering(leafIndex)
    const before = {
      treeSize: first?.treeHead.treeSize ?? leafIndex + 1,
      registeredAt: evidence.registrationTime,
    }
    const { afterSize } = summary
    const head = afterSize === undefined ? undefined : await log.headAt(afterSize as TreeSize)
    const after =
      afterSize === undefined
        ? {}
        : {
            after: {
              treeSize: afterSize,
              ...(head === undefined ? {} : { registeredAt: head.registrationTime }),
            },
          }
    return {
      row: summarize(evidence),
      summary,
      bracket: { ...after, before },
      references: await findReferences(description, this.#treeSize, this.#ports),
      contradictions: await findContradictions(evidence, this.#treeSize, this.#ports),
      appraisals: await findAppraisals(evidence, this.#treeSize, this.#ports),
    }
  }

  async #candidates(provenance: IndexRecord): Promise<readonly IndexRecord[]> {
    const [payload] = valuesOf(provenance.description, 'payload-sha256')
    const key = signerKeyOf(provenance)
    return [
      ...(payload === undefined
        ? []
        : await this.#find({ name: 'binding', value: payloadBindingOf(payload) }, provenance)),
      ...(key === undefined ? [] : await this.#find({ name: 'bound-key', value: key }, provenance)),
    ]
  }

  /** The newest of anybody, and of the provenance's own issuer. */
  async #find(
    attribute: DescribedAttribute,
    { issuer }: IndexRecord,
  ): Promise<readonly IndexRecord[]> {
    const all = await this.#findBy(attribute)
    if (issuer === undefined || all.length < EVIDENCE_MAX) return all
    return [...all, ...(await this.#findBy(attribute, issuer))]
  }

  #findBy(attribute: DescribedAttribute, issuer?: string): Promise<readonly IndexRecord[]> {
    const name = JSON.stringify([attribute.name, attribute.value, issuer])
    const known = this.#found.get(name)
    if (known !== undefined) return known
    const found = this.#query(attribute, issuer)
    this.#found.set(name, found)
    return found
  }

  async #query(
    attribute: DescribedAttribute,
    issuer: string | undefined,
  ): Promise<readonly IndexRecord[]> {
    const query = {
      ...{ attributes: [attribute], indexBelow: this.#treeSize },
      ...(issuer === undefined ? {} : { issuer }),
      ...{ order: 'descending' as const, limit: EVIDENCE_MAX },
    }
    const { statements } = await queryStatements({ query, facts: true }, this.#ports)
    return statements.flatMap(({ record }) => (record === undefined ? [] : [record]))
  }

  async #isSignedBy({ leafIndex }: IndexRecord, key: string): Promise<boolean> {
    const { log, sha256 } = this.#ports
    const statement = parseSignedStatement(await log.readEntry(leafIndex), { sha256 })
    return this.#keys.isSignedBy(statement, key)
  }
}

/** Thumbprint of the key that a statement names as its signer's: not verified yet. */
export function signerKeyOf({ signer, description }: IndexRecord): string | undefined {
  const [certified] = valuesOf(description, 'signer-key')
  if (certified !== undefined) return certified
  return signer !== undefined && THUMBPRINT.test(signer) ? signer : undefined
}
