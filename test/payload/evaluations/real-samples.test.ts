/** Real evaluations give what the README of the vectors says of them. */
import { describe, expect, it } from 'vitest'
import { hasVectors, readVector, readVectorJson } from '../../support/vectors.ts'
import { inToto } from './samples.ts'
import { findingsOf, numberOf, readAs, valuesOf } from './unsigned.ts'

const read = (path: string, type?: string): ReturnType<typeof readAs> =>
  readAs(readVector(`evaluations/${path}`), type)

describe.skipIf(!hasVectors)('scorecard', () => {
  it('reads a result with a day for a date and members that are null', () => {
    const found = read('scorecard/kubernetes-scorecard.json')
    expect(found).toMatchObject({ kind: 'scorecard', refusal: '', findings: [] })
    expect(numberOf(found, 'score')).toBe(8.9)
    expect(numberOf(found, 'evaluated-on')).toBe(Date.parse('2022-10-06') / 1000)
    expect(valuesOf(found, 'repository')).toContain('https://github.com/kubernetes/kubernetes')
  })

  it('reads score 0 as a score', () => {
    const found = read('scorecard/check4.json')
    expect(found).toMatchObject({ kind: 'scorecard', refusal: '' })
    expect(numberOf(found, 'score')).toBe(0)
    expect(valuesOf(found, 'result')).toContain('Check-Name3:inconclusive')
    expect(numberOf(found, 'evaluated-on')).toBe(Date.parse('2023-03-02T16:30:43Z') / 1000)
  })

  it('refuses a result without the name of the repository', () => {
    const found = read('scorecard/invalid-scorecard.json')
    expect(found.refusal).toBe('ERR_PAYLOAD_MALFORMED /repo/name')
    const type = 'https://scorecard.dev/result/v0.1'
    const predicate = readVectorJson<object>('evaluations/scorecard/invalid-scorecard.json')
    const inside = readAs(inToto(type, predicate))
    expect(inside.refusal).toBe('ERR_PAYLOAD_MALFORMED /predicate/repo/name')
  })
})

describe.skipIf(!hasVectors)('vulns', () => {
  it.each([
    ['certify-vuln-v02.json', '/subject/0/digest'],
    ['certify-vuln.json', '/subject/0/digest'],
    ['certify-novuln-v02.json', '/subject/0/digest/sha256'],
  ])('refuses %s for its subject, and indexes no digest of it', (file, pointer) => {
    const found = read(`vulns/${file}`, 'application/vnd.in-toto+json')
    expect(found.refusal).toBe(`ERR_PAYLOAD_MALFORMED ${pointer}`)
    expect(found).toMatchObject({ kind: 'opaque', digests: [], attributes: [] })
  })

  it.each([
    ['certify-vuln-v02.json', 8],
    ['certify-vuln.json', 8],
    ['certify-novuln-v02.json', 0],
  ])('reads the predicate of %s, %i findings', (file, count) => {
    const { predicateType, predicate } = readVectorJson<{
      predicateType: string
      predicate: object
    }>(`evaluations/vulns/${file}`)
    const found = readAs(inToto(predicateType, predicate))
    expect(found).toMatchObject({ kind: 'vulns', refusal: '' })
    expect(valuesOf(found, 'vulnerability')).toHaveLength(count)
    expect(numberOf(found, 'severity-score')).toBe(count === 0 ? undefined : 9)
    expect(findingsOf(found)).toContain('database-date-absent')
  })
})

describe.skipIf(!hasVectors)('OpenVEX', () => {
  it('reads a document of 0.2.0, bare and as a predicate', () => {
    const found = read('openvex/v0.2.0.json')
    expect(found).toMatchObject({ kind: 'vex', refusal: '', findings: [] })
    expect(valuesOf(found, 'vex-status')).toContain('CVE-2023-3817:not_affected')
    expect(found.digests).toEqual([
      {
        role: 'subject',
        algorithm: 'sha256',
        value: '124c7d2707904eea7431fffe91522a01e5a861a624ee31d03372cc1d138a3126',
      },
    ])
    const document = readVectorJson<object>('evaluations/openvex/v0.2.0.json')
    expect(readAs(inToto('https://openvex.dev/ns/v0.2.0', document)).kind).toBe('vex')
  })

  it.each(['v020-1.vex.json', 'v020-2.vex.json'])('refuses %s: no time, no version', (file) => {
    expect(read(`openvex/${file}`).refusal).toMatch(
      /^ERR_PAYLOAD_MALFORMED \/(?:timestamp|version)$/,
    )
  })
})

describe.skipIf(!hasVectors)('test-result', () => {
  it('reads the example of the specification', () => {
    const found = readAs(readVector('provenance/in-toto/test-result.json'))
    expect(found).toMatchObject({ kind: 'test-result', refusal: '', findings: [] })
    expect(valuesOf(found, 'result')).toEqual(['PASSED'])
  })
})

describe.skipIf(!hasVectors)('OSV', () => {
  it.each([
    ['GHSA-9v2f-6vcg-3hgv.json', 'PyPI/Gradio', 'vulnerable'],
    ['nopackage-GHSA-9v2f-6vcg-3hgv.json', 'PyPI/Gradi0', 'vulnerable'],
    ['GO-2024-2963.json', 'Go/stdlib', 'vulnerable'],
    ['MAL-2024-10238.json', 'PyPI/123bla', 'malicious'],
    ['PYSEC-2023-74.json', 'PyPI/requests', 'vulnerable'],
    ['withdrawn.osv.json', 'RubyGems/activesupport', 'withdrawn'],
  ])('reads %s', (file, name, result) => {
    const found = read(`osv/${file}`)
    expect(found).toMatchObject({ kind: 'osv', refusal: '' })
    expect(valuesOf(found, 'package')).toEqual([name])
    expect(valuesOf(found, 'result')).toEqual([result])
    expect(findingsOf(found)).toEqual(result === 'withdrawn' ? ['withdrawn'] : [])
  })
})

describe.skipIf(!hasVectors)('CycloneDX attestations', () => {
  it.each(['1.6', '1.7'])(
    'never takes the placeholder signatures of %s for verified',
    (version) => {
      const found = read(`cyclonedx/valid-attestation-${version}.json`)
      expect(found).toMatchObject({ kind: 'sbom', refusal: '' })
      const unchecked = found.findings.filter(({ code }) => code === 'signature-not-checked')
      expect(unchecked.map(({ pointer }) => pointer)).toEqual(
        expect.arrayContaining([
          '/signature',
          '/declarations/signature',
          '/declarations/attestations/0/signature',
          '/declarations/claims/0/signature',
          '/declarations/affirmation/signature',
        ]),
      )
      expect(valuesOf(found, 'practice')).toEqual([])
    },
  )
})
