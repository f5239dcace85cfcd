/** Every kind of the provenance family: what is read, and what is refused with its place and code. */
import { describe, expect, it } from 'vitest'
import { PREDICATE_TYPES } from '../../../src/payload/predicates.ts'
import { changed, readAs } from '../evaluations/unsigned.ts'
import * as samples from './samples.ts'

type Change = readonly [what: string, path: string, value: unknown]
type Broken = readonly [what: string, path: string, value: unknown, pointer?: string]

interface Kind {
  readonly kind: string
  readonly types: readonly string[]
  readonly sample: object
  readonly valid: readonly Change[]
  /** The path that is changed is the pointer of the refusal, unless another is named. */
  readonly broken: readonly Broken[]
}

const KINDS: readonly Kind[] = [
  {
    kind: 'provenance',
    types: ['https://slsa.dev/provenance/v1'],
    sample: samples.provenanceV1,
    valid: [
      ['without metadata', '/runDetails/metadata', undefined],
      ['with null for what is absent', '/buildDefinition/resolvedDependencies', null],
      ['with a builder that is no URI', '/runDetails/builder/id', 'our builder'],
      ['with members unknown', '/runDetails/sbom', { a: 1 }],
      ['with an odd digest of a dependency', '/buildDefinition/resolvedDependencies', [{ digest: { sha256: 'ab' } }]], // prettier-ignore
    ],
    broken: [
      ['no builder id', '/runDetails/builder/id', undefined],
      ['an empty builder id', '/runDetails/builder/id', ''],
      ['a builder id that is a number', '/runDetails/builder/id', 7],
      ['no run details', '/runDetails', undefined],
      ['no build definition', '/buildDefinition', undefined],
      ['no build type', '/buildDefinition/buildType', undefined],
      ['no external parameters', '/buildDefinition/externalParameters', undefined],
      ['parameters in a list', '/buildDefinition/externalParameters', []],
      ['a time that is none', '/runDetails/metadata/startedOn', 'yesterday'],
      ['an end on a day that does not exist', '/runDetails/metadata/finishedOn', '2026-02-30T00:00:00Z'], // prettier-ignore
      ['dependencies that are no list', '/buildDefinition/resolvedDependencies', {}],
      ['a digest that is a number', '/buildDefinition/resolvedDependencies/0/digest/gitCommit', 5],
      ['a byproduct that is a text', '/runDetails/byproducts/0', 'log'],
    ],
  },
  {
    kind: 'provenance',
    types: ['https://slsa.dev/provenance/v0.2', 'https://slsa.dev/provenance/v0.1'],
    sample: samples.provenanceV02,
    valid: [
      ['without a build type', '/buildType', undefined],
      ['without materials', '/materials', null],
      ['with an empty source', '/invocation/configSource', {}],
      ['without metadata', '/metadata', undefined],
    ],
    broken: [
      ['no builder', '/builder', undefined],
      ['no builder id', '/builder/id', undefined],
      ['a builder that is a text', '/builder', 'x'],
      ['a build type that is a number', '/buildType', 1],
      ['a time that is none', '/metadata/buildFinishedOn', '2026-05-28'],
      ['materials that are no list', '/materials', 'x'],
      ['a material that is null', '/materials/0', null],
      ['a digest that is a list', '/invocation/configSource/digest', []],
    ],
  },
  {
    kind: 'vsa',
    types: ['https://slsa.dev/verification_summary/v1'],
    sample: samples.vsa,
    valid: [
      ['that failed', '/verificationResult', 'FAILED'],
      ['without levels', '/verifiedLevels', []],
      ['without a time', '/timeVerified', undefined],
      ['with an unevaluated level', '/verifiedLevels', ['SLSA_BUILD_LEVEL_UNEVALUATED']],
      ['of another track', '/verifiedLevels', ['SLSA_SOURCE_LEVEL_4', 'ORG_SOURCE_X']],
    ],
    broken: [
      ['no verifier', '/verifier', undefined],
      ['no verifier id', '/verifier/id', undefined],
      ['no resource', '/resourceUri', undefined],
      ['no policy URI', '/policy/uri', undefined],
      ['another result', '/verificationResult', 'passed'],
      ['no result', '/verificationResult', undefined],
      ['no levels', '/verifiedLevels', undefined],
      ['a level that is a number', '/verifiedLevels/0', 3],
      ['a level of nobody in the name of SLSA', '/verifiedLevels/1', 'SLSA_ACME_APPROVED'],
      ['a time that is none', '/timeVerified', '28.5.2026'],
    ],
  },
  {
    kind: 'svr',
    types: ['https://in-toto.io/attestation/svr/v0.2'],
    sample: samples.svr,
    valid: [
      ['without policies', '/verifier/policies', []],
      ['without properties', '/properties', []],
      ['with an expiry of its own', '/expiresOn', '2027-01-01T00:00:00Z'],
    ],
    broken: [
      ['no list of policies', '/verifier/policies', undefined],
      ['policies that are null', '/verifier/policies', null],
      ['no verifier id', '/verifier/id', undefined],
      ['no time', '/timeCreated', undefined],
      ['a time that is none', '/timeCreated', 1780000000],
      ['no properties', '/properties', undefined],
      ['a property that is no text', '/properties/1', {}],
    ],
  },
  {
    kind: 'scai',
    types: [
      'https://in-toto.io/attestation/scai/v0.3',
      'https://in-toto.io/attestation/scai/attribute-report/v0.2',
    ],
    sample: samples.scai,
    valid: [
      ['without a producer', '/producer', undefined],
      ['without evidence', '/attributes/0/evidence', null],
      ['with one attribute', '/attributes', [{ attribute: 'X' }]],
    ],
    broken: [
      ['no attributes', '/attributes', undefined],
      ['an empty list of attributes', '/attributes', []],
      ['an attribute without name', '/attributes/1/attribute', undefined],
      ['an empty name', '/attributes/0/attribute', ''],
      ['conditions in a list', '/attributes/0/conditions', []],
      ['evidence that is a text', '/attributes/0/evidence', 'strace.log'],
      ['a producer that is a text', '/producer', 'gcc'],
    ],
  },
  {
    kind: 'release',
    types: [
      'https://in-toto.io/attestation/release/v0.2',
      'https://in-toto.io/attestation/release/v0.1',
    ],
    sample: samples.release,
    valid: [
      ['without a package id', '/packageId', undefined],
      ['with qualifiers', '/purl', 'pkg:oci/app@sha256%3Aab?repository_url=r.example/app&tag=v1@2'],
      ['with a plain scope', '/purl', 'pkg:npm/@angular/http@7.2.16'],
    ],
    broken: [
      ['no purl', '/purl', undefined],
      ['a purl without version', '/purl', 'pkg:npm/app'],
      ['a scope that is no version', '/purl', 'pkg:npm/@angular/http'],
      ['a version only in the qualifiers', '/purl', 'pkg:npm/app?x=a@1'],
      ['a URL', '/purl', 'https://x.example/app@1'],
      ['a number', '/purl', 1],
      ['a package id that is a number', '/packageId', 1234567890],
    ],
  },
  {
    kind: 'link',
    types: ['https://in-toto.io/attestation/link/v0.3'],
    sample: samples.link,
    valid: [
      ['without materials', '/materials', undefined],
      ['without a command', '/command', []],
      ['with an environment', '/environment', { variables: { A: 'b' } }],
    ],
    broken: [
      ['no name', '/name', undefined],
      ['an empty name', '/name', ''],
      ['materials by name', '/materials', { 'src.tgz': { sha256: samples.OTHER } }],
      ['a material without name', '/materials/0/name', undefined],
      ['a material without digest', '/materials/1/digest', undefined],
      ['a material with an empty digest', '/materials/1/digest', {}],
      ['two materials of one name', '/materials/1/name', 'src.tgz'],
      ['a command that is a text', '/command', 'npm pack'],
    ],
  },
  {
    kind: 'reference',
    types: ['https://in-toto.io/attestation/reference/v0.1'],
    sample: samples.reference,
    valid: [
      ['without references', '/references', []],
      ['without a digest', '/references/0/digest', undefined],
      ['of bytes', '/references/0/mediaType', 'application/octet-stream'],
    ],
    broken: [
      ['no attester', '/attester', undefined],
      ['no attester id', '/attester/id', undefined],
      ['no references', '/references', undefined],
      ['a reference without location', '/references/0/downloadLocation', undefined],
      ['a reference without type', '/references/0/mediaType', undefined],
      ['a reference that is a URL', '/references/0', 'https://x.example'],
    ],
  },
  {
    kind: 'runtime-trace',
    types: ['https://in-toto.io/attestation/runtime-trace/v0.1'],
    sample: samples.runtimeTrace,
    valid: [
      ['with network use', '/monitorLog/network', [{ host: 'x.example' }]],
      ['of the network alone', '/monitorLog', { network: [] }],
      ['without times', '/metadata', null],
    ],
    broken: [
      ['no monitor', '/monitor', undefined],
      ['no monitor type', '/monitor/type', undefined],
      ['no host', '/monitoredProcess/hostID', undefined],
      ['no process type', '/monitoredProcess/type', undefined],
      ['no event', '/monitoredProcess/event', undefined],
      ['no log', '/monitorLog', undefined],
      ['a log of nothing', '/monitorLog', {}],
      ['network use that is no list', '/monitorLog/network', 'none'],
      ['a time that is none', '/metadata/buildStartedOn', 'x'],
    ],
  },
  {
    kind: 'run-outcome',
    types: ['https://attestry.dev/run-outcome/v0.1'],
    sample: samples.runOutcome,
    valid: [
      ['that succeeded', '/conclusion', 'success'],
      ['without a workflow', '/workflow', undefined],
      ['with a page of its own', '/run', { invocationId: '7', url: 'https://ci.example/7' }],
    ],
    broken: [
      ['no orchestrator', '/orchestrator', undefined],
      ['no orchestrator id', '/orchestrator/id', undefined],
      ['no run', '/run', undefined],
      ['no invocation', '/run/invocationId', undefined],
      ['attempt 0', '/run/attempt', 0],
      ['another conclusion', '/conclusion', 'ok'],
      ['no conclusion', '/conclusion', undefined],
      ['no event', '/event', undefined],
      ['a time that is none', '/finishedOn', 'x'],
    ],
  },
  {
    kind: 'publish',
    types: ['https://github.com/npm/attestation/tree/main/specs/publish/v0.1'],
    sample: samples.npmPublish,
    valid: [
      ['without a registry', '/registry', undefined],
      ['without a scope', '/name', 'app'],
      ['of a prerelease', '/version', '1.0.0-rc.1'],
    ],
    broken: [
      ['no name', '/name', undefined],
      ['an empty name', '/name', ''],
      ['no version', '/version', undefined],
      ['a version that is a number', '/version', 1],
      ['a registry that is a number', '/registry', 1],
    ],
  },
  {
    kind: 'endorsement',
    types: ['https://project-oak.github.io/oak/tr/endorsement/v1'],
    sample: samples.oakEndorsement,
    valid: [
      ['without claims', '/claims', []],
      ['for one moment', '/validity/notAfter', '2026-05-28T10:00:00Z'],
      ['with members unknown', '/usage', 'firmware'],
    ],
    broken: [
      ['no time', '/issuedOn', undefined],
      ['no validity', '/validity', undefined],
      ['no end', '/validity/notAfter', undefined],
      ['an end before the beginning', '/validity/notAfter', '2026-05-28T09:59:59Z'],
      ['no claims', '/claims', undefined],
      ['a claim without type', '/claims/0/type', undefined],
    ],
  },
  {
    kind: 'sbom',
    types: ['https://cyclonedx.org/bom', 'https://cyclonedx.org/bom/v1.4'],
    sample: samples.cycloneDx,
    valid: [
      ['without components', '/components', undefined],
      ['without metadata', '/metadata', undefined],
      ['of another version', '/specVersion', '1.4'],
    ],
    broken: [
      ['another format', '/bomFormat', 'CycloneDx'],
      ['no format', '/bomFormat', undefined],
      ['no version', '/specVersion', undefined],
      ['a version that is none', '/specVersion', 'latest'],
      ['components that are no list', '/components', {}],
      ['a component without name', '/components/0/name', undefined],
      ['an inner component without name', '/components/0/components/0/name', undefined],
      ['a hash without content', '/components/0/hashes/0/content', undefined],
      ['a time that is none', '/metadata/timestamp', 'now'],
    ],
  },
  {
    kind: 'sbom',
    types: ['https://spdx.dev/Document', 'https://spdx.dev/Document/v2.3'],
    sample: samples.spdx,
    valid: [
      ['without packages', '/packages', undefined],
      ['of another version', '/spdxVersion', 'SPDX-2.2'],
      ['without checksums', '/packages/0/checksums', undefined],
    ],
    broken: [
      ['no version', '/spdxVersion', undefined],
      ['a version that is none', '/spdxVersion', '2.3'],
      ['another id', '/SPDXID', 'SPDXRef-X'],
      ['no namespace', '/documentNamespace', undefined],
      ['no time', '/creationInfo/created', undefined],
      ['a time that is none', '/creationInfo/created', '2026'],
      ['a package without id', '/packages/1/SPDXID', undefined],
      ['a checksum without value', '/packages/0/checksums/0/checksumValue', undefined],
    ],
  },
  {
    kind: 'sbom',
    types: ['https://spdx.dev/Document/v3'],
    sample: samples.spdx3,
    valid: [
      ['of one element', '/@graph', [{ type: 'SpdxDocument' }]],
      ['with a list of contexts', '/@context', ['https://spdx.org/x']],
      ['with members unknown', '/x', 1],
    ],
    broken: [
      ['no context', '/@context', undefined],
      ['no graph', '/@graph', undefined, '/spdxVersion'],
      ['an empty graph', '/@graph', []],
      ['a graph that is no list', '/@graph', {}],
      ['an element that is a text', '/@graph/0', 'x'],
    ],
  },
]

