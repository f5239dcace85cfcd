/**
 * Readers of payloads under mutations, of bytes and of JSON: validatePayload() throws nothing but
 * PayloadError, and describeStatement() nothing at all. 10^6 with ATTESTRY_SLOW=1.
 */
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/bytes/bytes.ts'
import { PayloadError } from '../../src/errors.ts'
import { describeStatement } from '../../src/payload/describe-statement.ts'
import { validatePayload } from '../../src/payload/validate-payload.ts'
import type { SignedStatement } from '../../src/statement/signed-statement.ts'
import { mutate, randomFrom, seed, slow } from '../support/mutate.ts'
import { hasVectors, listVectors, readVector } from '../support/vectors.ts'
import * as evaluations from './evaluations/samples.ts'
import { unsigned } from './evaluations/unsigned.ts'
import * as samples from './provenance/samples.ts'

const COUNT = slow ? 1_000_000 : 2_000
const IN_TOTO = 'application/vnd.in-toto+json'

interface Seed {
  readonly bytes: Uint8Array
  readonly type: string
}

const bare = (document: unknown, type = 'application/json'): Seed => ({
  bytes: encodeUtf8(JSON.stringify(document)),
  type,
})
const stated = (predicateType: string, predicate: unknown): Seed =>
  bare(samples.inToto(predicateType, predicate), IN_TOTO)

const SEEDS: readonly Seed[] = [
  stated('https://slsa.dev/provenance/v1', samples.provenanceV1),
  stated('https://slsa.dev/provenance/v0.2', samples.provenanceV02),
  stated('https://slsa.dev/verification_summary/v1', samples.vsa),
  stated('https://in-toto.io/attestation/svr/v0.2', samples.svr),
  stated('https://in-toto.io/attestation/scai/v0.3', samples.scai),
  stated('https://in-toto.io/attestation/link/v0.3', samples.link),
  stated('https://in-toto.io/attestation/runtime-trace/v0.1', samples.runtimeTrace),
  stated('https://attestry.dev/run-outcome/v0.1', samples.runOutcome),
  stated('https://project-oak.github.io/oak/tr/endorsement/v1', samples.oakEndorsement),
  stated('https://in-toto.io/attestation/vulns/v0.2', evaluations.vulns),
  stated('https://scorecard.dev/result/v0.1', evaluations.scorecard),
  stated('https://openvex.dev/ns', evaluations.openvex),
  bare(samples.cycloneDx),
  bare(samples.spdx),
  bare(samples.spdx3, 'application/spdx+json'),
  bare(evaluations.osv),
  bare(evaluations.scorecardBare),
  ...listVectors('provenance', 'dsse.json').map((path) => ({
    bytes: readVector(path),
    type: 'application/vnd.in-toto+dsse',
  })),
  ...listVectors('sigstore', '.sigstore.json').map((path) => ({
    bytes: readVector(path),
    type: 'application/vnd.dev.sigstore.bundle.v0.3+json',
  })),
]

/** What is unlike a PayloadError, or whatever describeStatement() throws. */
function probe(statement: SignedStatement): string | undefined {
  let refused = false
  try {
    validatePayload({ statement })
  } catch (error) {
    if (!(error instanceof PayloadError)) return `validatePayload: ${String(error)}`
    if (!/^(\/|$)/.test(error.pointer)) return `no pointer: ${error.pointer}`
    refused = true
  }
  const { kind, findings } = describeStatement({ statement })
  const isMalformed = findings.some(({ code }) => code === 'malformed')
  return isMalformed === refused && (!refused || kind === 'opaque')
    ? undefined
    : `refused: ${refused}, described as ${kind}`
}

const ODD: readonly unknown[] = [
  null, true, 0, -1, 1e308, '', 'x', '\u0000', '\ud800', 'pkg:', '2026-13-01T00:00:00Z', [], {}, [[]],
  [null], { digest: null }, { digest: { sha256: 7 } }, { toString: 1 }, 'a'.repeat(5000),
] // prettier-ignore

/** Another value somewhere in the JSON, or a member less. */
function mutateJson(value: unknown, random: (n: number) => number): unknown {
  if (typeof value !== 'object' || value === null || random(6) === 0) return ODD[random(ODD.length)]
  const names = Object.keys(value)
  if (names.length === 0) return ODD[random(ODD.length)]
  const name = names[random(names.length)]!
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>
  if (random(8) === 0) delete copy[name]
  else copy[name] = mutateJson(copy[name], random)
  return copy
}

describe('mutated payloads', () => {
  it(`bytes, ${COUNT} times`, () => {
    const random = randomFrom(seed)
    for (let at = 0; at < COUNT; at++) {
      const { bytes, type } = SEEDS[at % SEEDS.length]!
      let mutant = mutate(bytes, random)
      if (mutant.length > 0 && random(3) === 0) mutant = mutate(mutant, random)
      const fault = probe(unsigned(mutant, type))
      if (fault !== undefined) expect.fail(`seed ${seed}, mutation ${at}, ${type}: ${fault}`)
    }
  })

  it(`JSON, ${COUNT} times`, () => {
    const random = randomFrom(seed + 1)
    const documents = SEEDS.map(({ bytes, type }) => ({
      json: JSON.parse(new TextDecoder().decode(bytes)) as unknown,
      type,
    }))
    let refusals = 0
    for (let at = 0; at < COUNT; at++) {
      const { json, type } = documents[at % documents.length]!
      const mutant = mutateJson(json, random)
      const statement = unsigned(JSON.stringify(mutant), type)
      const fault = probe(statement)
      if (fault !== undefined) {
        expect.fail(`seed ${seed}, mutation ${at}: ${fault}: ${JSON.stringify(mutant)}`)
      }
      if (describeStatement({ statement }).kind === 'opaque') refusals++
    }
    // Both sides of the rules were reached.
    expect(refusals).toBeGreaterThan(COUNT / 10)
    expect(refusals).toBeLessThan(COUNT)
  })

  it.skipIf(!hasVectors)('has real envelopes among its seeds', () => {
    expect(SEEDS.some(({ type }) => type.includes('bundle'))).toBe(true)
  })
})
