/** Every kind of dependency evaluation: documents that are read, and changes that break the sample. */
import * as samples from './samples.ts'
import { changed } from './unsigned.ts'

export interface Kind {
  readonly kind: string
  readonly type: string
  readonly sample: object
  readonly valid: readonly (readonly [what: string, document: object])[]
  /** The path that is changed is the pointer of the refusal, unless another is named. */
  readonly broken: readonly Broken[]
}

type Broken = readonly [what: string, path: string, value: unknown, pointer?: string]

export const EVALUATIONS: readonly Kind[] = [
  {
    kind: 'scorecard',
    type: 'https://scorecard.dev/result/v0.1',
    sample: samples.scorecard,
    valid: [
      ['with a repository', samples.scorecardBare],
      ['with a day for a date', { ...samples.scorecard, date: '2026-05-28' }],
      ['with score 0', { ...samples.scorecard, score: 0 }],
      ['that is inconclusive', { ...samples.scorecard, score: -1 }],
      ['without checks', { ...samples.scorecard, checks: null }],
      ['with members unknown', { ...samples.scorecard, baseline: {} }],
    ],
    broken: [
      ['a score too high', '/score', 10.1],
      ['a score that is negative', '/score', -0.5],
      ['a score as text', '/score', '7.4'],
      ['no score', '/score', undefined],
      ['no date', '/date', undefined],
      ['a date that is none', '/date', '28 May 2026'],
      ['a day that does not exist', '/date', '2026-02-30'],
      ['a check too high', '/checks/0/score', 11],
      ['a check with a fraction', '/checks/0/score', 9.5],
      ['a check without name', '/checks/1/name', undefined],
      ['no version', '/scorecard/version', undefined],
      ['a repository without name', '/repo', { commit: samples.COMMIT }, '/repo/name'],
    ],
  },
  {
    kind: 'vulns',
    type: 'https://in-toto.io/attestation/vulns/v0.2',
    sample: samples.vulns,
    valid: [
      ['without results', changed(samples.vulns, '/scanner/result', [])],
      ['without a list of results', changed(samples.vulns, '/scanner/result', undefined)],
      ['without a database', changed(samples.vulns, '/scanner/db', undefined)],
      ['without severities', changed(samples.vulns, '/scanner/result', [{ id: 'CVE-1' }])],
      [
        'with one severity that is no list',
        changed(samples.vulns, '/scanner/result/0/severity', { method: 'CVSSv3', score: '7.5' }),
      ],
    ],
    broken: [
      ['no scanner', '/scanner', undefined],
      ['no URI of the scanner', '/scanner/uri', undefined],
      ['a database of no date', '/scanner/db/lastUpdate', undefined],
      ['a date that is none', '/scanner/db/lastUpdate', 'today'],
      ['no start', '/metadata/scanStartedOn', undefined],
      ['an end without zone', '/metadata/scanFinishedOn', '2026-05-28T10:05:00'],
      ['results that are no list', '/scanner/result', {}],
      ['a result without id', '/scanner/result/1/id', undefined],
      ['a severity without method', '/scanner/result/0/severity/0/method', undefined],
      ['a score as number', '/scanner/result/0/severity/1/score', 5.2],
      [
        'a severity without score that is no list',
        '/scanner/result/0/severity',
        { method: 'CVSSv3' },
        '/scanner/result/0/severity/score',
      ],
    ],
  },
  {
    kind: 'vulns',
    type: 'https://in-toto.io/attestation/vulns/v0.1',
    sample: samples.vulns,
    valid: [
      [
        'with the vulnerability inside',
        changed(samples.vulns, '/scanner/result', [{ vulnerability: { id: 'CVE-2026-7' } }]),
      ],
      ['with an invocation', { ...samples.vulns, invocation: { uri: 'https://ci.example/1' } }],
      ['without results', changed(samples.vulns, '/scanner/result', [])],
    ],
    broken: [
      ['no metadata', '/metadata', undefined],
      ['no URI of the scanner', '/scanner/uri', undefined],
      ['an end that is none', '/metadata/scanFinishedOn', 'later'],
      ['a result without id', '/scanner/result/0/id', undefined],
      [
        'a vulnerability without id',
        '/scanner/result/0',
        { vulnerability: {} },
        '/scanner/result/0/vulnerability/id',
      ],
    ],
  },
  {
    kind: 'vex',
    type: 'https://openvex.dev/ns',
    sample: samples.openvex,
    valid: [
      [
        'whose products are the subjects',
        changed(samples.openvex, '/statements/0/products', undefined),
      ],
      [
        'with a statement of impact',
        changed(samples.openvex, '/statements/0', {
          vulnerability: { name: 'CVE-1' },
          status: 'not_affected',
          impact_statement: 'not called',
        }),
      ],
      ['of the older form', samples.openvexOlder],
      [
        'of the older context with names in objects',
        {
          ...samples.openvexOlder,
          '@context': 'https://openvex.dev/ns',
          statements: [{ vulnerability: { name: 'CVE-2023-12345' }, status: 'fixed' }],
        },
      ],
    ],
    broken: [
      ['no context', '/@context', undefined],
      ['another context', '/@context', 'https://example.com/ns'],
      ['no id', '/@id', undefined],
      ['no author', '/author', undefined],
      ['no time', '/timestamp', undefined],
      ['a time that is none', '/timestamp', '2026'],
      ['no version', '/version', undefined],
      ['version 0', '/version', 0],
      ['a version as text', '/version', '1'],
      ['no statements', '/statements', []],
      ['another status', '/statements/0/status', 'maybe'],
      ['a justification of its own', '/statements/0/justification', 'because'],
      ['not affected, and not why', '/statements/0/justification', undefined, '/statements/0'],
      ['affected, and not what to do', '/statements/1/action_statement', undefined],
      ['a vulnerability as text', '/statements/0/vulnerability', 'CVE-1'],
      ['a vulnerability without name', '/statements/0/vulnerability/name', undefined],
      ['a product as text', '/statements/1/products/0', 'pkg:npm/app@2'],
      ['a product without a name', '/statements/1/products/0', {}],
    ],
  },
  {
    kind: 'test-result',
    type: 'https://in-toto.io/attestation/test-result/v0.1',
    sample: samples.testResult,
    valid: [
      ['that failed', { ...samples.testResult, result: 'FAILED', failedTests: ['unit'] }],
      ['that warns', { ...samples.testResult, result: 'WARNED' }],
      ['without lists', { result: 'PASSED', configuration: [] }],
    ],
    broken: [
      ['no result', '/result', undefined],
      ['another result', '/result', 'passed'],
      ['no configuration', '/configuration', undefined],
      ['a configuration that is no list', '/configuration', {}],
      ['a digest that is no text', '/configuration/0/digest/gitBlob', 1],
      ['tests that are no texts', '/passedTests/0', 1],
      ['an address that is no text', '/url', {}],
    ],
  },
]