describe.each(KINDS.flatMap((kind) => kind.types.map((type) => ({ ...kind, type }))))(
  '$kind ($type)',
  ({ kind, type, sample, valid, broken }) => {
    it('has enough cases', () => {
      expect(valid.length).toBeGreaterThanOrEqual(3)
      expect(broken.length).toBeGreaterThanOrEqual(5)
    })

    it('reads the sample', () => {
      const read = readAs(samples.inToto(type, sample), 'application/vnd.in-toto+json')
      expect(read).toMatchObject({ kind, type, refusal: '' })
      expect(read.digests).toContainEqual({
        ...{ role: 'subject', algorithm: 'sha256', value: samples.SHA256 },
      })
      expect(read.attributes).toContainEqual({ name: 'purl', value: 'pkg:npm/app@1.0.0' })
    })

    it('reads it in a Statement v0.1', () => {
      expect(readAs(samples.inToto(type, sample, 'v0.1'))).toMatchObject({ kind, refusal: '' })
    })

    it.each(valid)('reads one %s', (_what, path, value) => {
      const read = readAs(samples.inToto(type, changed(sample, path, value)))
      expect(read).toMatchObject({ kind, type, refusal: '' })
    })

    const refused = broken.map(
      ([what, path, value, pointer = path]) => [what, path, value, pointer] as const,
    )
    it.each(refused)('refuses %s', (_what, path, value, pointer) => {
      const read = readAs(samples.inToto(type, changed(sample, path, value)))
      expect(read.refusal).toBe(`ERR_PAYLOAD_MALFORMED /predicate${pointer}`)
      expect(read).toMatchObject({ kind: 'opaque', digests: [], attributes: [] })
      expect(read.findings).toMatchObject([{ code: 'malformed', pointer: `/predicate${pointer}` }])
    })

    it.each([
      ['missing', undefined],
      ['a list', []],
      ['a text', 'x'],
      ['null', null],
    ])('refuses a predicate that is %s', (_what, predicate) => {
      const { refusal } = readAs(samples.inToto(type, predicate))
      expect(refusal).toMatch(/^ERR_PAYLOAD_MALFORMED \/predicate/)
    })
  },
)

it('covers every predicate type of this family', () => {
  const covered = new Set(KINDS.flatMap(({ types }) => types))
  const family =
    /slsa\.dev|svr|scai|release|link|reference|runtime-trace|run-outcome|npm|oak|cyclonedx|spdx/
  const drafts = ['https://slsa.dev/provenance/v1.0']
  expect(PREDICATE_TYPES.filter((type) => family.test(type) && !covered.has(type))).toEqual(drafts)
})
