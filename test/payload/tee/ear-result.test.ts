/** Appraisals as results: reference values, what changed, and the EAR that says so. */
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../../src/bytes/bytes.ts'
import { nodeVerifier as verifier } from '../../../src/keys/node-verifier.ts'
import type { Appraisal } from '../../../src/payload/tee/appraise-evidence.ts'
import { readEar } from '../../../src/payload/tee/ear.ts'
import { findReappraisal } from '../../../src/payload/tee/appraisal-result.ts'
import type { AppraisalResult } from '../../../src/payload/tee/appraisal-result.ts'
import { earStatusOf, signEar } from '../../../src/payload/tee/ear-result.ts'
import { verifyToken } from '../../../src/payload/tee/eat.ts'
import { EvidenceError } from '../../../src/payload/tee/evidence.ts'
import type { EvidenceFacts } from '../../../src/payload/tee/evidence.ts'
import { compareOutcomes } from '../../../src/payload/tee/reappraisal-changes.ts'
import {
  matchReferenceValues,
  parseReferenceValues,
} from '../../../src/payload/tee/reference-values.ts'
import { evidenceRefusal } from '../../support/evidence-reason.ts'
import { makeDcap, tcbLevel } from '../../support/intel-pki.ts'
import type { DcapOptions } from '../../support/intel-pki.ts'
import { verify } from '../../support/intel-reason.ts'
import { testSigner } from '../../support/test-signer.ts'
import { hasVectors, readVector } from '../../support/vectors.ts'

const MRTD = 'c0'.repeat(48)
const factsOf = (options: DcapOptions = {}): Promise<EvidenceFacts> =>
  verify(makeDcap({ tee: 'tdx', domain: { mrTd: MRTD }, ...options }))
const OUT_OF_DATE = {
  tcbInfo: {
    tcbEvaluationDataNumber: 21,
    tcbLevels: [
      tcbLevel('UpToDate', { pcesvn: 99 }),
      tcbLevel('OutOfDate', { advisoryIDs: ['INTEL-SA-01234'] }),
    ],
  },
}
const appraised = (facts: EvidenceFacts): Appraisal => ({ facts, bindings: [], ...facts })
const result = (facts: EvidenceFacts, more: Partial<AppraisalResult> = {}): AppraisalResult => ({
  evidenceSha256: 'ab'.repeat(32),
  outcome: { at: 5, appraisal: appraised(facts) },
  changes: [],
  ...more,
})
const json = (value: unknown): Uint8Array => encodeUtf8(JSON.stringify(value))
const measurements = [
  { name: 'mrtd', value: MRTD },
  { name: 'rtmr0', value: 'a0'.repeat(48) },
  { name: 'component', value: '01'.repeat(32) },
  { name: 'component', value: '02'.repeat(32) },
]

describe('reference values', () => {
  it.each([
    ['one that is right', { mrtd: MRTD }, 'match'],
    ['one of several', { mrtd: ['00'.repeat(48), MRTD.toUpperCase()] }, 'match'],
    ['one that is wrong', { mrtd: '00'.repeat(48) }, 'no-match'],
    ['one right and one wrong', { mrtd: MRTD, rtmr0: 'ff'.repeat(48) }, 'no-match'],
    ['none for what is measured', { mrenclave: '11'.repeat(32) }, 'no-reference'],
    ['the right one under an own name', { 'our firmware': MRTD }, 'match'],
    ['a component among several', { component: '02'.repeat(32) }, 'match'],
    ['a register that the evidence leaves out', { mrtd: MRTD, rtmr3: '33'.repeat(48) }, 'no-match'],
    ['a register of zeros that it leaves out', { mrtd: MRTD, rtmr3: '00'.repeat(48) }, 'match'],
    ['a short value under another name', { 'product-id': 'a0a0' }, 'no-reference'],
  ])('%s', (_name, values, expected) => {
    const references = parseReferenceValues(json({ measurements: values }))
    expect(matchReferenceValues(measurements, references).result).toBe(expected)
  })

  it('say which measurement is which', () => {
    const references = parseReferenceValues(json({ measurements: { mrtd: 'ee'.repeat(48) } }))
    const match = matchReferenceValues(measurements, references)
    expect(match.measurements.map((one) => one.result)).toEqual([
      'no-match',
      'no-reference',
      'no-reference',
      'no-reference',
    ])
  })

  it('of a SCAI report: its own attribute and no other', () => {
    const attribute = (name: string, value: string): object => ({
      attribute: name,
      conditions: { measurements: { mrtd: value } },
    })
    const attributes = [attribute('OTHER', 'ee'.repeat(48)), attribute('TEE_REFERENCE_VALUES', MRTD)] // prettier-ignore
    const read = parseReferenceValues(json({ _type: 'x', predicate: { attributes } }))
    expect(read).toEqual([{ name: 'mrtd', value: MRTD }])
  })

  it.skipIf(!hasVectors)('of a CoRIM', () => {
    const references = parseReferenceValues(readVector('tee/cca/veraison/cca-realm-endorsements.cbor')) // prettier-ignore
    expect(references.map(({ name }) => name)).toContain('rim')
  })

  it.each([
    ['nothing', new Uint8Array(0)],
    ['other JSON', json({})],
    ['no values', json({ measurements: {} })],
    ['a value that is no hex', json({ measurements: { mrtd: 'zz' } })],
    ['a value of one byte', json({ measurements: { mrtd: 'aa' } })],
    ['a number', json({ measurements: { mrtd: 1 } })],
    ['broken JSON', encodeUtf8('{"measurements":')],
  ])('that are none: %s', (_name, bytes) => {
    expect(evidenceRefusal(() => parseReferenceValues(bytes))).toBe('malformed')
  })
})

