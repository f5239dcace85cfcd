/** S2C2F: the framework's table, the level that follows, and what an answer rests on (R36). */
import { describe, expect, it } from 'vitest'
import { DescriptionBuilder } from '../../../src/payload/description-builder.ts'
import type { StatementKind } from '../../../src/payload/description.ts'
import { s2c2fLevel, S2C2F_REQUIREMENTS } from '../../../src/payload/s2c2f-framework.ts'
import type { S2c2fStatus } from '../../../src/payload/s2c2f-framework.ts'
import { s2c2fReport } from '../../../src/payload/s2c2f-report.ts'
import * as samples from './samples.ts'
import { findingsOf, numberOf, readAs, valuesOf } from './unsigned.ts'

const { inToto } = samples
const TYPE = 'https://attestry.dev/s2c2f-assessment/v0.1'
const idsUpTo = (level: number): string[] =>
  S2C2F_REQUIREMENTS.filter((requirement) => requirement.level <= level).map(({ id }) => id)
const statuses = (ids: readonly string[]): Map<string, S2c2fStatus> =>
  new Map(ids.map((id) => [id, 'met']))

describe('the framework', () => {
  it('has 25 requirements: 6, 7, 6 and 6 by level', () => {
    const counts = [1, 2, 3, 4].map(
      (level) => S2C2F_REQUIREMENTS.filter((requirement) => requirement.level === level).length,
    )
    expect(counts).toEqual([6, 7, 6, 6])
    expect(new Set(S2C2F_REQUIREMENTS.map(({ id }) => id)).size).toBe(25)
  })

  it('has 16 that statements can evidence', () => {
    const others = S2C2F_REQUIREMENTS.filter(({ evidence }) => evidence.length === 0)
    expect(others.map(({ id }) => id).toSorted()).toEqual([
      ...['ENF-1', 'ENF-2', 'FIX-1', 'ING-1', 'ING-2', 'INV-2', 'UPD-1', 'UPD-2', 'UPD-3'],
    ])
  })
})

describe('s2c2fLevel', () => {
  it.each([0, 1, 2, 3, 4])('is %i when all up to it are met', (level) => {
    expect(s2c2fLevel(statuses(idsUpTo(level)))).toBe(level)
  })

  it.each(S2C2F_REQUIREMENTS)('is below $level without $id', ({ id, level }) => {
    for (const status of [undefined, 'not_met', 'unknown'] as const) {
      const all = statuses(idsUpTo(4))
      if (status === undefined) all.delete(id)
      else all.set(id, status)
      expect(s2c2fLevel(all)).toBe(level - 1)
    }
    expect(s2c2fLevel(statuses(idsUpTo(4)).set(id, 'not_applicable'))).toBe(4)
  })
})

/** An organisation that claims level 3, and what is registered of what it cites. */
const registered: Readonly<Record<string, StatementKind>> = {
  '01': 'vulns',
  '02': 'sbom',
  '03': 'svr',
  '04': 'provenance',
  '05': 'incident',
  '06': 'scorecard',
}
const entry = (number: string): string => number.repeat(32)
const lookup = (name: string): StatementKind | undefined => {
  const [algorithm, value = ''] = name.split(':')
  return algorithm === 'sha256' && value === value.slice(0, 2).repeat(32)
    ? registered[value.slice(0, 2)]
    : undefined
}
const cited: Readonly<Record<string, readonly string[]>> = {
  'SCA-1': ['01'],
  'SCA-2': ['02'],
  'INV-1': ['02'],
  'SCA-3': ['03'],
  'AUD-2': ['03'],
  'AUD-3': ['04', '99'],
  // A deny list by incidents, a mirror that nobody registered, malware scanned by a Scorecard.
  'ING-3': ['05'],
  'ING-4': ['98'],
  'SCA-4': ['06'],
  'SCA-5': ['06'],
  // Claimed, and what is cited is no provenance.
  'AUD-1': ['01', '02'],
  // Processes: evidence does not make them more than asserted.
  'ENF-2': ['03'],
}
const organisation = {
  ...samples.s2c2f,
  level: 3,
  practices: [
    ...idsUpTo(3).map((id) => ({
      id,
      status: id === 'UPD-3' ? 'not_applicable' : 'met',
      evidence: (cited[id] ?? []).map((number) => ({ entryId: entry(number) })),
    })),
    { id: 'REB-1', status: 'not_met', evidence: [{ entryId: entry('04') }] },
    { id: 'AUD-4', status: 'unknown' },
  ],
}

