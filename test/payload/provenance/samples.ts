/** One good predicate or document of every kind of the provenance family, to be changed by tests. */

export const SHA256 = 'ab'.repeat(32)
export const OTHER = 'cd'.repeat(32)
export const COMMIT = '5835544ca568b757a8ecae5c153f317e5736700e'
const REPOSITORY = 'https://github.com/acme/app'

export function inToto(predicateType: string, predicate: unknown, version = 'v1'): object {
  return {
    _type: `https://in-toto.io/Statement/${version}`,
    subject: [{ name: 'pkg:npm/app@1.0.0', digest: { sha256: SHA256 } }],
    predicateType,
    predicate,
  }
}

export const provenanceV1 = {
  buildDefinition: {
    buildType: 'https://actions.github.io/buildtypes/workflow/v1',
    externalParameters: {
      workflow: {
        ref: 'refs/heads/main',
        repository: REPOSITORY,
        path: '.github/workflows/release.yml',
      },
    },
    internalParameters: { github: { event_name: 'push' } },
    resolvedDependencies: [
      { uri: `git+${REPOSITORY}@refs/heads/main`, digest: { gitCommit: COMMIT } },
      { uri: 'pkg:npm/left@1.2.0', digest: { sha512: 'ef'.repeat(64) } },
    ],
  },
  runDetails: {
    builder: {
      id: 'https://github.com/actions/runner/github-hosted',
      builderDependencies: [{ uri: 'docker://runner', digest: { sha256: OTHER } }],
    },
    metadata: {
      invocationId: `${REPOSITORY}/actions/runs/7/attempts/2`,
      startedOn: '2026-05-28T10:00:00Z',
      finishedOn: '2026-05-28T10:05:00.5+02:00',
    },
    byproducts: [{ name: 'log', digest: { sha256: '12'.repeat(32) } }],
  },
}

export const provenanceV02 = {
  builder: { id: 'https://tekton.dev/chains/v2' },
  buildType: 'tekton.dev/v1beta1/TaskRun',
  invocation: {
    configSource: {
      uri: `git+${REPOSITORY}@refs/tags/v1`,
      digest: { sha1: COMMIT },
      entryPoint: '.github/workflows/ci.yaml',
    },
    parameters: {},
    environment: { arch: 'x64' },
  },
  metadata: {
    buildInvocationID: 'run-9',
    buildStartedOn: '2026-05-28T10:00:00Z',
    buildFinishedOn: '2026-05-28T10:05:00Z',
    completeness: { parameters: true },
    reproducible: true,
  },
  materials: [{ uri: 'pkg:docker/base@sha256:12', digest: { sha256: OTHER } }],
}

export const vsa = {
  verifier: { id: 'https://verify.example/v1', version: { slsa: '1.2' } },
  timeVerified: '2026-05-28T10:00:00Z',
  resourceUri: 'pkg:npm/app@1.0.0',
  policy: { uri: 'https://verify.example/policy', digest: { sha256: OTHER } },
  inputAttestations: [{ uri: 'https://x.example/a', digest: { sha256: '12'.repeat(32) } }],
  verificationResult: 'PASSED',
  verifiedLevels: ['SLSA_BUILD_LEVEL_3', 'SLSA_SOURCE_TWO_PARTY_REVIEWED', 'S2C2F_LEVEL_2'],
  dependencyLevels: { SLSA_BUILD_LEVEL_1: 4 },
  slsaVersion: '1.2',
}

export const svr = {
  verifier: {
    id: 'https://verify.example/v1',
    policies: [{ uri: 'https://verify.example/policy', digest: { sha256: OTHER } }],
  },
  timeCreated: '2026-05-28T10:00:00Z',
  properties: ['SLSA_BUILD_LEVEL_3', 'ACME_APPROVED'],
}

export const scai = {
  attributes: [
    {
      attribute: 'IsHermeticBuild',
      target: { name: 'build.json', digest: { sha256: OTHER } },
      conditions: { flags: '-x' },
      evidence: { name: 'strace.log', digest: { sha256: '12'.repeat(32) } },
    },
    { attribute: 'REPRODUCIBLE' },
  ],
  producer: { uri: 'file:///usr/bin/gcc', digest: { sha256: '34'.repeat(32) } },
}

export const release = { purl: 'pkg:npm/%40acme/app@1.0.0', packageId: '1234567890' }

export const link = {
  name: 'package',
  command: ['npm', 'pack'],
  materials: [
    { name: 'src.tgz', digest: { sha256: OTHER } },
    { name: 'tool', digest: { sha256: '12'.repeat(32) } },
  ],
  byproducts: {},
  environment: {},
}