describe('two appraisals', () => {
  it('of an old and a newer collateral differ in what the vendor says', async () => {
    const [before, after] = [await factsOf(), await factsOf(OUT_OF_DATE)]
    const changes = compareOutcomes(
      { at: 1, appraisal: appraised(before) },
      { at: 2, appraisal: appraised(after) },
    )
    expect(changes).toEqual(
      expect.arrayContaining([
        { what: 'tcb-status', before: 'UpToDate', after: 'OutOfDate' },
        { what: 'tcb-status:platform', before: 'UpToDate', after: 'OutOfDate' },
        { what: 'tcb-evaluation-number', before: '20', after: '21' },
        { what: 'advisory', before: 'none', after: 'INTEL-SA-01234' },
      ]),
    )
    expect(changes.map(({ what }) => what)).not.toContain('outcome')
    expect(
      compareOutcomes(
        { at: 1, appraisal: appraised(before) },
        { at: 9, appraisal: appraised(before) },
      ),
    ).toEqual([])
  })

  it('of which one fails differ in that', async () => {
    const before = { at: 1, appraisal: appraised(await factsOf()) }
    const after = { at: 2, error: new EvidenceError('certificate-revoked', 'revoked') }
    expect(compareOutcomes(before, after)).toEqual([
      { what: 'outcome', before: 'holds', after: 'certificate-revoked' },
    ])
  })
})

describe('an EAR', () => {
  it('says what was appraised, and is read like any other', async () => {
    const [before, after] = [await factsOf(), await factsOf(OUT_OF_DATE)]
    const changes = compareOutcomes(
      { at: 1, appraisal: appraised(before) },
      { at: 5, appraisal: appraised(after) },
    )
    const signer = testSigner()
    const token = await signEar({
      result: result(after, { changes, entryId: 'cd'.repeat(32) }),
      ...{ issuer: 'https://appraiser.example', issuedAt: 7, build: 'attestry 0.1.0' },
      ...{ policyIds: ['sha256:00'], signer },
    })
    const verified = await verifyToken({ token, keys: [{ key: signer.publicKey }], at: 8, verifier }) // prettier-ignore
    const ear = readEar(verified)
    expect(ear).toMatchObject({
      verifier: { developer: 'https://appraiser.example', build: 'attestry 0.1.0' },
      status: 'warning',
      appraisals: [
        {
          label: 'tdx',
          vector: { hardware: 32, 'instance-identity': 2 },
          policyIds: ['sha256:00'],
        },
      ],
    })
    expect(findReappraisal(verified)).toEqual({
      evidenceSha256: 'ab'.repeat(32),
      entryId: 'cd'.repeat(32),
      ...{ at: 5, outcome: 'holds', tcbStatus: 'OutOfDate', changes },
    })
  })

  it.each<[string, DcapOptions, string]>([
    ['good', {}, 'affirming'],
    ['debug', { debug: true }, 'contraindicated'],
    ['out of date', OUT_OF_DATE, 'warning'],
    ['a configuration', { tcbInfo: { tcbLevels: [tcbLevel('ConfigurationNeeded')] } }, 'warning'],
    ['revoked', { tcbInfo: { tcbLevels: [tcbLevel('Revoked')] } }, 'contraindicated'],
    ['no level', { tcbInfo: { tcbLevels: [tcbLevel('UpToDate', { pcesvn: 99 })] } }, 'contraindicated'], // prettier-ignore
  ])('of a platform that is %s', async (_name, options, status) => {
    expect(earStatusOf(result(await factsOf(options)))).toBe(status)
  })

  it('follows the reference values', async () => {
    const facts = await factsOf()
    const status = (values: object): string => {
      const references = parseReferenceValues(json({ measurements: values }))
      return earStatusOf(result(facts, { references: matchReferenceValues(facts.measurements, references) })) // prettier-ignore
    }
    expect(status({ mrtd: MRTD })).toBe('affirming')
    expect(status({ mrtd: 'ee'.repeat(48) })).toBe('contraindicated')
    expect(status({ mrenclave: 'ee'.repeat(32) })).toBe('warning')
  })

  it('of evidence that does not hold is contraindicated', () => {
    const error = new EvidenceError('quote-signature', 'x')
    expect(earStatusOf({ evidenceSha256: '', outcome: { at: 1, error }, changes: [] })).toBe(
      'contraindicated',
    )
  })

  it('of others has no member of ours', () => {
    for (const claims of [
      {},
      { submods: { cpu: {} } },
      { submods: { cpu: { 'attestry.dev/reappraisal/v1': { evidence: 'x' } } } },
    ]) {
      // prettier-ignore
      expect(findReappraisal({ claims })).toBeUndefined()
    }
  })
})
