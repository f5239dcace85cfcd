/** What each kind of the provenance family can be found by. */
import { describe, expect, it } from 'vitest'
import type { Description } from '../../../src/payload/description.ts'
import { changed, findingsOf, numberOf, readAs, valuesOf } from '../evaluations/unsigned.ts'
import * as samples from './samples.ts'

const REPOSITORY = 'https://github.com/acme/app'
const read = (type: string, predicate: unknown): Description =>
  readAs(samples.inToto(type, predicate))
const digests = ({ digests: all }: Description, role: string): readonly string[] =>
  all.filter((one) => one.role === role).map(({ algorithm, value }) => `${algorithm}:${value}`)

describe('SLSA provenance v1', () => {
  const told = read('https://slsa.dev/provenance/v1', samples.provenanceV1)

  it('names builder, type and run', () => {
    expect(valuesOf(told, 'builder-id')).toEqual([samples.provenanceV1.runDetails.builder.id])
    expect(valuesOf(told, 'build-type')).toEqual([samples.provenanceV1.buildDefinition.buildType])
    expect(valuesOf(told, 'invocation-id')).toEqual([`${REPOSITORY}/actions/runs/7/attempts/2`])
    expect(valuesOf(told, 'run-url')).toEqual([`${REPOSITORY}/actions/runs/7`])
  })

  it('names repository and workflow, as certificates write it', () => {
    expect(valuesOf(told, 'repository')).toEqual([REPOSITORY])
    const path = '.github/workflows/release.yml'
    expect(valuesOf(told, 'workflow')).toEqual([
      path,
      `${REPOSITORY}/${path}`,
      `${REPOSITORY}/${path}@refs/heads/main`,
    ])
  })

  it('names dependencies, byproducts, and the image that was built in', () => {
    expect(digests(told, 'dependency')).toEqual([
      `gitCommit:${samples.COMMIT}`,
      `sha512:${'ef'.repeat(64)}`,
      `sha256:${samples.OTHER}`,
    ])
    expect(digests(told, 'evidence')).toEqual([`sha256:${'12'.repeat(32)}`])
    expect(valuesOf(told, 'build-image')).toEqual([`sha256:${samples.OTHER}`])
    expect(valuesOf(told, 'purl')).toEqual(['pkg:npm/app@1.0.0', 'pkg:npm/left@1.2.0'])
  })

  it('has times as seconds', () => {
    expect(numberOf(told, 'started-on')).toBe(Date.parse('2026-05-28T10:00:00Z') / 1000)
    expect(numberOf(told, 'finished-on')).toBe(Date.parse('2026-05-28T08:05:00Z') / 1000)
  })

  it('says what is odd and refuses nothing', () => {
    const odd = changed(samples.provenanceV1, '/runDetails/builder/id', 'ours')
    expect(read('https://slsa.dev/provenance/v1', odd).findings).toMatchObject([
      { code: 'not-a-uri', pointer: '/predicate/runDetails/builder/id' },
    ])
    const short = { uri: 'x', digest: { sha256: 'abcd' } }
    const list = changed(samples.provenanceV1, '/buildDefinition/resolvedDependencies', [short])
    const described = read('https://slsa.dev/provenance/v1', list)
    expect(described.findings).toMatchObject([
      { code: 'digest-form', pointer: '/predicate/buildDefinition/resolvedDependencies/0' },
    ])
    expect(digests(described, 'dependency')).toContain('sha256:abcd')
  })
})

it('SLSA provenance v0.2 has the same names', () => {
  const told = read('https://slsa.dev/provenance/v0.2', samples.provenanceV02)
  expect(valuesOf(told, 'builder-id')).toEqual(['https://tekton.dev/chains/v2'])
  expect(valuesOf(told, 'invocation-id')).toEqual(['run-9'])
  expect(valuesOf(told, 'run-url')).toEqual([])
  expect(valuesOf(told, 'repository')).toEqual([REPOSITORY])
  expect(valuesOf(told, 'workflow')).toContain(
    `${REPOSITORY}/.github/workflows/ci.yaml@refs/tags/v1`,
  )
  expect(valuesOf(told, 'property')).toEqual(['reproducible'])
  expect(digests(told, 'dependency')).toEqual([
    `sha1:${samples.COMMIT}`,
    `gitCommit:${samples.COMMIT}`,
    `sha256:${samples.OTHER}`,
  ])
  const bare = read('https://slsa.dev/provenance/v0.2', { builder: { id: 'x:y' } })
  expect(findingsOf(bare)).toEqual(['build-type-missing'])
})

it('SLSA provenance v0.1 is read like it', () => {
  const told = read('https://slsa.dev/provenance/v0.1', {
    builder: { id: 'https://b.example' },
    recipe: { type: 'https://b.example/type', definedInMaterial: 0 },
    materials: [{ uri: 'x', digest: { sha256: samples.OTHER } }],
  })
  expect(told).toMatchObject({ kind: 'provenance', findings: [] })
  expect(valuesOf(told, 'build-type')).toEqual(['https://b.example/type'])
})

