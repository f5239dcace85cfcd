/**
 * What admission and verification decide on in a SLSA provenance (v0.1, v0.2, v1): its builder, and
 * the end of the build. The rest of the predicate is read by its handler, predicates/provenance-v1.ts.
 */
import { member, optionalText, readObject, readText } from './in-toto-members.ts'
import { parseRfc3339 } from './rfc3339.ts'

/** What the predicate type of every version of SLSA provenance begins with. */
const SLSA_PROVENANCE_PREFIX = 'https://slsa.dev/provenance/'

/** What is decided on in a SLSA provenance. */
export interface SlsaProvenance {
  readonly builderId: string
  readonly invocationId?: string
  /** Claimed end of the build, in milliseconds since 1970. */
  readonly finishedOnMs?: number
}

/** True for SLSA provenance of any version, whether it could be read or not. */
export function isProvenance({ predicateType }: { readonly predicateType: string }): boolean {
  return predicateType.startsWith(SLSA_PROVENANCE_PREFIX)
}

/** Where a version of SLSA provenance has what is decided on. */
interface ProvenanceLayout {
  readonly isV1: boolean
  readonly run: string
  readonly builder: string
  readonly builderId: string
  readonly metadata: string
  readonly invocation: string
  readonly invocationAt: string
  readonly finished: string
  readonly finishedAt: string
}

function layout(isV1: boolean, invocation: string, finished: string): ProvenanceLayout {
  const run = isV1 ? '/predicate/runDetails' : '/predicate'
  const [builder, metadata] = [`${run}/builder`, `${run}/metadata`]
  const names = { builderId: `${builder}/id`, invocation, finished }
  const places = {
    invocationAt: `${metadata}/${invocation}`,
    finishedAt: `${metadata}/${finished}`,
  }
  return { isV1, run, builder, metadata, ...names, ...places }
}

const LAYOUT_V1 = layout(true, 'invocationId', 'finishedOn')
const LAYOUT_V0 = layout(false, 'buildInvocationId', 'buildFinishedOn')

function layoutOf(predicateType: string): ProvenanceLayout | undefined {
  if (!predicateType.startsWith(SLSA_PROVENANCE_PREFIX)) return undefined
  const version = predicateType.slice(SLSA_PROVENANCE_PREFIX.length)
  if (version === 'v1') return LAYOUT_V1
  return version === 'v0.2' || version === 'v0.1' ? LAYOUT_V0 : undefined
}

/** @throws PayloadError for a predicate of a known type without a builder id or with a bad time. */
export function readProvenance(predicateType: string, value: unknown): SlsaProvenance | undefined {
  const at = layoutOf(predicateType)
  if (at === undefined) return undefined
  const predicate = readObject(value, '/predicate', 'predicate')
  const run = at.isV1
    ? readObject(member(predicate, 'runDetails'), at.run, 'runDetails')
    : predicate
  const builder = readObject(member(run, 'builder'), at.builder, 'builder')
  const times = readObject(member(run, 'metadata') ?? {}, at.metadata, 'metadata')
  const invocationId = optionalText(
    // v0.1 and v0.2 were written with both names.
    member(times, at.invocation) ?? member(times, 'buildInvocationID'),
    at.invocationAt,
    at.invocation,
  )
  const finishedOn = optionalText(member(times, at.finished), at.finishedAt, at.finished)
  const builderId = readText(member(builder, 'id'), at.builderId, 'the builder id')
  const provenance: { builderId: string; invocationId?: string; finishedOnMs?: number } = {
    builderId,
  }
  if (invocationId !== undefined && invocationId !== '') provenance.invocationId = invocationId
  if (finishedOn !== undefined) {
    provenance.finishedOnMs = parseRfc3339(finishedOn, at.finished, at.finishedAt)
  }
  return provenance
}
