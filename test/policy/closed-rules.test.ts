import { describe, expect, it } from 'vitest'
import type { RegistrationPolicy } from '../../src/policy/registration-policy.ts'
import type { SubmitterClaims } from '../../src/policy/submitter-claims.ts'
import { testSigner } from '../support/test-signer.ts'
import { anchor, decided, NOW, provenance, ruleOf, SLSA_V1, statement, time } from './fixture.ts'
import type { StatementOptions } from './fixture.ts'

type Row = [string, Partial<RegistrationPolicy>, StatementOptions, string]

const hour = 3600
const lag = { maxRegistrationLagSeconds: hour }
const sbom: StatementOptions = {
  payload: '{"spdxVersion":"2.3"}',
  contentType: 'application/spdx+json',
}
const finished = (ago: number): StatementOptions => ({
  payload: provenance({ finishedOn: time(NOW - ago) }),
})
const run = { ...provenance(), predicateType: 'https://slsa.dev/provenance/v0.2' }
const v02 = (metadata: unknown): StatementOptions => ({
  payload: { ...run, predicate: { builder: { id: 'b' }, metadata } },
})

const rows: Row[] = [
  ['predicate types: listed', { predicateTypes: ['https://slsa.dev/*'] }, {}, 'accept'],
  ['predicate types: not listed', { predicateTypes: ['https://spdx.dev/*'] }, {}, 'predicate-type'],
  ['predicate types: no in-toto Statement', { predicateTypes: ['https://x'] }, sbom, 'accept'],
  ['predicate types: labelled as something else', { predicateTypes: ['https://x'] }, { contentType: 'application/json' }, 'predicate-type'],
  ['predicate types: withheld', { predicateTypes: [SLSA_V1] }, { hash: 'SHA-256' }, 'predicate-type'],
  ['predicate types: withheld, and anything goes', { predicateTypes: ['*'] }, { hash: 'SHA-256' }, 'accept'],
  ['payload: not what it says, and a rule asks', { predicateTypes: ['*'] }, { payload: '{}' }, 'payload'],
  ['payload: not what it says, and no rule asks', {}, { payload: '{}' }, 'accept'],
  ['required claims: iat is there', { requiredClaims: ['iat'] }, { issuedAt: NOW }, 'accept'],
  ['required claims: iat is missing', { requiredClaims: ['iat'] }, {}, 'required-claim'],
  ['required claims: exp is missing', { requiredClaims: ['iat', 'exp'] }, { issuedAt: NOW }, 'required-claim'],
  ['required claims: finishedOn is there', { requiredClaims: ['finishedOn'] }, finished(0), 'accept'],
  ['required claims: finishedOn is missing', { requiredClaims: ['finishedOn'] }, {}, 'required-claim'],
  ['required claims: finishedOn of an SBOM', { requiredClaims: ['finishedOn'] }, sbom, 'accept'],
  ['required claims: invocationId', { requiredClaims: ['invocationId'] }, v02({ buildInvocationId: 'r' }), 'accept'],
  ['required claims: builderId of a version that nobody knows', { requiredClaims: ['builderId'] }, { payload: provenance({ predicateType: 'https://slsa.dev/provenance/v9' }) }, 'required-claim'],
  ['required claims: predicateType of an SBOM', { requiredClaims: ['predicateType'] }, sbom, 'required-claim'],
  ['lag: R8, 3 h back with 1 h allowed', lag, finished(3 * hour), 'registration-lag'],
  ['lag: just in time', lag, finished(hour), 'accept'],
  ['lag: a second late', lag, finished(hour + 1), 'registration-lag'],
  ['lag: provenance v0.2', lag, v02({ buildFinishedOn: time(NOW - 2 * hour) }), 'registration-lag'],
  ['lag: nothing said', lag, {}, 'registration-lag'],
  ['lag: an SBOM', lag, sbom, 'accept'],
  ['lag: withheld', lag, { hash: 'SHA-256' }, 'registration-lag'],
  ['skew: 5 min in the future', lag, finished(-300), 'accept'],
  ['skew: more than that', lag, finished(-301), 'clock-skew'],
  ['skew: own limit, without a lag', { maxClockSkewSeconds: 10 }, finished(-11), 'clock-skew'],
  ['skew: own limit, nothing said', { maxClockSkewSeconds: 10 }, {}, 'accept'],
] // prettier-ignore

describe('closed rules', () => {
  it.each(rows)('%s', async (_, by, options, rule) => {
    const decision = await decided(await statement(options), { by })
    expect(ruleOf(decision)).toBe(rule)
    if (decision.kind === 'reject') expect(decision.reason).toMatch(/^[\x20-\x7e]{10,}$/)
  })
})

describe('a decision that depends on time', () => {
  it('stands for exactly the seconds at which lag and skew allow it', async () => {
    const about = await statement({
      payload: provenance({ finishedOn: time(NOW).replace('.000Z', '.500Z') }),
    })
    const by = { maxRegistrationLagSeconds: 60, maxClockSkewSeconds: 5 }
    const decision = await decided(about, { by })
    if (decision.kind !== 'accept') throw new Error(decision.reason)
    const { standsFrom, standsUntil } = decision
    expect([standsFrom, standsUntil]).toEqual([NOW - 4, NOW + 60])
    for (const [at, rule] of [
      [standsFrom - 1, 'clock-skew'],
      [standsFrom, 'accept'],
      [standsUntil, 'accept'],
      [standsUntil + 1, 'registration-lag'],
    ] as const) {
      expect(ruleOf(await decided(about, { by, registrationTime: at }))).toBe(rule)
    }
  })
})

