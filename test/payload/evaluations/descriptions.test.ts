/** What evaluations and governance statements are found by, and what is remarkable about them. */
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../../src/bytes/bytes.ts'
import { sha256 } from '../../../src/bytes/digest.ts'
import { encodeHex } from '../../../src/bytes/hex.ts'
import * as samples from './samples.ts'
import { changed, findingsOf, numberOf, readAs, valuesOf } from './unsigned.ts'

const { inToto, COMMIT, DIGEST, ENTRY } = samples
const seconds = (time: string): number => Math.floor(Date.parse(time) / 1000)
const subject = (value: string): object => ({ role: 'subject', algorithm: 'sha256', value })

describe('scorecard', () => {
  const type = 'https://scorecard.dev/result/v0.1'
  const read = (predicate: object): ReturnType<typeof readAs> =>
    readAs(inToto(type, predicate, { gitCommit: COMMIT }))

  it('has score, date, tool and the score of each check', () => {
    const found = read(samples.scorecard)
    expect(numberOf(found, 'score')).toBe(7.4)
    expect(numberOf(found, 'evaluated-on')).toBe(seconds('2026-05-28T10:00:00Z'))
    expect(valuesOf(found, 'tool')).toEqual(['scorecard@v5.2.1'])
    expect(valuesOf(found, 'result')).toEqual(['Code-Review:9', 'Fuzzing:inconclusive'])
    expect(found.digests).toEqual([{ role: 'subject', algorithm: 'gitCommit', value: COMMIT }])
    expect(found.findings).toEqual([])
  })

  it('takes 0 for a score and -1 for none', () => {
    expect(numberOf(read({ ...samples.scorecard, score: 0 }), 'score')).toBe(0)
    const inconclusive = read({ ...samples.scorecard, score: -1 })
    expect(numberOf(inconclusive, 'score')).toBeUndefined()
    expect(findingsOf(inconclusive)).toEqual(['score-inconclusive'])
  })

  it('names the repository in both spellings, and the commit of a bare result as its subject', () => {
    const found = readAs(samples.scorecardBare)
    expect(valuesOf(found, 'repository')).toEqual([
      'github.com/acme/left',
      'https://github.com/acme/left',
    ])
    expect(found.digests).toEqual([{ role: 'subject', algorithm: 'gitCommit', value: COMMIT }])
  })

  it('says when another commit was scored than the one it is about', () => {
    expect(findingsOf(readAs(inToto(type, samples.scorecardBare)))).toEqual([
      'scorecard-commit-mismatch',
    ])
  })

  it('is refused with the keys of scorecard --format=intoto, which only the importer mends', () => {
    const { _type, predicateType, ...rest } = inToto(type, samples.scorecard) as {
      _type: string
      predicateType: string
    }
    const written = { ...rest, type: _type, predicate_type: predicateType }
    expect(readAs(written, 'application/vnd.in-toto+json').refusal).toMatch(
      /^ERR_PAYLOAD_MALFORMED /,
    )
    expect(readAs(written).kind).toBe('opaque')
  })
})

describe('vulns', () => {
  const read = (predicate: object): ReturnType<typeof readAs> =>
    readAs(inToto('https://in-toto.io/attestation/vulns/v0.2', predicate))

  it('has ids, the worst severity, the scanner, and the age of its database', () => {
    const found = read(samples.vulns)
    expect(valuesOf(found, 'vulnerability')).toEqual(['CVE-2026-1', 'CVE-2026-2'])
    expect(valuesOf(found, 'severity').toSorted()).toEqual(['critical', 'medium'])
    expect(numberOf(found, 'severity-score')).toBe(9.8)
    expect(numberOf(found, 'database-updated-on')).toBe(seconds('2026-05-27T17:45:50Z'))
    expect(numberOf(found, 'finished-on')).toBe(seconds('2026-05-28T10:05:00Z'))
    expect(valuesOf(found, 'result')).toEqual(['found'])
    expect(valuesOf(found, 'tool')).toEqual([
      'pkg:github/aquasecurity/trivy@244fd47e07d1004f0aed9@0.19.2',
    ])
  })

  it('tells an empty list of results from a missing one', () => {
    const none = read(changed(samples.vulns, '/scanner/result', []))
    expect(valuesOf(none, 'result')).toEqual(['none-found'])
    const unknown = read(changed(samples.vulns, '/scanner/result', undefined))
    expect(valuesOf(unknown, 'result')).toEqual([])
    expect(findingsOf(unknown)).toEqual(['result-absent'])
  })

  it('says when the database has no date', () => {
    const found = read(changed(samples.vulns, '/scanner/db', undefined))
    expect(found.findings).toMatchObject([
      { code: 'database-date-absent', pointer: '/predicate/scanner/db/lastUpdate' },
    ])
  })
})