it('a verification summary', () => {
  const told = read('https://slsa.dev/verification_summary/v1', samples.vsa)
  expect(valuesOf(told, 'verifier-id')).toEqual(['https://verify.example/v1'])
  expect(valuesOf(told, 'result')).toEqual(['PASSED'])
  expect(valuesOf(told, 'level')).toEqual([
    ...samples.vsa.verifiedLevels,
    'dependency:SLSA_BUILD_LEVEL_1',
  ])
  expect(valuesOf(told, 'resource-uri')).toEqual(['pkg:npm/app@1.0.0'])
  expect(valuesOf(told, 'policy-uri')).toEqual(['https://verify.example/policy'])
  expect(digests(told, 'evidence')).toHaveLength(2)
})

it('a simple verification result', () => {
  const told = read('https://in-toto.io/attestation/svr/v0.2', samples.svr)
  expect(valuesOf(told, 'property')).toEqual(samples.svr.properties)
  expect(digests(told, 'evidence')).toEqual([`sha256:${samples.OTHER}`])
  expect(numberOf(told, 'evaluated-on')).toBeDefined()
})

it('a SCAI report, and that an attribute has no evidence', () => {
  const told = read('https://in-toto.io/attestation/scai/v0.3', samples.scai)
  expect(valuesOf(told, 'scai-attribute')).toEqual(['IsHermeticBuild', 'REPRODUCIBLE'])
  expect(digests(told, 'evidence')).toHaveLength(2)
  expect(told.findings).toMatchObject([
    { code: 'without-evidence', pointer: '/predicate/attributes/1' },
  ])
  const older = read('https://in-toto.io/attestation/scai/attribute-report/v0.2', samples.scai)
  expect(findingsOf(older)).toContain('predicate-type-alias')
})

it.each([
  [[], ['network:empty']],
  [[{}], ['network:used']],
  [null, []],
])('a runtime trace with network %j', (network, expected) => {
  const trace = changed(samples.runtimeTrace, '/monitorLog/network', network)
  const told = read('https://in-toto.io/attestation/runtime-trace/v0.1', trace)
  expect(valuesOf(told, 'property')).toEqual(expected)
  expect(valuesOf(told, 'run-url')).toEqual(['https://ci.example/runs/7'])
})

it('a run outcome is found by the run that a provenance names', () => {
  const told = read('https://attestry.dev/run-outcome/v0.1', samples.runOutcome)
  const provenance = read('https://slsa.dev/provenance/v1', samples.provenanceV1)
  for (const name of ['invocation-id', 'run-url', 'repository', 'workflow']) {
    expect(valuesOf(told, name)).toEqual(valuesOf(provenance, name))
  }
  expect(valuesOf(told, 'result')).toEqual(['failure'])
  expect(valuesOf(told, 'property')).toEqual(['event:pull_request'])
})

it('an npm publication names its package URL', () => {
  const type = 'https://github.com/npm/attestation/tree/main/specs/publish/v0.1'
  expect(valuesOf(read(type, samples.npmPublish), 'purl')).toContain('pkg:npm/%40acme/app@1.0.0')
})

it('an endorsement has its validity', () => {
  const type = 'https://project-oak.github.io/oak/tr/endorsement/v1'
  const told = read(type, samples.oakEndorsement)
  expect(numberOf(told, 'expires-on')).toBe(Date.parse('2026-08-28T10:00:00Z') / 1000)
})

describe('SBOMs', () => {
  it.each([
    ['CycloneDX', 'application/vnd.cyclonedx+json; version=1.6', samples.cycloneDx],
    ['SPDX 2', 'application/spdx+json', samples.spdx],
    ['SPDX 3', 'application/spdx+json', samples.spdx3],
  ])('%s, bare: the root is its subject', (_what, type, document) => {
    const told = readAs(document, type)
    expect(told).toMatchObject({ kind: 'sbom', type: type.split(';', 1)[0], refusal: '' })
    expect(digests(told, 'subject')).toEqual([`sha256:${samples.SHA256}`])
    expect(valuesOf(told, 'purl')).toContain('pkg:npm/left@1.2.0')
    expect(valuesOf(told, 'document-id')).toHaveLength(1)
    expect(numberOf(told, 'evaluated-on')).toBeDefined()
  })

  it.each([samples.cycloneDx, samples.spdx])('components are dependencies', (document) => {
    expect(digests(readAs(document), 'dependency')).toEqual([`sha1:${samples.COMMIT}`])
  })

  it('nested components count', () => {
    expect(valuesOf(readAs(samples.cycloneDx), 'purl')).toContain('pkg:npm/inner@1.0.0')
  })

  it('of 6,000 components 5,000 are indexed, and it says so', () => {
    const components = Array.from({ length: 6000 }, (_, at) => ({
      name: `c${at}`,
      purl: `pkg:npm/c${at}@1.0.0`,
    }))
    const told = readAs({ ...samples.cycloneDx, components })
    expect(valuesOf(told, 'purl').length).toBeLessThanOrEqual(5001)
    expect(told.findings).toMatchObject([{ code: 'truncated', pointer: '/components' }])
    const packages = components.map(({ name, purl }) => ({
      SPDXID: `SPDXRef-${name}`,
      name,
      externalRefs: [{ referenceType: 'purl', referenceLocator: purl }],
    }))
    const spdx = readAs({ ...samples.spdx, packages })
    expect(valuesOf(spdx, 'purl')).toHaveLength(5000)
    expect(findingsOf(spdx)).toEqual(['truncated'])
  })

  it('a signature inside is not verified, and it says so', () => {
    const signed = { ...samples.cycloneDx, signature: { algorithm: 'ES256', value: 'x' } }
    expect(findingsOf(readAs(signed))).toEqual(['signature-not-checked'])
  })
})