describe('s2c2fReport', () => {
  it('marks every requirement of the organisation', () => {
    const report = s2c2fReport(organisation, lookup)
    expect(report).toMatchObject({ claimedLevel: 3, level: 3, evidencedLevel: 0 })
    const table = report.rows.map(({ id, status, mark }) => `${id} ${status} ${mark}`)
    expect(table).toEqual([
      'ING-1 met self-asserted',
      'ING-2 met self-asserted',
      'ING-3 met evidenced',
      'ING-4 met self-asserted',
      'SCA-1 met evidenced',
      'SCA-2 met evidenced',
      'SCA-3 met evidenced',
      'SCA-4 met self-asserted',
      'SCA-5 met evidenced',
      'INV-1 met evidenced',
      'INV-2 met self-asserted',
      'UPD-1 met self-asserted',
      'UPD-2 met self-asserted',
      'UPD-3 not_applicable self-asserted',
      'AUD-1 met self-asserted',
      'AUD-2 met evidenced',
      'AUD-3 met evidenced',
      'AUD-4 unknown no-evidence',
      'ENF-1 met self-asserted',
      'ENF-2 met self-asserted',
      'REB-1 not_met no-evidence',
      'REB-2 unknown no-evidence',
      'REB-3 unknown no-evidence',
      'REB-4 unknown no-evidence',
      'FIX-1 unknown no-evidence',
    ])
  })

  it('names the evidence that counts, and only that', () => {
    const rows = new Map(s2c2fReport(organisation, lookup).rows.map((row) => [row.id, row]))
    expect(rows.get('AUD-3')?.evidence).toEqual([`sha256:${entry('04')}`])
    expect(rows.get('AUD-1')?.evidence).toEqual([])
  })

  it('takes AUD-1 for evidenced as soon as provenance is cited', () => {
    const practices = [
      { id: 'AUD-1', status: 'met', evidence: [{ digest: { sha256: entry('04') } }] },
    ]
    const report = s2c2fReport({ ...organisation, practices }, lookup)
    expect(report.rows.find(({ id }) => id === 'AUD-1')?.mark).toBe('evidenced')
  })

  it('never throws, whatever it is given', () => {
    for (const value of [null, 1, {}, { practices: [null, { id: 1 }, { id: 'AUD-1' }] }]) {
      expect(s2c2fReport(value).rows).toHaveLength(25)
    }
  })
})

describe('the assessment', () => {
  it('has level and practices, by what it cites itself', () => {
    const found = readAs(inToto(TYPE, samples.s2c2f))
    expect(found.kind).toBe('s2c2f')
    expect(numberOf(found, 'conformance-level')).toBe(2)
    expect(valuesOf(found, 'level')).toEqual(['S2C2F_LEVEL_2'])
    expect(valuesOf(found, 'practice')).toEqual(
      expect.arrayContaining(['SCA-1:evidenced', 'ING-1:self-asserted', 'AUD-1:no-evidence']),
    )
    expect(found.digests).toContainEqual({
      role: 'evidence',
      algorithm: 'sha256',
      value: samples.ENTRY,
    })
    expect(found.findings).toEqual([])
  })

  it('remarks on a level that does not follow', () => {
    const found = readAs(inToto(TYPE, { ...samples.s2c2f, level: 3 }))
    expect(found.findings).toMatchObject([{ code: 'level-mismatch', pointer: '/predicate/level' }])
    expect(numberOf(found, 'conformance-level')).toBe(2)
  })

  it('remarks on what could be evidenced and is not', () => {
    const practices = [{ id: 'AUD-1', status: 'met' }]
    const found = readAs(inToto(TYPE, { ...samples.s2c2f, level: 0, practices }))
    expect(found.findings).toMatchObject([
      { code: 'practice-self-asserted', pointer: '/predicate/practices/0' },
    ])
    expect(valuesOf(found, 'practice')).toContain('AUD-1:self-asserted')
  })
})