describe('OpenVEX', () => {
  const types = [
    'https://openvex.dev/ns',
    'https://openvex.dev/ns/v0.2.0',
    'https://openvex.dev/ns/v0.0.1',
  ]
  it.each(types)('is read under %s', (type) => {
    expect(readAs(inToto(type, samples.openvex))).toMatchObject({ kind: 'vex', type, findings: [] })
  })

  it('is read under text/vex, an alias', () => {
    const found = readAs(inToto('text/vex', samples.openvex))
    expect(found).toMatchObject({ kind: 'vex', type: 'text/vex' })
    expect(findingsOf(found)).toEqual(['predicate-type-alias'])
  })

  it('has vulnerabilities, status and products', () => {
    const found = readAs(samples.openvex)
    expect(valuesOf(found, 'vulnerability')).toEqual([
      'CVE-2026-1',
      'GHSA-xxxx-xxxx-xxxx',
      'CVE-2026-2',
    ])
    expect(valuesOf(found, 'vex-status')).toEqual([
      'not_affected',
      'CVE-2026-1:not_affected',
      'affected',
      'CVE-2026-2:affected',
    ])
    expect(valuesOf(found, 'purl')).toContain('pkg:npm/app@2')
    expect(numberOf(found, 'evaluated-on')).toBe(seconds('2026-05-28T16:00:00Z'))
    expect(found.digests).toEqual(
      expect.arrayContaining([
        subject(DIGEST),
        { role: 'subject', algorithm: 'sha512', value: 'cd'.repeat(64) },
        { role: 'dependency', algorithm: 'sha256', value: ENTRY },
      ]),
    )
  })

  it('remarks on a justification that justifies nothing', () => {
    const path = '/statements/1/justification'
    const found = readAs(changed(samples.openvex, path, 'component_not_present'))
    expect(found.findings).toMatchObject([{ code: 'vex-justification-unexpected', pointer: path }])
  })

  it('remarks on the older form', () => {
    const found = readAs(samples.openvexOlder)
    expect(findingsOf(found)).toEqual(['vex-older-form'])
    expect(valuesOf(found, 'vex-status')).toEqual(['fixed', 'CVE-2023-1:fixed'])
  })
})

describe('test-result', () => {
  const type = 'https://in-toto.io/attestation/test-result/v0.1'

  it('has result, run and configuration', () => {
    const found = readAs(inToto(type, samples.testResult))
    expect(valuesOf(found, 'result')).toEqual(['PASSED'])
    expect(valuesOf(found, 'run-url')).toEqual(['https://ci.example/runs/1'])
    expect(found.digests).toContainEqual({
      role: 'evidence',
      algorithm: 'gitBlob',
      value: 'ebe4add40f63c3c98bc9b32ff1e736f04120b023',
    })
  })

  it('remarks on PASSED with tests that failed', () => {
    const found = readAs(inToto(type, { ...samples.testResult, failedTests: ['unit'] }))
    expect(findingsOf(found)).toEqual(['result-contradicts-tests'])
  })
})

