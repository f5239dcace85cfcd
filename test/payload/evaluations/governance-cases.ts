/** S2C2F assessments and governance: documents that are read, and changes that break the sample. */
import type { Kind } from './evaluation-cases.ts'
import * as samples from './samples.ts'
import { changed } from './unsigned.ts'

const { ENTRY, DIGEST } = samples
const KEY = 'abcdefghijklmnopqrstuvwxyz0123456789ABCD'

export const GOVERNANCE: readonly Kind[] = [
  {
    kind: 's2c2f',
    type: 'https://attestry.dev/s2c2f-assessment/v0.1',
    sample: samples.s2c2f,
    valid: [
      ['of an artifact', { ...samples.s2c2f, scope: 'artifact' }],
      ['of nothing yet', { ...samples.s2c2f, level: 0, practices: [] }],
      ['of a wrong level', { ...samples.s2c2f, level: 4 }],
      ['with an OSCAL document', { ...samples.s2c2f, oscal: { digest: { sha256: DIGEST } } }],
    ],
    broken: [
      ['another framework', '/framework', 'SLSA'],
      ['no version', '/frameworkVersion', undefined],
      ['another scope', '/scope', 'team'],
      ['no evaluator', '/evaluator/id', undefined],
      ['level 5', '/level', 5],
      ['half a level', '/level', 2.5],
      ['no time', '/evaluatedOn', undefined],
      ['an end before the beginning', '/expiresOn', '2026-05-28T09:00:00Z'],
      ['an id that is none of the 25', '/practices/0/id', 'AUD-5'],
      ['an id in small letters', '/practices/0/id', 'aud-1'],
      ['an id twice', '/practices/1/id', 'ING-1'],
      ['another status', '/practices/0/status', 'yes'],
      ['evidence that names nothing', '/practices/0/evidence/0', {}],
      ['an entry id that is none', '/practices/0/evidence/0/entryId', 'AB'],
    ],
  },
  {
    kind: 'incident',
    type: 'https://attestry.dev/incident/v0.1',
    sample: samples.incident,
    valid: [
      ['that supersedes', { ...samples.incident, status: 'narrowed', supersedes: ENTRY }],
      [
        'about an artifact at any time',
        changed(
          {
            ...samples.incident,
            kind: 'malicious-artifact',
            selectors: [samples.incident.selectors[1]],
          },
          '/window',
          undefined,
        ),
      ],
      [
        'about a TCB',
        {
          ...samples.incident,
          kind: 'tcb-recovery',
          selectors: [{ all: [{ field: 'tee.tcb', below: [7, 0, 3] }] }],
        },
      ],
      [
        'about versions',
        changed(samples.incident, '/selectors/0/all/0', {
          field: 'artifact.purl',
          eq: 'pkg:npm/left',
          versions: 'vers:npm/>=1.0.0|<1.2.1',
        }),
      ],
    ],
    broken: [
      ['no id', '/id', undefined],
      ['an id that is no URI', '/id', 'number 1'],
      ['another status', '/status', 'open'],
      ['another kind', '/kind', 'bad-luck'],
      ['superseding what is no entry', '/supersedes', 'urn:uuid:1'],
      ['no selectors', '/selectors', []],
      ['a selector of nothing', '/selectors/0/all', []],
      ['a field that is not known', '/selectors/0/all/0/field', 'actor.name'],
      ['an operator that is not known', '/selectors/0/all/0', { field: 'builder.id', like: 'x' }],
      [
        'two operators',
        '/selectors/0/all/0',
        { field: 'builder.id', eq: 'x', in: ['y'] },
        '/selectors/0/all/0',
      ],
      [
        'a digest that is none',
        '/selectors/1/all/0/in/0',
        'sha256:abcd',
        '/selectors/1/all/0/field',
      ],
      [
        'a builder compared as a TCB',
        '/selectors/0/all/1',
        { field: 'builder.id', below: [1] },
        '/selectors/0/all/1/field',
      ],
      ['no window', '/window', undefined],
      ['another clock', '/window/clock', 'claimed'],
      ['a window without beginning', '/window', { clock: 'registration' }, '/window/from'],
      ['a window that ends before it begins', '/window/to', '2026-05-11T18:59:59Z'],
      ['indexes that end before they begin', '/window/toIndex', 18230],
      ['another effect', '/effect', 'delete'],
      ['the value of a secret', '/secretsExposed/0', KEY],
    ],
  },
  {
    kind: 'exception',
    type: 'https://attestry.dev/exception/v0.1',
    sample: samples.exception,
    valid: [
      ['for digests', { ...samples.exception, scope: { digests: [{ sha256: DIGEST }] } }],
      ['for purls', { ...samples.exception, scope: { purls: ['pkg:npm/%40acme/*'] } }],
      ['without a beginning', changed(samples.exception, '/issuedOn', undefined)],
    ],
    broken: [
      ['no approver', '/approver', undefined],
      ['no reason', '/reason', ''],
      ['no scope', '/scope', {}],
      ['a digest that is none', '/scope/digests/0/sha256', 'abcd'],
      ['a scope of everything', '/scope/purls/0', 'pkg:npm/*'],
      ['no environment', '/environments', []],
      ['no rule', '/rules', []],
      ['no threat model', '/threatModel', undefined],
      ['no end', '/expiresOn', undefined],
      ['an end before the beginning', '/expiresOn', '2026-04-01T00:00:00Z'],
    ],
  },
  {
    kind: 'retraction',
    type: 'https://attestry.dev/retraction/v0.1',
    sample: samples.retraction,
    valid: [
      ['without a successor', changed(samples.retraction, '/supersededBy', undefined)],
      ['of two', { ...samples.retraction, targets: [ENTRY, '12'.repeat(32)] }],
      ['without a beginning', changed(samples.retraction, '/effectiveFrom', undefined)],
    ],
    broken: [
      ['no target', '/targets', []],
      ['a target that is no entry id', '/targets/0', 'ab'],
      ['an entry id in capitals', '/targets/0', 'AB'.repeat(32)],
      ['a target twice', '/targets/1', ENTRY],
      ['no reason', '/reason', undefined],
      ['a successor that is a target', '/supersededBy', ENTRY],
      ['a time that is none', '/effectiveFrom', 'now'],
    ],
  },
]