describe('other carriers', () => {
  const vsa = (verifiedLevels: readonly string[], verificationResult = 'PASSED'): object =>
    inToto('https://slsa.dev/verification_summary/v1', {
      verifier: { id: 'https://verifier.example' },
      timeVerified: '2026-05-28T10:00:00Z',
      resourceUri: 'pkg:npm/left@1.2.0',
      policy: { uri: 'https://acme.example/policy' },
      verificationResult,
      verifiedLevels,
    })
  const svr = (properties: readonly string[]): object =>
    inToto('https://in-toto.io/attestation/svr/v0.2', {
      verifier: { id: 'https://verifier.example', policies: [] },
      timeCreated: '2026-05-28T10:00:00Z',
      properties,
    })

  it('reads the level of a VSA that passed', () => {
    const found = readAs(vsa(['S2C2F_LEVEL_3', 'SLSA_BUILD_LEVEL_2']))
    expect(found).toMatchObject({ kind: 'vsa', refusal: '' })
    expect(numberOf(found, 'conformance-level')).toBe(3)
    expect(numberOf(readAs(vsa(['S2C2F_LEVEL_3'], 'FAILED')), 'conformance-level')).toBeUndefined()
  })

  it('reads the requirements of an SVR, as asserted, with the level that follows', () => {
    const found = readAs(svr(idsUpTo(1).map((id) => `S2C2F_${id}`)))
    expect(numberOf(found, 'conformance-level')).toBe(1)
    expect(valuesOf(found, 'practice')).toContain('SCA-1:self-asserted')
    expect(numberOf(readAs(svr(['OTHER'])), 'conformance-level')).toBeUndefined()
  })

  it('remarks on levels and requirements that S2C2F does not have', () => {
    expect(findingsOf(readAs(svr(['S2C2F_AUD-9', 'S2C2F_LEVEL_5'])))).toEqual([
      's2c2f-unknown',
      's2c2f-unknown',
    ])
  })

  it('reads requirements of a CycloneDX attestation', () => {
    const map = [
      { requirement: 'S2C2F AUD-1', claims: ['claim'], conformance: { score: 1 } },
      { requirement: 'S2C2F SCA-1', claims: [], conformance: { score: 1 } },
      { requirement: 'S2C2F ENF-1', claims: ['claim'], conformance: { score: 1 } },
      { requirement: 'S2C2F REB-1', claims: ['claim'], conformance: { score: 0.8 } },
      { requirement: 'req-sca-2', claims: ['claim'], conformance: { score: 1 } },
      { requirement: 'S2C2F ABC-1', conformance: { score: 1 } },
      { requirement: 'PCI 1.2', conformance: { score: 1 } },
    ]
    const found = readAs({
      bomFormat: 'CycloneDX',
      specVersion: '1.6',
      version: 1,
      definitions: {
        standards: [
          { name: 'S2C2F', requirements: [{ 'bom-ref': 'req-sca-2', identifier: 'SCA-2' }] },
          { name: 'PCI', requirements: [{ 'bom-ref': 'PCI 1.2', identifier: '1.2' }] },
        ],
      },
      declarations: {
        attestations: [{ map }],
        claims: [{ 'bom-ref': 'claim', evidence: ['evidence'] }],
      },
    })
    expect(found).toMatchObject({ kind: 'sbom', refusal: '' })
    expect(valuesOf(found, 'practice')).toEqual([
      'AUD-1:evidenced',
      'SCA-1:self-asserted',
      'ENF-1:self-asserted',
      'REB-1:no-evidence',
      'SCA-2:evidenced',
    ])
    expect(found.findings).toMatchObject([
      { code: 's2c2f-unknown', pointer: '/declarations/attestations/0/map/5/requirement' },
    ])
  })

  it('puts nothing into a description that says nothing of S2C2F', () => {
    const { attributes, numbers } = readAs(svr([]))
    expect(attributes.map(({ name }) => name)).toEqual(['purl', 'verifier-id'])
    expect(numbers.map(({ name }) => name)).toEqual(['evaluated-on'])
    expect(new DescriptionBuilder().build('svr', '').attributes).toEqual([])
  })
})