export const reference = {
  attester: { id: 'https://attester.example' },
  references: [
    {
      downloadLocation: 'https://x.example/sbom.json',
      mediaType: 'application/spdx+json',
      digest: { sha256: OTHER },
    },
  ],
}

export const runtimeTrace = {
  monitor: { type: 'https://github.com/cilium/tetragon/v0.8.4', configSource: {} },
  monitoredProcess: {
    hostID: 'https://tekton.dev/chains/v2',
    type: 'https://tekton.dev/attestations/chains@v2',
    event: 'https://ci.example/runs/7',
  },
  monitorLog: {
    process: [{ eventType: 'exit', privileged: null }],
    network: [],
    fileAccess: [{ name: '/etc/passwd', digest: { sha256: OTHER } }],
  },
  metadata: { buildStartedOn: '2026-05-28T10:00:00Z', buildFinishedOn: '2026-05-28T10:05:00Z' },
}

export const runOutcome = {
  orchestrator: { id: 'https://github.com' },
  run: { invocationId: `${REPOSITORY}/actions/runs/7/attempts/2`, id: '7', attempt: 2 },
  conclusion: 'failure',
  event: 'pull_request',
  workflow: {
    repository: REPOSITORY,
    path: '.github/workflows/release.yml',
    ref: 'refs/heads/main',
  },
  startedOn: '2026-05-28T10:00:00Z',
  finishedOn: '2026-05-28T10:05:00Z',
}

export const npmPublish = {
  name: '@acme/app',
  version: '1.0.0',
  registry: 'https://registry.npmjs.org',
}

export const oakEndorsement = {
  issuedOn: '2026-05-28T10:00:00Z',
  validity: { notBefore: '2026-05-28T10:00:00Z', notAfter: '2026-08-28T10:00:00Z' },
  claims: [{ type: 'https://github.com/project-oak/oak/blob/main/docs/tr/claim/1.md' }],
}

export const cycloneDx = {
  bomFormat: 'CycloneDX',
  specVersion: '1.6',
  serialNumber: 'urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79',
  version: 1,
  metadata: {
    timestamp: '2026-05-28T10:00:00+00:00',
    component: {
      type: 'application',
      name: 'app',
      purl: 'pkg:npm/app@1.0.0',
      hashes: [{ alg: 'SHA-256', content: SHA256 }],
    },
  },
  components: [
    {
      type: 'library',
      name: 'left',
      purl: 'pkg:npm/left@1.2.0',
      hashes: [{ alg: 'SHA-1', content: COMMIT.toUpperCase() }],
      components: [{ type: 'library', name: 'inner', purl: 'pkg:npm/inner@1.0.0' }],
    },
  ],
  vulnerabilities: [{ id: 'CVE-2026-1' }],
}

export const spdx = {
  spdxVersion: 'SPDX-2.3',
  SPDXID: 'SPDXRef-DOCUMENT',
  name: 'app',
  dataLicense: 'CC0-1.0',
  documentNamespace: 'https://x.example/spdx/app',
  creationInfo: { created: '2026-05-28T10:00:00Z', creators: ['Tool: x'] },
  documentDescribes: ['SPDXRef-app'],
  packages: [
    {
      SPDXID: 'SPDXRef-app',
      name: 'app',
      downloadLocation: 'NOASSERTION',
      checksums: [{ algorithm: 'SHA256', checksumValue: SHA256 }],
    },
    {
      SPDXID: 'SPDXRef-left',
      name: 'left',
      downloadLocation: 'NOASSERTION',
      checksums: [{ algorithm: 'SHA1', checksumValue: COMMIT }],
      externalRefs: [
        {
          referenceCategory: 'PACKAGE-MANAGER',
          referenceType: 'purl',
          referenceLocator: 'pkg:npm/left@1.2.0',
        },
      ],
    },
  ],
  relationships: [],
}

export const spdx3 = {
  '@context': 'https://spdx.org/rdf/3.0.1/spdx-context.jsonld',
  '@graph': [
    { type: 'CreationInfo', '@id': '_:c', created: '2026-05-28T10:00:00Z' },
    { type: 'SpdxDocument', spdxId: 'https://x.example/d', rootElement: ['https://x.example/app'] },
    {
      type: 'software_Package',
      spdxId: 'https://x.example/app',
      name: 'app',
      software_packageUrl: 'pkg:npm/app@1.0.0',
      verifiedUsing: [{ type: 'Hash', algorithm: 'sha256', hashValue: SHA256 }],
    },
    {
      type: 'software_Package',
      spdxId: 'https://x.example/left',
      name: 'left',
      externalIdentifier: [
        { externalIdentifierType: 'packageUrl', identifier: 'pkg:npm/left@1.2.0' },
      ],
    },
  ],
}
