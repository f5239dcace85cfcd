/** One good document of every kind of evaluation and governance, to be changed by tests. */

export const DIGEST = 'ab'.repeat(32)
export const ENTRY = 'cd'.repeat(32)
export const OTHER_ENTRY = 'ef'.repeat(32)
export const COMMIT = '5835544ca568b757a8ecae5c153f317e5736700e'

export function inToto(
  predicateType: string,
  predicate: object,
  digest: Record<string, string> = { sha256: DIGEST },
): object {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'pkg:npm/left@1.2.0', digest }],
    predicateType,
    predicate,
  }
}

export const scorecard = {
  date: '2026-05-28T10:00:00Z',
  scorecard: { version: 'v5.2.1', commit: COMMIT },
  score: 7.4,
  checks: [
    { name: 'Code-Review', score: 9, reason: 'most are reviewed', details: null },
    { name: 'Fuzzing', score: -1, reason: 'internal error', details: ['Warn: x'] },
  ],
  metadata: null,
}
export const scorecardBare = {
  ...scorecard,
  repo: { name: 'github.com/acme/left', commit: COMMIT },
}

export const vulns = {
  scanner: {
    uri: 'pkg:github/aquasecurity/trivy@244fd47e07d1004f0aed9',
    version: '0.19.2',
    db: { uri: 'https://db.example', version: 'v1', lastUpdate: '2026-05-27T17:45:50.52Z' },
    result: [
      {
        id: 'CVE-2026-1',
        severity: [
          { method: 'nvd', score: 'medium' },
          { method: 'cvss_score', score: '5.2' },
        ],
      },
      {
        id: 'CVE-2026-2',
        severity: [{ method: 'CVSSv31', score: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H' }],
      },
    ],
  },
  metadata: { scanStartedOn: '2026-05-28T10:00:00Z', scanFinishedOn: '2026-05-28T10:05:00Z' },
}

export const openvex = {
  '@context': 'https://openvex.dev/ns/v0.2.0',
  '@id': 'https://openvex.dev/docs/public/vex-1',
  author: 'Acme',
  timestamp: '2026-05-28T10:00:00.647996004-06:00',
  version: 1,
  statements: [
    {
      vulnerability: { name: 'CVE-2026-1', aliases: ['GHSA-xxxx-xxxx-xxxx'] },
      products: [
        {
          '@id': `pkg:oci/app@sha256%3A${DIGEST}`,
          hashes: { 'sha-512': 'cd'.repeat(64) },
          subcomponents: [{ '@id': 'pkg:npm/left@1.2.0', hashes: { 'sha-256': ENTRY } }],
        },
      ],
      status: 'not_affected',
      justification: 'vulnerable_code_not_present',
    },
    {
      vulnerability: { name: 'CVE-2026-2' },
      products: [{ '@id': 'pkg:npm/app@2' }],
      status: 'affected',
      action_statement: 'update to 3',
    },
  ],
}
export const openvexOlder = {
  '@context': 'https://openvex.dev/ns/v0.0.1',
  '@id': 'https://openvex.dev/docs/example/vex-2',
  author: 'Acme',
  timestamp: '2023-01-08T18:02:03.647787998-06:00',
  version: '1',
  statements: [
    { vulnerability: 'CVE-2023-1', products: ['pkg:apk/wolfi/git@2.39.0-r1'], status: 'fixed' },
  ],
}

export const testResult = {
  result: 'PASSED',
  configuration: [
    { name: 'ci.yml', digest: { gitBlob: 'ebe4add40f63c3c98bc9b32ff1e736f04120b023' } },
  ],
  url: 'https://ci.example/runs/1',
  passedTests: ['unit'],
  warnedTests: [],
  failedTests: [],
}

export const osv = {
  schema_version: '1.7.0',
  id: 'GHSA-35c4-f3rq-f9g3',
  modified: '2026-05-28T10:00:00Z',
  published: '2026-05-27T10:00:00.123Z',
  aliases: ['CVE-2026-3'],
  severity: [{ type: 'CVSS_V3', score: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H' }],
  affected: [
    {
      package: { ecosystem: 'npm', name: 'left', purl: 'pkg:npm/left' },
      ranges: [
        { type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '1.2.1' }] },
        { type: 'GIT', repo: 'https://github.com/acme/left', events: [{ introduced: '0' }] },
      ],
    },
  ],
  references: [{ type: 'WEB', url: 'https://acme.example' }],
}

export const securityInsights = `# about the project
header:
  schema-version: 2.0.0
  last-updated: '2026-04-01'
  last-reviewed: '2026-05-01'
  url: https://acme.example/security-insights.yml
project:
  name: Left
  administrators:
    - name: Jo
      primary: true
  repositories:
    - name: left
      comment: the code
      url: https://github.com/acme/left
  vulnerability-reporting:
    reports-accepted: true
    bug-bounty-available: false
repository:
  url: https://github.com/acme/left
  status: active
  accepts-change-request: true
  accepts-automated-change-request: true
  core-team:
    - name: Jo
      primary: true
  license:
    url: https://acme.example/LICENSE
    expression: Apache-2.0
  security:
    assessments:
      self:
        comment: none yet
`

const LEVEL_2 = ['ING-1', 'ING-2', 'SCA-1', 'SCA-2', 'INV-1', 'UPD-1', 'SCA-3', 'INV-2'].concat([
  'UPD-2',
  'UPD-3',
  'AUD-2',
  'AUD-3',
  'ENF-1',
])
export const s2c2f = {
  framework: 'S2C2F',
  frameworkVersion: '1.1',
  scope: 'organization',
  evaluator: { id: 'https://acme.example/security' },
  evaluatedOn: '2026-05-28T10:00:00Z',
  expiresOn: '2027-05-28T10:00:00Z',
  level: 2,
  tool: { name: 'attest-s2c2f', version: '1.0' },
  practices: LEVEL_2.map((id) => ({
    id,
    status: 'met',
    evidence: [{ entryId: ENTRY }, { digest: { sha256: DIGEST } }],
  })),
}

export const INCIDENT_ID = 'urn:uuid:0b1c2d3e-0000-4000-8000-000000000001'
export const incident = {
  id: INCIDENT_ID,
  status: 'suspected',
  supersedes: null,
  kind: 'builder-compromise',
  selectors: [
    {
      all: [
        { field: 'workflow.identity', eq: 'https://ci.example/release.yml@refs/heads/main' },
        { field: 'builder.id', eq: 'https://ci.example/builder' },
      ],
    },
    { all: [{ field: 'artifact.digest', in: [`sha256:${DIGEST}`] }] },
  ],
  window: {
    clock: 'registration',
    fromIndex: 18231,
    from: '2026-05-11T19:00:00Z',
    toIndex: null,
    to: null,
  },
  effect: 'distrust-direct-and-transitive',
  secretsExposed: ['NPM_TOKEN', 'aws/deploy-role'],
  references: ['GHSA-xxxx-xxxx-xxxx'],
}

export const exception = {
  approver: { id: 'https://acme.example/ciso' },
  reason: 'no fix yet, and not reachable',
  scope: { digests: [{ sha256: DIGEST }], purls: ['pkg:npm/left@1.*'] },
  environments: ['production'],
  rules: ['deps'],
  threatModel: { digest: { sha256: ENTRY } },
  issuedOn: '2026-05-01T00:00:00Z',
  expiresOn: '2026-06-01T00:00:00Z',
}

export const retraction = {
  targets: [ENTRY],
  reason: 'built from the wrong branch',
  supersededBy: OTHER_ENTRY,
  effectiveFrom: '2026-05-01T00:00:00Z',
}