describe('submitter', () => {
  const oidc = [{ issuer: 'https://token.example', audience: 'log' }]
  const claims: SubmitterClaims = {
    kind: 'oidc',
    issuer: 'https://token.example',
    audience: 'log',
    claims: { run_id: '4320093439' },
  }
  it.each([
    ['required and absent', { required: true, oidc }, undefined, 'submitter'],
    ['not required and absent', { required: false, oidc }, undefined, 'accept'],
    ['by a named provider', { required: true, oidc }, claims, 'accept'],
    [
      'for another audience',
      { required: false, oidc },
      { ...claims, audience: 'other' },
      'submitter',
    ],
    [
      'by another provider',
      { required: true, oidc },
      { ...claims, issuer: 'https://evil' },
      'submitter',
    ],
    ['no provider named', { required: true }, claims, 'submitter'],
    ['API token', { required: true }, { ...claims, kind: 'api-token' as const }, 'accept'],
  ])('%s', async (_, submitter, given, rule) => {
    const collateral = given === undefined ? {} : { submitter: given }
    const decision = await decided(await statement(), { by: { submitter }, collateral })
    expect(ruleOf(decision)).toBe(rule)
    if (decision.kind === 'accept') {
      expect(decision.collateralUsed).toEqual(given === undefined ? {} : { submitter: true })
    }
  })

  it('is no collateral where nothing asks for it', async () => {
    const decision = await decided(await statement(), { collateral: { submitter: claims } })
    expect(decision).toMatchObject({ kind: 'accept', collateralUsed: {} })
  })
})

describe('what an anchor may speak about', () => {
  const A = 'https://acme.example/builder'
  const cases: [string, object, StatementOptions, string][] = [
    ['its subject', { subjects: ['pkg:npm/@acme/*'] }, {}, 'accept'],
    ['another subject', { subjects: ['pkg:npm/@other/*'] }, {}, 'anchor-subject'],
    ['a package URL in the payload that is another’s', { subjects: ['pkg:npm/@acme/*'] }, { payload: provenance({ subjectName: 'pkg:npm/@other/x' }) }, 'anchor-subject'],
    ['the same in capitals', { subjects: ['pkg:npm/@acme/*'] }, { payload: provenance({ subjectName: 'PKG:npm/@other/x' }) }, 'anchor-subject'],
    ['a package URL that is its own', { subjects: ['pkg:npm/@acme/*'] }, { payload: provenance({ subjectName: 'pkg:npm/@acme/x' }) }, 'accept'],
    ['its predicate type', { predicateTypes: [SLSA_V1] }, {}, 'accept'],
    ['another predicate type', { predicateTypes: ['https://spdx.dev/*'] }, {}, 'anchor-predicate-type'],
    ['no predicate type', { predicateTypes: [SLSA_V1] }, sbom, 'anchor-predicate-type'],
    ['a withheld one', { predicateTypes: [SLSA_V1] }, { hash: 'SHA-256' }, 'anchor-predicate-type'],
    ['its builder', { builderIds: [A] }, {}, 'accept'],
    ['R3: the builder of another key', { builderIds: [A] }, { payload: provenance({ builderId: 'https://big.example/builder' }) }, 'anchor-builder-id'],
    ['the same, labelled as JSON', { builderIds: [A] }, { contentType: 'application/json', payload: provenance({ builderId: 'https://big.example' }) }, 'anchor-builder-id'],
    ['a provenance version whose builder cannot be read', { builderIds: [A] }, { payload: provenance({ predicateType: 'https://slsa.dev/provenance/v9' }) }, 'anchor-builder-id'],
    ['in-toto Statements without a builder', { builderIds: [A] }, { payload: provenance({ predicateType: 'https://slsa.dev/verification_summary/v1' }) }, 'accept'],
    ['what could hide a provenance', { builderIds: [A] }, { payload: 'x', contentType: 'text/plain' }, 'anchor-builder-id'],
    ['a withheld provenance', { builderIds: [A] }, { hash: 'SHA-256' }, 'anchor-builder-id'],
    ['a malformed payload', { builderIds: [A] }, { payload: '{}' }, 'anchor-builder-id'],
  ] // prettier-ignore
  it.each(cases)('%s', async (_, scope, options, rule) => {
    const anchors = [{ ...anchor, ...scope }]
    expect(ruleOf(await decided(await statement(options), { anchors }))).toBe(rule)
  })

  it('one key in two anchors may say what either allows, and nothing that mixes them', async () => {
    const anchors = [
      { ...anchor, subjects: ['pkg:npm/a'], predicateTypes: ['https://a/*'] },
      { ...anchor, subjects: ['pkg:npm/b'], predicateTypes: ['https://b/*'] },
    ]
    const say = async (subject: string, predicateType: string): Promise<string> =>
      ruleOf(
        await decided(await statement({ subject, payload: provenance({ predicateType }) }), {
          anchors,
        }),
      )
    expect(await say('pkg:npm/b', 'https://b/x')).toBe('accept')
    expect(await say('pkg:npm/a', 'https://a/x')).toBe('accept')
    expect(await say('pkg:npm/a', 'https://b/x')).toMatch(/^anchor-/)
  })

  it('does not hide that a key is unknown, or that a signature is wrong', async () => {
    const anchors = [{ ...anchor, subjects: ['pkg:npm/@other/*'] }]
    const foreign = await statement({ signer: testSigner() })
    expect(ruleOf(await decided(foreign, { anchors }))).toBe('issuer-key')
    const unknown = await statement({ issuer: 'https://evil.example' })
    expect(ruleOf(await decided(unknown, { anchors }))).toBe('issuer-unknown')
  })
})