describe('OSV', () => {
  it('has ids, package, severity and time', () => {
    const found = readAs(samples.osv)
    expect(valuesOf(found, 'vulnerability')).toEqual(['GHSA-35c4-f3rq-f9g3', 'CVE-2026-3'])
    expect(valuesOf(found, 'package')).toEqual(['npm/left'])
    expect(valuesOf(found, 'purl')).toEqual(['pkg:npm/left'])
    expect(numberOf(found, 'severity-score')).toBe(7.5)
    expect(valuesOf(found, 'result')).toEqual(['vulnerable'])
  })

  it('counts a withdrawn record as withdrawn', () => {
    const found = readAs({ ...samples.osv, withdrawn: '2026-05-29T00:00:00Z' })
    expect(valuesOf(found, 'result')).toEqual(['withdrawn'])
    expect(found.findings).toMatchObject([{ code: 'withdrawn', pointer: '/withdrawn' }])
  })
})

describe('incident', () => {
  const type = 'https://attestry.dev/incident/v0.1'

  it('is found by what it names', () => {
    const found = readAs(inToto(type, samples.incident))
    expect(valuesOf(found, 'incident-id')).toEqual([samples.INCIDENT_ID])
    expect(valuesOf(found, 'result')).toEqual(['suspected'])
    expect(valuesOf(found, 'property')).toEqual(['builder-compromise'])
    expect(valuesOf(found, 'builder-id')).toEqual(['https://ci.example/builder'])
    expect(valuesOf(found, 'workflow')).toHaveLength(1)
    expect(found.digests).toContainEqual(subject(DIGEST))
    expect(numberOf(found, 'started-on')).toBe(seconds('2026-05-11T19:00:00Z'))
    expect(findingsOf(found)).toEqual(['incident-subject'])
  })

  it('has the digest of its id for a subject', () => {
    const digest = encodeHex(sha256(encodeUtf8(samples.INCIDENT_ID)))
    expect(readAs(inToto(type, samples.incident, { sha256: digest })).findings).toEqual([])
  })

  it('remarks on the end of a window for a stolen key', () => {
    const stolen = {
      ...samples.incident,
      kind: 'key-compromise',
      window: { clock: 'registration', fromIndex: 1, toIndex: 9 },
    }
    expect(findingsOf(readAs(inToto(type, stolen)))).toContain('window-end-without-rekey')
    const rekeyed = changed(stolen, '/window/rekeyEntry', ENTRY)
    expect(findingsOf(readAs(inToto(type, rekeyed)))).not.toContain('window-end-without-rekey')
  })

  it.each(['NPM_TOKEN', 'AZURE_CLIENT_SECRET_PRODUCTION', 'projects/acme/secrets/deploy-key-2026'])(
    'takes %s for a name',
    (name) => {
      const found = readAs(inToto(type, { ...samples.incident, secretsExposed: [name] }))
      expect(found.refusal).toBe('')
    },
  )
})

describe('exception and retraction', () => {
  it('is found by what it excepts, and by when it ends', () => {
    const found = readAs(inToto('https://attestry.dev/exception/v0.1', samples.exception))
    expect(valuesOf(found, 'property')).toEqual(['deps'])
    expect(valuesOf(found, 'verifier-id')).toEqual(['https://acme.example/ciso'])
    expect(numberOf(found, 'expires-on')).toBe(seconds('2026-06-01T00:00:00Z'))
    expect(found.digests).toContainEqual({ role: 'evidence', algorithm: 'sha256', value: ENTRY })
  })

  it('is found by what it retracts', () => {
    const type = 'https://attestry.dev/retraction/v0.1'
    const found = readAs(inToto(type, samples.retraction, { sha256: ENTRY }))
    expect(valuesOf(found, 'target-entry')).toEqual([ENTRY])
    expect(valuesOf(found, 'result')).toEqual(['superseded'])
    expect(found.findings).toEqual([])
    expect(findingsOf(readAs(inToto(type, samples.retraction)))).toEqual(['retraction-subject'])
  })
})
