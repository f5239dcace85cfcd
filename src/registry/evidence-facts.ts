/**
 * What an indexed statement says about a TEE, taken out of its description: the members that an answer
 * shows, what it is bound to, and whether that counts. Evidence counts as the environment of something
 * only when it was verified at its registration and its binding recomputed.
 */
import { splitNamed } from '../payload/description.ts'
import type { AttributeName, Description } from '../payload/description.ts'
import type { Measurement } from '../payload/tee/evidence.ts'

/** Findings with which evidence is the environment of nothing. */
const UNBOUND: ReadonlySet<string> = new Set([
  'evidence-not-verified',
  'evidence-does-not-verify',
  'evidence-not-bound',
])
const PAYLOAD = 'payload:sha256:'
const CHECKPOINT = 'checkpoint:'
const BUILD = 'build:'

/** Facts of a piece of evidence; members that it does not state are absent. */
export interface EvidenceSummary {
  readonly teeType?: string
  /** More than one where a virtual TPM quotes on confidential hardware. */
  readonly teeTypes: readonly string[]
  readonly debug?: boolean
  readonly tcbStatus?: string
  readonly advisories: readonly string[]
  /** SHA-256 of what it is bound to, hex. */
  readonly payloads: readonly string[]
  /** Thumbprints of the keys that it is bound to, hex. */
  readonly keys: readonly string[]
  readonly buildIds: readonly string[]
  /** Size of the latest checkpoint that it was made after. */
  readonly afterSize?: number
}

export function valuesOf({ attributes }: Description, wanted: AttributeName): string[] {
  return attributes.flatMap(({ name, value }) => (name === wanted ? [value] : []))
}

/** True for evidence that was verified and is bound to something. */
export function isBoundEvidence({ attributes, findings }: Description): boolean {
  return (
    attributes.some(({ name }) => name === 'tee-type') &&
    attributes.some(({ name }) => name === 'binding') &&
    !findings.some(({ code }) => UNBOUND.has(code))
  )
}

export function summarizeEvidence(description: Description): EvidenceSummary {
  const teeTypes = valuesOf(description, 'tee-type')
  const [teeType] = teeTypes
  const debug = valuesOf(description, 'debug')
  const [tcbStatus] = valuesOf(description, 'tcb-status')
  const bindings = valuesOf(description, 'binding')
  const behind = (prefix: string): string[] =>
    bindings.flatMap((value) => (value.startsWith(prefix) ? [value.slice(prefix.length)] : []))
  const sizes = behind(CHECKPOINT).map(Number).filter(Number.isSafeInteger)
  return {
    ...(teeType === undefined ? {} : { teeType }),
    teeTypes,
    // Of several parts, one that can be looked into counts.
    ...(debug.length === 0 ? {} : { debug: debug.includes('true') }),
    ...(tcbStatus === undefined ? {} : { tcbStatus }),
    advisories: valuesOf(description, 'advisory'),
    payloads: behind(PAYLOAD),
    keys: valuesOf(description, 'bound-key'),
    buildIds: behind(BUILD),
    ...(sizes.length === 0 ? {} : { afterSize: Math.max(...sizes) }),
  }
}

/** The attribute of evidence that is bound to a payload with this SHA-256. */
export function payloadBindingOf(sha256Hex: string): string {
  return PAYLOAD + sha256Hex
}

/** Shorter values (a product id, attribute bits) are no digests: equal ones mean nothing. */
const DIGEST_DIGITS_MIN = 64

/** Measurements by name. */
export function measurementsOf(description: Description): Measurement[] {
  return valuesOf(description, 'measurement').map(splitNamed)
}

/** True for digests of something: registers that were never extended, and short values, are none. */
export function isMeasuredDigest({ value }: Measurement): boolean {
  return value.length >= DIGEST_DIGITS_MIN && /[^0f]/.test(value)
}

/** Measured digests by name. */
export function measuredDigests(description: Description): Measurement[] {
  return measurementsOf(description).filter(isMeasuredDigest)
}