/** Documents without an in-toto Statement around them. */
export const BARE: readonly Kind[] = [
  {
    kind: 'osv',
    type: 'application/osv+json',
    sample: samples.osv,
    valid: [
      ['withdrawn', { ...samples.osv, withdrawn: '2026-05-29T00:00:00Z' }],
      ['of two members', { id: 'CVE-2026-9', modified: '2026-05-28T10:00:00Z' }],
      ['with members unknown', { ...samples.osv, cwe: [] }],
    ],
    broken: [
      ['no id', '/id', undefined],
      ['an id that is none', '/id', 'left'],
      ['no time', '/modified', undefined],
      ['a time not in UTC', '/modified', '2026-05-28T10:00:00+02:00'],
      ['aliases that are no list', '/aliases', 'CVE-1'],
      ['a package without ecosystem', '/affected/0/package/ecosystem', undefined],
      ['a range of no type', '/affected/0/ranges/0/type', 'PEP440'],
      ['a range without events', '/affected/0/ranges/0/events', []],
      ['a range without a beginning', '/affected/0/ranges/0/events', [{ fixed: '1' }]],
      ['an event of two', '/affected/0/ranges/0/events/1', { fixed: '1', limit: '2' }],
      ['a GIT range without repository', '/affected/0/ranges/1/repo', undefined],
      ['a severity without score', '/severity/0/score', undefined],
    ],
  },
  {
    kind: 'vex',
    type: 'application/vnd.openvex+json',
    sample: samples.openvex,
    valid: [
      ['of the older form', samples.openvexOlder],
      ['with tooling', { ...samples.openvex, tooling: 'vexctl' }],
      ['updated', { ...samples.openvex, last_updated: '2026-05-29T00:00:00Z', version: 2 }],
    ],
    broken: [
      ['no products', '/statements/0/products', undefined],
      ['an empty list of products', '/statements/1/products', []],
      ['no time', '/timestamp', undefined],
      ['no version', '/version', undefined],
      ['another status', '/statements/1/status', ''],
      ['no id', '/@id', undefined],
    ],
  },
  {
    kind: 'scorecard',
    type: 'application/vnd.ossf.scorecard+json',
    sample: samples.scorecardBare,
    valid: [
      ['with a day', { ...samples.scorecardBare, date: '2022-10-06' }],
      ['without metadata', changed(samples.scorecardBare, '/metadata', undefined)],
      ['with score 10', { ...samples.scorecardBare, score: 10 }],
    ],
    broken: [
      ['no repository', '/repo', undefined],
      ['a repository without name', '/repo/name', undefined],
      ['a repository without commit', '/repo/commit', undefined],
      ['a score too high', '/score', 11],
      ['no checks', '/checks', undefined],
    ],
  },
]
